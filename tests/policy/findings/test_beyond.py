"""What `review` says beyond Access Analyzer: a role that every account may assume (decision 0018)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.policy import TRUST_POLICY, PolicyType, validate_policy

CODE = "ROLE_TRUST_POLICY_ALLOWS_EVERY_ACCOUNT"
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}


def codes(principal, action="sts:AssumeRole", condition=None, effect="Allow", **more):
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    if condition is not None:
        statement["Condition"] = condition
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return [each.issue_code for each in validate_policy(text, PolicyType.RESOURCE, TRUST_POLICY, **more)]


@pytest.mark.parametrize("principal", [{"AWS": "*"}, {"AWS": ["111122223333", "*"]}, "*"])
@pytest.mark.parametrize("action", ["sts:AssumeRole", ["sts:TagSession", "STS:assumerole"], "sts:*"])
def test_a_role_for_everybody_is_warned_of(principal, action):
    assert CODE in codes(principal, action, beyond_aws=True)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringEquals": {"aws:PrincipalTag/team": "a"}},
        {"StringEquals": {"sts:RoleSessionName": "a"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-aaaaaaaaaa/*"}},
        {"Null": {"aws:PrincipalOrgID": "false"}},
        {"ArnLike": {"aws:PrincipalArn": "*"}},
        {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}},
    ],
)
def test_a_condition_that_every_account_can_meet_changes_nothing(condition):
    assert CODE in codes({"AWS": "*"}, condition=condition, beyond_aws=True)


@pytest.mark.parametrize(
    "condition",
    [
        ORGANIZATION,
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}},
        {"StringEquals": {"sts:ExternalId": "secret"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-aaaaaaaaaa/*"}},
    ],
)
def test_who_calls_may_be_asked_instead(condition):
    assert CODE not in codes({"AWS": "*"}, condition=condition, beyond_aws=True)


def test_others_are_not_warned_of():
    assert CODE not in codes({"AWS": "111122223333"}, beyond_aws=True)
    assert CODE not in codes({"AWS": "*"}, effect="Deny", beyond_aws=True)
    assert CODE not in codes({"AWS": "*"}, "sts:TagSession", beyond_aws=True)


def test_access_analyzer_has_no_such_finding():
    """IAM User Guide, "IAM policy validation check reference", has no check for it."""
    assert CODE not in codes({"AWS": "*"})
