"""Tags of secrets (secrets.md 22.1)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.secretsmanager.lookups import a_secret, usable
from understudy_aws.services.secretsmanager.records import secrets
from understudy_aws.services.secretsmanager.tag_rules import checked_tags


@operation("secretsmanager:TagResource", on=a_secret)
def tag_resource(call: Call, *, secret_id: str, tags: list[Mapping[str, str]]) -> Answer:
    """Add tags. They replace those of the same key."""
    secret = usable(call, secret_id)
    secrets.put(call.tx, replace(secret, tags=checked_tags(secret.tags, tags)))
    return {}


@operation("secretsmanager:UntagResource", on=a_secret)
def untag_resource(call: Call, *, secret_id: str, tag_keys: list[str]) -> Answer:
    """Remove tags. A key that is not there is no error."""
    secret = usable(call, secret_id)
    removed = frozenset(tag_keys)
    secrets.put(call.tx, replace(secret, tags=tuple(each for each in secret.tags if each[0] not in removed)))
    return {}
