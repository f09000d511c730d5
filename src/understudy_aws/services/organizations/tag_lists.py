"""The rules for tags in Organizations. They are IAM's with other error texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy_aws.gateway.tag_keys import tag_keys
from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations import errors

MOST = 50


def merged(existing: Tags, added: Sequence[Mapping[str, str]] | None) -> Tags:
    """Return tags with some added or replaced. Keys compare with case. Raises InvalidInput, ConstraintViolation."""
    keys = [tag["Key"] for tag in added or ()]
    if any(key.lower().startswith("aws:") for key in keys):
        raise errors.invalid(
            "INVALID_SYSTEM_TAGS_PARAMETER", "Tag keys that begin with aws: are reserved for AWS."
        )
    if len(set(keys)) != len(keys):
        raise errors.invalid("DUPLICATE_TAG_KEY", "A tag key can be given only once.")
    tags = {**dict(existing), **{tag["Key"]: tag["Value"] for tag in added or ()}}
    if len(tags) > MOST:
        raise errors.constraint("MAX_TAG_LIMIT_EXCEEDED", f"A resource can have up to {MOST} tags.")
    return tuple(tags.items())


def resource_keys(tags: Tags) -> dict[str, str | list[str]]:
    """Return `aws:ResourceTag/…` for the tags of a resource."""
    return tag_keys("aws:resourcetag", tags)
