"""Tags of App Runner's resources."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from understudy.core.answers import Answer
from understudy.gateway.call import Call, Params, Target
from understudy.gateway.operations import operation
from understudy.services.apprunner import errors
from understudy.services.apprunner.targets import request_tags, resource_tags
from understudy.services.apprunner.vpc_connectors import (
    VpcConnector,
    find,
    new_tags,
    require_supported_region,
    vpc_connectors,
)


def a_resource(call: Call, params: Params) -> Sequence[Target]:
    arn = params["resource_arn"]
    connector = find(call, arn)
    keys = resource_tags(connector.tags) if connector else {}
    if params.get("tags"):
        keys |= request_tags(params["tags"])
    elif params.get("tag_keys"):
        keys["aws:tagkeys"] = list(params["tag_keys"])
    return [Target(arn, keys)]


@operation("apprunner:TagResource", on=a_resource)
def tag_resource(call: Call, *, resource_arn: str, tags: list[dict[str, str]]) -> Answer:
    """Add tags, or overwrite those there are."""
    connector = _existing(call, resource_arn)
    vpc_connectors.put(call.tx, msgspec.structs.replace(connector, tags=new_tags(connector.tags, tags)))
    return {}


@operation("apprunner:UntagResource", on=a_resource)
def untag_resource(call: Call, *, resource_arn: str, tag_keys: list[str]) -> Answer:
    """Remove tags; a key that is not there is no error."""
    connector = _existing(call, resource_arn)
    kept = tuple((name, value) for name, value in connector.tags if name not in tag_keys)
    vpc_connectors.put(call.tx, msgspec.structs.replace(connector, tags=kept))
    return {}


@operation("apprunner:ListTagsForResource", on=a_resource)
def list_tags_for_resource(call: Call, *, resource_arn: str) -> Answer:
    """The tags of one resource."""
    connector = _existing(call, resource_arn)
    return {"Tags": [{"Key": name, "Value": value} for name, value in connector.tags]}


def _existing(call: Call, arn: str) -> VpcConnector:
    require_supported_region(call)
    connector = find(call, arn)
    if connector is None or not connector.active:
        raise errors.no_such_resource(arn)
    return connector
