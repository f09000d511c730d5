"""What tags of repositories may be (registry.md 24.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.services.ecr import errors

_MOST_TAGS = 50


def checked_tags(
    old: Iterable[tuple[str, str]], new: Iterable[Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return tags with further ones, which replace those of the same key. Raises what the registry raises."""
    tags = dict(old)
    for tag in new:
        if not tag["Key"] or tag["Key"].lower().startswith("aws:"):
            raise errors.wrong_tag("A tag must have a key, which can't begin with aws:.")
        tags[tag["Key"]] = tag["Value"]
    if len(tags) > _MOST_TAGS:
        raise errors.too_many_tags(_MOST_TAGS)
    return tuple(tags.items())
