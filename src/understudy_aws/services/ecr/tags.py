"""Tags of repositories."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ecr.lookups import a_tagged_repository, by_arn
from understudy_aws.services.ecr.records import repositories
from understudy_aws.services.ecr.tag_rules import checked_tags


@operation("ecr:TagResource", on=a_tagged_repository)
def tag_resource(call: Call, *, resource_arn: str, tags: list[Mapping[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    found = by_arn(call, resource_arn)
    repositories.put(call.tx, replace(found, tags=checked_tags(found.tags, tags)))


@operation("ecr:UntagResource", on=a_tagged_repository)
def untag_resource(call: Call, *, resource_arn: str, tag_keys: list[str]) -> None:
    """Remove tags. A key that is not there is no error."""
    found = by_arn(call, resource_arn)
    removed = frozenset(tag_keys)
    repositories.put(
        call.tx, replace(found, tags=tuple(each for each in found.tags if each[0] not in removed))
    )


@operation("ecr:ListTagsForResource", on=a_tagged_repository)
def list_tags_for_resource(call: Call, *, resource_arn: str) -> Answer:
    """List the tags of a repository."""
    return {"tags": [{"Key": key, "Value": value} for key, value in by_arn(call, resource_arn).tags]}
