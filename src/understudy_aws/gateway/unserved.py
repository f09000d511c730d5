"""What the callers of known operations that are not served must be allowed to act on (docs/decisions/0016).

The service catalogue says which types of resource an action acts on, and how their ARNs are made. A part of an ARN is
filled from the request's member of that name; a part that the request does not name is `*`, as AWS has it for what is
yet to be made. A type that the action requires is always asked about, another only where the request names one. An
action without types, and a request that names none of them, is asked about on `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import msgspec

from understudy_aws.core.arn import PARTITION, parse
from understudy_aws.data import service_catalogue
from understudy_aws.data.service_catalogue import Action, ActionResource, ResourceType
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.request_members import members, plain_name
from understudy_aws.gateway.tag_keys import requested_tags

Members = Mapping[str, Sequence[Any]]
Keys = dict[str, str | list[str]]

# A request that names more resources is asked about these; it is not carried out anyway.
_MOST = 100
_LONGEST_ARN = 2048
# A member of this name is the resource itself, whichever types the action can have.
_THE_RESOURCE = ("arn", "resourcearn")
_FREE = re.compile(r"\$\{([^}]*)\}")
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_COLON_OR_SLASH = re.compile("[:/]")
_NAME_IN_PATH = "WithPath"
_REQUEST_TAGS = "aws:RequestTag/${TagKey}"
_TAG_NAMES = "aws:TagKeys"
_OF_TAGS = ("aws:requesttag/", "aws:tagkeys")
# Permission to tag what is made, by the part of the operation's name that it replaces.
_MAKING = re.compile("^(Create|Upload|Allocate|Import|Run|Request|Register|Copy|Provision|Purchase)")


class _Request(msgspec.Struct, frozen=True):
    """A call with what it sent: its members by name, and the ARNs among them."""

    call: Call
    action: Action
    params: Params
    sent: Members
    arns: Sequence[str]
    registry: Registry


def unserved_targets(call: Call, prefix: str, params: Params, registry: Registry) -> list[Target]:
    """Return what a call of an operation that is not served asks of its caller.

    `prefix` is the service's in actions.
    """
    action = service_catalogue.action(f"{prefix}:{call.operation}")
    if action is None:
        return [Target()]
    sent = members(params)
    request = _Request(call, action, params, sent, _arns_in(sent), registry)
    itself = [each for member in _THE_RESOURCE for each in sent.get(member, ()) if each in request.arns]
    named = [each for each in action.resources if any(_is_of(action, each, arn) for arn in itself)]
    found: list[Target] = []
    for each in named or action.resources:
        keys = _keys(request, (*action.condition_keys, *each.condition_keys), each.name)
        found += [Target(known.resource, {**known.keys, **keys}) for known in _resources(request, each)]
    if not found:
        return [Target("*", _keys(request, action.condition_keys, ""))]
    return [*found[:_MOST], *_taggings(request, found[:_MOST])]


def _arns_in(sent: Members) -> list[str]:
    """Return the ARNs in a request."""
    texts = {
        each: None
        for values in sent.values()
        for each in values
        if isinstance(each, str) and each.startswith("arn:") and len(each) <= _LONGEST_ARN
    }
    return list(texts)[:_MOST]


def _is_of(action: Action, of: ActionResource, arn: str) -> bool:
    types = service_catalogue.resource_types_of(arn)
    return any(each.service == action.service and each.name == of.name for each in types)


def _resources(request: _Request, of: ActionResource) -> Iterator[Target]:
    """Yield the resources of one type that a request is about, each with the condition keys it has here."""
    service = service_catalogue.service(request.action.service)
    assert service is not None, "an action is found in its service"
    of_type = service.resource_types[of.name]
    given = [arn for arn in request.arns if _is_of(request.action, of, arn)]
    for arn in given or _made_arns(request, of_type, required=of.required):
        yield _known(request, of_type, arn)


def _made_arns(request: _Request, of_type: ResourceType, *, required: bool) -> list[str]:
    """Return the ARNs of a type that are made from a request's members."""
    template = of_type.arn
    for name, value in (
        ("Partition", PARTITION), ("Region", request.call.region), ("Account", request.call.account)
    ):  # fmt: skip
        template = template.replace(f"${{{name}}}", value)
    names = _FREE.findall(template)
    loosely = required or len(request.action.resources) == 1
    values = [_values(request, of_type, name, template, loosely=loosely) for name in names]
    if not required and not any(values):
        return []
    made = []
    for chosen in islice(product(*[each or ["*"] for each in values]), _MOST):
        arn = template
        for name, value in zip(names, chosen, strict=True):
            arn = arn.replace(f"${{{name}}}", value, 1)
        made.append(arn)
    return made


