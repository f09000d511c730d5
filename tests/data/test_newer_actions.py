"""Actions newer than the catalogue: none of them is in it, and each is in a policy of AWS."""

from __future__ import annotations

from pathlib import Path

from understudy.data import managed_policies, newer_actions, service_catalogue

FILE = Path(newer_actions.__file__).with_name("newer_actions.txt")


def test_each_one_is_news_to_the_catalogue():
    known = [line for line in FILE.read_text().splitlines() if service_catalogue.action(line) is not None]
    assert [] == known


def test_each_one_stands_in_a_managed_policy():
    shipped = "\n".join(policy.document for policy in managed_policies.everything()).lower()
    assert [] == [line for line in FILE.read_text().splitlines() if f'"{line.lower()}"' not in shipped]


def test_they_are_found_by_prefix_in_whatever_letter_case():
    assert "createasset" in newer_actions.newer_actions("AIDevOps")
    assert not newer_actions.newer_actions("s3")
    assert not newer_actions.newer_actions("nothing")
