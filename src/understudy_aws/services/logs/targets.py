"""What callers of CloudWatch Logs must be allowed to act on (logs.md 21.3).

What acts on a group is asked about the ARN of its streams without a name, `…:log-group:NAME:log-stream:`, so that a
policy for `…:log-group:NAME:*` allows it and one for `…:log-group:NAME` does not. Only the tagging operations are asked
about the group's own ARN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy_aws.core.arn import PARTITION, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.tag_keys import TagKeys, tag_keys
from understudy_aws.services.logs.records import LogGroup, log_groups

_UNMASK = "logs:Unmask"


def group_arn(call: Call, name: str) -> str:
    """Return the ARN of a group of the caller's."""
    return f"arn:{PARTITION}:logs:{call.region}:{call.account}:log-group:{name}"


def group_tags(group: LogGroup) -> TagKeys:
    """Return `aws:ResourceTag/…` of a group."""
    return tag_keys("aws:resourcetag", group.tags.items())


def all_groups(call: Call, _params: Params) -> Sequence[Target]:
    """Return the target of what lists groups."""
    return [Target(f"{group_arn(call, '')}:log-stream:")]


def a_group(call: Call, params: Params) -> Sequence[Target]:
    """Return the group that a request names, by its name or by an identifier."""
    return [_of(call, params, "")]


def a_stream(call: Call, params: Params) -> Sequence[Target]:
    """Return the stream that a request names."""
    return [_of(call, params, params["log_stream_name"])]


def what_is_read(call: Call, params: Params) -> Sequence[Target]:
    """Return what a request reads events of, and the permission to see what is masked where it asks for that."""
    target = _of(call, params, params.get("log_stream_name") or "")
    asked = [target]
    if params.get("unmask"):
        asked.append(Target(target.resource, target.keys, action=_UNMASK))
    return asked


def a_new_group(call: Call, params: Params) -> Sequence[Target]:
    """Return the group about to be made. With tags, `logs:TagResource` is needed too."""
    arn = group_arn(call, params["log_group_name"])
    keys = request_tags(params.get("tags"))
    targets = [Target(f"{arn}:log-stream:", keys)]
    if keys:
        targets.append(Target(arn, keys, action="logs:TagResource"))
    return targets


def a_tagged_group(call: Call, params: Params) -> Sequence[Target]:
    """Return the group whose tags a request is about, with the tags it names."""
    given = params.get("resource_arn")
    arn = given.removesuffix(":*") if given else group_arn(call, params["log_group_name"])
    tags = params.get("tags") or {}
    removed = params.get("tag_keys") or (tags if not isinstance(tags, Mapping) else ())
    keys = dict(request_tags(tags if isinstance(tags, Mapping) else None))
    if removed:
        keys["aws:tagkeys"] = list(removed)
    parsed = parse(arn)
    name = parsed.resource.removeprefix("log-group:") if parsed is not None else ""
    group = log_groups.get(call.tx, call.account, call.region, name)
    if group is not None and group.arn == arn:
        keys |= group_tags(group)
    return [Target(arn, keys)]


def request_tags(tags: Mapping[str, str] | None) -> TagKeys:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of a request; nothing without tags."""
    if not tags:
        return {}
    return {**tag_keys("aws:requesttag", tags.items()), "aws:tagkeys": list(tags)}


def name_in(identifier: str) -> str:
    """Return the name of the group in an identifier, which is that name or an ARN."""
    arn = parse(identifier)
    if arn is None:
        return identifier
    return arn.resource.removeprefix("log-group:").removesuffix(":*")


def _of(call: Call, params: Params, stream: str) -> Target:
    identifier = params.get("log_group_identifier")
    arn = parse(identifier) if identifier else None
    name = params.get("log_group_name") or name_in(identifier or "")
    group = log_groups.get(call.tx, call.account, call.region, name)
    resource = group_arn(call, name)
    if arn is not None:
        resource = str(arn).removesuffix(":*")
    keys = group_tags(group) if group is not None and group.arn == resource else {}
    return Target(f"{resource}:log-stream:{stream}", keys)
