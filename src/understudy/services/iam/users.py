"""IAM users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy.core.answers import Answer, Description
from understudy.core.arn import iam
from understudy.gateway.call import Call, Params, Target
from understudy.gateway.operations import operation
from understudy.services.iam import errors, tags
from understudy.services.iam.listings import after, listing, tags_listed
from understudy.services.iam.policy_records import check_boundary
from understudy.store.tables import Record, Table, memoized

USERS_PER_ACCOUNT = 5000


class AccessKey(Record, frozen=True, kw_only=True):
    """A long-term key. `user` is the user's key: his name in lower case."""

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


class User(Record, frozen=True, kw_only=True):
    """A user, with what is attached to it. `groups` are keys (lower-case names), `inline` pairs of name and text."""

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
    """The caller's account's user of that name, in any case. Raises NoSuchEntity."""
    user = find(call, name)
    if user is None:
        raise errors.no_such("user", name)
    return user


def named_or_calling(call: Call, name: str | None) -> User:
    """The user named, or when none is, the user who calls. Raises NoSuchEntity, or ValidationError for a role."""
    if name is not None:
        return existing_user(call, name)
    if call.caller.kind != "user":
        raise errors.validation("Must specify userName when calling with non-User credentials")
    return existing_user(call, call.caller.name)


def user_target(call: Call, name: str, keys: Mapping[str, str | list[str]] | None = None) -> Target:
    """The user's ARN and tags; for a name nobody has, the ARN he would have."""
    user = find(call, name)
    arn = user.arn if user else iam(call.account, f"user/{name}")
    return Target(arn, {**(tags.entity_keys(user.tags) if user else {}), **(keys or {})})


def a_user(call: Call, params: Params) -> Sequence[Target]:
    """The user named, or the caller himself."""
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
    """The user, and the user he becomes: renaming and moving take the permission on both."""
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
    """Describe a user; without a name the one who calls."""
    user = named_or_calling(call, user_name)
    return {"User": {**describe(user), **details(user)}}


@operation("iam:ListUsers", on=users_under)
def list_users(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List users by name, a page at a time."""
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
    """Rename a user or move it to another path; its keys, groups and policies stay."""
    user = existing_user(call, user_name)
    name = new_user_name or user.name
    other = find(call, name)
    if other is not None and other.id != user.id:
        raise errors.exists(f"User with name {name} already exists.")
    users.delete(call.tx, user)
    users.put(call.tx, msgspec.structs.replace(user, name=name, path=new_path or user.path))
    for key in access_keys.where(call.tx, "by_user", (user.account, user.name.lower())):
        access_keys.put(call.tx, msgspec.structs.replace(key, user=name.lower()))


@operation("iam:DeleteUser", on=a_user)
def delete_user(call: Call, *, user_name: str) -> None:
    """Delete a user from which everything was taken before. Raises DeleteConflict."""
    user = existing_user(call, user_name)
    if user.attached:
        raise errors.conflict("Cannot delete entity, must detach all policies first.")
    if user.inline:
        raise errors.conflict("Cannot delete entity, must delete policies first.")
    if user.groups:
        raise errors.conflict("Cannot delete entity, must remove users from group first.")
    if access_keys.count_where(call.tx, "by_user", (user.account, user.name.lower())):
        raise errors.conflict("Cannot delete entity, must delete access keys first.")
    users.delete(call.tx, user)


@operation("iam:TagUser", on=a_user)
def tag_user(call: Call, *, user_name: str, tags: list[dict[str, str]]) -> None:
    """Add tags, or replace those of the same key."""
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
    """A user's tags."""
    return tags_listed(existing_user(call, user_name).tags, "ListUserTags", marker, max_items)


@memoized
def describe(user: User) -> Description:
    """A user as lists show one."""
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
    """What only Create and Get show."""
    return {"PermissionsBoundary": boundary_shown(user.boundary), "Tags": tags.shown(user.tags)}


def boundary_shown(arn: str) -> Mapping[str, str] | None:
    """A permissions boundary by AWS's names."""
    if not arn:
        return None
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


# `tags` is a parameter's name in AWS's API, and hides the module where it is one.
merged = tags.merged
