"""VPC peering connections: the record, its states over time, and how policies see it (vpc-peering.md 12.1).

A connection has one record for each account and Region that sees it: the requester's and the accepter's, which are the
same one when both VPCs are in one account and Region. The records of a connection have the same id and the same
states. Tags, and the time until which a connection that is over is described, belong to each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.route_tables import ACTIVE as ACTIVE_ROUTE
from understudy_aws.services.ec2.route_tables import BLACKHOLE, set_state
from understudy_aws.services.ec2.vpcs import Vpc, vpcs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

INITIATING, PENDING, PROVISIONING, ACTIVE = (
    "initiating-request",
    "pending-acceptance",
    "provisioning",
    "active",
)
REJECTED, EXPIRED, FAILED, DELETING, DELETED = "rejected", "expired", "failed", "deleting", "deleted"
# What may still become active, or is.
LIVE = frozenset({INITIATING, PENDING, PROVISIONING, ACTIVE})
# A request that nobody answers expires (EC2 API reference, CreateVpcPeeringConnection).
EXPIRES_AFTER = timedelta(days=7)
# How long a connection that is over is described: to who ended it, and to the other (vpc-peering.md 12.1).
SHOWN_TO_ENDER = timedelta(hours=2)
SHOWN_TO_OTHER = timedelta(days=2)


class PeeringSide(Record, frozen=True, kw_only=True):
    """One VPC of a connection. `dns` says that the other VPC resolves its public host names to private addresses."""

    account: str
    region: str
    vpc: str
    dns: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """Return the account and the Region."""
        return self.account, self.region

    @property
    def arn(self) -> str:
        """Return the ARN of the VPC, which need not exist."""
        return ec2(self.region, self.account, f"vpc/{self.vpc}")


class VpcPeeringConnection(Record, frozen=True, kw_only=True):
    """A connection as one account sees it in one Region.

    The request is under way until `ready`, and has then failed or waits until `expires`. `active` is when the
    connection works, once it was accepted, and `routed` says that routes to it were made active then. `expired` is set
    soon after the request has expired, and `rejected` is when it was rejected. `ended` is when a connection that was
    deleted is gone, and `deleted_by` the account that deleted it. `shown_until` is when this record goes; None for a
    connection that was accepted and not deleted.
    """

    account: str
    region: str
    id: str
    requester: PeeringSide
    accepter: PeeringSide
    ready: datetime
    expires: datetime
    failed: bool = False
    active: datetime | None = None
    routed: bool = False
    expired: bool = False
    rejected: datetime | None = None
    ended: datetime | None = None
    deleted_by: str = ""
    shown_until: datetime | None = None
    tags: dict[str, str] = {}

    @property
    def sides(self) -> tuple[PeeringSide, PeeringSide]:
        """Return the requester and the accepter."""
        return self.requester, self.accepter

    @property
    def places(self) -> dict[tuple[str, str], None]:
        """Return the accounts and Regions that have a record of this connection, the requester's first."""
        return dict.fromkeys([self.requester.place] if self.failed else [side.place for side in self.sides])


def _is_over(connection: VpcPeeringConnection) -> bool:
    return (
        connection.failed
        or connection.expired
        or connection.rejected is not None
        or connection.ended is not None
    )


def _next_change(connection: VpcPeeringConnection) -> datetime | None:
    """Return when a connection changes by itself in a way that others depend on; None if it does not."""
    if _is_over(connection) or connection.routed:
        return None
    return connection.active or connection.expires


def own_vpcs(connection: VpcPeeringConnection) -> tuple[str, ...]:
    """Return the VPCs of a record's own account and Region, while the connection can be of use."""
    if _is_over(connection):
        return ()
    place = connection.account, connection.region
    return tuple(side.vpc for side in connection.sides if side.place == place)


vpc_peering_connections = Table(
    "ec2/vpc-peering-connection",
    VpcPeeringConnection,
    key=lambda connection: (connection.account, connection.region, connection.id),
    indexes={"vpc": own_vpcs},
    ordered={
        "shown_until": lambda connection: connection.shown_until,
        "next_change": _next_change,
    },
)


def _waits_here(connection: VpcPeeringConnection) -> bool:
    """Return whether a record is a request of another account, which its own account has to answer."""
    return connection.active is None and connection.requester.account != connection.account


CONNECTION_REFERENCES: References = (
    # A request of one's own goes with its VPC; everything else keeps it (vpc-peering.md 12.1).
    Reference(
        "connects",
        lambda connection: () if _waits_here(connection) else own_vpcs(connection),
        index="vpc",
        holds=lambda connection: connection.active is not None,
    ),
    Reference(
        "is a request for",
        lambda connection: own_vpcs(connection) if _waits_here(connection) else (),
        index="vpc",
        holds=True,
        ended_by="RejectVpcPeeringConnection",
    ),
)

ended_vpc_peering_connections = Expiry(
    "ended VPC peering connections", vpc_peering_connections, "shown_until", kept_for=timedelta(0)
)


def state_of(connection: VpcPeeringConnection, now: datetime) -> str:
    """Return the state of a connection at a time."""
    if connection.ended is not None:
        return DELETING if now < connection.ended else DELETED
    if connection.rejected is not None:
        return REJECTED
    if connection.active is not None:
        return PROVISIONING if now < connection.active else ACTIVE
    if now < connection.ready:
        return INITIATING
    if connection.failed:
        return FAILED
    return PENDING if now < connection.expires else EXPIRED


