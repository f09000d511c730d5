"""The operations that add blocks to a VPC and remove them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2 import network_acls, security_groups
from understudy_aws.services.ec2.api import errors as api_errors
from understudy_aws.services.ec2.api.cidrs import Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.parameters import block_in
from understudy_aws.services.ec2.cidr_blocks import errors
from understudy_aws.services.ec2.cidr_blocks.associations import (
    ASSOCIATING,
    DISASSOCIATING,
    begun,
    current,
    described_ipv4,
    described_ipv6_of_vpc,
    ended,
    replaced,
    staying,
)
from understudy_aws.services.ec2.cidr_blocks.pools import (
    check_border_group,
    check_pools,
    pools_in,
    provided_block,
    with_pools,
)
from understudy_aws.services.ec2.cidr_blocks.ranges import is_restricted
from understudy_aws.services.ec2.peering.records import active_peers
from understudy_aws.services.ec2.route_tables import local_route, route_tables
from understudy_aws.services.ec2.subnets import Subnet, block_of, ipv6_block_of, subnets
from understudy_aws.services.ec2.vpcs import (
    Vpc,
    find_vpc,
    ipv4_blocks_of,
    target_of_vpc,
    vpc_target,
    vpcs,
)
from understudy_aws.store.database import Transaction

# VPC user guide, "Amazon VPC quotas": the primary block counts.
IPV4_BLOCKS_PER_VPC = 5
IPV6_BLOCKS_PER_VPC = 5


def a_vpc_and_pools(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC that the request names, and the pools that a block is to come from."""
    return [with_pools(target_of_vpc(call, params["vpc_id"]), params), *pools_in(call, params)]


