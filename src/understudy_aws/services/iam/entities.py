"""What users, groups and roles have in common: attached and inline policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.iam.groups import Group, group_target, groups
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.roles import role_target
from understudy_aws.services.iam.users import User, user_target, users

Entity = User | Group | Role
TABLES: dict[type, Any] = {User: users, Group: groups, Role: roles}
CALLED: dict[type, str] = {User: "user", Group: "group", Role: "role"}


def a_user_to_permit(call: Call, params: Params) -> Sequence[Target]:
    """Return the user whose permissions change, with its boundary (`iam:PermissionsBoundary`) and the policy."""
    user = users.get(call.tx, call.account, params["user_name"].lower())
    return [user_target(call, params["user_name"], _keys(params, user.boundary if user else ""))]


def a_group_to_permit(call: Call, params: Params) -> Sequence[Target]:
    """Return the group whose permissions change, with the policy."""
    return [group_target(call, params["group_name"], _keys(params, ""))]


def a_role_to_permit(call: Call, params: Params) -> Sequence[Target]:
    """Return the role whose permissions change, with its boundary and the policy."""
    role = roles.get(call.tx, call.account, params["role_name"].lower())
    return [role_target(call, params["role_name"], _keys(params, role.boundary if role else ""))]


def _keys(params: Params, boundary: str) -> dict[str, str | list[str]]:
    keys: dict[str, str | list[str]] = {}
    if boundary:
        keys["iam:permissionsboundary"] = boundary
    if "policy_arn" in params:
        keys["iam:policyarn"] = params["policy_arn"]
    return keys
