"""The operations that request, accept, reject and delete VPC peering connections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.data.regions import REGIONS
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.peering.descriptions import described_connection
from understudy_aws.services.ec2.peering.errors import (
    connected_already,
    invalid_transition,
    not_the_owner,
    other_region,
)
from understudy_aws.services.ec2.peering.records import (
    ACTIVE,
    DELETING,
    EXPIRES_AFTER,
    FAILED,
    INITIATING,
    PENDING,
    PROVISIONING,
    REJECTED,
    SHOWN_TO_ENDER,
    SHOWN_TO_OTHER,
    PeeringSide,
    VpcPeeringConnection,
    change,
    connections_of,
    delete,
    find_connection,
    show_until,
    start,
    state_of,
    target_of_connection,
    vpc_peering_connections,
)
from understudy_aws.services.ec2.vpcs import (
    Vpc,
    find_vpc,
    ipv4_blocks_of,
    ipv6_blocks_of,
    target_of_vpc,
    vpc_target,
    vpcs,
)
from understudy_aws.store.database import Transaction

# VPC user guide, "Amazon VPC quotas": of requests that nobody answered yet, in an account and Region.
OUTSTANDING_REQUESTS = 25
# The same page: 50 at first, 125 to who asks.
ACTIVE_PER_VPC = 125


def a_new_connection(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of requesting a connection: it, its tags, and the requester VPC."""
    new, *tagging = a_new(call, params, "vpc-peering-connection")
    accepter = ec2(
        params.get("peer_region") or call.region,
        params.get("peer_owner_id") or call.account,
        f"vpc/{params.get('peer_vpc_id') or '*'}",
    )
    keys = {
        **new.keys,
        "ec2:acceptervpc": accepter,
        "ec2:requestervpc": ec2(call.region, call.account, f"vpc/{params['vpc_id']}"),
    }
    return [Target(new.resource, keys), *tagging, target_of_vpc(call, params["vpc_id"])]


def a_connection(call: Call, params: Params) -> Sequence[Target]:
    """Return the connection that the request names."""
    return [target_of_connection(call, params["vpc_peering_connection_id"])]


def a_connection_and_its_accepter(call: Call, params: Params) -> Sequence[Target]:
    """Return the connection that the request names, and the accepter VPC if it is the caller's own."""
    targets = list(a_connection(call, params))
    id = params["vpc_peering_connection_id"]
    connection = vpc_peering_connections.get(call.tx, call.account, call.region, id)
    if connection is not None and connection.accepter.account == call.account:
        side = connection.accepter
        vpc = vpcs.get(call.tx, side.account, side.region, side.vpc)
        targets.append(vpc_target(vpc) if vpc is not None else Target(side.arn))
    return targets


@operation("ec2:CreateVpcPeeringConnection", on=a_new_connection)
def create_vpc_peering_connection(
    call: Call,
    *,
    vpc_id: str,
    peer_vpc_id: str | None = None,
    peer_owner_id: str | None = None,
    peer_region: str | None = None,
    tag_specifications: TagSpecifications = None,
    requester_peering_connection_options: dict[str, Any] | None = None,
) -> Answer:
    """Request a connection with a VPC. What is wrong with that VPC does not refuse the call: the connection fails.

    A request that was made before and is not over is answered with the connection that it made.
    """
    refuse(requester_peering_connection_options=requester_peering_connection_options)
    tags = tags_for("vpc-peering-connection", tag_specifications)
    if not peer_vpc_id:
        raise errors.missing("peerVpcId")
    if peer_region is not None and peer_region not in REGIONS:
        raise errors.invalid_value(peer_region, "peerRegion")
    vpc = find_vpc(call, vpc_id)
    requester = PeeringSide(account=call.account, region=call.region, vpc=vpc.id)
    accepter = PeeringSide(
        account=peer_owner_id or call.account, region=peer_region or call.region, vpc=peer_vpc_id
    )
    for known in connections_of(call.tx, requester, call.at):
        if known.requester.vpc == vpc.id and replace(known.accepter, dns=False) == accepter:
            return {"VpcPeeringConnection": described_connection(call, known)}
    if _outstanding(call) >= OUTSTANDING_REQUESTS:
        raise errors.limit("OutstandingVpcPeeringConnectionLimitExceeded", "VPC peering connection requests")
    connection = _request(call, requester, accepter, tags)
    # The answer tells the first state, though the next may be reached at once.
    return {"VpcPeeringConnection": described_connection(call, connection, INITIATING)}


@operation("ec2:AcceptVpcPeeringConnection", on=a_connection_and_its_accepter)
def accept_vpc_peering_connection(call: Call, *, vpc_peering_connection_id: str) -> Answer:
    """Accept a request that waits, in the account and Region of the accepter VPC."""
    connection = find_connection(call, vpc_peering_connection_id)
    _check_accepter(call, connection, "accept", "accepted")
    _check_pending(call, connection, PROVISIONING)
    requester, accepter = connection.sides
    for side in connection.sides:
        live = [each for each in connections_of(call.tx, side, call.at) if each.active is not None]
        if any({one.vpc for one in each.sides} == {requester.vpc, accepter.vpc} for each in live):
            raise connected_already(connection.id)
        if len(live) >= ACTIVE_PER_VPC:
            raise errors.limit(
                "ActiveVpcPeeringConnectionPerVpcLimitExceeded", "active VPC peering connections of a VPC"
            )
    if not _can_connect(call.tx, requester, accepter):
        # A block may have been added since the request was made.
        show_until(call.tx, connection, call.at, (requester.account, accepter.account))
        connection = change(call.tx, connection, failed=True)
        return {"VpcPeeringConnection": described_connection(call, connection, FAILED)}
    active = call.at + timedelta(seconds=call.latency.vpc_peering_seconds(connection.id))
    connection = change(call.tx, connection, active=active, shown_until=None)
    if active <= call.at:
        start(call.tx, connection)
    return {"VpcPeeringConnection": described_connection(call, connection, PROVISIONING)}


