"""Permissions boundaries of users and roles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.policy_records import check_boundary
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.roles import modifiable_role, role_target
from understudy_aws.services.iam.users import existing_user, user_target, users


def a_bounded_user(call: Call, params: Params) -> Sequence[Target]:
    """Return the user with the boundary it has or will have (`iam:PermissionsBoundary`)."""
    user = users.get(call.tx, call.account, params["user_name"].lower())
    boundary = params.get("permissions_boundary") or (user.boundary if user else "")
    return [user_target(call, params["user_name"], {"iam:permissionsboundary": boundary} if boundary else {})]


def a_bounded_role(call: Call, params: Params) -> Sequence[Target]:
    """Return the role with the boundary it has or will have."""
    role = roles.get(call.tx, call.account, params["role_name"].lower())
    boundary = params.get("permissions_boundary") or (role.boundary if role else "")
    return [role_target(call, params["role_name"], {"iam:permissionsboundary": boundary} if boundary else {})]


@operation("iam:PutUserPermissionsBoundary", on=a_bounded_user)
def put_user_permissions_boundary(call: Call, *, user_name: str, permissions_boundary: str) -> None:
    """Set the boundary of a user, which limits what its policies can allow."""
    user = existing_user(call, user_name)
    check_boundary(call, permissions_boundary, "user")
    users.put(call.tx, msgspec.structs.replace(user, boundary=permissions_boundary))


@operation("iam:DeleteUserPermissionsBoundary", on=a_bounded_user)
def delete_user_permissions_boundary(call: Call, *, user_name: str) -> None:
    """Remove a user's boundary."""
    user = existing_user(call, user_name)
    if not user.boundary:
        raise errors.no_boundary("user", user.name)
    users.put(call.tx, msgspec.structs.replace(user, boundary=""))


@operation("iam:PutRolePermissionsBoundary", on=a_bounded_role)
def put_role_permissions_boundary(call: Call, *, role_name: str, permissions_boundary: str) -> None:
    """Set the boundary of a role, but not of a service-linked role."""
    role = modifiable_role(call, role_name)
    check_boundary(call, permissions_boundary, "role")
    roles.put(call.tx, msgspec.structs.replace(role, boundary=permissions_boundary))


@operation("iam:DeleteRolePermissionsBoundary", on=a_bounded_role)
def delete_role_permissions_boundary(call: Call, *, role_name: str) -> None:
    """Remove a role's boundary, but not that of a service-linked role."""
    role = modifiable_role(call, role_name)
    if not role.boundary:
        raise errors.no_boundary("role", role.name)
    roles.put(call.tx, msgspec.structs.replace(role, boundary=""))
