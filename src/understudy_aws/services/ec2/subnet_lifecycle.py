"""Makes and deletes subnets."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.answers import Answer
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import AvailabilityZone
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.addresses import is_empty
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.parameters import block_in, ipv6_cidr_in
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.block_public_access.records import drop_exclusions
from understudy_aws.services.ec2.cidr_blocks import errors as block_errors
from understudy_aws.services.ec2.cidr_blocks.associations import (
    ASSOCIATING,
    Associations,
    BlockAssociation,
    associated,
    begun,
    described_ipv6,
)
from understudy_aws.services.ec2.cidr_blocks.pools import check_pools, pools_in, with_pools
from understudy_aws.services.ec2.cidr_blocks.reservation_records import cidr_reservations
from understudy_aws.services.ec2.flow_logs.records import remove_flow_logs
from understudy_aws.services.ec2.route_tables import release
from understudy_aws.services.ec2.subnets import (
    Subnet,
    a_subnet,
    block_of,
    describe,
    find_subnet,
    ipv6_block_of,
    subnets,
)
from understudy_aws.services.ec2.vpcs import Vpc, all_ipv4, find_vpc, target_of_vpc
from understudy_aws.store.database import Transaction

SUBNETS_PER_VPC = 200
# VPC user guide, "Subnet CIDR blocks": every fourth length.
IPV6_LENGTHS = range(44, 65, 4)


def a_new_subnet(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a subnet: it, its tags, the VPC it is made in, and pools of addresses."""
    new, *tagging = a_new(call, params, "subnet")
    vpc = target_of_vpc(call, params["vpc_id"])
    return [with_pools(new, params), *tagging, vpc, *pools_in(call, params)]


