"""Permissions that others make needless go, and those that others do not stay."""

from __future__ import annotations

import pytest

from understudy_aws.policy import Observation, Principal, Question, record
from understudy_aws.policy.recording.redundancy import has_wildcard

ANN = Principal("user", "arn:aws:iam::111122223333:user/ann", "111122223333")
USER = "arn:aws:iam::111122223333:user/ann"
EC2 = "arn:aws:ec2:us-east-1:111122223333:"
ANY_VPC, VPC = f"{EC2}vpc/*", f"{EC2}vpc/vpc-0123456789abcdef0"
TEAM = {"aws:requesttag/team": "web", "aws:tagkeys": ["team"]}


def statements(*observations, portable=False):
    seen = [Observation(Question(ANN, *each), pending=each[1].endswith("/*")) for each in observations]
    return [
        (each["Resource"], sorted(each.get("Condition", {})))
        for policy in record(seen, portable=portable).policies
        for each in policy["Statement"]
    ]


def test_a_resource_that_a_pattern_names_already_is_not_named_again():
    assert [(ANY_VPC, [])] == statements(("ec2:CreateTags", ANY_VPC, {}), ("ec2:CreateTags", VPC, {}))
    assert [ANY_VPC] == [
        each for each, _ in statements(("ec2:CreateTags", ANY_VPC, TEAM), ("ec2:CreateTags", VPC, TEAM))
    ]


def test_conditions_that_another_permission_does_not_ask_for_go():
    assert [(VPC, [])] == statements(("ec2:CreateTags", VPC, TEAM), ("ec2:CreateTags", VPC, {}))


def test_a_list_that_another_one_holds_goes():
    """ForAllValues holds for fewer values too."""
    both = statements(
        ("iam:UntagUser", USER, {"aws:tagkeys": ["a"]}), ("iam:UntagUser", USER, {"aws:tagkeys": ["a", "b"]})
    )
    assert [(USER, ["ForAllValues:StringEquals", "Null"])] == both


def test_what_differs_in_a_value_or_in_the_resource_stays():
    assert [ANY_VPC, VPC] == [
        each for each, _ in statements(("ec2:CreateTags", ANY_VPC, TEAM), ("ec2:CreateTags", VPC, {}))
    ]
    lists = ({"aws:tagkeys": ["a"]}, {"aws:tagkeys": ["b"]})
    assert 2 == len(statements(*(("iam:UntagUser", USER, each) for each in lists)))


def test_a_creation_that_a_widened_id_allows_goes():
    """Once made portable, the tagging of what is there is the tagging of what is made."""
    made = {**TEAM, "ec2:createaction": "CreateVpc"}
    assert 2 == len(statements(("ec2:CreateTags", ANY_VPC, made), ("ec2:CreateTags", VPC, TEAM)))
    assert 1 == len(
        statements(("ec2:CreateTags", ANY_VPC, made), ("ec2:CreateTags", VPC, TEAM), portable=True)
    )


@pytest.mark.parametrize(
    ("pattern", "expected"), [("a*", True), ("*", True), ("a${*}", False), ("a${*}*", True), ("a", False)]
)
def test_an_escaped_star_is_no_wildcard(pattern, expected):
    assert expected is has_wildcard(pattern)
