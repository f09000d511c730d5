"""Subnets: the record and the operations."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import AvailabilityZone
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.addresses import RESERVED, in_use, is_empty
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Cidr, known
from understudy_aws.services.ec2.api.filters import FilterTable, nothing, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, refuse, select, value_of
from understudy_aws.services.ec2.api.parameters import block_in, one_attribute
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tag_set, tags_for
from understudy_aws.services.ec2.api.targets import Keys, a_new, changes_in, changing, resource_tags, unknown
from understudy_aws.services.ec2.route_tables import release
from understudy_aws.services.ec2.vpcs import Vpc, find_vpc, target_of_vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

SUBNETS_PER_VPC = 200


class Subnet(Record, frozen=True, kw_only=True):
    """A subnet.

    `acl` is the network ACL that holds for it, or empty for its VPC's default one; `acl_association` is the id of their
    association.
    """

    account: str
    region: str
    id: str
    vpc: str
    cidr: str
    zone: str
    zone_id: str
    acl_association: str
    acl: str = ""
    default_for_zone: bool = False
    public_addresses: bool = False
    hostname_type: str = "ip-name"
    a_record: bool = False
    tags: dict[str, str] = {}


subnets = Table(
    "ec2/subnet",
    Subnet,
    key=lambda subnet: (subnet.account, subnet.region, subnet.id),
    indexes={
        "vpc": lambda subnet: (subnet.vpc,),
        "acl_association": lambda subnet: (subnet.acl_association,),
    },
)

_OPTIONS = "private-dns-name-options-on-launch."
SUBNET_FILTERS: FilterTable = MappingProxyType(
    {
        "availability-zone": lambda subnet: (subnet.zone,),
        "availabilityZone": lambda subnet: (subnet.zone,),
        "availability-zone-id": lambda subnet: (subnet.zone_id,),
        "availabilityZoneId": lambda subnet: (subnet.zone_id,),
        "cidr": lambda subnet: (subnet.cidr,),
        "cidr-block": lambda subnet: (subnet.cidr,),
        "cidrBlock": lambda subnet: (subnet.cidr,),
        "customer-owned-ipv4-pool": nothing,
        "default-for-az": lambda subnet: yes_or_no(subnet.default_for_zone),
        "defaultForAz": lambda subnet: yes_or_no(subnet.default_for_zone),
        "enable-dns64": lambda _: yes_or_no(False),
        "enable-lni-at-device-index": nothing,
        "ipv6-cidr-block-association.ipv6-cidr-block": nothing,
        "ipv6-cidr-block-association.association-id": nothing,
        "ipv6-cidr-block-association.state": nothing,
        "ipv6-native": lambda _: yes_or_no(False),
        "map-customer-owned-ip-on-launch": lambda _: yes_or_no(False),
        "map-public-ip-on-launch": lambda subnet: yes_or_no(subnet.public_addresses),
        "outpost-arn": nothing,
        "owner-id": lambda subnet: (subnet.account,),
        _OPTIONS + "hostname-type": lambda subnet: (subnet.hostname_type,),
        _OPTIONS + "enable-resource-name-dns-a-record": lambda subnet: yes_or_no(subnet.a_record),
        _OPTIONS + "enable-resource-name-dns-aaaa-record": lambda _: yes_or_no(False),
        "state": lambda _: ("available",),
        "subnet-arn": lambda subnet: (ec2(subnet.region, subnet.account, f"subnet/{subnet.id}"),),
        "subnet-id": lambda subnet: (subnet.id,),
        "vpc-id": lambda subnet: (subnet.vpc,),
    }
)


def a_new_subnet(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a subnet: it, its tags, and the VPC it is made in."""
    return [*a_new(call, params, "subnet"), target_of_vpc(call, params["vpc_id"])]


