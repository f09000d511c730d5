"""Permissions boundaries: service-linked-roles.md 1.2, 1.3, iam.md 2.4."""

from __future__ import annotations

import json

import pytest

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NETWORKING = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy"


class Kind:
    """Users or roles, and the operations on their boundary."""

    def __init__(self, iam, kind):
        self.kind, self.iam = kind, iam
        self.named = {f"{kind.title()}Name": {"user": "ann", "role": "builder"}[kind]}

    def put(self, arn):
        getattr(self.iam, f"put_{self.kind}_permissions_boundary")(**self.named, PermissionsBoundary=arn)

    def delete(self):
        getattr(self.iam, f"delete_{self.kind}_permissions_boundary")(**self.named)

    def boundary(self):
        found = getattr(self.iam, f"get_{self.kind}")(**self.named)[self.kind.title()]
        return found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")


@pytest.fixture(params=["user", "role"])
def entity(request, iam, role):
    iam.create_user(UserName="ann")
    return Kind(iam, request.param)


def test_it_is_shown_until_it_is_lifted(entity, iam, policy, refused):
    own = iam.create_policy(PolicyName="Own", PolicyDocument=policy())["Policy"]["Arn"]
    entity.put(READ_ONLY)
    entity.put(own)
    assert own == entity.boundary()
    entity.delete()
    assert entity.boundary() is None
    with refused("NoSuchEntity", status=404):
        entity.delete()


def test_the_policy_must_exist_and_be_free_to_use(entity, refused):
    """Reference service-linked-roles.md 1.3 for the reserved policies, recorded for users."""
    absent = "arn:aws:iam::aws:policy/NoSuchPolicy"
    with refused("NoSuchEntity", f"Scope ARN: {absent} does not exist or is not attachable.", 404):
        entity.put(absent)
    text = f"Cannot attach AWS reserved policy to an IAM {entity.kind}."
    with refused("PolicyNotAttachable", text, 400):
        entity.put(NETWORKING)
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
        entity.put("ReadOnlyAccessPolicy")
    assert entity.boundary() is None


def test_it_bounds_what_policies_allow(iam, understudy, policy, refused):
    client = understudy.client("iam", as_=understudy.allowing("bob", "iam:ListUsers", "iam:CreateGroup"))
    client.create_group(GroupName="one")
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=READ_ONLY)
    assert client.list_users()
    with refused("AccessDenied", status=403):
        client.create_group(GroupName="two")
    iam.delete_user_permissions_boundary(UserName="bob")
    client.create_group(GroupName="two")


def test_a_linked_role_takes_none(iam, refused):
    """Reference service-linked-roles.md 1.2."""
    name = "AWSServiceRoleForAppRunnerNetworking"
    iam.create_service_linked_role(AWSServiceName="networking.apprunner.amazonaws.com")
    text = (
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    )
    with refused("UnmodifiableEntity", text, 400):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/Absent")
    with refused("UnmodifiableEntity", text, 400):
        iam.delete_role_permissions_boundary(RoleName=name)


def test_which_boundary_may_be_put_and_lifted_can_be_limited(entity, iam, understudy, policy, refused):
    """`iam:PermissionsBoundary` is the new boundary when one is put, and the old one when it is lifted."""
    guard = policy(
        ["iam:Put*PermissionsBoundary", "iam:Delete*PermissionsBoundary"],
        Condition={"StringEquals": {"iam:PermissionsBoundary": READ_ONLY}},
    )
    limited = Kind(understudy.client("iam", as_=understudy.user("clerk", json.loads(guard))), entity.kind)
    with refused("AccessDenied", status=403):
        limited.put("arn:aws:iam::aws:policy/AdministratorAccess")
    limited.put(READ_ONLY)
    limited.delete()
    entity.put("arn:aws:iam::aws:policy/AdministratorAccess")
    with refused("AccessDenied", status=403):
        limited.delete()
