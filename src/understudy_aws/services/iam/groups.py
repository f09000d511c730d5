"""IAM groups and their users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import iam
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.listings import after, listing, sorted_listing
from understudy_aws.services.iam.users import a_user, existing_user, users
from understudy_aws.services.iam.users import describe as describe_user
from understudy_aws.store.tables import Record, Table, memoized

GROUPS_PER_ACCOUNT = 300
GROUPS_PER_USER = 10


class Group(Record, frozen=True, kw_only=True):
    """A group with its policies. The records of its users name it."""

    account: str
    name: str
    id: str
    created: datetime
    path: str = "/"
    attached: tuple[str, ...] = ()
    inline: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return iam(self.account, f"group{self.path}{self.name}")


groups = Table(
    "iam/group",
    Group,
    key=lambda group: (group.account, group.name.lower()),
    indexes={
        "by_account": lambda group: (group.account,),
        "by_policy": lambda group: tuple((group.account, arn) for arn in group.attached),
    },
)


def existing_group(call: Call, name: str) -> Group:
    """Return the group of that name, in whatever letter case. Raises NoSuchEntity."""
    group = groups.get(call.tx, call.account, name.lower())
    if group is None:
        raise errors.no_such("group", name)
    return group


def group_target(call: Call, name: str, keys: Mapping[str, str | list[str]] | None = None) -> Target:
    group = groups.get(call.tx, call.account, name.lower())
    return Target(group.arn if group else iam(call.account, f"group/{name}"), keys or {})


def a_group(call: Call, params: Params) -> Sequence[Target]:
    return [group_target(call, params["group_name"])]


def a_new_group(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"group{params.get('path') or '/'}{params['group_name']}"))]


def a_group_and_its_new_name(call: Call, params: Params) -> Sequence[Target]:
    """Return the group under its old and its new name. Renaming and moving take the permission on both."""
    group = groups.get(call.tx, call.account, params["group_name"].lower())
    path = params.get("new_path") or (group.path if group else "/")
    name = params.get("new_group_name") or (group.name if group else params["group_name"])
    return [group_target(call, params["group_name"]), Target(iam(call.account, f"group{path}{name}"))]


def groups_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"group{params.get('path_prefix') or '/'}"))]


@operation("iam:CreateGroup", on=a_new_group)
def create_group(call: Call, *, group_name: str, path: str | None = None) -> Answer:
    """Make a group."""
    if groups.get(call.tx, call.account, group_name.lower()) is not None:
        raise errors.exists(f"Group with name {group_name} already exists.")
    if groups.count_where(call.tx, "by_account", call.account) >= GROUPS_PER_ACCOUNT:
        raise errors.quota("GroupsPerAccount", GROUPS_PER_ACCOUNT)
    group = Group(
        account=call.account, name=group_name, id=call.ids.iam("AGPA"), created=call.at, path=path or "/"
    )
    return {"Group": describe(groups.put(call.tx, group))}


@operation("iam:GetGroup", on=a_group)
def get_group(
    call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """Describe a group and list a page of its users."""
    group = existing_group(call, group_name)
    members = users.where(call.tx, "by_group", (call.account, group.name.lower()))
    page = sorted_listing(
        "Users",
        members,
        describe_user,
        key=lambda user: (user.name.lower(),),
        scope=f"GetGroup:{group.id}",
        max_items=max_items,
        marker=marker,
    )
    return {"Group": describe(group), **page}


@operation("iam:ListGroups", on=groups_under)
def list_groups(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List groups by name."""
    prefix = path_prefix or "/"
    scope = f"ListGroups:{prefix}"
    found = (
        group
        for group in groups.scan(call.tx, call.account, after=after(marker, scope, account=call.account))
        if group.path.startswith(prefix)
    )
    return listing("Groups", found, describe, key=groups.key, scope=scope, max_items=max_items)


@operation("iam:UpdateGroup", on=a_group_and_its_new_name)
def update_group(
    call: Call, *, group_name: str, new_path: str | None = None, new_group_name: str | None = None
) -> None:
    """Rename a group or change its path. Its users and policies stay."""
    group = existing_group(call, group_name)
    name = new_group_name or group.name
    other = groups.get(call.tx, call.account, name.lower())
    if other is not None and other.id != group.id:
        raise errors.exists(f"Group with name {name} already exists.")
    old = group.name.lower()
    groups.delete(call.tx, group)
    groups.put(call.tx, msgspec.structs.replace(group, name=name, path=new_path or group.path))
    for user in users.where(call.tx, "by_group", (call.account, old)):
        kept = tuple(name.lower() if each == old else each for each in user.groups)
        users.put(call.tx, msgspec.structs.replace(user, groups=kept))


@operation("iam:DeleteGroup", on=a_group)
def delete_group(call: Call, *, group_name: str) -> None:
    """Delete a group without users and policies. Raises DeleteConflict."""
    group = existing_group(call, group_name)
    if group.attached:
        raise errors.conflict("Cannot delete entity, must detach all policies first.")
    if group.inline:
        raise errors.conflict("Cannot delete entity, must delete policies first.")
    if users.count_where(call.tx, "by_group", (call.account, group.name.lower())):
        raise errors.conflict("Cannot delete entity, must remove users from group first.")
    groups.delete(call.tx, group)


@operation("iam:AddUserToGroup", on=a_group)
def add_user_to_group(call: Call, *, group_name: str, user_name: str) -> None:
    """Add a user to a group. It is no error if it is a member."""
    group, user = existing_group(call, group_name), existing_user(call, user_name)
    if group.name.lower() in user.groups:
        return
    if len(user.groups) >= GROUPS_PER_USER:
        raise errors.quota("GroupsPerUser", GROUPS_PER_USER)
    users.put(call.tx, msgspec.structs.replace(user, groups=(*user.groups, group.name.lower())))


@operation("iam:RemoveUserFromGroup", on=a_group)
def remove_user_from_group(call: Call, *, group_name: str, user_name: str) -> None:
    """Remove a user from a group. It is no error if it is no member."""
    group, user = existing_group(call, group_name), existing_user(call, user_name)
    kept = tuple(each for each in user.groups if each != group.name.lower())
    users.put(call.tx, msgspec.structs.replace(user, groups=kept))


@operation("iam:ListGroupsForUser", on=a_user)
def list_groups_for_user(
    call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the groups that a user is in."""
    user = existing_user(call, user_name)
    found = [group for name in user.groups if (group := groups.get(call.tx, call.account, name))]
    return sorted_listing(
        "Groups",
        found,
        describe,
        key=lambda group: (group.name.lower(),),
        scope=f"ListGroupsForUser:{user.id}",
        max_items=max_items,
        marker=marker,
    )


@memoized
def describe(group: Group) -> Description:
    """Return a group as answers describe it."""
    return Description(
        {
            "Path": group.path,
            "GroupName": group.name,
            "GroupId": group.id,
            "Arn": group.arn,
            "CreateDate": group.created,
        }
    )
