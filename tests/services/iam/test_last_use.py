"""When keys and roles were last used (service-linked-roles.md 1.6)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from understudy_aws.testing import Credentials


@pytest.fixture
def trusted(iam, understudy):
    """A role its administrator may assume."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{understudy.account}:user/Administrator"},
        "Action": "sts:AssumeRole",
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    return iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(trust))["Role"]


@pytest.fixture
def session(trusted, understudy):
    answer = understudy.client("sts").assume_role(RoleArn=trusted["Arn"], RoleSessionName="ss")
    return understudy.session_of(answer)


def last_use(iam, name="worker"):
    return iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]


def test_a_key_is_used_by_whatever_it_signs(iam, understudy):
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    id = key["AccessKeyId"]
    unused = iam.get_access_key_last_used(AccessKeyId=id)
    assert unused["UserName"] == "alice"
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    alice = Credentials(id, key["SecretAccessKey"])
    understudy.client("sts", region="eu-west-1", as_=alice).get_caller_identity()
    understudy.settle()
    used = iam.get_access_key_last_used(AccessKeyId=id)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")
    assert abs(used["LastUsedDate"] - understudy.clock.now()) < timedelta(minutes=1)


def test_a_refused_call_is_use_and_the_last_one_counts(iam, understudy):
    keys = understudy.user("nobody")
    with pytest.raises(Exception, match="UnauthorizedOperation"):
        understudy.client("ec2", region="eu-west-1", as_=keys).describe_vpcs()
    with pytest.raises(Exception, match="AccessDenied"):
        understudy.client("iam", as_=keys).list_users()
    understudy.settle()
    used = iam.get_access_key_last_used(AccessKeyId=keys.access_key_id)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("iam", "us-east-1")


def test_a_role_is_used_by_its_sessions(iam, understudy, session):
    assert last_use(iam) == {}
    understudy.client("sts", region="eu-west-1", as_=session).get_caller_identity()
    understudy.settle()
    assert last_use(iam)["Region"] == "eu-west-1"
    assert abs(last_use(iam)["LastUsedDate"] - understudy.clock.now()) < timedelta(minutes=1)


def test_lists_do_not_show_it(iam, understudy, session):
    understudy.client("sts", as_=session).get_caller_identity()
    understudy.settle()
    roles = iam.list_roles()["Roles"]
    assert roles
    assert all("RoleLastUsed" not in role for role in roles)


def test_a_role_made_again_was_never_used(iam, understudy, session, trusted):
    understudy.client("sts", as_=session).get_caller_identity()
    iam.delete_role(RoleName="worker")
    understudy.settle()
    iam.create_role(
        RoleName="worker", AssumeRolePolicyDocument=json.dumps(trusted["AssumeRolePolicyDocument"])
    )
    assert last_use(iam) == {}