@operation("ec2:CreateSubnet", on=a_new_subnet)
def create_subnet(
    call: Call,
    *,
    vpc_id: str,
    tag_specifications: TagSpecifications = None,
    availability_zone: str | None = None,
    availability_zone_id: str | None = None,
    cidr_block: str | None = None,
    ipv6_cidr_block: str | None = None,
    outpost_arn: str | None = None,
    ipv6_native: bool | None = None,
    ipv4_ipam_pool_id: str | None = None,
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str | None = None,
    ipv6_netmask_length: int | None = None,
) -> Answer:
    """Make a subnet of free parts of the VPC's blocks, in the zone named or else the Region's first."""
    refuse(outpost_arn=outpost_arn)
    if ipv6_cidr_block and ipv6_netmask_length is not None:
        raise block_errors.not_together("ipv6NetmaskLength", "ipv6CidrBlock")
    check_pools(
        ipv4_ipam_pool_id=ipv4_ipam_pool_id, ipv4_netmask_length=ipv4_netmask_length,
        ipv6_ipam_pool_id=ipv6_ipam_pool_id, ipv6_netmask_length=ipv6_netmask_length,
    )  # fmt: skip
    _check_families(cidr_block, ipv6_cidr_block, ipv6_native)
    tags = tags_for("subnet", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    zone = find_zone(call, availability_zone, availability_zone_id)
    if subnets.count_where(call.tx, "vpc", vpc.id) >= SUBNETS_PER_VPC:
        raise errors.limit("SubnetLimitExceeded", "subnets")
    block = _free_block(call, vpc, cidr_block) if cidr_block is not None else None
    ipv6 = new_ipv6_block(call, vpc, ipv6_cidr_block) if ipv6_cidr_block is not None else None
    subnet = make(
        call.tx, vpc, zone, block, call.ids,
        tags=tags, ipv6_blocks=(ipv6,) if ipv6 is not None else (), ipv6_native=bool(ipv6_native),
    )  # fmt: skip
    answer = dict(describe(call, subnet))
    # Reference ec2.md 7.5: the create answer lacks what the describe answer has.
    del answer["BlockPublicAccessStates"]
    if ipv6 is not None:
        answer["Ipv6CidrBlockAssociationSet"] = [described_ipv6(ipv6, ASSOCIATING)]
    return {"Subnet": answer}


def make(
    tx: Transaction, vpc: Vpc, zone: AvailabilityZone, block: Cidr | None, ids: Ids, *, default: bool = False,
    tags: dict[str, str] | None = None, ipv6_blocks: Associations = (), ipv6_native: bool = False,
) -> Subnet:  # fmt: skip
    """Make a subnet of blocks that were checked. `default` makes it the default of its zone.

    In one for IPv6 alone every interface gets an IPv6 address, and machines are named by their ids (vpcs.md 8.1).
    """
    return subnets.put(
        tx,
        Subnet(
            account=vpc.account,
            region=vpc.region,
            id=ids.ec2("subnet"),
            vpc=vpc.id,
            cidr="" if block is None else str(block),
            zone=zone.name,
            zone_id=zone.id,
            acl_association=ids.ec2("aclassoc"),
            default_for_zone=default,
            public_addresses=default and not ipv6_native,
            hostname_type="resource-name" if ipv6_native else "ip-name",
            ipv6_blocks=ipv6_blocks,
            ipv6_native=ipv6_native,
            assign_ipv6=ipv6_native,
            tags=tags or {},
        ),
    )


@operation("ec2:DeleteSubnet", on=a_subnet)
def delete_subnet(call: Call, *, subnet_id: str) -> Answer | None:
    """Delete a subnet without interfaces, and its reservations. Raises DependencyViolation."""
    subnet = find_subnet(call, subnet_id)
    if not is_empty(call.tx, subnet.id):
        raise errors.dependency("subnet", subnet.id)
    release(call.tx, subnet=subnet.id)
    for reservation in cidr_reservations.where(call.tx, "subnet", subnet.id):
        cidr_reservations.delete(call.tx, reservation)
    drop_exclusions(call.tx, subnet.id, call.at)
    remove_flow_logs(call.tx, subnet.id)
    subnets.delete(call.tx, subnet)
    return None


def find_zone(call: Call, name: str | None, id: str | None) -> AvailabilityZone:
    """Return the zone of this name or id, or else the Region's first. Raises InvalidParameterValue."""
    region = find_region(call.region)
    zones = region.zones if region is not None else ()
    wanted = [zone for zone in zones if name in (None, zone.name) and id in (None, zone.id)]
    if wanted:
        return wanted[0]
    parameter = "availabilityZone" if name is not None else "availabilityZoneId"
    names = ", ".join(zone.name if name is not None else zone.id for zone in zones)
    raise errors.invalid_value(
        name or id,
        parameter,
        f"Subnets can currently only be created in the following availability zones: {names}.",
    )


def new_ipv6_block(call: Call, vpc: Vpc, text: str) -> BlockAssociation:
    """Return the association of an IPv6 block for a subnet. Raises InvalidSubnet.Range, InvalidSubnet.Conflict."""
    block = ipv6_cidr_in(text)
    if block.length not in IPV6_LENGTHS:
        raise errors.invalid(f"invalid value for parameter ipv6-cidr-block: {text}")
    own_blocks = [known_ipv6(each.block) for each in associated(vpc.ipv6_blocks, call.at)]
    if not any(own.holds(block) for own in own_blocks):
        raise block_errors.ipv6_range(text)
    others = [ipv6_block_of(other) for other in subnets.where(call.tx, "vpc", vpc.id)]
    if any(other is not None and block.overlaps(other) for other in others):
        raise errors.subnet_conflict(text)
    return begun(call, call.ids.ec2("subnet-cidr-assoc"), str(block))


def _check_families(ipv4: str | None, ipv6: str | None, native: bool | None) -> None:
    """Raise unless the blocks of a request suit the kind of subnet it asks for (texts: vpcs.md 8.1)."""
    if not native:
        if ipv4 is None:
            raise errors.missing_choice("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
        return
    if ipv4 is not None:
        raise block_errors.ipv4_in_native_subnet()
    if ipv6 is None:
        raise errors.missing("ipv6CidrBlock")


def _free_block(call: Call, vpc: Vpc, text: str) -> Cidr:
    block = block_in(text)
    own_blocks = [known(each.block) for each in associated(all_ipv4(vpc, call.at), call.at)]
    if not 16 <= block.length <= 28 or not any(own.holds(block) for own in own_blocks):
        raise errors.subnet_range(text)
    others = [block_of(other) for other in subnets.where(call.tx, "vpc", vpc.id)]
    if any(other is not None and block.overlaps(other) for other in others):
        raise errors.subnet_conflict(text)
    return block
