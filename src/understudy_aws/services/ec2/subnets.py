"""Subnets: the record and the operations."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.addresses import RESERVED, in_use, kept_for_prefixes
from understudy_aws.services.ec2.api.cidrs import Cidr, Ipv6Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.filters import FilterTable, nothing, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.block_public_access.records import block_mode
from understudy_aws.services.ec2.cidr_blocks.associations import (
    Associations,
    association_filters,
    current,
    described_ipv6,
    states,
    staying,
)
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

SUBNETS_PER_VPC = 200


class Subnet(Record, frozen=True, kw_only=True):
    """A subnet.

    `acl` is the network ACL that holds for it, or empty for its VPC's default one; `acl_association` is the id of their
    association. `cidr` is its IPv4 block, which one for IPv6 alone (`ipv6_native`) lacks, and `ipv6_blocks` the
    associations of its IPv6 block and of those it had. `assign_ipv6` says that new interfaces get an IPv6 address.
    `lni_index` is the position of local network interfaces, or 0.
    """

    account: str
    region: str
    id: str
    vpc: str
    cidr: str = ""
    zone: str
    zone_id: str
    acl_association: str
    acl: str = ""
    default_for_zone: bool = False
    public_addresses: bool = False
    hostname_type: str = "ip-name"
    a_record: bool = False
    aaaa_record: bool = False
    ipv6_blocks: Associations = ()
    ipv6_native: bool = False
    assign_ipv6: bool = False
    dns64: bool = False
    lni_index: int = 0
    tags: dict[str, str] = {}


subnets = Table(
    "ec2/subnet",
    Subnet,
    key=lambda subnet: (subnet.account, subnet.region, subnet.id),
    indexes={
        "vpc": lambda subnet: (subnet.vpc,),
        "acl": lambda subnet: (subnet.acl,) if subnet.acl else (),
        "acl_association": lambda subnet: (subnet.acl_association,),
        "association": lambda subnet: [each.id for each in subnet.ipv6_blocks],
    },
)

SUBNET_REFERENCES: References = (
    Reference("is in", lambda subnet: (subnet.vpc,), index="vpc", holds=True),
    Reference(
        "follows",
        lambda subnet: (subnet.acl,),
        index="acl",
        holds=True,
        ended_by="ReplaceNetworkAclAssociation",
    ),
)

_OPTIONS = "private-dns-name-options-on-launch."
SUBNET_FILTERS: FilterTable = MappingProxyType(
    {
        "availability-zone": lambda subnet: (subnet.zone,),
        "availabilityZone": lambda subnet: (subnet.zone,),
        "availability-zone-id": lambda subnet: (subnet.zone_id,),
        "availabilityZoneId": lambda subnet: (subnet.zone_id,),
        "cidr": lambda subnet: (subnet.cidr,) if subnet.cidr else (),
        "cidr-block": lambda subnet: (subnet.cidr,) if subnet.cidr else (),
        "cidrBlock": lambda subnet: (subnet.cidr,) if subnet.cidr else (),
        "customer-owned-ipv4-pool": nothing,
        "default-for-az": lambda subnet: yes_or_no(subnet.default_for_zone),
        "defaultForAz": lambda subnet: yes_or_no(subnet.default_for_zone),
        "enable-dns64": lambda subnet: yes_or_no(subnet.dns64),
        "enable-lni-at-device-index": lambda subnet: (str(subnet.lni_index),) if subnet.lni_index else (),
        "ipv6-native": lambda subnet: yes_or_no(subnet.ipv6_native),
        "map-customer-owned-ip-on-launch": lambda _: yes_or_no(False),
        "map-public-ip-on-launch": lambda subnet: yes_or_no(subnet.public_addresses),
        "outpost-arn": nothing,
        "owner-id": lambda subnet: (subnet.account,),
        _OPTIONS + "hostname-type": lambda subnet: (subnet.hostname_type,),
        _OPTIONS + "enable-resource-name-dns-a-record": lambda subnet: yes_or_no(subnet.a_record),
        _OPTIONS + "enable-resource-name-dns-aaaa-record": lambda subnet: yes_or_no(subnet.aaaa_record),
        "state": lambda _: ("available",),
        "subnet-arn": lambda subnet: (ec2(subnet.region, subnet.account, f"subnet/{subnet.id}"),),
        "subnet-id": lambda subnet: (subnet.id,),
        "vpc-id": lambda subnet: (subnet.vpc,),
    }
)


def a_subnet(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet that the request names."""
    return [target_of_subnet(call, params["subnet_id"])]


