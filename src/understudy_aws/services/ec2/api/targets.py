"""What callers of EC2 must be allowed to act on: ARNs and condition keys (ec2.md 7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.tag_keys import tag_keys

Keys = dict[str, str | list[str]]


def unknown(call: Call, kind: str, id: str) -> Target:
    """Return the target of a resource that does not exist: the ARN it would have. The operation reports it missing."""
    return Target(ec2(call.region, call.account, f"{kind}/{id}"))


def resource_tags(tags: Mapping[str, str]) -> Keys:
    """Return the condition keys of a resource's tags, under both names that AWS has for them."""
    if not tags:
        return {}
    return {**tag_keys("aws:resourcetag", tags.items()), **tag_keys("ec2:resourcetag", tags.items())}


def request_tags(tags: Sequence[Mapping[str, Any]], absent: str | None = "") -> Keys:
    """Return the condition keys of the tags a request names. It has none of them when the request names no tags.

    `absent` is the value of a tag that is given without one; None leaves the key out.
    """
    if not tags:
        return {}
    named = [(str(tag.get("Key") or ""), tag.get("Value")) for tag in tags]
    given = [(key, absent if value is None else value) for key, value in named]
    return {
        "aws:tagkeys": [key for key, _ in named],
        **tag_keys("aws:requesttag", ((key, value) for key, value in given if value is not None)),
    }


def named_tags(params: Params) -> list[Mapping[str, Any]]:
    """Return all tags of a request's TagSpecifications, for whatever kind of resource."""
    return [tag for entry in params.get("tag_specifications") or () for tag in entry.get("Tags") or ()]


def a_new(call: Call, params: Params, kind: str) -> list[Target]:
    """Return the target of a resource about to be made, whose id is still `*`.

    With tags, `ec2:CreateTags` is needed too.
    """
    arn = ec2(call.region, call.account, kind + "/*")
    tags = named_tags(params)
    if not tags:
        return [Target(arn)]
    return [Target(arn, request_tags(tags)), *tagging(call, arn, tags)]


def tagging(call: Call, arn: str, tags: Sequence[Mapping[str, Any]]) -> list[Target]:
    """Return the `ec2:CreateTags` that a call needs which makes a resource with tags."""
    keys = request_tags(tags)
    keys["ec2:createaction"] = call.operation
    return [Target(arn, keys, action="ec2:CreateTags")]


def changing(target: Target, attributes: Mapping[str, Any]) -> Target:
    """Return a target with the attributes being changed, as `ec2:Attribute` and `ec2:Attribute/<name>`."""
    if not attributes:
        return target
    keys: Keys = dict(target.keys)
    names = list(attributes)
    # One value and a list of one are different things to a policy; AWS changes one attribute at a time.
    keys["ec2:attribute"] = names[0] if len(names) == 1 else names
    for name, value in attributes.items():
        keys["ec2:attribute/" + name.lower()] = _text(value)
    return Target(target.resource, keys)


def changes_in(params: Params, but: str) -> dict[str, Any]:
    """Return what a request changes, by AWS's names. `but` is the parameter that names the resource."""
    return {
        "".join(word.capitalize() for word in name.split("_")): value
        for name, value in params.items()
        if name != but and value is not None
    }


def _text(value: Any) -> str | list[str]:
    if isinstance(value, Mapping):
        value = value.get("Value")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [str(part) for part in value]
    return "" if value is None else str(value)
