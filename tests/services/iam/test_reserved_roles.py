"""Roles that IAM Identity Center made, under `/aws-reserved/` (service-linked-roles.md 1.4).

Nobody makes one here, but a state may have been filled by an earlier version, and an administrator's copy of an account
will hold them.
"""

from __future__ import annotations

import json

import pytest
from refusals import refusal

from understudy_aws.core.clock import SetClock
from understudy_aws.services.iam.role_records import Role, roles

NAME = "AWSReservedSSO_ReadOnly_0123456789abcdef"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"},
            }
        ],
    }
)
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
PROTECTED = (
    f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS"
)


@pytest.fixture
def iam(understudy):
    with understudy.app.database.transaction() as tx:
        roles.put(
            tx,
            Role(
                account="000000000000",
                name=NAME,
                id="AROAEXAMPLEEXAMPLE123",
                created=SetClock().now(),
                trust=TRUST,
                path="/aws-reserved/sso.amazonaws.com/",
            ),
        )
    client = understudy.client("iam")
    client.create_instance_profile(InstanceProfileName="profile")
    return client


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("attach_role_policy", {"PolicyArn": READ_ONLY}),
        ("detach_role_policy", {"PolicyArn": READ_ONLY}),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": POLICY}),
        ("delete_role_policy", {"PolicyName": "p"}),
        ("put_role_permissions_boundary", {"PermissionsBoundary": READ_ONLY}),
        ("delete_role_permissions_boundary", {}),
        ("update_assume_role_policy", {"PolicyDocument": TRUST}),
        ("update_role", {"Description": "mine"}),
        ("update_role", {"MaxSessionDuration": 7200}),
        ("update_role_description", {"Description": "mine"}),
        ("tag_role", {"Tags": [{"Key": "team", "Value": "web"}]}),
        ("untag_role", {"TagKeys": ["team"]}),
        ("add_role_to_instance_profile", {"InstanceProfileName": "profile"}),
        ("remove_role_from_instance_profile", {"InstanceProfileName": "profile"}),
        ("delete_role", {}),
    ],
)
def test_nobody_changes_them(iam, name, params):
    """Observed for policies and deletion: rebuy-de/aws-nuke#441, #1028; the rest by decision 0008."""
    told = refusal(getattr(iam, name), RoleName=NAME, **params)
    assert ("UnmodifiableEntity", 400, PROTECTED) == told[:3]


def test_they_are_no_linked_roles(iam):
    told = refusal(iam.delete_service_linked_role, RoleName=NAME)
    assert "AccessDenied" != told.code


def test_they_are_read_like_any_other(iam):
    assert NAME == iam.get_role(RoleName=NAME)["Role"]["RoleName"]
    assert [NAME] == [each["RoleName"] for each in iam.list_roles(PathPrefix="/aws-reserved/")["Roles"]]
    assert [] == iam.list_role_tags(RoleName=NAME)["Tags"]
    assert [] == iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
