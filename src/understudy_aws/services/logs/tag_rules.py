"""What tags of log groups may be (logs.md 21.1)."""

from __future__ import annotations

from collections.abc import Mapping

from understudy_aws.services.logs import errors

MOST_TAGS = 50


def checked_tags(old: Mapping[str, str], new: Mapping[str, str], arn: str) -> dict[str, str]:
    """Return a group's tags with further ones, which replace those of the same key. Raises what AWS raises."""
    for key in new:
        if key.lower().startswith("aws:"):
            raise errors.invalid_parameter("Tag keys starting with aws: are reserved for AWS.")
    merged = {**old, **new}
    if len(merged) > MOST_TAGS:
        raise errors.too_many_tags(arn)
    return merged
