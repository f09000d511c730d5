"""What tags of parameters may be (parameters.md 23.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.services.ssm import errors

_MOST_TAGS = 50


def checked_tags(
    old: Iterable[tuple[str, str]], new: Iterable[Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return tags with further ones, which replace those of the same key. Raises what Systems Manager raises."""
    tags = dict(old)
    for tag in new:
        if tag["Key"].lower().startswith("aws:"):
            raise errors.invalid("aws: prefixed tag key names are not allowed for external use.")
        tags[tag["Key"]] = tag["Value"]
    if len(tags) > _MOST_TAGS:
        raise errors.too_many_tags(_MOST_TAGS)
    return tuple(tags.items())
