"""Inline policies, which are part of a user, group or role."""

from __future__ import annotations

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.documents import reviewed, shown, size
from understudy_aws.services.iam.entities import (
    CALLED,
    TABLES,
    Entity,
    a_group_to_permit,
    a_role_to_permit,
    a_user_to_permit,
)
from understudy_aws.services.iam.groups import Group, a_group, existing_group
from understudy_aws.services.iam.listings import sorted_listing
from understudy_aws.services.iam.role_records import Role
from understudy_aws.services.iam.roles import a_role, existing_role, modifiable_role
from understudy_aws.services.iam.users import User, a_user, existing_user

# What all inline policies of one entity may come to (iam.md 2.2, 2.3).
SIZES = {User: 2048, Group: 5120, Role: 10240}


@operation("iam:PutUserPolicy", on=a_user_to_permit)
def put_user_policy(call: Call, *, user_name: str, policy_name: str, policy_document: str) -> None:
    """Give a user an inline policy. It replaces one of the same name."""
    _put(call, existing_user(call, user_name), policy_name, policy_document)


@operation("iam:PutGroupPolicy", on=a_group_to_permit)
def put_group_policy(call: Call, *, group_name: str, policy_name: str, policy_document: str) -> None:
    """Give a group an inline policy. It replaces one of the same name."""
    _put(call, existing_group(call, group_name), policy_name, policy_document)


@operation("iam:PutRolePolicy", on=a_role_to_permit)
def put_role_policy(call: Call, *, role_name: str, policy_name: str, policy_document: str) -> None:
    """Give a role an inline policy, but not a service-linked role. It replaces one of the same name."""
    _put(call, modifiable_role(call, role_name), policy_name, policy_document)


@operation("iam:GetUserPolicy", on=a_user)
def get_user_policy(call: Call, *, user_name: str, policy_name: str) -> Answer:
    """Return a user's inline policy."""
    user = existing_user(call, user_name)
    return {"UserName": user.name, **_shown(user, policy_name)}


@operation("iam:GetGroupPolicy", on=a_group)
def get_group_policy(call: Call, *, group_name: str, policy_name: str) -> Answer:
    """Return a group's inline policy."""
    group = existing_group(call, group_name)
    return {"GroupName": group.name, **_shown(group, policy_name)}


@operation("iam:GetRolePolicy", on=a_role)
def get_role_policy(call: Call, *, role_name: str, policy_name: str) -> Answer:
    """Return a role's inline policy."""
    role = existing_role(call, role_name)
    return {"RoleName": role.name, **_shown(role, policy_name)}


@operation("iam:ListUserPolicies", on=a_user)
def list_user_policies(
    call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the names of a user's inline policies."""
    return _names(existing_user(call, user_name), marker, max_items)


@operation("iam:ListGroupPolicies", on=a_group)
def list_group_policies(
    call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the names of a group's inline policies."""
    return _names(existing_group(call, group_name), marker, max_items)


@operation("iam:ListRolePolicies", on=a_role)
def list_role_policies(
    call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the names of a role's inline policies."""
    return _names(existing_role(call, role_name), marker, max_items)


@operation("iam:DeleteUserPolicy", on=a_user_to_permit)
def delete_user_policy(call: Call, *, user_name: str, policy_name: str) -> None:
    """Delete an inline policy of a user."""
    _delete(call, existing_user(call, user_name), policy_name)


@operation("iam:DeleteGroupPolicy", on=a_group_to_permit)
def delete_group_policy(call: Call, *, group_name: str, policy_name: str) -> None:
    """Delete an inline policy of a group."""
    _delete(call, existing_group(call, group_name), policy_name)


@operation("iam:DeleteRolePolicy", on=a_role_to_permit)
def delete_role_policy(call: Call, *, role_name: str, policy_name: str) -> None:
    """Delete an inline policy of a role, but not of a service-linked role."""
    _delete(call, modifiable_role(call, role_name), policy_name)


def _put(call: Call, entity: Entity, name: str, document: str) -> None:
    kept = [(known, text) for known, text in entity.inline if known.lower() != name.lower()]
    # Names compare without case, and the first spelling is kept (iam.md 2.1).
    spelled = next((known for known, _ in entity.inline if known.lower() == name.lower()), name)
    kept.append((spelled, document))
    most = SIZES[type(entity)]
    if sum(size(text) for _, text in kept) > most:
        raise errors.limit(
            f"Maximum policy size of {most} bytes exceeded for {CALLED[type(entity)]} {entity.name}"
        )
    # Last, for reading a long document takes long.
    reviewed(document, "identity")
    TABLES[type(entity)].put(call.tx, msgspec.structs.replace(entity, inline=tuple(sorted(kept))))


def _shown(entity: Entity, name: str) -> Answer:
    return {"PolicyName": name, "PolicyDocument": shown(_existing(entity, name))}


def _existing(entity: Entity, name: str) -> str:
    for known, document in entity.inline:
        if known.lower() == name.lower():
            return document
    raise errors.no_such_inline_policy(CALLED[type(entity)], name)


def _delete(call: Call, entity: Entity, name: str) -> None:
    _existing(entity, name)
    kept = tuple(pair for pair in entity.inline if pair[0].lower() != name.lower())
    TABLES[type(entity)].put(call.tx, msgspec.structs.replace(entity, inline=kept))


def _names(entity: Entity, marker: str | None, max_items: int | None) -> Answer:
    return sorted_listing(
        "PolicyNames",
        [known for known, _ in entity.inline],
        lambda known: known,
        key=lambda known: (known.lower(),),
        scope=f"ListPolicyNames:{entity.id}",
        max_items=max_items,
        marker=marker,
    )
