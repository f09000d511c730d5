"""Tags as requests give them, and the rules for them (ec2.md 7.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.errors import invalid, limit

TAGS_PER_RESOURCE = 50
_LONGEST_KEY = 128
_LONGEST_VALUE = 256

Tags = dict[str, str]
TagSpecifications = list[dict[str, Any]] | None


def tags_for(kind: str, specifications: TagSpecifications) -> Tags:
    """Return the tags that a new resource of this kind gets. Raises InvalidParameterValue, TagLimitExceeded."""
    if not specifications:
        return {}
    given: list[Mapping[str, Any]] = []
    for entry in specifications:
        named = entry.get("ResourceType")
        if named is None:
            raise errors.tags_of_no_kind()
        if named != kind:
            raise invalid(f"'{named}' is not a valid taggable resource type for this operation.")
        if given:
            raise invalid(f"Tag specification resource type '{kind}' must not appear multiple times.")
        given.extend(entry.get("Tags") or ())
        if not given:
            raise invalid("Tag specification must have at least one tag.")
    return with_tags({}, given)


def with_tags(tags: Mapping[str, str], given: Sequence[Mapping[str, Any]]) -> Tags:
    """Return tags with the given ones added or replaced. Raises InvalidParameterValue, TagLimitExceeded."""
    new: Tags = {}
    for tag in given:
        key = checked_key(tag)
        value = str(tag.get("Value") or "")
        if key in new:
            raise invalid(f"Duplicate tag key '{key}' specified.")
        if len(value) > _LONGEST_VALUE:
            raise invalid(f"Tag value exceeds the maximum length of {_LONGEST_VALUE} characters")
        new[key] = value
    # Tags of AWS's own do not count.
    merged = {**tags, **new}
    if sum(not key.startswith("aws:") for key in merged) > TAGS_PER_RESOURCE:
        raise limit("TagLimitExceeded", "Tags for a resource")
    return merged


def checked_key(tag: Mapping[str, Any]) -> str:
    """Return the key of a tag that a customer may set or remove. Raises InvalidParameterValue."""
    key = str(tag.get("Key") or "")
    if not key:
        raise errors.empty_tag_key()
    if len(key) > _LONGEST_KEY:
        raise invalid(f"Tag key exceeds the maximum length of {_LONGEST_KEY} characters")
    if key.lower().startswith("aws:"):
        raise invalid("Tag keys starting with 'aws:' are reserved for internal use")
    return key


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as answers show them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()] if tags else []
