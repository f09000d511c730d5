"""What tags of secrets may be (secrets.md 22.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.services.secretsmanager import errors

_MOST_TAGS = 50


def checked_tags(
    old: Iterable[tuple[str, str]], new: Iterable[Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return tags with further ones, which replace those of the same key. Raises what Secrets Manager raises."""
    tags = dict(old)
    for tag in new:
        key = tag.get("Key", "")
        if not key or key.lower().startswith("aws:"):
            raise errors.invalid_parameter("A tag must have a key, which can't begin with aws:.")
        tags[key] = tag.get("Value", "")
    if len(tags) > _MOST_TAGS:
        raise errors.invalid_parameter(f"A secret can have at most {_MOST_TAGS} tags.")
    return tuple(tags.items())
