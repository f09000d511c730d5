"""A service acting as a role in a customer's account."""

from __future__ import annotations

import json

import pytest

from understudy.core.errors import ApiError
from understudy.gateway.role_sessions import RoleSession

PRINCIPAL = "apprunner.amazonaws.com"


def role(understudy, trusted=PRINCIPAL, actions="ec2:DescribeVpcs"):
    """A role that this service may assume, and what it may do."""
    iam = understudy.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="role", AssumeRolePolicyDocument=document(trust))
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(RoleName="role", PolicyName="given", PolicyDocument=document(allow))
    return made["Role"]["Arn"]


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def acting(understudy):
    return RoleSession(
        understudy.app.gateway,
        principal=PRINCIPAL,
        role_arn="arn:aws:iam::000000000000:role/role",
        source_arn=f"arn:aws:apprunner:us-east-1:{understudy.account}:service/web/0",
        session_name="AppRunner",
    )


def test_its_calls_are_the_roles_and_in_the_trail(understudy, acting):
    role(understudy)
    entries = len(understudy.trail())
    assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]
    assumed, called = understudy.trail()[entries:]
    assert ("AssumeRole", "service", PRINCIPAL, "ok") == (
        assumed.operation,
        assumed.caller_kind,
        assumed.caller,
        assumed.outcome,
    )
    assert ("DescribeVpcs", "arn:aws:sts::000000000000:assumed-role/role/AppRunner") == (
        called.operation,
        called.caller,
    )


def test_one_session_is_used_until_it_is_about_to_end(understudy, acting):
    role(understudy)
    entries = len(understudy.trail())
    for seconds in (0, 60, 3600):
        understudy.clock.advance(seconds)
        acting.call("ec2", "DescribeVpcs", region="us-east-1")
    assert ["AssumeRole", "DescribeVpcs", "DescribeVpcs", "AssumeRole", "DescribeVpcs"] == [
        entry.operation for entry in understudy.trail()[entries:]
    ]


def test_the_trust_policy_decides(understudy, acting):
    role(understudy, trusted="ec2.amazonaws.com")
    with pytest.raises(ApiError, match="is not authorized to perform: sts:AssumeRole"):
        acting.call("ec2", "DescribeVpcs", region="us-east-1")


def test_the_roles_permissions_decide(understudy, acting):
    role(understudy)
    with pytest.raises(ApiError, match="is not authorized to perform: ec2:DescribeSubnets"):
        acting.call("ec2", "DescribeSubnets", region="us-east-1")
    assert ("UnauthorizedOperation", 403) == (
        understudy.trail()[-1].outcome,
        understudy.trail()[-1].status,
    )