def _values(
    request: _Request, of_type: ResourceType, name: str, template: str, *, loosely: bool
) -> list[str]:
    """Return what a request has for a free part of an ARN: under its name, or under that of the type of resource.

    Names count in the plural too, and where `loosely` a name's last words do: `GroupId` may be the `SecurityGroupId` of
    an ARN. What the ARN has before the part is not repeated: the values of `ou-${OrganizationalUnitId}` are sent with
    `ou-`.
    """
    call = request.call
    if name == "OrganizationId":
        membership = call.gateway.membership(call.tx, call.account)
        return [] if membership is None else [membership.organization.removeprefix("o-")]
    own = name.removesuffix(_NAME_IN_PATH)
    words = _WORD.findall(own)
    spellings = [plain_name(own)]
    if template.count("${") == 1:
        kind = of_type.name.replace("-", "")
        spellings += [f"{kind}id", f"{kind}name"]
    if loosely:
        spellings += [plain_name("".join(words[start:])) for start in range(1, len(words) - 1)]
    before = _COLON_OR_SLASH.split(template.partition(f"${{{name}}}")[0])[-1]
    for spelled in spellings:
        for member in (spelled, f"{spelled}s"):
            values = [each for each in request.sent.get(member, ()) if isinstance(each, str) and each]
            if values:
                return list(dict.fromkeys(each.removeprefix(before) for each in values))[:_MOST]
    return _own_name(call, template) if name.endswith(_NAME_IN_PATH) else []


def _own_name(call: Call, template: str) -> list[str]:
    """Return the caller, where a request names no resource of that type: ChangePassword is about oneself."""
    start = template.partition("${")[0]
    return [call.caller.arn.removeprefix(start)] if call.caller.arn.startswith(start) else []


def _known(request: _Request, of_type: ResourceType, arn: str) -> Target:
    """Return a resource with the condition keys it has here, and with its path if its ARN has one."""
    call, parsed = request.call, parse(arn)
    if parsed is not None and f"{_NAME_IN_PATH}}}" in of_type.arn:
        kind, _, name = parsed.resource.partition("/")
        found = request.registry.resource_named(call.tx, call.service, kind, parsed.account, name)
        if found is not None:
            return found
    return Target(arn, request.registry.resource_keys(call.tx, arn))


def _keys(request: _Request, listed: Sequence[str], kind: str) -> Keys:
    """Return those of the listed condition keys that the request decides: its tags, and members of a key's name."""
    keys: Keys = {}
    if _REQUEST_TAGS in listed or _TAG_NAMES in listed:
        keys.update(requested_tags(request.params, kind))
    for key in listed:
        prefix, _, name = key.partition(":")
        if prefix != request.action.service or "/" in name:
            continue
        sent = request.sent.get(plain_name(name), ())
        values = [_text(each) for each in sent if isinstance(each, str | bool | int)]
        key_type = service_catalogue.condition_key_type(key) or ""
        if not values or ("ARN" in key_type and not values[0].startswith("arn:")):
            continue
        keys[key.lower()] = values if service_catalogue.is_list_key(key) else values[0]
    return keys


def _text(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _taggings(request: _Request, targets: Sequence[Target]) -> Iterator[Target]:
    """Yield the permission to tag what a request makes with tags (ec2.md 7.1, apprunner.md 4.4)."""
    service, name = request.action.service, request.action.name
    own = _MAKING.sub("Tag", name)
    if own == name:
        return
    found = (service_catalogue.action(f"{service}:{each}") for each in ("CreateTags", "TagResource", own))
    tagging = next((each for each in found if each is not None), None)
    for target in targets if tagging is not None else ():
        keys = {key: value for key, value in target.keys.items() if key.startswith(_OF_TAGS)}
        if tagging is not None and keys:
            if tagging.name == "CreateTags":
                keys["ec2:createaction"] = name
            yield Target(target.resource, keys, action=tagging.full_name)
