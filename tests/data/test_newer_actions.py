"""Actions newer than the catalogue: none of them is in it, and each is in a policy of AWS or is served here."""

from __future__ import annotations

from pathlib import Path

from understudy_aws.data import managed_policies, newer_actions, service_catalogue
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES

ACTIONS = Path(newer_actions.__file__).with_name("newer_actions.txt").read_text().splitlines()


def test_each_one_is_news_to_the_catalogue():
    assert len(ACTIONS) > 100
    assert [] == [action for action in ACTIONS if service_catalogue.action(action) is not None]


def test_each_one_stands_in_a_managed_policy_or_is_served():
    shipped = "\n".join(policy.document for policy in managed_policies.everything()).lower()
    others = [action for action in ACTIONS if f'"{action.lower()}"' not in shipped]
    assert others == [
        "iam:UpdateDelegationRequest",
        "iam:UpdateOpenIDConnectProvider",
        "sts:GetScopedCredentials",
    ]
    assert set(others) <= {operation.action for operation in Registry(SERVICES)}


def test_they_are_found_by_prefix_in_whatever_letter_case():
    assert "createasset" in newer_actions.newer_actions("AIDevOps")
    assert not newer_actions.newer_actions("s3")
    assert not newer_actions.newer_actions("nothing")