def a_vpc_of_an_association(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC of the association that the request names."""
    found = _vpc_with(call, params["association_id"])
    return [vpc_target(found) if found is not None else target_of_vpc(call, "*")]


@operation("ec2:AssociateVpcCidrBlock", on=a_vpc_and_pools)
def associate_vpc_cidr_block(
    call: Call,
    *,
    vpc_id: str,
    cidr_block: str | None = None,
    ipv6_cidr_block_network_border_group: str | None = None,
    ipv6_pool: str | None = None,
    ipv6_cidr_block: str | None = None,
    ipv4_ipam_pool_id: str | None = None,
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str | None = None,
    ipv6_netmask_length: int | None = None,
    amazon_provided_ipv6_cidr_block: bool | None = None,
) -> Answer:
    """Add an IPv4 block to a VPC, or an IPv6 block that Amazon provides.

    Raises InvalidVpc.Range for a block that the VPC cannot have (vpcs.md 8.2), and CidrLimitExceeded.
    """
    if cidr_block and amazon_provided_ipv6_cidr_block:
        raise errors.not_together("amazonProvidedIpv6CidrBlock", "cidrBlock")
    check_pools(
        ipv4_ipam_pool_id=ipv4_ipam_pool_id, ipv4_netmask_length=ipv4_netmask_length,
        ipv6_ipam_pool_id=ipv6_ipam_pool_id, ipv6_netmask_length=ipv6_netmask_length,
        ipv6_pool=ipv6_pool, ipv6_cidr_block=ipv6_cidr_block,
    )  # fmt: skip
    check_border_group(call, ipv6_cidr_block_network_border_group, amazon_provided_ipv6_cidr_block)
    if cidr_block:
        block = block_in(cidr_block)
        vpc = find_vpc(call, vpc_id)
        _check_new_block(call, vpc, block, cidr_block)
        new = begun(call, call.ids.ec2("vpc-cidr-assoc"), str(block))
        vpcs.put(call.tx, replace(vpc, blocks=(*current(vpc.blocks, call.at), new)))
        _add_local_route(call.tx, vpc, new.block)
        return {"VpcId": vpc.id, "CidrBlockAssociation": described_ipv4(new, ASSOCIATING)}
    if not amazon_provided_ipv6_cidr_block:
        raise api_errors.missing_choice("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    vpc = find_vpc(call, vpc_id)
    if sum(1 for _ in staying(vpc.ipv6_blocks)) >= IPV6_BLOCKS_PER_VPC:
        raise errors.too_many_blocks(vpc.id, IPV6_BLOCKS_PER_VPC)
    new = provided_block(call)
    vpcs.put(call.tx, replace(vpc, ipv6_blocks=(*current(vpc.ipv6_blocks, call.at), new)))
    _let_ipv6_through(call, vpc)
    _add_local_route(call.tx, vpc, new.block)
    # As with CreateVpc, the block is told once it is associated.
    shown = {**described_ipv6_of_vpc(new, ASSOCIATING, vpc.region), "Ipv6CidrBlock": ""}
    return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown}


def _let_ipv6_through(call: Call, vpc: Vpc) -> None:
    """Have what came with a VPC let IPv6 through, but for rules that were changed (ec2.md 7.5)."""
    security_groups.let_ipv6_out(call.tx, vpc, call.ids)
    for acl in network_acls.network_acls.where(call.tx, "vpc", vpc.id):
        network_acls.network_acls.put(call.tx, network_acls.with_ipv6(acl))


@operation("ec2:DisassociateVpcCidrBlock", on=a_vpc_of_an_association)
def disassociate_vpc_cidr_block(call: Call, *, association_id: str) -> Answer:
    """Remove a block from a VPC, unless it is the primary one or a subnet is in it.

    Raises InvalidVpcCidrBlockAssociationID.NotFound, OperationNotPermitted, InvalidCidrBlock.InUse.
    """
    vpc = _vpc_with(call, association_id)
    if vpc is None:
        raise errors.no_such_association_of_vpc(association_id)
    if association_id == vpc.association:
        raise errors.primary_block_stays(association_id)
    held = [each for each in staying((*vpc.blocks, *vpc.ipv6_blocks)) if each.id == association_id]
    if not held:
        raise errors.no_such_association_of_vpc(association_id)
    (association,) = held
    is_ipv6 = ":" in association.block
    is_inside = _is_inside(association.block)
    if any(is_inside(subnet) for subnet in subnets.where(call.tx, "vpc", vpc.id)):
        raise errors.block_has_subnet(vpc.id, association.block)
    gone = ended(call, association)
    _remove_local_route(call.tx, vpc, association.block)
    if is_ipv6:
        ipv6_blocks = replaced(current(vpc.ipv6_blocks, call.at), gone)
        vpcs.put(call.tx, replace(vpc, ipv6_blocks=ipv6_blocks))
        shown = described_ipv6_of_vpc(gone, DISASSOCIATING, vpc.region)
        return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown}
    vpcs.put(call.tx, replace(vpc, blocks=replaced(current(vpc.blocks, call.at), gone)))
    return {"VpcId": vpc.id, "CidrBlockAssociation": described_ipv4(gone, DISASSOCIATING)}


def _vpc_with(call: Call, association: str) -> Vpc | None:
    """Return the caller's VPC that has, or had, the association of this id."""
    found = vpcs.where(call.tx, "association", association)
    return next((vpc for vpc in found if (vpc.account, vpc.region) == (call.account, call.region)), None)


def _check_new_block(call: Call, vpc: Vpc, block: Cidr, text: str) -> None:
    if not 16 <= block.length <= 28:
        raise api_errors.vpc_range(text)
    existing = ipv4_blocks_of(vpc)
    if is_restricted(block, existing):
        raise errors.restricted(text)
    if any(block.overlaps(own) for own in existing):
        raise errors.conflicts_with_block(text, vpc.id)
    for peer in active_peers(call.tx, vpc, call.at):
        if any(block.overlaps(theirs) for theirs in ipv4_blocks_of(peer)):
            raise errors.conflicts_with_peer(text, peer.id)
    for table in route_tables.where(call.tx, "vpc", vpc.id):
        for route in table.routes:
            if route.destination_member == "DestinationCidrBlock" and block.holds(known(route.destination)):
                raise errors.conflicts_with_route(text, route.destination, table.id)
    if len(existing) >= IPV4_BLOCKS_PER_VPC:
        raise errors.too_many_blocks(vpc.id, IPV4_BLOCKS_PER_VPC)


def _is_inside(block: str) -> Callable[[Subnet], bool]:
    """Return a function that says whether a subnet has a block that is part of this one."""
    if ":" in block:
        ipv6 = known_ipv6(block)
        return lambda subnet: (own := ipv6_block_of(subnet)) is not None and ipv6.holds(own)
    ipv4 = known(block)
    return lambda subnet: (own := block_of(subnet)) is not None and ipv4.holds(own)


def _add_local_route(tx: Transaction, vpc: Vpc, block: str) -> None:
    """Add the route to a new block of a VPC to all of its tables, after the local routes they have."""
    new = local_route(block)
    for table in route_tables.where(tx, "vpc", vpc.id):
        local = [route for route in table.routes if route.origin == new.origin]
        others = [route for route in table.routes if route.origin != new.origin]
        route_tables.put(tx, replace(table, routes=(*local, new, *others)))


def _remove_local_route(tx: Transaction, vpc: Vpc, block: str) -> None:
    for table in route_tables.where(tx, "vpc", vpc.id):
        kept = [
            route
            for route in table.routes
            if route.destination != block or route.origin != local_route(block).origin
        ]
        route_tables.put(tx, replace(table, routes=tuple(kept)))
