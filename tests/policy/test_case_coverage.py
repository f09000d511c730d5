"""Nothing that the reference says is without a case: each row and each rule is cited by one at least."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CASES = Path(__file__).parent.parent / "cases" / "policy"
# The questions of policy-engine.md 1, on which implementations disagree.
ROWS = [
    "negated operator, key absent",
    "policy variable without a value",
    "variables when Version is absent or 2008-10-17",
    "`${*}` `${?}` `${$}` in StringEquals",
    "epoch dates",
    "variables in Numeric, Date, IpAddress, Null, Binary",
    "resource policy names the *session* ARN, session policy is silent",
    "resource policy names the *role* ARN, permissions boundary is silent",
    "service-linked role under SCP or RCP",
    "present multivalued key (`aws:TagKeys`) under a plain operator",
    "tag present with an empty value, `Null: false`",
    "RCP on a service RCPs do not cover",
    "invalid IP or ARN in the request",
    "`ForAllValues` with an absent key",
]
# The sections of iam.md that a decision can follow or break.
SECTIONS = ["1.7", "1.9", "3.1", "4.1", "4.2", "4.3", "4.4", "4.5", "4.8", "4.9"]


def cites() -> list[str]:
    files = [json.loads(path.read_text()) for path in sorted(CASES.glob("*.json"))]
    return [case.get("cite", file["cite"]) for file in files for case in file["cases"]]


CITES = cites()


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_disagreement_has_its_cases(row):
    assert f"policy-engine.md 1: {row}" in CITES


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_its_cases(section):
    assert any(section in cite for cite in CITES)


def test_the_traps_of_the_networking_policy_have_their_cases():
    assert any("policy-engine.md 1 (traps)" in cite for cite in CITES)


def test_no_two_cases_of_a_file_have_one_name():
    for path in sorted(CASES.glob("*.json")):
        names = [case["name"] for case in json.loads(path.read_text())["cases"]]
        assert len(names) == len(set(names)), path.name
