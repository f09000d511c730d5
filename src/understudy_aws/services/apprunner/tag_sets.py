"""The tags of a resource, as requests add to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.services.apprunner import errors

_MOST_TAGS = 50


def new_tags(
    existing: Iterable[tuple[str, str]], added: Iterable[Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return tags with some added or replaced. Raises for more than 50, AWS's usual number (apprunner.md 2.1)."""
    tags = dict(existing)
    for tag in added:
        if "Key" not in tag:
            raise errors.invalid_request("Every tag must have a key.")
        tags[tag["Key"]] = tag.get("Value", "")
    if len(tags) > _MOST_TAGS:
        raise errors.invalid_request("A resource can have at most 50 tags.")
    return tuple(tags.items())
