"""The rules for tags of IAM's entities (iam.md 2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from understudy_aws.gateway.tag_keys import tag_keys
from understudy_aws.services.iam import errors

Tags = tuple[tuple[str, str], ...]
MOST = 50


def merged(existing: Tags, added: Sequence[Mapping[str, str]] | None, *, ignore_case: bool = True) -> Tags:
    """Return tags with some added or replaced.

    Keys of users and roles compare without case, those of policies with it.
    """
    if not added:
        return existing
    if len(added) > MOST:
        raise errors.validation(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MOST}"
        )
    fold = str.lower if ignore_case else str
    new: dict[str, tuple[str, str]] = {}
    for tag in added:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise errors.invalid_input("Tag keys beginning with aws: are reserved for system use.")
        if fold(key) in new:
            raise errors.invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        new[fold(key)] = (key, tag.get("Value", ""))
    all_tags = {fold(key): (key, value) for key, value in existing} | new
    if len(all_tags) > MOST:
        raise errors.limit(f"The number of tags has reached the maximum limit of {MOST}.")
    return tuple(all_tags.values())


def without(existing: Tags, keys: Iterable[str], *, ignore_case: bool = True) -> Tags:
    """Return tags without those of some keys. A key that is not there is no error."""
    fold = str.lower if ignore_case else str
    gone = {fold(key) for key in keys}
    return tuple((key, value) for key, value in existing if fold(key) not in gone)


def listed(tags: Tags) -> list[dict[str, str]]:
    """Return tags as answers show them."""
    return [{"Key": key, "Value": value} for key, value in tags]


def shown(tags: Tags) -> list[dict[str, str]] | None:
    """Return tags as answers show them, or None for no tags."""
    return listed(tags) if tags else None


def request_keys(params: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of a request's tags or tag keys. Without them it is empty."""
    keys: dict[str, str | list[str]] = {}
    names = list(params.get("tag_keys") or ())
    given = [(tag["Key"], tag.get("Value", "")) for tag in params.get("tags") or ()]
    keys.update(tag_keys("aws:requesttag", given))
    names += [key for key, _ in given]
    if names:
        keys["aws:tagkeys"] = names
    return keys


def resource_keys(tags: Tags) -> dict[str, str | list[str]]:
    """Return `aws:ResourceTag/…` for the tags of a resource."""
    return tag_keys("aws:resourcetag", tags)


def entity_keys(tags: Tags) -> dict[str, str | list[str]]:
    """Return `aws:ResourceTag/…` and `iam:ResourceTag/…` for the tags of a user or role (policies.md 4.7)."""
    return {**tag_keys("aws:resourcetag", tags), **tag_keys("iam:resourcetag", tags)} if tags else {}
