"""IAM roles and their trust policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.documents import shown, size
from understudy_aws.services.iam.listings import after, listing, tags_listed
from understudy_aws.services.iam.policy_records import check_boundary
from understudy_aws.services.iam.reserved_roles import belongs_to_aws, check_new_role
from understudy_aws.services.iam.role_records import Role, instance_profiles, purge, role_uses, roles
from understudy_aws.services.iam.shared_issuers import check_shared_issuers
from understudy_aws.services.iam.tags import merged
from understudy_aws.services.iam.trust import readable, stored
from understudy_aws.services.iam.users import boundary_shown
from understudy_aws.store.tables import memoized

ROLES_PER_ACCOUNT = 1000
TRUST_SIZE = 2048


def find(call: Call, name: str) -> Role | None:
    return roles.get(call.tx, call.account, name.lower())


def existing_role(call: Call, name: str) -> Role:
    """Return the role of that name, in whatever letter case. Raises NoSuchEntity."""
    role = find(call, name)
    if role is None:
        raise errors.no_such("role", name)
    return role


def modifiable_role(call: Call, name: str) -> Role:
    """Return the role unless it is service-linked, or AWS's own.

    Raises NoSuchEntity, UnmodifiableEntity (service-linked-roles.md 1.2).
    """
    role = describable_role(call, name)
    if role.linked_service:
        raise errors.protected(role.name)
    return role


def describable_role(call: Call, name: str) -> Role:
    """Return the role, whose description and tags can be changed; of AWS's own roles not even these can.

    Raises NoSuchEntity, UnmodifiableEntity (service-linked-roles.md 1.4).
    """
    role = existing_role(call, name)
    if belongs_to_aws(role.path):
        raise errors.protected(role.name)
    return role


def role_target(call: Call, name: str, keys: Mapping[str, str | list[str]] | None = None) -> Target:
    """Return the role's ARN and tags. For a role that does not exist it is the ARN it would have."""
    role = find(call, name)
    arn = role.arn if role else iam(call.account, f"role/{name}")
    return Target(arn, {**(tags.entity_keys(role.tags) if role else {}), **(keys or {})})


def a_role(call: Call, params: Params) -> Sequence[Target]:
    return [role_target(call, params["role_name"], tags.request_keys(params))]


def a_role_as_bounded(call: Call, params: Params) -> Sequence[Target]:
    """Return the role with its boundary (`iam:PermissionsBoundary`)."""
    role = find(call, params["role_name"])
    boundary = role.boundary if role else ""
    return [role_target(call, params["role_name"], {"iam:permissionsboundary": boundary} if boundary else {})]


def a_new_role(call: Call, params: Params) -> Sequence[Target]:
    keys = tags.request_keys(params)
    if params.get("permissions_boundary"):
        keys["iam:permissionsboundary"] = params["permissions_boundary"]
    target = Target(iam(call.account, f"role{params.get('path') or '/'}{params['role_name']}"), keys)
    if not params.get("tags"):
        return [target]
    return [target, Target(target.resource, tags.request_keys(params), action="iam:TagRole")]


def roles_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"role{params.get('path_prefix') or '/'}"))]


