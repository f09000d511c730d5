"""Tags of App Runner's resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.service import TaggedKind
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.resources import RESOURCES
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.services.apprunner.sleep_tag import require_seconds
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.services.apprunner.targets import request_tags

# By the word for the kind in an ARN.
_KINDS: Mapping[str, TaggedKind[Any]] = MappingProxyType({kind.name: kind for kind in RESOURCES})


def a_resource(call: Call, params: Params) -> Sequence[Target]:
    """Return the resource, with the tags it has and those the request names."""
    arn = params["resource_arn"]
    found = _find(call, arn)
    keys = dict(found[0].target(found[1]).keys) if found is not None else {}
    if params.get("tags"):
        keys |= request_tags(params["tags"])
    elif params.get("tag_keys"):
        keys["aws:tagkeys"] = list(params["tag_keys"])
    return [Target(arn, keys)]


@operation("apprunner:TagResource", on=a_resource)
def tag_resource(call: Call, *, resource_arn: str, tags: list[dict[str, str]]) -> Answer:
    """Add tags. They replace those of the same key."""
    kind, resource = _existing(call, resource_arn)
    added = new_tags(kind.tags(resource).items(), tags)
    if isinstance(resource, Service):
        require_seconds(tags)
    kind.set_tags(call.tx, resource, dict(added))
    return {}


@operation("apprunner:UntagResource", on=a_resource)
def untag_resource(call: Call, *, resource_arn: str, tag_keys: list[str]) -> Answer:
    """Remove tags. A key that is not there is no error."""
    kind, resource = _existing(call, resource_arn)
    removed = frozenset(tag_keys)
    left = {name: value for name, value in kind.tags(resource).items() if name not in removed}
    kind.set_tags(call.tx, resource, left)
    return {}


@operation("apprunner:ListTagsForResource", on=a_resource)
def list_tags_for_resource(call: Call, *, resource_arn: str) -> Answer:
    """List the tags of a resource."""
    kind, resource = _existing(call, resource_arn)
    return {"Tags": [{"Key": name, "Value": value} for name, value in kind.tags(resource).items()]}


def _find(call: Call, text: str) -> tuple[TaggedKind[Any], Any] | None:
    """Return the resource of that ARN in the caller's account and Region, and its kind."""
    arn = parse(text)
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        return None
    kind = _KINDS.get(arn.resource.partition("/")[0])
    resource = kind.find(call.tx, arn) if kind is not None else None
    return (kind, resource) if kind is not None and resource is not None else None


def _existing(call: Call, arn: str) -> tuple[TaggedKind[Any], Any]:
    require_supported_region(call)
    found = _find(call, arn)
    if found is None or not getattr(found[1], "active", True):
        raise errors.no_such_resource(arn)
    return found
