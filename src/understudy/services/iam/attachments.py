"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from understudy.core.answers import Answer
from understudy.core.errors import ApiError
from understudy.data import managed_policies
from understudy.gateway.call import Call, Params, Target
from understudy.gateway.operations import operation
from understudy.services.iam import errors, policies
from understudy.services.iam.groups import Group, a_group, existing_group, group_target, groups
from understudy.services.iam.listings import short_listing
from understudy.services.iam.policies import a_policy
from understudy.services.iam.role_records import Role, roles
from understudy.services.iam.roles import a_role, existing_role, modifiable_role, role_target
from understudy.services.iam.users import User, a_user, existing_user, user_target, users

Entity = User | Group | Role
# By kind: the quota's name and size (reference iam.md 2.2).
_QUOTAS = {User: ("PoliciesPerUser", 10), Group: ("PoliciesPerGroup", 10), Role: ("PoliciesPerRole", 10)}
_TABLES: dict[type, Any] = {User: users, Group: groups, Role: roles}
_CALLED: dict[type, str] = {User: "user", Group: "group", Role: "role"}


def with_policy(target: Callable[[Call, str, dict[str, str | list[str]]], Target], named: str) -> Any:
    """The entity, and the condition key `iam:PolicyARN`."""

    def targets(call: Call, params: Params) -> Sequence[Target]:
        return [target(call, params[named], {"iam:policyarn": params["policy_arn"]})]

    targets.__name__ = f"a_{named.removesuffix('_name')}_and_a_policy"
    return targets


_a_user_and_a_policy = with_policy(user_target, "user_name")
_a_group_and_a_policy = with_policy(group_target, "group_name")
_a_role_and_a_policy = with_policy(role_target, "role_name")


@operation("iam:AttachUserPolicy", on=_a_user_and_a_policy)
def attach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a user; one that is attached stays."""
    _attach(call, existing_user(call, user_name), policy_arn)


@operation("iam:AttachGroupPolicy", on=_a_group_and_a_policy)
def attach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a group; one that is attached stays."""
    _attach(call, existing_group(call, group_name), policy_arn)


@operation("iam:AttachRolePolicy", on=_a_role_and_a_policy)
def attach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a role that is not linked to a service; one that is attached stays."""
    _attach(call, modifiable_role(call, role_name), policy_arn)


@operation("iam:DetachUserPolicy", on=_a_user_and_a_policy)
def detach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a user."""
    _detach(call, existing_user(call, user_name), policy_arn)


@operation("iam:DetachGroupPolicy", on=_a_group_and_a_policy)
def detach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a group."""
    _detach(call, existing_group(call, group_name), policy_arn)


@operation("iam:DetachRolePolicy", on=_a_role_and_a_policy)
def detach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a role that is not linked to a service."""
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
    """The managed policies attached to a user."""
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
    """The managed policies attached to a group."""
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
    """The managed policies attached to a role."""
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
    """Whom a policy is attached to, or bounds; without a usage filter both (reference iam.md 2.6)."""
    policies.visible(call, policy_arn)
    wanted = {"User": (User,), "Group": (Group,), "Role": (Role,)}.get(
        entity_filter or "", (User, Group, Role)
    )
    found = [
        entity
        for kind in wanted
        for entity in _using(call, _TABLES[kind], policy_arn, policy_usage_filter)
        if entity.path.startswith(path_prefix or "/")
    ]
    page = short_listing(
        "Found",
        found,
        lambda entity: entity,
        scope="ListEntitiesForPolicy",
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


def attachable(call: Call, arn: str, kind: type) -> None:
    """Raises unless the policy exists and may be attached to such an entity (reference iam.md 1.3)."""
    if arn.count(":") < 5 or not arn.startswith("arn:"):
        raise errors.validation("Invalid ARN:  Could not be parsed!")
    policy = policies.find(call.tx, arn)
    if policy is None or (isinstance(policy, policies.Policy) and policy.account != call.account):
        raise errors.not_attachable_unknown(arn)
    if isinstance(policy, managed_policies.ManagedPolicy) and managed_policies.is_reserved(policy):
        raise ApiError("PolicyNotAttachable", f"Cannot attach AWS reserved policy to an IAM {_CALLED[kind]}.")


def _attach(call: Call, entity: Entity, arn: str) -> None:
    attachable(call, arn, type(entity))
    if arn in entity.attached:
        return
    name, most = _QUOTAS[type(entity)]
    if len(entity.attached) >= most:
        raise errors.quota(name, most)
    _TABLES[type(entity)].put(call.tx, msgspec.structs.replace(entity, attached=(*entity.attached, arn)))


def _detach(call: Call, entity: Entity, arn: str) -> None:
    if arn not in entity.attached:
        raise errors.not_attached(arn)
    kept = tuple(each for each in entity.attached if each != arn)
    _TABLES[type(entity)].put(call.tx, msgspec.structs.replace(entity, attached=kept))


def _attached(entity: Entity, path_prefix: str | None, marker: str | None, max_items: int | None) -> Answer:
    arns = [arn for arn in entity.attached if _path(arn).startswith(path_prefix or "/")]
    return short_listing(
        "AttachedPolicies",
        arns,
        lambda arn: {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn},
        scope="ListAttached",
        max_items=max_items,
        marker=marker,
    )


def _path(arn: str) -> str:
    """`/service-role/` of `arn:aws:iam::aws:policy/service-role/Name`."""
    return arn.split(":policy", 1)[-1].rpartition("/")[0] + "/"


def _using(call: Call, table: Any, arn: str, usage: str | None) -> Iterable[Entity]:
    found: dict[str, Entity] = {}
    if usage != "PermissionsBoundary":
        found.update({each.id: each for each in table.where(call.tx, "by_policy", (call.account, arn))})
    if usage != "PermissionsPolicy" and table is not groups:
        found.update({each.id: each for each in table.where(call.tx, "by_boundary", (call.account, arn))})
    return found.values()
