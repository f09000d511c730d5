"""Instance profiles, by which EC2 instances are given a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.listings import after, listing, short_listing, tags_listed
from understudy_aws.services.iam.role_records import InstanceProfile, instance_profiles, roles
from understudy_aws.services.iam.roles import a_role, created, existing_role, modifiable_role
from understudy_aws.services.iam.tags import merged

PROFILES_PER_ACCOUNT = 1000


def _existing(call: Call, name: str) -> InstanceProfile:
    profile = instance_profiles.get(call.tx, call.account, name.lower())
    if profile is None:
        raise ApiError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
    return profile


def a_profile(call: Call, params: Params) -> Sequence[Target]:
    name = params["instance_profile_name"]
    profile = instance_profiles.get(call.tx, call.account, name.lower())
    arn = profile.arn if profile else iam(call.account, f"instance-profile/{name}")
    kept = tags.resource_keys(profile.tags) if profile else {}
    return [Target(arn, {**kept, **tags.request_keys(params)})]


def a_new_profile(call: Call, params: Params) -> Sequence[Target]:
    arn = iam(call.account, f"instance-profile{params.get('path') or '/'}{params['instance_profile_name']}")
    target = Target(arn, tags.request_keys(params))
    return [target, replace(target, action="iam:TagInstanceProfile")] if params.get("tags") else [target]


def profiles_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"instance-profile{params.get('path_prefix') or '/'}"))]


@operation("iam:CreateInstanceProfile", on=a_new_profile)
def create_instance_profile(
    call: Call,
    *,
    instance_profile_name: str,
    path: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make an instance profile without role."""
    if instance_profiles.get(call.tx, call.account, instance_profile_name.lower()) is not None:
        raise errors.exists(f"Instance Profile {instance_profile_name} already exists.")
    if instance_profiles.count_where(call.tx, "by_account", call.account) >= PROFILES_PER_ACCOUNT:
        raise errors.quota("InstanceProfilesPerAccount", PROFILES_PER_ACCOUNT)
    profile = InstanceProfile(
        account=call.account,
        name=instance_profile_name,
        id=call.ids.iam("AIPA"),
        created=call.at,
        path=path or "/",
        tags=merged((), tags, ignore_case=False),
    )
    return {"InstanceProfile": describe(call, instance_profiles.put(call.tx, profile))}


@operation("iam:GetInstanceProfile", on=a_profile)
def get_instance_profile(call: Call, *, instance_profile_name: str) -> Answer:
    """Describe an instance profile and the role in it."""
    profile = _existing(call, instance_profile_name)
    # Without tags the list is empty here, as in GetPolicy (iam.md 2.4).
    return {"InstanceProfile": {**describe(call, profile), "Tags": tags.shown(profile.tags) or []}}


@operation("iam:ListInstanceProfiles", on=profiles_under)
def list_instance_profiles(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List instance profiles by name."""
    prefix = path_prefix or "/"
    scope = f"ListInstanceProfiles:{prefix}"
    found = (
        profile
        for profile in instance_profiles.scan(
            call.tx, call.account, after=after(marker, scope, account=call.account)
        )
        if profile.path.startswith(prefix)
    )
    return listing(
        "InstanceProfiles",
        found,
        lambda profile: describe(call, profile),
        key=instance_profiles.key,
        scope=scope,
        max_items=max_items,
    )


@operation("iam:ListInstanceProfilesForRole", on=a_role)
def list_instance_profiles_for_role(
    call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the instance profiles that a role is in."""
    role = existing_role(call, role_name)
    return short_listing(
        "InstanceProfiles",
        instance_profiles.where(call.tx, "by_role", (role.account, role.name.lower())),
        lambda profile: describe(call, profile),
        scope="ListInstanceProfilesForRole",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:AddRoleToInstanceProfile", on=a_profile)
def add_role_to_instance_profile(call: Call, *, instance_profile_name: str, role_name: str) -> None:
    """Put a role into an instance profile, which holds one. Service-linked roles are refused.

    Whoever is given the profile can use the role, so that the role is passed to EC2 (`passes` of the service).
    """
    role = modifiable_role(call, role_name)
    profile = _existing(call, instance_profile_name)
    if profile.role:
        raise errors.quota("InstanceSessionsPerInstanceProfile", 1)
    instance_profiles.put(call.tx, msgspec.structs.replace(profile, role=role.name.lower()))


@operation("iam:RemoveRoleFromInstanceProfile", on=a_profile)
def remove_role_from_instance_profile(call: Call, *, instance_profile_name: str, role_name: str) -> None:
    """Remove a role from an instance profile. Service-linked roles are refused."""
    role = modifiable_role(call, role_name)
    profile = _existing(call, instance_profile_name)
    if profile.role != role.name.lower():
        raise errors.no_such("role", role_name)
    instance_profiles.put(call.tx, msgspec.structs.replace(profile, role=""))


@operation("iam:DeleteInstanceProfile", on=a_profile)
def delete_instance_profile(call: Call, *, instance_profile_name: str) -> None:
    """Delete an instance profile without role."""
    profile = _existing(call, instance_profile_name)
    if profile.role:
        raise errors.conflict("Cannot delete entity, must remove roles from instance profile first.")
    instance_profiles.delete(call.tx, profile)


@operation("iam:TagInstanceProfile", on=a_profile)
def tag_instance_profile(call: Call, *, instance_profile_name: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    profile = _existing(call, instance_profile_name)
    kept = merged(profile.tags, tags, ignore_case=False)
    instance_profiles.put(call.tx, msgspec.structs.replace(profile, tags=kept))


@operation("iam:UntagInstanceProfile", on=a_profile)
def untag_instance_profile(call: Call, *, instance_profile_name: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    profile = _existing(call, instance_profile_name)
    kept = tags.without(profile.tags, tag_keys, ignore_case=False)
    instance_profiles.put(call.tx, msgspec.structs.replace(profile, tags=kept))


@operation("iam:ListInstanceProfileTags", on=a_profile)
def list_instance_profile_tags(
    call: Call, *, instance_profile_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List an instance profile's tags."""
    return tags_listed(
        _existing(call, instance_profile_name).tags, "ListInstanceProfileTags", marker, max_items
    )


def describe(call: Call, profile: InstanceProfile) -> Mapping[str, Any]:
    """Return an instance profile with its role as answers describe it."""
    role = roles.get(call.tx, profile.account, profile.role) if profile.role else None
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [created(call, role)] if role else [],
        "Tags": tags.shown(profile.tags),
    }
