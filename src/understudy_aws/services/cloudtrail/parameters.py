"""What a call sent and was answered, under the names that CloudTrail gives the members (cloudtrail.md 31.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from understudy_aws.wire.model import Member, OperationShape, Shape
from understudy_aws.wire.secret_members import HIDDEN

# Secrets of these services are left out; those of the others are shown as hidden.
_LEFT_OUT = frozenset({"iam", "sts", "secretsmanager"})
_REMOVED = {("ec2", "UserData"): "<sensitiveDataRemoved>"}
# Organizations shows neither names of accounts nor their addresses.
_STARRED = {("organizations", "Email"), ("organizations", "AccountName")}
# What EC2 calls lists by: its names of old, where the API description has another.
_SETS = {
    "Filters": "filterSet",
    "GroupIds": "securityGroupIdSet",
    "Groups": "groupSet",
    "InternetGatewayIds": "internetGatewayIdSet",
    "NetworkAclIds": "networkAclIdSet",
    "NetworkInterfaceIds": "networkInterfaceIdSet",
    "PrivateIpAddresses": "privateIpAddressesSet",
    "Resources": "resourcesSet",
    "RouteTableIds": "routeTableIdSet",
    "SecurityGroupIds": "groupSet",
    "SubnetIds": "subnetSet",
    "Tags": "tagSet",
    "TagSpecifications": "tagSpecificationSet",
    "Values": "valueSet",
    "VpcIds": "vpcSet",
}
_TEXT_OF_ELEMENT = {"groupSet": "groupId", "resourcesSet": "resourceId", "valueSet": "value"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def request_parameters(shape: OperationShape, sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of a call, which have top-level names in snake case; None for a call without any."""
    if shape.input is None or not sent:
        return None
    members = shape.input.members
    named = {shape.members[name]: value for name, value in sent.items() if shape.members.get(name) in members}
    return _structure(shape.input, named, shape.service.id) or None


def response_elements(
    shape: OperationShape, answered: Mapping[str, Any], request_id: str
) -> dict[str, Any] | None:
    """Return the answer of a call, without its secrets; None for one that answers nothing."""
    service = shape.service.id
    made = {} if shape.output is None else _structure(shape.output, answered, service)
    if service == "ec2":
        # An answer without members says that it was done.
        return {"requestId": request_id, **(made or {"_return": True})}
    return made or None


def _structure(shape: Shape, values: Mapping[str, Any], service: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        member = shape.members.get(name)
        if member is None:
            continue
        if (service, name) in _STARRED:
            made[_name(name, member, service)] = "****"
        elif value == HIDDEN:
            if service not in _LEFT_OUT:
                made[_name(name, member, service)] = _REMOVED.get((service, name), HIDDEN)
        else:
            made[_name(name, member, service)] = _value(
                member.shape, value, service, _name(name, member, service)
            )
    return made


def _value(shape: Shape, value: Any, service: str, called: str) -> Any:
    if shape.type == "structure" and isinstance(value, Mapping):
        return _structure(shape, value, service)
    if shape.type == "list" and isinstance(value, list):
        return _list(shape, value, service, called)
    if shape.type == "map" and isinstance(value, Mapping):
        return {key: _value(shape.value.shape, each, service, str(key)) for key, each in value.items()}
    if shape.type == "timestamp":
        return _time(value)
    return value


def _list(shape: Shape, value: list[Any], service: str, called: str) -> Any:
    element = shape.element
    items = [_value(element.shape, each, service, "") for each in value]
    if service != "ec2":
        return items
    if not items:
        return {}
    name = _TEXT_OF_ELEMENT.get(called) or _lower(element.location_name or "item")
    return {"items": [each if isinstance(each, dict) else {name: each} for each in items]}


def _name(name: str, member: Member, service: str) -> str:
    if service != "ec2":
        return _lower(name)
    if member.shape.type == "list" and name in _SETS:
        return _SETS[name]
    return _lower(member.location_name or name)


def _lower(name: str) -> str:
    """Return a name as CloudTrail writes it: `roleName`, and of one in capitals alone `arn`."""
    return name.lower() if name.isupper() else name[:1].lower() + name[1:]


def _time(value: Any) -> Any:
    """Return a time as `Nov 30, 2024, 8:43:17 PM`."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return value
    at = at.astimezone(UTC) if at.tzinfo is not None else at
    hour, half = at.hour % 12 or 12, "AM" if at.hour < 12 else "PM"
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}, {hour}:{at.minute:02d}:{at.second:02d} {half}"
