"""The operations on tags of log groups: those by ARN, and the older ones by name."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.logs import errors
from understudy_aws.services.logs.lookups import the_group
from understudy_aws.services.logs.records import LogGroup, log_groups
from understudy_aws.services.logs.tag_rules import checked_tags
from understudy_aws.services.logs.targets import a_tagged_group


@operation("logs:TagResource", on=a_tagged_group)
def tag_resource(call: Call, *, resource_arn: str, tags: Mapping[str, str]) -> None:
    """Add tags. They replace those of the same key."""
    _add(call, _by_arn(call, resource_arn), tags)


@operation("logs:UntagResource", on=a_tagged_group)
def untag_resource(call: Call, *, resource_arn: str, tag_keys: list[str]) -> None:
    """Remove tags. A key that is not there is no error."""
    _remove(call, _by_arn(call, resource_arn), tag_keys)


@operation("logs:ListTagsForResource", on=a_tagged_group)
def list_tags_for_resource(call: Call, *, resource_arn: str) -> Answer:
    """List the tags of a log group."""
    return {"tags": _by_arn(call, resource_arn).tags}


@operation("logs:TagLogGroup", on=a_tagged_group)
def tag_log_group(call: Call, *, log_group_name: str, tags: Mapping[str, str]) -> None:
    """Add tags to the group of a name."""
    _add(call, the_group(call, log_group_name), tags)


@operation("logs:UntagLogGroup", on=a_tagged_group)
def untag_log_group(call: Call, *, log_group_name: str, tags: list[str]) -> None:
    """Remove tags from the group of a name."""
    _remove(call, the_group(call, log_group_name), tags)


@operation("logs:ListTagsLogGroup", on=a_tagged_group)
def list_tags_log_group(call: Call, *, log_group_name: str) -> Answer:
    """List the tags of the group of a name."""
    return {"tags": the_group(call, log_group_name).tags}


def _by_arn(call: Call, text: str) -> LogGroup:
    arn = parse(text)
    if arn is None or arn.service != "logs":
        raise errors.invalid_parameter("The specified resource ARN is not valid.")
    name = arn.resource.removeprefix("log-group:").removesuffix(":*")
    found = log_groups.get(call.tx, arn.account, arn.region, name)
    # The caller was allowed to act on the ARN as it was given: another spelling of it is another resource.
    spelled = found is not None and found.arn == text.removesuffix(":*")
    if found is None or not spelled or (arn.account, arn.region) != (call.account, call.region):
        raise errors.no_such_resource()
    return found


def _add(call: Call, group: LogGroup, tags: Mapping[str, str]) -> None:
    log_groups.put(call.tx, replace(group, tags=checked_tags(group.tags, tags, group.arn)))


def _remove(call: Call, group: LogGroup, keys: list[str]) -> None:
    left = {key: value for key, value in group.tags.items() if key not in keys}
    log_groups.put(call.tx, replace(group, tags=left))
