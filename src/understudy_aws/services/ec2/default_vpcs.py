"""The default VPC, which every account has in every Region until it deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Cidr, known
from understudy_aws.services.ec2.cidr_blocks.associations import BlockAssociation, begun
from understudy_aws.services.ec2.dhcp_options import default_set
from understudy_aws.services.ec2.internet_gateways import make_attached
from understudy_aws.services.ec2.route_tables import make_main
from understudy_aws.services.ec2.subnet_lifecycle import find_zone, make
from understudy_aws.services.ec2.subnets import Subnet, block_of, describe, ipv6_block_of, subnets
from understudy_aws.services.ec2.vpc_lifecycle import check_quota, provision_vpc
from understudy_aws.services.ec2.vpcs import (
    Vpc,
    default_vpc,
    described_vpc,
    ipv4_blocks_of,
    ipv6_blocks_of,
)
from understudy_aws.store.database import Transaction

# Reference ec2.md 7.5: this block, and a /20 of it for each zone.
BLOCK = "172.31.0.0/16"
_SUBNET_LENGTH = 20
_IPV6_LENGTH = 64


@operation("ec2:CreateDefaultVpc", on=all_resources)
def create_default_vpc(call: Call) -> Answer:
    """Make the default VPC again after it was deleted. Raises DefaultVpcAlreadyExists."""
    if default_vpc(call.tx, call.account, call.region) is not None:
        raise errors.default_vpc_exists()
    check_quota(call)
    vpc = provision_default_vpc(call.tx, call.account, call.region, call.ids, call.at)
    return {"Vpc": {**described_vpc(call, vpc), "State": "pending"}}


def provision_default_vpc(tx: Transaction, account: str, region: str, ids: Ids, _at: datetime) -> Vpc:
    """Make the default VPC as AWS does: a subnet in each zone, an internet gateway and DNS host names."""
    vpc = Vpc(
        account=account,
        region=region,
        id=ids.ec2("vpc"),
        cidr=BLOCK,
        association=ids.ec2("vpc-cidr-assoc"),
        dhcp_options=default_set(tx, account, region, ids).id,
        is_default=True,
        dns_hostnames=True,
    )
    provision_vpc(tx, vpc, ids)
    gateway = make_attached(tx, account, region, vpc.id, ids)
    make_main(tx, vpc, ids, gateway.id)
    found = find_region(region)
    step = 1 << (32 - _SUBNET_LENGTH)
    first = known(BLOCK).network
    for place, zone in enumerate(found.zones if found is not None else ()):
        make(tx, vpc, zone, Cidr(first + place * step, _SUBNET_LENGTH), ids, default=True)
    return vpc


@operation("ec2:CreateDefaultSubnet", on=all_resources)
def create_default_subnet(
    call: Call,
    *,
    availability_zone: str | None = None,
    availability_zone_id: str | None = None,
    ipv6_native: bool | None = None,
) -> Answer:
    """Make the default subnet of a zone again after it was deleted, of the first free part of the default VPC.

    Raises DefaultVpcDoesNotExist, DefaultSubnetAlreadyExistsInAvailabilityZone.
    """
    if availability_zone and availability_zone_id:
        raise errors.combination("availabilityZone", "availabilityZoneId")
    if not availability_zone and not availability_zone_id:
        raise errors.missing("availabilityZone")
    vpc = default_vpc(call.tx, call.account, call.region)
    if vpc is None:
        raise _no_default_vpc()
    zone = find_zone(call, availability_zone, availability_zone_id)
    others = subnets.where(call.tx, "vpc", vpc.id)
    for other in others:
        if other.default_for_zone and other.zone == zone.name:
            raise _default_subnet_exists(other.id, zone.name)
    if ipv6_native:
        made = make(
            call.tx, vpc, zone, None, call.ids,
            default=True, ipv6_blocks=(_free_ipv6(call, vpc, others),), ipv6_native=True,
        )  # fmt: skip
    else:
        made = make(call.tx, vpc, zone, _free_ipv4(vpc, others), call.ids, default=True)
    answer = dict(describe(call, made))
    # As with CreateSubnet.
    del answer["BlockPublicAccessStates"]
    return {"Subnet": answer}


def _free_ipv4(vpc: Vpc, others: Sequence[Subnet]) -> Cidr:
    """Return the first block for a default subnet that overlaps no other subnet's. Raises InsufficientCidrBlocks."""
    taken = [block for other in others if (block := block_of(other)) is not None]
    for own in ipv4_blocks_of(vpc):
        for part in own.parts(_SUBNET_LENGTH):
            if not any(part.overlaps(block) for block in taken):
                return part
    raise errors.limit("InsufficientCidrBlocks", "CIDR blocks of the default VPC")


def _free_ipv6(call: Call, vpc: Vpc, others: Sequence[Subnet]) -> BlockAssociation:
    """Return the association of the first IPv6 block that overlaps no other subnet's."""
    taken = [block for other in others if (block := ipv6_block_of(other)) is not None]
    for own in ipv6_blocks_of(vpc):
        for part in own.parts(_IPV6_LENGTH):
            if not any(part.overlaps(block) for block in taken):
                return begun(call, call.ids.ec2("subnet-cidr-assoc"), str(part))
    raise errors.limit("InsufficientCidrBlocks", "IPv6 CIDR blocks of the default VPC")


def _no_default_vpc() -> ApiError:
    """Return the error for a default subnet without a default VPC. The text is ours."""
    return ApiError("DefaultVpcDoesNotExist", "There is no default VPC in which to carry out the request.")


def _default_subnet_exists(subnet: str, zone: str) -> ApiError:
    return ApiError(
        "DefaultSubnetAlreadyExistsInAvailabilityZone",
        f"'{subnet}' is already the default subnet in {zone}.",
    )
