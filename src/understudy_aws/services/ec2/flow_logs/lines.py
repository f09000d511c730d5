"""The text of flow log records: the fields of a format, of one flow or of a window without any (flow-logs.md 13.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from types import MappingProxyType

import msgspec

from understudy_aws.dataplane.flows import CountedFlow, FlowWindow
from understudy_aws.services.ec2.flow_logs.destinations import DEFAULT_FORMAT
from understudy_aws.services.ec2.flow_logs.records import FlowLog

_FIELD = re.compile(r"\$\{([a-z0-9-]+)\}")
NOTHING = "-"
_VERSIONS: Mapping[int, str] = MappingProxyType(
    {
        3: "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr",
        4: "region az-id sublocation-type sublocation-id",
        5: "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
        7: "ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id "
        "ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id",
        8: "reject-reason",
        9: "resource-id",
        10: "encryption-status",
    }
)
_VERSION_OF = {field: version for version, fields in _VERSIONS.items() for field in fields.split()}
_DEFAULT_VERSION = 2
# To another interface or address of the VPC. Of other ways out it is not known which one a packet took.
_WITHIN_THE_VPC = "1"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an interface is. `blocks` are those of its VPC."""

    account: str
    region: str
    zone_id: str
    vpc: str
    subnet: str
    interface: str
    blocks: tuple[str, ...]


def lines_of(log: FlowLog, window: FlowWindow, place: Place) -> Iterator[tuple[int, str]]:
    """Yield the records of a window for a flow log, each with its time in seconds, which is when it begins.

    Without a flow that it wants it is `NODATA`, and where packets could not be told apart there is a `SKIPDATA`.
    """
    fields = _FIELD.findall(log.log_format)
    common = _of_window(log, fields, window, place)
    wanted = [
        each for each in window.flows if log.traffic == "ALL" or each.accepted == (log.traffic == "ACCEPT")
    ]
    for counted in sorted(wanted, key=lambda each: each.start):
        values = {**common, **_of_flow(counted, place), "log-status": "OK"}
        yield counted.start, " ".join(values.get(field, NOTHING) for field in fields)
    if window.skipped:
        yield window.start, _without_flow(fields, common, "SKIPDATA")
    elif not wanted:
        yield window.start, _without_flow(fields, common, "NODATA")


def _without_flow(fields: list[str], common: Mapping[str, str], status: str) -> str:
    return " ".join({**common, "log-status": status}.get(field, NOTHING) for field in fields)


def _of_window(log: FlowLog, fields: list[str], window: FlowWindow, place: Place) -> dict[str, str]:
    version = max((_VERSION_OF.get(field, _DEFAULT_VERSION) for field in fields), default=_DEFAULT_VERSION)
    return {
        "version": str(_DEFAULT_VERSION if log.log_format == DEFAULT_FORMAT else version),
        "account-id": place.account,
        "interface-id": place.interface,
        "vpc-id": place.vpc,
        "subnet-id": place.subnet,
        "region": place.region,
        "az-id": place.zone_id,
        "resource-id": log.resource,
        "start": str(window.start),
        "end": str(window.end),
    }


def _of_flow(counted: CountedFlow, place: Place) -> dict[str, str]:
    flow = counted.flow
    return {
        "srcaddr": flow.source,
        "dstaddr": flow.destination,
        "pkt-srcaddr": flow.source,
        "pkt-dstaddr": flow.destination,
        "srcport": str(flow.source_port),
        "dstport": str(flow.destination_port),
        "protocol": str(flow.protocol),
        "packets": str(counted.packets),
        "bytes": str(counted.bytes),
        "start": str(counted.start),
        "end": str(counted.end),
        "action": "ACCEPT" if counted.accepted else "REJECT",
        "tcp-flags": str(counted.flags),
        "type": f"IPv{ip_address(flow.source).version}",
        "flow-direction": "ingress" if flow.incoming else "egress",
        "traffic-path": _path(flow.destination, place) if not flow.incoming else NOTHING,
    }


def _path(destination: str, place: Place) -> str:
    address = ip_address(destination)
    inside = any(address in ip_network(block) for block in place.blocks)
    return _WITHIN_THE_VPC if inside else NOTHING


def stream_of(log: FlowLog, interface: str) -> str:
    """Return the name of the log stream that an interface's records of a flow log go to."""
    return f"{interface}-{log.traffic.lower()}"