def change(tx: Transaction, connection: VpcPeeringConnection, **changes: Any) -> VpcPeeringConnection:
    """Change every record of a connection. Returns the one that was given, changed."""
    for account, region in connection.places:
        record = vpc_peering_connections.get(tx, account, region, connection.id)
        if record is not None:
            vpc_peering_connections.put(tx, replace(record, **changes))
    found = vpc_peering_connections.get(tx, connection.account, connection.region, connection.id)
    assert found is not None, "the record that was given is one of them"
    return found


def show_until(
    tx: Transaction, connection: VpcPeeringConnection, ended: datetime, ender: tuple[str, ...]
) -> None:
    """Set until when the records of a connection that is over are described.

    `ender` are the accounts that ended it: they see it for two hours, and others for two days.
    """
    for account, region in connection.places:
        record = vpc_peering_connections.get(tx, account, region, connection.id)
        if record is not None:
            shown = SHOWN_TO_ENDER if account in ender else SHOWN_TO_OTHER
            vpc_peering_connections.put(tx, replace(record, shown_until=ended + shown))


def delete(tx: Transaction, connection: VpcPeeringConnection, account: str, ended: datetime) -> None:
    """Delete a connection for an account: routes to it are black holes at once, and it is gone at `ended`."""
    change(tx, connection, ended=ended, deleted_by=account, routed=True)
    show_until(tx, connection, ended, (account,))
    set_state(tx, connection.id, BLACKHOLE)


def start(tx: Transaction, connection: VpcPeeringConnection) -> None:
    """Make the routes to a connection active, which has become active itself."""
    change(tx, connection, routed=True)
    set_state(tx, connection.id, ACTIVE_ROUTE)


def find_connection(call: Call, id: str) -> VpcPeeringConnection:
    """Return the connection of this id, which the caller's account sees in the Region.

    Raises InvalidVpcPeeringConnectionId.Malformed, InvalidVpcPeeringConnectionID.NotFound.
    """
    found = vpc_peering_connections.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("pcx", id)
    return found


def status_of_connection(call: Call, id: str) -> str:
    """Return the state of a connection that a rule names; one that is not described any more is deleted."""
    found = vpc_peering_connections.get(call.tx, call.account, call.region, id)
    return DELETED if found is None else state_of(found, call.at)


def connections_of(tx: Transaction, side: PeeringSide, now: datetime) -> Iterator[VpcPeeringConnection]:
    """Yield the connections of a VPC that are active or may become so."""
    for connection in vpc_peering_connections.where(tx, "vpc", side.vpc):
        if (connection.account, connection.region) == side.place and state_of(connection, now) in LIVE:
            yield connection


def active_peers(tx: Transaction, vpc: Vpc, now: datetime) -> Iterator[Vpc]:
    """Yield the VPCs that a VPC has an active connection with."""
    own = PeeringSide(account=vpc.account, region=vpc.region, vpc=vpc.id)
    for connection in connections_of(tx, own, now):
        if state_of(connection, now) == ACTIVE:
            (peer,) = (side for side in connection.sides if side.vpc != vpc.id)
            found = vpcs.get(tx, peer.account, peer.region, peer.vpc)
            if found is not None:
                yield found


def active_between(tx: Transaction, one: PeeringSide, other: PeeringSide, now: datetime) -> str:
    """Return the id of the active connection between two VPCs of one Region, or an empty text."""
    for connection in connections_of(tx, one, now):
        if {side.vpc for side in connection.sides} == {one.vpc, other.vpc} and state_of(
            connection, now
        ) == ACTIVE:
            return connection.id
    return ""


@memoized
def connection_target(connection: VpcPeeringConnection) -> Target:
    """Return a connection's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(connection.tags)
    keys["ec2:acceptervpc"] = connection.accepter.arn
    keys["ec2:requestervpc"] = connection.requester.arn
    keys["ec2:vpcpeeringconnectionid"] = connection.id
    arn = ec2(connection.region, connection.account, f"vpc-peering-connection/{connection.id}")
    return Target(arn, keys)


def target_of_connection(call: Call, id: str) -> Target:
    """Return the target of a connection, which need not exist."""
    found = vpc_peering_connections.get(call.tx, call.account, call.region, id)
    return connection_target(found) if found is not None else unknown(call, "vpc-peering-connection", id)


def vpc_peering_changes() -> Controller:
    """Return the background work for connections that change by themselves.

    It makes routes active when their connection has become so, and lets go of the VPCs of a request that has expired.
    """

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for connection in vpc_peering_connections.in_order(tx, "next_change", last=now):
            key = connection.account, connection.region, connection.id
            yield Due(key, connection.account, connection.active or connection.expires)

    async def reconcile(key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            connection = vpc_peering_connections.get(tx, *key)
            change_at = _next_change(connection) if connection is not None else None
            if connection is not None and change_at is not None and change_at <= world.clock.now():
                if connection.active is not None:
                    start(tx, connection)
                else:
                    change(tx, connection, expired=True)
        return None

    return Controller("VPC peering changes", due, reconcile, poll_seconds=1.0)
