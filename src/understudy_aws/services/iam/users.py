"""IAM users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import iam
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.credential_records import (
    login_profiles,
    mfa_devices,
    service_specific_credentials,
    signing_certificates,
    ssh_public_keys,
)
from understudy_aws.services.iam.listings import after, listing, tags_listed
from understudy_aws.services.iam.policy_records import check_boundary
from understudy_aws.store.tables import Record, Table, memoized

USERS_PER_ACCOUNT = 5000


class AccessKey(Record, frozen=True, kw_only=True):
    """A long-term key. `user` is the lower-case name of its user."""

    id: str
    account: str
    user: str
    secret: str
    created: datetime
    active: bool = True


access_keys = Table(
    "iam/access-key",
    AccessKey,
    key=lambda key: (key.id,),
    indexes={"by_user": lambda key: ((key.account, key.user),)},
)


# What belongs to a user, and what AWS says to whoever deletes the user before it (credentials.md 30.7).
_BELONGINGS: tuple[tuple[Table[Any], str], ...] = (
    (access_keys, "must delete access keys first"),
    (signing_certificates, "must delete certificates first"),
    (login_profiles, "must delete login profile first"),
    (mfa_devices, "must remove tokens from principal first"),
    (ssh_public_keys, "must remove referenced objects first"),
    (service_specific_credentials, "must remove referenced objects first"),
)


class User(Record, frozen=True, kw_only=True):
    """A user with its policies. `groups` are lower-case names, `inline` are pairs of name and document."""

    account: str
    name: str
    id: str
    created: datetime
    path: str = "/"
    tags: tags.Tags = ()
    groups: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    inline: tuple[tuple[str, str], ...] = ()
    boundary: str = ""

    @property
    def arn(self) -> str:
        return iam(self.account, f"user{self.path}{self.name}")


users = Table(
    "iam/user",
    User,
    key=lambda user: (user.account, user.name.lower()),
    indexes={
        "by_account": lambda user: (user.account,),
        "by_id": lambda user: (user.id,),
        "by_group": lambda user: tuple((user.account, group) for group in user.groups),
        "by_policy": lambda user: tuple((user.account, arn) for arn in user.attached),
        "by_boundary": lambda user: ((user.account, user.boundary),) if user.boundary else (),
    },
)


def find(call: Call, name: str) -> User | None:
    return users.get(call.tx, call.account, name.lower())


def existing_user(call: Call, name: str) -> User:
    """Return the user of that name in the caller's account, in whatever letter case. Raises NoSuchEntity."""
    user = find(call, name)
    if user is None:
        raise errors.no_such("user", name)
    return user


def named_or_calling(call: Call, name: str | None) -> User:
    """Return the user named, or else the calling user. Raises NoSuchEntity, and ValidationError for a calling role.

    The calling root user is one without a name, to whom nothing belongs.
    """
    if name is not None:
        return existing_user(call, name)
    if call.caller.kind == "root":
        return User(account=call.account, name="", id=call.account, created=account_began(call))
    if call.caller.kind != "user":
        raise errors.validation("Must specify userName when calling with non-User credentials")
    return existing_user(call, call.caller.name)


def account_began(call: Call) -> datetime:
    """Return when the account was made, which is as old as the first user in it."""
    return min((user.created for user in users.scan(call.tx, call.account)), default=call.at)


def user_target(call: Call, name: str, keys: Mapping[str, str | list[str]] | None = None) -> Target:
    """Return the user's ARN and tags. For a user that does not exist it is the ARN it would have."""
    user = find(call, name)
    arn = user.arn if user else iam(call.account, f"user/{name}")
    return Target(arn, {**(tags.entity_keys(user.tags) if user else {}), **(keys or {})})


def a_user(call: Call, params: Params) -> Sequence[Target]:
    """Return the user named, or else the calling user."""
    if call.caller.kind == "root" and params.get("user_name") is None:
        return [Target(call.caller.arn)]
    return [user_target(call, params.get("user_name") or call.caller.name, tags.request_keys(params))]


def a_new_user(call: Call, params: Params) -> Sequence[Target]:
    keys = tags.request_keys(params)
    if params.get("permissions_boundary"):
        keys["iam:permissionsboundary"] = params["permissions_boundary"]
    targets = [Target(iam(call.account, f"user{params.get('path') or '/'}{params['user_name']}"), keys)]
    if params.get("tags"):
        targets.append(Target(targets[0].resource, tags.request_keys(params), action="iam:TagUser"))
    return targets


def a_user_and_his_new_name(call: Call, params: Params) -> Sequence[Target]:
    """Return the user under its old and its new name. Renaming and moving take the permission on both."""
    user = find(call, params["user_name"])
    path = params.get("new_path") or (user.path if user else "/")
    name = params.get("new_user_name") or (user.name if user else params["user_name"])
    target = user_target(call, params["user_name"])
    return [target, replace(target, resource=iam(call.account, f"user{path}{name}"))]