@operation("iam:CreateRole", on=a_new_role)
def create_role(
    call: Call,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str | None = None,
    description: str | None = None,
    max_session_duration: int | None = None,
    max_signin_session_duration: int | None = None,
    permissions_boundary: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a role that the principals of its trust policy may assume."""
    trust = _checked_trust(call, assume_role_policy_document)
    check_new_role(role_name, path or "/")
    if permissions_boundary:
        check_boundary(call, permissions_boundary, "role")
    if find(call, role_name) is not None:
        raise errors.exists(f"Role with name {role_name} already exists.")
    # Service-linked roles count too, but may themselves go beyond the quota (service-linked-roles.md 1.1).
    if roles.count_where(call.tx, "by_account", call.account) >= ROLES_PER_ACCOUNT:
        raise errors.quota("RolesPerAccount", ROLES_PER_ACCOUNT)
    role = Role(
        account=call.account,
        name=role_name,
        id=call.ids.iam("AROA"),
        created=call.at,
        trust=trust,
        path=path or "/",
        description=description,
        max_session_duration=max_session_duration or 3600,
        max_signin_session=max_signin_session_duration or 0,
        tags=merged((), tags),
        boundary=permissions_boundary or "",
    )
    return {"Role": {**created(call, roles.put(call.tx, role)), **_signin_shown(role)}}


@operation("iam:GetRole", on=a_role_as_bounded)
def get_role(call: Call, *, role_name: str) -> Answer:
    """Describe a role in full."""
    role = existing_role(call, role_name)
    use = role_uses.get(call.tx, role.id)
    last = {"LastUsedDate": use.at, "Region": use.region} if use else {}
    return {
        "Role": {
            **_plain(call, role),
            "Description": role.description,
            "MaxSessionDuration": role.max_session_duration,
            **_signin_shown(role),
            "PermissionsBoundary": boundary_shown(role.boundary),
            "Tags": tags.shown(role.tags),
            "RoleLastUsed": last,
        }
    }


@operation("iam:ListRoles", on=roles_under)
def list_roles(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List roles by name."""
    prefix = path_prefix or "/"
    scope = f"ListRoles:{prefix}"
    found = (
        role
        for role in roles.scan(call.tx, call.account, after=after(marker, scope, account=call.account))
        if role.path.startswith(prefix)
    )
    return listing(
        "Roles",
        found,
        lambda role: described_in_list(call, role),
        key=roles.key,
        scope=scope,
        max_items=max_items,
    )


@operation("iam:UpdateRole", on=a_role_as_bounded)
def update_role(
    call: Call,
    *,
    role_name: str,
    description: str | None = None,
    max_session_duration: int | None = None,
    max_signin_session_duration: int | None = None,
    reset_max_signin_session_duration: bool = False,
) -> Answer:
    """Change the description or the longest sessions. Of a service-linked role only the description can be changed."""
    role = describable_role(call, role_name)
    if reset_max_signin_session_duration and max_signin_session_duration is not None:
        raise errors.invalid_input(
            "MaxSigninSessionDuration cannot be specified together with ResetMaxSigninSessionDuration."
        )
    if max_session_duration is not None:
        if role.linked_service:
            raise ApiError(
                "UnmodifiableEntity",
                f"{role.name} is an AWS service linked role, max session duration cannot be changed.",
            )
        role = msgspec.structs.replace(role, max_session_duration=max_session_duration)
    if reset_max_signin_session_duration or max_signin_session_duration is not None:
        if role.linked_service:
            raise ApiError(
                "UnmodifiableEntity",
                f"{role.name} is an AWS service linked role, max signin session duration cannot be changed.",
            )
        role = msgspec.structs.replace(role, max_signin_session=max_signin_session_duration or 0)
    if description is not None:
        role = msgspec.structs.replace(role, description=description)
    roles.put(call.tx, role)
    return {}


@operation("iam:UpdateRoleDescription", on=a_role_as_bounded)
def update_role_description(call: Call, *, role_name: str, description: str) -> Answer:
    """Change the description. Service-linked roles are allowed."""
    role = msgspec.structs.replace(describable_role(call, role_name), description=description)
    return {"Role": {**_plain(call, roles.put(call.tx, role)), "Description": role.description}}


@operation("iam:UpdateAssumeRolePolicy", on=a_role_as_bounded)
def update_assume_role_policy(call: Call, *, role_name: str, policy_document: str) -> None:
    """Change the trust policy of a role."""
    role = modifiable_role(call, role_name)
    roles.put(call.tx, msgspec.structs.replace(role, trust=_checked_trust(call, policy_document)))


@operation("iam:DeleteRole", on=a_role_as_bounded)
def delete_role(call: Call, *, role_name: str) -> None:
    """Delete a role without policies and instance profiles. Raises DeleteConflict."""
    role = modifiable_role(call, role_name)
    if role.attached:
        raise errors.conflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise errors.conflict("Cannot delete entity, must delete policies first.")
    if instance_profiles.count_where(call.tx, "by_role", (role.account, role.name.lower())):
        raise errors.conflict("Cannot delete entity, must remove roles from instance profile first.")
    purge(call.tx, role)


@operation("iam:TagRole", on=a_role)
def tag_role(call: Call, *, role_name: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key. Service-linked roles are allowed."""
    role = describable_role(call, role_name)
    if not tags:
        raise errors.invalid_input("The list of tags must not be empty.")
    roles.put(call.tx, msgspec.structs.replace(role, tags=merged(role.tags, tags)))


@operation("iam:UntagRole", on=a_role)
def untag_role(call: Call, *, role_name: str, tag_keys: list[str]) -> None:
    """Remove tags. Service-linked roles are allowed."""
    role = describable_role(call, role_name)
    roles.put(call.tx, msgspec.structs.replace(role, tags=tags.without(role.tags, tag_keys)))


@operation("iam:ListRoleTags", on=a_role)
def list_role_tags(
    call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a role's tags."""
    return tags_listed(existing_role(call, role_name).tags, "ListRoleTags", marker, max_items)


def created(call: Call, role: Role) -> Mapping[str, Any]:
    """Return a role as CreateRole shows it, which is less than GetRole does (iam.md 2.6)."""
    return {
        **_plain(call, role),
        "PermissionsBoundary": boundary_shown(role.boundary),
        "Tags": tags.shown(role.tags),
    }


def described_in_list(call: Call, role: Role) -> Mapping[str, Any]:
    """Return a role as ListRoles shows it.

    If its trust policy names no unique ids, the result is kept with the record.
    """
    if '"AROA' in role.trust or '"AIDA' in role.trust:
        return {
            **_plain(call, role),
            "Description": role.description,
            "MaxSessionDuration": role.max_session_duration,
            **_signin_shown(role),
        }
    return _listed(role)


@memoized
def _listed(role: Role) -> Description:
    return Description(
        {
            "Path": role.path,
            "RoleName": role.name,
            "RoleId": role.id,
            "Arn": role.arn,
            "CreateDate": role.created,
            "AssumeRolePolicyDocument": shown(role.trust),
            "Description": role.description,
            "MaxSessionDuration": role.max_session_duration,
            **_signin_shown(role),
        }
    )


def _signin_shown(role: Role) -> Mapping[str, int]:
    """Return the longest sign-in session, which is omitted where it is unset (iam.md 2.6)."""
    return {"MaxSigninSessionDuration": role.max_signin_session} if role.max_signin_session else {}


def _plain(call: Call, role: Role) -> Mapping[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": shown(readable(call.tx, role.trust)),
    }


def _checked_trust(call: Call, document: str) -> str:
    if size(document) > TRUST_SIZE:
        raise errors.quota("ACLSizePerRole", TRUST_SIZE)
    trust = stored(call.tx, document, is_service=call.gateway.is_service_principal)
    check_shared_issuers(trust)
    return trust
