"""DescribeVpcPeeringConnections, and how a connection is described (vpc-peering.md 12.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.filters import FilterTable, Values
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.peering.records import (
    ACTIVE,
    DELETED,
    DELETING,
    EXPIRED,
    FAILED,
    INITIATING,
    PENDING,
    PROVISIONING,
    REJECTED,
    PeeringSide,
    VpcPeeringConnection,
    find_connection,
    state_of,
    vpc_peering_connections,
)
from understudy_aws.services.ec2.vpcs import Vpc, ipv4_blocks_of, ipv6_blocks_of, vpcs
from understudy_aws.store.database import Transaction


@operation("ec2:DescribeVpcPeeringConnections", on=all_resources)
def describe_vpc_peering_connections(
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    vpc_peering_connection_ids: list[str] | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the connections of the account's VPCs in the Region, those that are over for a while more."""
    found, token = select(
        call, vpc_peering_connections, find_connection, _filters(call),
        ids=vpc_peering_connection_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="vpcPeeringConnectionIds",
    )  # fmt: skip
    return {
        "VpcPeeringConnections": [described_connection(call, connection) for connection in found],
        "NextToken": token,
    }


def _filters(call: Call) -> FilterTable:
    table: dict[str, Values] = {
        "expiration-time": lambda connection: (
            () if connection.active else (f"{connection.expires:%Y-%m-%dT%H:%M:%S}.000Z",)
        ),
        "status-code": lambda connection: (state_of(connection, call.at),),
        "status-message": lambda connection: (_message(connection, state_of(connection, call.at)),),
        "vpc-peering-connection-id": lambda connection: (connection.id,),
    }
    for name in ("accepter", "requester"):
        table |= _side_filters(call, f"{name}-vpc-info.", name)
    return table


def _side_filters(call: Call, prefix: str, name: str) -> dict[str, Values]:
    def side(connection: Any) -> PeeringSide:
        found: PeeringSide = getattr(connection, name)
        return found

    def blocks(connection: VpcPeeringConnection) -> list[str]:
        vpc = _visible_vpc(call.tx, connection, side(connection), state_of(connection, call.at))
        return [str(block) for block in ipv4_blocks_of(vpc)] if vpc is not None else []

    def text(field: str) -> Values:
        return lambda connection: (getattr(side(connection), field),)

    return {
        prefix + "cidr-block": blocks,
        prefix + "owner-id": text("account"),
        prefix + "vpc-id": text("vpc"),
    }


def described_connection(
    call: Call, connection: VpcPeeringConnection, state: str | None = None
) -> dict[str, Any]:
    """Return a connection as answers describe it, in a state if it is given, else in that of the time of the call."""
    state = state or state_of(connection, call.at)
    requester, accepter = (_described_side(call.tx, connection, side, state) for side in connection.sides)
    shown: dict[str, Any] = {
        "AccepterVpcInfo": accepter,
        "RequesterVpcInfo": requester,
        "Status": {"Code": state, "Message": _message(connection, state)},
        "Tags": tag_set(connection.tags),
        "VpcPeeringConnectionId": connection.id,
    }
    if connection.active is None:
        shown["ExpirationTime"] = connection.expires
    return shown


def described_options(side: PeeringSide) -> dict[str, bool]:
    """Return the options of one side. ClassicLink is retired, so that nothing goes through it."""
    return {
        "AllowDnsResolutionFromRemoteVpc": side.dns,
        "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
        "AllowEgressFromLocalVpcToRemoteClassicLink": False,
    }


def _described_side(
    tx: Transaction, connection: VpcPeeringConnection, side: PeeringSide, state: str
) -> dict[str, Any]:
    shown: dict[str, Any] = {"OwnerId": side.account, "VpcId": side.vpc, "Region": side.region}
    vpc = _visible_vpc(tx, connection, side, state)
    if vpc is not None:
        shown["CidrBlock"] = vpc.cidr
        shown["CidrBlockSet"] = [{"CidrBlock": str(block)} for block in ipv4_blocks_of(vpc)]
        ipv6 = ipv6_blocks_of(vpc)
        if ipv6:
            shown["Ipv6CidrBlockSet"] = [{"Ipv6CidrBlock": str(block)} for block in ipv6]
    if state == ACTIVE:
        shown["PeeringOptions"] = described_options(side)
    return shown


def _visible_vpc(
    tx: Transaction, connection: VpcPeeringConnection, side: PeeringSide, state: str
) -> Vpc | None:
    """Return a side's VPC if its blocks are told: the accepter's are once the request was accepted."""
    if side is connection.accepter and state not in (PROVISIONING, ACTIVE):
        return None
    return vpcs.get(tx, side.account, side.region, side.vpc)


_MESSAGES: dict[str, Callable[[VpcPeeringConnection], str]] = {
    INITIATING: lambda connection: f"Initiating Request to {connection.accepter.account}",
    PENDING: lambda connection: f"Pending Acceptance by {connection.accepter.account}",
    PROVISIONING: lambda _: "Provisioning",
    ACTIVE: lambda _: "Active",
    FAILED: lambda _: "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
    EXPIRED: lambda _: "Expired",
    REJECTED: lambda connection: f"Rejected by {connection.accepter.account}",
    DELETING: lambda _: "Deleting",
    DELETED: lambda connection: f"Deleted by {connection.deleted_by}",
}


def _message(connection: VpcPeeringConnection, state: str) -> str:
    return _MESSAGES[state](connection)
