"""A service acting as a role in a customer's account, for one resource of it."""

from __future__ import annotations

import json

import pytest

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.sts.records import sessions

PRINCIPAL = "apprunner.amazonaws.com"
SERVICE = "arn:aws:apprunner:us-east-1:000000000000:service/web/0"


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
        source_arn=SERVICE,
        session_name="AppRunner",
    )


def test_its_calls_are_the_roles_and_in_the_trail(understudy, acting):
    role(understudy)
    entries = len(understudy.trail())
    assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]
    assumed, called = understudy.trail()[entries:]
    assert ("AssumeRole", "service", PRINCIPAL, "ok") == (
        assumed.operation,
        assumed.caller.kind,
        assumed.caller.arn,
        assumed.outcome,
    )
    assert ("DescribeVpcs", "arn:aws:sts::000000000000:assumed-role/role/AppRunner") == (
        called.operation,
        called.caller.arn,
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


def test_a_session_that_was_replaced_is_ended_and_forgotten(understudy, acting):
    """Else there would be one more of them each hour, for as long as the server runs."""
    role(understudy)
    gateway = understudy.app.gateway
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    (first,) = gateway.held_sessions
    understudy.clock.advance(3600 - 30)
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    (second,) = gateway.held_sessions
    assert first != second
    with gateway.database.transaction() as tx:
        assert gateway.credentials.credential(tx, first) is None


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


def test_it_ends_with_the_role_it_was_made_for(understudy, acting):
    """A session outlived its role, and acted as another role made under the name."""
    role(understudy)
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    iam = understudy.client("iam")
    iam.delete_role_policy(RoleName="role", PolicyName="given")
    iam.delete_role(RoleName="role")
    with pytest.raises(ApiError, match="is not authorized to perform: sts:AssumeRole"):
        acting.call("ec2", "DescribeVpcs", region="us-east-1")
    # Another role by that name is assumed anew, if it trusts the service, and not by the way.
    role(understudy, trusted="ec2.amazonaws.com")
    with pytest.raises(ApiError, match="is not authorized to perform: sts:AssumeRole"):
        acting.call("ec2", "DescribeVpcs", region="us-east-1")
    iam.delete_role_policy(RoleName="role", PolicyName="given")
    iam.delete_role(RoleName="role")
    role(understudy)
    entries = len(understudy.trail())
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    assert ["AssumeRole", "DescribeVpcs"] == [entry.operation for entry in understudy.trail()[entries:]]


def test_the_roles_tags_and_name_are_those_of_now(understudy, acting):
    """The caller was kept as it was when the role was assumed."""
    arn = role(understudy)
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    iam = understudy.client("iam")
    only_tagged = {
        "Effect": "Allow",
        "Action": "ec2:DescribeVpcs",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "network"}},
    }
    iam.put_role_policy(RoleName="role", PolicyName="given", PolicyDocument=document(only_tagged))
    with pytest.raises(ApiError, match="ec2:DescribeVpcs"):
        acting.call("ec2", "DescribeVpcs", region="us-east-1")
    iam.tag_role(RoleName="role", Tags=[{"Key": "team", "Value": "network"}])
    assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]
    assert arn == understudy.trail()[-1].caller.role_arn


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("aws:SourceArn", SERVICE, True),
        ("aws:SourceArn", SERVICE.replace("web", "other"), False),
        ("aws:SourceAccount", "000000000000", True),
        ("aws:SourceAccount", "111111111111", False),
    ],
)
def test_the_trust_policy_sees_for_whom_the_service_acts(understudy, acting, key, value, allowed):
    role(understudy)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": PRINCIPAL},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {key: value}},
    }
    understudy.client("iam").update_assume_role_policy(RoleName="role", PolicyDocument=document(trust))
    if allowed:
        assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]
    else:
        with pytest.raises(ApiError, match="is not authorized to perform: sts:AssumeRole"):
            acting.call("ec2", "DescribeVpcs", region="us-east-1")


def kept(understudy) -> int:
    with understudy.app.database.transaction() as tx:
        return sum(1 for _ in sessions.scan(tx))


def test_it_ends_with_the_work_it_was_made_for(understudy, acting):
    role(understudy)
    with acting:
        acting.call("ec2", "DescribeVpcs", region="us-east-1")
        assert 1 == kept(understudy)
    assert 0 == kept(understudy)
    acting.end()
    # It can be taken up again.
    assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]


def test_one_in_use_is_left_alone_and_one_that_nobody_holds_is_ended(understudy, acting):
    role(understudy)
    acting.call("ec2", "DescribeVpcs", region="us-east-1")
    understudy.settle()
    assert 1 == kept(understudy)
    # As after a crash: the credentials are remembered, and who held them is not.
    understudy.app.gateway.held_sessions.clear()
    understudy.settle()
    assert 0 == kept(understudy)


def test_sessions_that_clients_hold_are_left_alone(understudy):
    understudy.client("sts").get_session_token()
    understudy.settle()
    assert 1 == kept(understudy)
