"""An event as CloudTrail records it, made from an entry of the trail (cloudtrail.md 31.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from understudy_aws.core.arn import account_in
from understudy_aws.core.clock import iso_seconds
from understudy_aws.gateway.management_events import is_call, is_management_operation
from understudy_aws.gateway.read_only import is_read_only
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.services.cloudtrail.event_resources import resources_of
from understudy_aws.services.cloudtrail.identities import UserIds, user_identity, username
from understudy_aws.services.cloudtrail.parameters import request_parameters, response_elements
from understudy_aws.wire.model import load

# Services whose source is not their id in API descriptions.
_SOURCES = {"accessanalyzer": "access-analyzer"}
# So that the id of an event is another one than its request's, and either follows from the other.
_MASK = 0x5A5A5A5A_5A5A_05A5_15A5_5A5A5A5A5A5A
_HEX = 16


class Event(msgspec.Struct, frozen=True):
    """An event as LookupEvents lists it; `record` is CloudTrail's own, and `resources` are types and names."""

    id: str
    name: str
    source: str
    read_only: bool
    username: str
    access_key_id: str
    resources: list[tuple[str, str]]
    record: dict[str, Any]


def is_management_event(entry: TrailEntry) -> bool:
    """Whether CloudTrail's event history has this call: one of AWS's, made by a caller it knows, that happened."""
    return (
        is_call(entry)
        and entry.outcome != "NotImplemented"
        and is_management_operation(entry.service, entry.operation)
    )


def source_of(entry: TrailEntry) -> str:
    """Return the source of an event: the name of its service's endpoint."""
    return f"{_SOURCES.get(entry.service, entry.service)}.amazonaws.com"


def event_id(request_id: str) -> str:
    """Return the id of the event of a request; and of an event's id, the request's."""
    digits = request_id.replace("-", "")
    try:
        number = int(digits, _HEX) ^ _MASK
    except ValueError:
        return request_id
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def event_of(entry: TrailEntry, user_ids: UserIds) -> Event:
    """Return the event of a call."""
    shape = load(entry.service).operation(entry.operation)
    assert shape is not None, "a call is of an operation that AWS describes"
    parameters = request_parameters(shape, entry.parameters)
    failed = entry.outcome != "ok"
    answered = None if failed else response_elements(shape, entry.response, entry.request_id)
    reads = is_read_only(entry.operation)
    if reads and not entry.response:
        answered = None
    id = event_id(entry.request_id)
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": user_identity(entry, user_ids),
        "eventTime": iso_seconds(entry.at),
        "eventSource": source_of(entry),
        "eventName": entry.operation,
        "awsRegion": entry.region,
        "sourceIPAddress": entry.source_ip,
        "userAgent": entry.user_agent,
    }
    if failed:
        record["errorCode"] = _error_code(entry)
        record["errorMessage"] = entry.message
    record["requestParameters"] = parameters
    record["responseElements"] = answered
    record["requestID"] = entry.request_id
    record["eventID"] = id
    record["readOnly"] = reads
    role = str(entry.parameters.get("role_arn", "")) if entry.service == "sts" else ""
    if role:
        record["resources"] = [{"accountId": account_in(role), "type": "AWS::IAM::Role", "ARN": role}]
    record["eventType"] = "AwsApiCall"
    record["managementEvent"] = True
    record["recipientAccountId"] = entry.account
    if entry.vpc_endpoint:
        record["vpcEndpointId"] = entry.vpc_endpoint
        record["vpcEndpointAccountId"] = entry.account
    record["eventCategory"] = "Management"
    return Event(
        id=id,
        name=entry.operation,
        source=source_of(entry),
        read_only=reads,
        username=username(entry),
        access_key_id=record["userIdentity"].get("accessKeyId", ""),
        resources=resources_of(entry.service, parameters, answered),
        record=record,
    )


def _error_code(entry: TrailEntry) -> str:
    """Return an error's code as CloudTrail has it: EC2's with its side, IAM's by the names of their shapes."""
    code = entry.outcome
    if entry.service == "ec2":
        return f"{'Server' if entry.status >= 500 else 'Client'}.{code}"
    if code == "AccessDeniedException":
        return "AccessDenied"
    if entry.service in ("iam", "sts") and load(entry.service).error_shape(code) is not None:
        return code if code.endswith("Exception") else f"{code}Exception"
    return code