@operation("ec2:RejectVpcPeeringConnection", on=a_connection)
def reject_vpc_peering_connection(call: Call, *, vpc_peering_connection_id: str) -> Answer:
    """Reject a request that waits, in the account and Region of the accepter VPC."""
    connection = find_connection(call, vpc_peering_connection_id)
    _check_accepter(call, connection, "reject", "accepted or rejected")
    _check_pending(call, connection, REJECTED)
    connection = change(call.tx, connection, rejected=call.at)
    show_until(call.tx, connection, call.at, (connection.accepter.account,))
    return {"Return": True}


@operation("ec2:DeleteVpcPeeringConnection", on=a_connection)
def delete_vpc_peering_connection(call: Call, *, vpc_peering_connection_id: str) -> Answer:
    """Delete a connection, which either owner may, or a request that waits, which only the requester may."""
    connection = find_connection(call, vpc_peering_connection_id)
    state = state_of(connection, call.at)
    if state not in (PENDING, PROVISIONING, ACTIVE):
        raise invalid_transition(connection.id, state, DELETING)
    if state == PENDING and call.account != connection.requester.account:
        raise not_the_owner(call.account, "delete", connection.id)
    # Only between Regions does the deletion take its time (vpc-peering.md 12.1).
    across = connection.requester.region != connection.accepter.region
    seconds = call.latency.vpc_peering_seconds(connection.id) if across else 0
    delete(call.tx, connection, call.account, call.at + timedelta(seconds=seconds))
    return {"Return": True}


def holds_vpc(call: Call, vpc: Vpc) -> bool:
    """Return whether a VPC has a connection that keeps it: one that was accepted, or another account's request.

    VPC peering guide, "Delete a VPC peering connection".
    """
    side = PeeringSide(account=vpc.account, region=vpc.region, vpc=vpc.id)
    return any(
        each.active is not None or each.requester.account != vpc.account
        for each in connections_of(call.tx, side, call.at)
    )


def remove_requests(call: Call, vpc: Vpc) -> None:
    """Delete the account's own requests of a VPC that is being deleted."""
    side = PeeringSide(account=vpc.account, region=vpc.region, vpc=vpc.id)
    for connection in list(connections_of(call.tx, side, call.at)):
        delete(call.tx, connection, call.account, call.at)


def _outstanding(call: Call) -> int:
    """Return how many requests of the account wait in the Region."""
    held = vpc_peering_connections.scan(call.tx, call.account, call.region)
    here = call.account, call.region
    return sum(
        each.requester.place == here and state_of(each, call.at) in (INITIATING, PENDING) for each in held
    )


def _request(
    call: Call, requester: PeeringSide, accepter: PeeringSide, tags: dict[str, str]
) -> VpcPeeringConnection:
    """Store a new request: for its requester, and for the accepter unless it is bound to fail."""
    id = call.ids.ec2("pcx")
    ready = call.at + timedelta(seconds=call.latency.vpc_peering_seconds(id))
    expires = call.at + EXPIRES_AFTER
    failed = not _can_connect(call.tx, requester, accepter)
    connection = VpcPeeringConnection(
        account=requester.account,
        region=requester.region,
        id=id,
        requester=requester,
        accepter=accepter,
        ready=ready,
        expires=expires,
        failed=failed,
        shown_until=ready + SHOWN_TO_ENDER if failed else expires + SHOWN_TO_OTHER,
    )
    for account, region in connection.places:
        vpc_peering_connections.put(call.tx, replace(connection, account=account, region=region))
    # The tags of the request are the requester's own.
    return vpc_peering_connections.put(call.tx, replace(connection, tags=tags))


def _can_connect(tx: Transaction, requester: PeeringSide, accepter: PeeringSide) -> bool:
    """Return whether both VPCs exist and no address is in both (EC2 API reference, CreateVpcPeeringConnection)."""
    one, other = (vpcs.get(tx, side.account, side.region, side.vpc) for side in (requester, accepter))
    if one is None or other is None:
        return False
    ipv4 = (a.overlaps(b) for a in ipv4_blocks_of(one) for b in ipv4_blocks_of(other))
    return not any(ipv4) and set(ipv6_blocks_of(one)).isdisjoint(ipv6_blocks_of(other))


def _check_accepter(call: Call, connection: VpcPeeringConnection, verb: str, verbs: str) -> None:
    """Raise OperationNotPermitted for who is not the owner of the accepter VPC, or for another Region than its."""
    accepter = connection.accepter
    if call.account != accepter.account:
        raise not_the_owner(call.account, verb, connection.id)
    if call.region != accepter.region:
        raise other_region(call.region, connection.id, verbs, accepter.region)


def _check_pending(call: Call, connection: VpcPeeringConnection, wanted: str) -> None:
    state = state_of(connection, call.at)
    if state != PENDING:
        raise invalid_transition(connection.id, state, wanted)
