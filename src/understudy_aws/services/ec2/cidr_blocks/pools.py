"""Pools of addresses: Amazon's, and those of one's own that a request may name, of which none exists (vpcs.md 8.1)."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Ipv6Cidr, known_ipv6
from understudy_aws.services.ec2.api.parameters import ipv6_cidr_in
from understudy_aws.services.ec2.api.targets import unknown
from understudy_aws.services.ec2.cidr_blocks.associations import BlockAssociation, begun
from understudy_aws.services.ec2.cidr_blocks.errors import not_together
from understudy_aws.services.ec2.vpcs import vpcs

# RFC 3849 gives these addresses to documentation: nothing on the internet has one, so that what is public here can be
# mistaken for nobody else's.
AMAZON_BLOCK = known_ipv6("2001:db8::/32")
# The size of a block that Amazon provides (VPC user guide, "VPC CIDR blocks").
PROVIDED_LENGTH = 56


def provided_block(call: Call) -> BlockAssociation:
    """Return the association of an IPv6 block of Amazon's that no VPC has. The search begins at a drawn place."""
    id = call.ids.ec2("vpc-cidr-assoc")
    count = 1 << (PROVIDED_LENGTH - AMAZON_BLOCK.length)
    draw = int(id[-8:], 16)
    for step in range(count):
        network = AMAZON_BLOCK.network + ((draw + step) % count << (128 - PROVIDED_LENGTH))
        block = str(Ipv6Cidr(network, PROVIDED_LENGTH))
        if not vpcs.count_where(call.tx, "ipv6_block", block):
            return begun(call, id, block)
    raise errors.limit("InsufficientCidrBlocks", "IPv6 CIDR blocks")


def check_pools(
    *,
    ipv4_ipam_pool_id: str | None = None,
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str | None = None,
    ipv6_netmask_length: int | None = None,
    ipv6_pool: str | None = None,
    ipv6_cidr_block: str | None = None,
) -> None:
    """Raise for a pool of one's own, which does not exist, and for a size or block that needs one.

    IPAM's pools, and those of addresses that one brought, are made by services that are not here.
    """
    if ipv6_cidr_block:
        ipv6_cidr_in(ipv6_cidr_block)
    if ipv6_cidr_block and ipv6_netmask_length is not None:
        raise not_together("ipv6NetmaskLength", "ipv6CidrBlock")
    for pool in (ipv4_ipam_pool_id, ipv6_ipam_pool_id):
        if pool:
            raise errors.not_found("InvalidIpamPoolId", "ipam-pool", pool)
    if ipv6_pool:
        raise errors.not_found("InvalidIpv6PoolId", "ipv6pool-ec2", ipv6_pool)
    if ipv4_netmask_length is not None:
        raise errors.missing("ipv4IpamPoolId")
    if ipv6_netmask_length is not None:
        raise errors.missing("ipv6IpamPoolId")
    if ipv6_cidr_block:
        raise errors.missing("ipv6Pool")


def check_border_group(call: Call, group: str | None, provided: bool | None) -> None:
    """Raise for a network border group without a block from Amazon, or that the Region has not.

    A Region's own group has the Region's name; those of Local Zones are not here.
    """
    if group is None:
        return
    if not provided:
        raise errors.missing("amazonProvidedIpv6CidrBlock")
    if group != call.region:
        raise errors.invalid_value(group, "ipv6CidrBlockNetworkBorderGroup", "Unknown network border group.")


def with_pools(target: Target, params: Params) -> Target:
    """Return a target with the condition keys of the IPAM pools that a request names (ec2.md 7.1)."""
    keys = {
        key: str(params[name])
        for key, name in (
            ("ec2:ipv4ipampoolid", "ipv4_ipam_pool_id"),
            ("ec2:ipv6ipampoolid", "ipv6_ipam_pool_id"),
        )
        if params.get(name)
    }
    return replace(target, keys={**target.keys, **keys}) if keys else target


def pools_in(call: Call, params: Params) -> list[Target]:
    """Return the targets of the pools that a request names. IPAM's belong to no Region."""
    targets = [
        Target(ec2("", call.account, f"ipam-pool/{params[name]}"))
        for name in ("ipv4_ipam_pool_id", "ipv6_ipam_pool_id")
        if params.get(name)
    ]
    if params.get("ipv6_pool"):
        targets.append(unknown(call, "ipv6pool-ec2", params["ipv6_pool"]))
    return targets
