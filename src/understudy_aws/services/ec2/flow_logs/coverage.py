"""Which flow logs have the packets of an interface: its own, its subnet's and its VPC's."""

from __future__ import annotations

import msgspec

from understudy_aws.services.ec2.cidr_blocks.associations import staying
from understudy_aws.services.ec2.flow_logs.lines import Place
from understudy_aws.services.ec2.flow_logs.records import CLOUD_WATCH_LOGS, FlowLog, flow_logs
from understudy_aws.services.ec2.network_interfaces import NetworkInterface
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction


def flow_logs_of(tx: Transaction, interface: NetworkInterface) -> list[FlowLog]:
    """Return the flow logs of an interface that are delivered here, which are those to log groups."""
    found = [
        log
        for resource in (interface.id, interface.subnet, interface.vpc)
        for log in flow_logs.where(tx, "resource", resource)
        if log.destination_type == CLOUD_WATCH_LOGS
    ]
    return sorted(found, key=lambda log: log.id)


class Coverage(msgspec.Struct, frozen=True):
    """Where an interface is, and the ids of the flow logs that have its packets."""

    place: Place
    logs: tuple[str, ...]


def wanted_flows(tx: Transaction, interface: NetworkInterface) -> tuple[tuple[int, ...], str]:
    """Return the aggregation intervals of an interface's flow logs, each once, and its `Coverage` as text.

    The text comes back with what is recorded, since the interface may be gone by then.
    """
    logs = flow_logs_of(tx, interface) if flow_logs.count(tx) else []
    subnet = subnets.get(tx, interface.account, interface.region, interface.subnet)
    vpc = vpcs.get(tx, interface.account, interface.region, interface.vpc)
    if not logs or subnet is None or vpc is None:
        return (), ""
    place = Place(
        account=interface.account,
        region=interface.region,
        zone_id=subnet.zone_id,
        vpc=vpc.id,
        subnet=subnet.id,
        interface=interface.id,
        blocks=(vpc.cidr, *(each.block for each in staying((*vpc.blocks, *vpc.ipv6_blocks)))),
    )
    text = msgspec.json.encode(Coverage(place, tuple(log.id for log in logs))).decode()
    return tuple(sorted({log.interval for log in logs})), text


def covered(tx: Transaction, text: str, interval: int) -> tuple[Place, list[FlowLog]]:
    """Return where recorded flows were, and the flow logs of an interval that want them and are still there.

    Raises ValueError for a text that is none of ours.
    """
    coverage = msgspec.json.decode(text, type=Coverage)
    place = coverage.place
    found = [flow_logs.get(tx, place.account, place.region, id) for id in coverage.logs]
    return place, [log for log in found if log is not None and log.interval == interval]