def a_subnet(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet that the request names."""
    return [target_of_subnet(call, params["subnet_id"])]


def a_subnet_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet with the attributes being changed."""
    target = target_of_subnet(call, params["subnet_id"])
    changes = changes_in(params, "subnet_id")
    return [changing(target, changes)]


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
    """Make a subnet of a free part of the VPC's block, in the zone named or else the Region's first."""
    refuse(
        ipv6_cidr_block=ipv6_cidr_block, outpost_arn=outpost_arn, ipv6_native=ipv6_native,
        ipv4_ipam_pool_id=ipv4_ipam_pool_id, ipv4_netmask_length=ipv4_netmask_length,
        ipv6_ipam_pool_id=ipv6_ipam_pool_id, ipv6_netmask_length=ipv6_netmask_length,
    )  # fmt: skip
    if cidr_block is None:
        raise errors.missing_choice("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    tags = tags_for("subnet", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    zone = _zone(call, availability_zone, availability_zone_id)
    block = _free_block(call.tx, vpc, cidr_block)
    subnet = make(call.tx, vpc, zone, block, call.ids, tags=tags)
    answer = dict(describe(call, subnet))
    # Reference ec2.md 7.5: the create answer lacks what the describe answer has.
    del answer["BlockPublicAccessStates"]
    return {"Subnet": answer}


def make(
    tx: Transaction, vpc: Vpc, zone: AvailabilityZone, block: Cidr, ids: Ids, *, default: bool = False,
    tags: dict[str, str] | None = None,
) -> Subnet:  # fmt: skip
    """Make a subnet of a block that was checked. `default` makes it the default of its zone."""
    return subnets.put(
        tx,
        Subnet(
            account=vpc.account,
            region=vpc.region,
            id=ids.ec2("subnet"),
            vpc=vpc.id,
            cidr=str(block),
            zone=zone.name,
            zone_id=zone.id,
            acl_association=ids.ec2("aclassoc"),
            default_for_zone=default,
            public_addresses=default,
            tags=tags or {},
        ),
    )


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
    }
    found, token = select(
        call, subnets, find_subnet, table,
        ids=subnet_ids, filters=filters, max_results=max_results, next_token=next_token, ids_name="subnetSet",
    )  # fmt: skip
    return {"Subnets": [describe(call, subnet) for subnet in found], "NextToken": token}


@operation("ec2:DeleteSubnet", on=a_subnet)
def delete_subnet(call: Call, *, subnet_id: str) -> Answer | None:
    """Delete a subnet without interfaces. Raises DependencyViolation."""
    subnet = find_subnet(call, subnet_id)
    if not is_empty(call.tx, subnet.id):
        raise errors.dependency("subnet", subnet.id)
    release(call.tx, subnet=subnet.id)
    subnets.delete(call.tx, subnet)
    return None


@operation("ec2:ModifySubnetAttribute", on=a_subnet_to_change)
def modify_subnet_attribute(
    call: Call,
    *,
    subnet_id: str,
    assign_ipv6_address_on_creation: dict[str, Any] | None = None,
    map_public_ip_on_launch: dict[str, Any] | None = None,
    map_customer_owned_ip_on_launch: dict[str, Any] | None = None,
    customer_owned_ipv4_pool: str | None = None,
    enable_dns64: dict[str, Any] | None = None,
    private_dns_hostname_type_on_launch: str | None = None,
    enable_resource_name_dns_a_record_on_launch: dict[str, Any] | None = None,
    enable_resource_name_dns_aaaa_record_on_launch: dict[str, Any] | None = None,
    enable_lni_at_device_index: int | None = None,
    disable_lni_at_device_index: dict[str, Any] | None = None,
) -> Answer | None:
    """Change one attribute. AWS takes one in a call."""
    one_attribute(
        assignIpv6AddressOnCreation=assign_ipv6_address_on_creation,
        mapPublicIpOnLaunch=map_public_ip_on_launch,
        # The pool is named beside the switch that needs it.
        mapCustomerOwnedIpOnLaunch=map_customer_owned_ip_on_launch or customer_owned_ipv4_pool,
        enableDns64=enable_dns64,
        privateDnsHostnameTypeOnLaunch=private_dns_hostname_type_on_launch,
        enableResourceNameDnsARecordOnLaunch=enable_resource_name_dns_a_record_on_launch,
        enableResourceNameDnsAAAARecordOnLaunch=enable_resource_name_dns_aaaa_record_on_launch,
        enableLniAtDeviceIndex=enable_lni_at_device_index,
        disableLniAtDeviceIndex=disable_lni_at_device_index,
    )
    refuse(
        assign_ipv6_address_on_creation=value_of(assign_ipv6_address_on_creation),
        map_customer_owned_ip_on_launch=value_of(map_customer_owned_ip_on_launch),
        customer_owned_ipv4_pool=customer_owned_ipv4_pool,
        enable_dns64=value_of(enable_dns64),
        enable_resource_name_dns_aaaa_record_on_launch=value_of(
            enable_resource_name_dns_aaaa_record_on_launch
        ),
        enable_lni_at_device_index=enable_lni_at_device_index,
        disable_lni_at_device_index=value_of(disable_lni_at_device_index),
    )
    subnet = find_subnet(call, subnet_id)
    changes: dict[str, Any] = {
        "public_addresses": value_of(map_public_ip_on_launch),
        "hostname_type": private_dns_hostname_type_on_launch,
        "a_record": value_of(enable_resource_name_dns_a_record_on_launch),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    subnets.put(call.tx, replace(subnet, **changes))
    return None


def find_subnet(call: Call, id: str) -> Subnet:
    """Return the subnet of this id. Raises InvalidSubnetID.Malformed, InvalidSubnetID.NotFound."""
    found = subnets.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("subnet", id)
    return found


def available(tx: Transaction, subnet: Subnet) -> int:
    """Return how many addresses are free: all but the five AWS reserves and those of interfaces."""
    return block_of(subnet).size - RESERVED - in_use(tx, subnet.id)


@memoized
def block_of(subnet: Subnet) -> Cidr:
    """Return the subnet's block as numbers."""
    return known(subnet.cidr)


def describe(call: Call, subnet: Subnet) -> Description:
    """Return a subnet as answers describe it. The result is reused while the number of free addresses is the same."""
    count = available(call.tx, subnet)
    shown: Description | None = subnet.__dict__.get("shown")
    if shown is None or shown["AvailableIpAddressCount"] != count:
        shown = subnet.__dict__["shown"] = Description({**_members(subnet), "AvailableIpAddressCount": count})
    return shown


def _members(subnet: Subnet) -> dict[str, Any]:
    return {
        "AvailabilityZoneId": subnet.zone_id,
        "MapCustomerOwnedIpOnLaunch": False,
        "OwnerId": subnet.account,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": tag_set(subnet.tags),
        "SubnetArn": subnet_arn(subnet),
        "EnableDns64": False,
        "Ipv6Native": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.hostname_type,
            "EnableResourceNameDnsARecord": subnet.a_record,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
        "SubnetId": subnet.id,
        "State": "available",
        "VpcId": subnet.vpc,
        "CidrBlock": subnet.cidr,
        "AvailabilityZone": subnet.zone,
        "DefaultForAz": subnet.default_for_zone,
        "MapPublicIpOnLaunch": subnet.public_addresses,
    }


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


def _zone(call: Call, name: str | None, id: str | None) -> AvailabilityZone:
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


def _free_block(tx: Transaction, vpc: Vpc, text: str) -> Cidr:
    block = block_in(text)
    if not 16 <= block.length <= 28 or not known(vpc.cidr).holds(block):
        raise errors.subnet_range(text)
    others = subnets.where(tx, "vpc", vpc.id)
    if len(others) >= SUBNETS_PER_VPC:
        raise errors.limit("SubnetLimitExceeded", "subnets")
    if any(block.overlaps(block_of(other)) for other in others):
        raise errors.subnet_conflict(text)
    return block
