"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, policies
from understudy_aws.services.iam.entities import (
    CALLED,
    TABLES,
    Entity,
    a_group_to_permit,
    a_role_to_permit,
    a_user_to_permit,
)
from understudy_aws.services.iam.groups import Group, a_group, existing_group, groups
from understudy_aws.services.iam.listings import sorted_listing
from understudy_aws.services.iam.policies import a_policy
from understudy_aws.services.iam.policy_records import check_attachable, well_formed
from understudy_aws.services.iam.role_records import Role
from understudy_aws.services.iam.roles import a_role, existing_role, modifiable_role
from understudy_aws.services.iam.users import User, a_user, existing_user

# By kind: the quota's name and size (iam.md 2.2).
QUOTAS = {User: ("PoliciesPerUser", 10), Group: ("PoliciesPerGroup", 10), Role: ("PoliciesPerRole", 10)}


@operation("iam:AttachUserPolicy", on=a_user_to_permit)
def attach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a user. It is no error if it is attached."""
    _attach(call, existing_user(call, user_name), policy_arn)


@operation("iam:AttachGroupPolicy", on=a_group_to_permit)
def attach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a group. It is no error if it is attached."""
    _attach(call, existing_group(call, group_name), policy_arn)


@operation("iam:AttachRolePolicy", on=a_role_to_permit)
def attach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a role, but not to a service-linked role. It is no error if it is attached."""
    _attach(call, modifiable_role(call, role_name), policy_arn)


@operation("iam:DetachUserPolicy", on=a_user_to_permit)
def detach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a user."""
    _detach(call, existing_user(call, user_name), policy_arn)


@operation("iam:DetachGroupPolicy", on=a_group_to_permit)
def detach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a group."""
    _detach(call, existing_group(call, group_name), policy_arn)


@operation("iam:DetachRolePolicy", on=a_role_to_permit)
def detach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a role, but not from a service-linked role."""
    _detach(call, modifiable_role(call, role_name), policy_arn)


@operation("iam:ListAttachedUserPolicies", on=a_user)
def list_attached_user_policies(
    call: Call,
    *,
    user_name: str,
    path_prefix: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List the managed policies attached to a user."""
    return _attached(existing_user(call, user_name), path_prefix, marker, max_items)


@operation("iam:ListAttachedGroupPolicies", on=a_group)
def list_attached_group_policies(
    call: Call,
    *,
    group_name: str,
    path_prefix: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List the managed policies attached to a group."""
    return _attached(existing_group(call, group_name), path_prefix, marker, max_items)


@operation("iam:ListAttachedRolePolicies", on=a_role)
def list_attached_role_policies(
    call: Call,
    *,
    role_name: str,
    path_prefix: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List the managed policies attached to a role."""
    return _attached(existing_role(call, role_name), path_prefix, marker, max_items)


@operation("iam:ListEntitiesForPolicy", on=a_policy)
def list_entities_for_policy(
    call: Call,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str | None = None,
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List what a policy is attached to or bounds. Without a usage filter, list both (iam.md 2.6)."""
    policies.visible(call, policy_arn)
    wanted = _KINDS.get(entity_filter or "", (Group, Role, User))
    prefix = path_prefix or "/"
    found = [
        entity
        for kind in wanted
        for entity in _using(call, TABLES[kind], policy_arn, policy_usage_filter)
        if entity.path.startswith(prefix)
    ]
    page = sorted_listing(
        "Found",
        found,
        lambda entity: entity,
        key=lambda entity: (CALLED[type(entity)], entity.name.lower()),
        scope=f"ListEntitiesForPolicy:{policy_arn}:{entity_filter}:{prefix}:{policy_usage_filter}",
        max_items=max_items,
        marker=marker,
    )
    shown = page["Found"]
    return {
        "PolicyGroups": [{"GroupName": it.name, "GroupId": it.id} for it in shown if isinstance(it, Group)],
        "PolicyUsers": [{"UserName": it.name, "UserId": it.id} for it in shown if isinstance(it, User)],
        "PolicyRoles": [{"RoleName": it.name, "RoleId": it.id} for it in shown if isinstance(it, Role)],
        "IsTruncated": page["IsTruncated"],
        "Marker": page["Marker"],
    }


def attached_shown(arn: str) -> dict[str, str]:
    """Return an attached policy as answers show it."""
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def _attach(call: Call, entity: Entity, arn: str) -> None:
    kind = type(entity)
    check_attachable(call, arn, CALLED[kind])
    if arn in entity.attached:
        return
    name, most = QUOTAS[kind]
    if len(entity.attached) >= most:
        raise errors.quota(name, most)
    TABLES[kind].put(call.tx, msgspec.structs.replace(entity, attached=(*entity.attached, arn)))


def _detach(call: Call, entity: Entity, arn: str) -> None:
    well_formed(arn)
    if arn not in entity.attached:
        raise errors.not_attached(arn)
    kept = tuple(each for each in entity.attached if each != arn)
    TABLES[type(entity)].put(call.tx, msgspec.structs.replace(entity, attached=kept))


def _attached(entity: Entity, path_prefix: str | None, marker: str | None, max_items: int | None) -> Answer:
    prefix = path_prefix or "/"
    return sorted_listing(
        "AttachedPolicies",
        [arn for arn in entity.attached if _path(arn).startswith(prefix)],
        attached_shown,
        key=_order,
        scope=f"ListAttached:{entity.id}:{prefix}",
        max_items=max_items,
        marker=marker,
    )


def _order(arn: str) -> tuple[str, str]:
    """Return the key by which policies are listed: the name, then whether it is AWS's policy or the account's."""
    return (arn.rpartition("/")[2].lower(), arn.split(":", 5)[4])


def _path(arn: str) -> str:
    """Return the path in a policy's ARN: `/service-role/` of `arn:aws:iam::aws:policy/service-role/Name`."""
    return arn.split(":policy", 1)[-1].rpartition("/")[0] + "/"


def _using(call: Call, table: Any, arn: str, usage: str | None) -> Iterable[Entity]:
    found: dict[str, Entity] = {}
    if usage != "PermissionsBoundary":
        found.update({each.id: each for each in table.where(call.tx, "by_policy", (call.account, arn))})
    if usage != "PermissionsPolicy" and table is not groups:
        found.update({each.id: each for each in table.where(call.tx, "by_boundary", (call.account, arn))})
    return found.values()


# LocalManagedPolicy and AWSManagedPolicy, which the filter's type has too, are no entities a policy is attached to.
_KINDS: dict[str, tuple[type, ...]] = {
    "User": (User,),
    "Group": (Group,),
    "Role": (Role,),
    "LocalManagedPolicy": (),
    "AWSManagedPolicy": (),
}