def users_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"user{params.get('path_prefix') or '/'}"))]


@operation("iam:CreateUser", on=a_new_user)
def create_user(
    call: Call,
    *,
    user_name: str,
    path: str | None = None,
    permissions_boundary: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a user without any permission."""
    if permissions_boundary is not None:
        check_boundary(call, permissions_boundary, "user")
    if find(call, user_name) is not None:
        raise errors.exists(f"User with name {user_name} already exists.")
    if users.count_where(call.tx, "by_account", call.account) >= USERS_PER_ACCOUNT:
        raise errors.quota("UsersPerAccount", USERS_PER_ACCOUNT)
    user = User(
        account=call.account,
        name=user_name,
        id=call.ids.iam("AIDA"),
        created=call.at,
        path=path or "/",
        tags=merged((), tags),
        boundary=permissions_boundary or "",
    )
    return {"User": {**describe(users.put(call.tx, user)), **details(user)}}


@operation("iam:GetUser", on=a_user)
def get_user(call: Call, *, user_name: str | None = None) -> Answer:
    """Describe the user named, or else the calling user. The root user has neither a name nor a path."""
    user = named_or_calling(call, user_name)
    if not user.name:
        return {"User": {"UserId": user.id, "Arn": call.caller.arn, "CreateDate": user.created}}
    return {"User": {**describe(user), **details(user)}}


@operation("iam:ListUsers", on=users_under)
def list_users(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List users by name."""
    prefix = path_prefix or "/"
    scope = f"ListUsers:{prefix}"
    found = (
        user
        for user in users.scan(call.tx, call.account, after=after(marker, scope, account=call.account))
        if user.path.startswith(prefix)
    )
    return listing("Users", found, describe, key=users.key, scope=scope, max_items=max_items)


@operation("iam:UpdateUser", on=a_user_and_his_new_name)
def update_user(
    call: Call, *, user_name: str, new_path: str | None = None, new_user_name: str | None = None
) -> None:
    """Rename a user or change its path. Its credentials, groups and policies stay."""
    user = existing_user(call, user_name)
    name = new_user_name or user.name
    other = find(call, name)
    if other is not None and other.id != user.id:
        raise errors.exists(f"User with name {name} already exists.")
    users.delete(call.tx, user)
    users.put(call.tx, msgspec.structs.replace(user, name=name, path=new_path or user.path))
    for table, _ in _BELONGINGS:
        for record in table.where(call.tx, "by_user", (user.account, user.name.lower())):
            table.delete(call.tx, record)
            table.put(call.tx, msgspec.structs.replace(record, user=name.lower()))


@operation("iam:DeleteUser", on=a_user)
def delete_user(call: Call, *, user_name: str) -> None:
    """Delete a user without credentials, groups and policies. Raises DeleteConflict."""
    user = existing_user(call, user_name)
    if user.attached:
        raise errors.conflict("Cannot delete entity, must detach all policies first.")
    if user.inline:
        raise errors.conflict("Cannot delete entity, must delete policies first.")
    if user.groups:
        raise errors.conflict("Cannot delete entity, must remove users from group first.")
    for table, what in _BELONGINGS:
        if table.count_where(call.tx, "by_user", (user.account, user.name.lower())):
            raise errors.conflict(f"Cannot delete entity, {what}.")
    users.delete(call.tx, user)


@operation("iam:TagUser", on=a_user)
def tag_user(call: Call, *, user_name: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    user = existing_user(call, user_name)
    if not tags:
        raise errors.invalid_input("The list of tags must not be empty.")
    users.put(call.tx, msgspec.structs.replace(user, tags=merged(user.tags, tags)))


@operation("iam:UntagUser", on=a_user)
def untag_user(call: Call, *, user_name: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    user = existing_user(call, user_name)
    users.put(call.tx, msgspec.structs.replace(user, tags=tags.without(user.tags, tag_keys)))


@operation("iam:ListUserTags", on=a_user)
def list_user_tags(
    call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a user's tags."""
    return tags_listed(existing_user(call, user_name).tags, "ListUserTags", marker, max_items)


@memoized
def describe(user: User) -> Description:
    """Return a user as lists show it."""
    return Description(
        {
            "Path": user.path,
            "UserName": user.name,
            "UserId": user.id,
            "Arn": user.arn,
            "CreateDate": user.created,
        }
    )


def details(user: User) -> Mapping[str, Any]:
    """Return what only CreateUser and GetUser show."""
    return {"PermissionsBoundary": boundary_shown(user.boundary), "Tags": tags.shown(user.tags)}


def boundary_shown(arn: str) -> Mapping[str, str] | None:
    """Return a permissions boundary as answers show it."""
    if not arn:
        return None
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


# `tags` is a parameter's name in AWS's API, and hides the module where it is one.
merged = tags.merged
