"""Tags of parameters. Of the other kinds that Systems Manager tags there are no resources here."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.lookups import a_tagged_resource, found_by
from understudy_aws.services.ssm.names import selected
from understudy_aws.services.ssm.records import Parameter, parameters
from understudy_aws.services.ssm.tag_rules import checked_tags


@operation("ssm:AddTagsToResource", on=a_tagged_resource)
def add_tags_to_resource(
    call: Call, *, resource_type: str, resource_id: str, tags: list[Mapping[str, str]]
) -> None:
    """Add tags. They replace those of the same key."""
    parameter = _tagged(call, resource_type, resource_id)
    parameters.put(call.tx, replace(parameter, tags=checked_tags(parameter.tags, tags)))


@operation("ssm:RemoveTagsFromResource", on=a_tagged_resource)
def remove_tags_from_resource(
    call: Call, *, resource_type: str, resource_id: str, tag_keys: list[str]
) -> None:
    """Remove tags. A key that is not there is no error."""
    parameter = _tagged(call, resource_type, resource_id)
    removed = frozenset(tag_keys)
    left = tuple(each for each in parameter.tags if each[0] not in removed)
    parameters.put(call.tx, replace(parameter, tags=left))


@operation("ssm:ListTagsForResource", on=a_tagged_resource)
def list_tags_for_resource(call: Call, *, resource_type: str, resource_id: str) -> Answer:
    """List the tags of a parameter."""
    parameter = _tagged(call, resource_type, resource_id)
    return {"TagList": [{"Key": key, "Value": value} for key, value in parameter.tags]}


def _tagged(call: Call, kind: str, id: str) -> Parameter:
    """Return the parameter of the caller's. Raises InvalidResourceId for all else: there is nothing else to tag."""
    found = found_by(call, selected(id)) if kind == "Parameter" else None
    if found is None or found.account != call.account:
        raise errors.no_such_resource()
    return found
