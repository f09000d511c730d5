"""The operations that give a subnet an IPv6 block and take it away."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors as api_errors
from understudy_aws.services.ec2.cidr_blocks import errors
from understudy_aws.services.ec2.cidr_blocks.associations import (
    ASSOCIATING,
    DISASSOCIATING,
    current,
    described_ipv6,
    ended,
    replaced,
    staying,
)
from understudy_aws.services.ec2.cidr_blocks.pools import check_pools, pools_in, with_pools
from understudy_aws.services.ec2.cidr_blocks.reservation_records import reserved_ipv6
from understudy_aws.services.ec2.ipv6_space import ipv6_in_use
from understudy_aws.services.ec2.subnet_lifecycle import new_ipv6_block
from understudy_aws.services.ec2.subnets import (
    Subnet,
    find_subnet,
    ipv6_block_of,
    subnet_target,
    subnets,
    target_of_subnet,
)
from understudy_aws.services.ec2.vpcs import find_vpc


def a_subnet_and_pools(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet that the request names, and the pool that its block is to come from."""
    return [with_pools(target_of_subnet(call, params["subnet_id"]), params), *pools_in(call, params)]


def a_subnet_of_an_association(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet of the association that the request names."""
    found = _subnet_with(call, params["association_id"])
    return [subnet_target(found) if found is not None else target_of_subnet(call, "*")]


@operation("ec2:AssociateSubnetCidrBlock", on=a_subnet_and_pools)
def associate_subnet_cidr_block(
    call: Call,
    *,
    subnet_id: str,
    ipv6_cidr_block: str | None = None,
    ipv6_ipam_pool_id: str | None = None,
    ipv6_netmask_length: int | None = None,
) -> Answer:
    """Give a subnet an IPv6 block of its VPC's. Raises CidrLimitExceeded for a second one."""
    if ipv6_cidr_block and ipv6_netmask_length is not None:
        raise errors.not_together("ipv6NetmaskLength", "ipv6CidrBlock")
    check_pools(ipv6_ipam_pool_id=ipv6_ipam_pool_id, ipv6_netmask_length=ipv6_netmask_length)
    if not ipv6_cidr_block:
        raise api_errors.missing("ipv6CidrBlock")
    subnet = find_subnet(call, subnet_id)
    new = new_ipv6_block(call, find_vpc(call, subnet.vpc), ipv6_cidr_block)
    if ipv6_block_of(subnet) is not None:
        raise errors.subnet_has_block(subnet.id)
    subnets.put(call.tx, replace(subnet, ipv6_blocks=(*current(subnet.ipv6_blocks, call.at), new)))
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": described_ipv6(new, ASSOCIATING)}


@operation("ec2:DisassociateSubnetCidrBlock", on=a_subnet_of_an_association)
def disassociate_subnet_cidr_block(call: Call, *, association_id: str) -> Answer:
    """Take the IPv6 block of a subnet away, when nothing in the subnet needs it. Raises InvalidCidrBlock.InUse."""
    subnet = _subnet_with(call, association_id)
    held = (
        [] if subnet is None else [each for each in staying(subnet.ipv6_blocks) if each.id == association_id]
    )
    if subnet is None or not held:
        raise errors.no_such_association_of_subnet(association_id)
    for name, on in (
        ("assign-ipv6-address-on-creation", subnet.assign_ipv6),
        ("enable-dns64", subnet.dns64),
        ("enable-resource-name-dns-aaaa-record-on-launch", subnet.aaaa_record),
    ):
        if on:
            raise errors.subnet_block_stays(association_id, f"its subnet has {name} set to true")
    if ipv6_in_use(call.tx, subnet.id):
        raise errors.subnet_block_stays(association_id, "network interfaces have IPv6 addresses of it")
    if reserved_ipv6(call.tx, subnet.id):
        raise errors.subnet_block_stays(association_id, "its subnet has reservations of it")
    gone = ended(call, held[0])
    subnets.put(call.tx, replace(subnet, ipv6_blocks=replaced(current(subnet.ipv6_blocks, call.at), gone)))
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": described_ipv6(gone, DISASSOCIATING)}


def _subnet_with(call: Call, association: str) -> Subnet | None:
    """Return the caller's subnet that has, or had, the association of this id."""
    found = subnets.where(call.tx, "association", association)
    return next((each for each in found if (each.account, each.region) == (call.account, call.region)), None)