@operation("ec2:DescribeSubnets", on=all_resources)
def describe_subnets(
    call: Call,
    *,
    filters: Filters = None,
    subnet_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the account's subnets in the Region."""
    table = {
        **SUBNET_FILTERS,
        "available-ip-address-count": lambda subnet: (str(available(call.tx, subnet)),),
        "availableIpAddressCount": lambda subnet: (str(available(call.tx, subnet)),),
        **association_filters(
            "ipv6-cidr-block-association.", lambda subnet: current(subnet.ipv6_blocks, call.at), call.at
        ),
    }
    found, token = select(
        call, subnets, find_subnet, table,
        ids=subnet_ids, filters=filters, max_results=max_results, next_token=next_token, ids_name="subnetSet",
    )  # fmt: skip
    return {"Subnets": [describe(call, subnet) for subnet in found], "NextToken": token}


def find_subnet(call: Call, id: str) -> Subnet:
    """Return the subnet of this id. Raises InvalidSubnetID.Malformed, InvalidSubnetID.NotFound."""
    found = subnets.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("subnet", id)
    return found


def available(tx: Transaction, subnet: Subnet) -> int:
    """Return how many addresses are free: all but the five AWS reserves and those of interfaces.

    Only IPv4 addresses count, and none that is reserved for prefixes (vpcs.md 8.4).
    """
    block = block_of(subnet)
    if block is None:
        return 0
    return block.size - RESERVED - in_use(tx, subnet.id) - kept_for_prefixes(tx, subnet.id, block)


@memoized
def block_of(subnet: Subnet) -> Cidr | None:
    """Return the subnet's IPv4 block as numbers, or None for one with IPv6 alone."""
    return known(subnet.cidr) if subnet.cidr else None


@memoized
def ipv6_block_of(subnet: Subnet) -> Ipv6Cidr | None:
    """Return the subnet's IPv6 block as numbers, or None if it has none."""
    return next((known_ipv6(each.block) for each in staying(subnet.ipv6_blocks)), None)


def describe(call: Call, subnet: Subnet) -> Description:
    """Return a subnet as answers describe it.

    The result is reused while the number of free addresses and the states of associations are the same.
    """
    ipv6 = current(subnet.ipv6_blocks, call.at)
    mode = block_mode(call.tx, subnet.account, subnet.region, subnet.id, subnet.vpc)
    variant = (available(call.tx, subnet), states(ipv6, call.at), mode)
    shown: tuple[Any, Description] | None = subnet.__dict__.get("shown")
    if shown is None or shown[0] != variant:
        members = {
            **_members(subnet),
            "BlockPublicAccessStates": {"InternetGatewayBlockMode": mode},
            "AvailableIpAddressCount": variant[0],
            "Ipv6CidrBlockAssociationSet": [
                described_ipv6(each, state) for each, state in zip(ipv6, variant[1], strict=True)
            ],
        }
        shown = subnet.__dict__["shown"] = (variant, Description(members))
    return shown[1]


def _members(subnet: Subnet) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AvailabilityZoneId": subnet.zone_id,
        "MapCustomerOwnedIpOnLaunch": False,
        "OwnerId": subnet.account,
        "AssignIpv6AddressOnCreation": subnet.assign_ipv6,
        "Tags": tag_set(subnet.tags),
        "SubnetArn": subnet_arn(subnet),
        "EnableDns64": subnet.dns64,
        "Ipv6Native": subnet.ipv6_native,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.hostname_type,
            "EnableResourceNameDnsARecord": subnet.a_record,
            "EnableResourceNameDnsAAAARecord": subnet.aaaa_record,
        },
        "SubnetId": subnet.id,
        "State": "available",
        "VpcId": subnet.vpc,
        "AvailabilityZone": subnet.zone,
        "DefaultForAz": subnet.default_for_zone,
        "MapPublicIpOnLaunch": subnet.public_addresses,
    }
    if subnet.cidr:
        shown["CidrBlock"] = subnet.cidr
    if subnet.lni_index:
        shown["EnableLniAtDeviceIndex"] = subnet.lni_index
    return shown


@memoized
def subnet_arn(subnet: Subnet) -> str:
    return ec2(subnet.region, subnet.account, f"subnet/{subnet.id}")


@memoized
def subnet_target(subnet: Subnet) -> Target:
    """Return a subnet's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(subnet.tags)
    keys["ec2:availabilityzone"] = subnet.zone
    keys["ec2:availabilityzoneid"] = subnet.zone_id
    keys["ec2:subnetid"] = subnet.id
    keys["ec2:vpc"] = ec2(subnet.region, subnet.account, f"vpc/{subnet.vpc}")
    return Target(subnet_arn(subnet), keys)


def target_of_subnet(call: Call, id: str) -> Target:
    """Return the target of a subnet, which need not exist."""
    found = subnets.get(call.tx, call.account, call.region, id)
    return subnet_target(found) if found is not None else unknown(call, "subnet", id)
