"""The operations that make and change network interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.interface_addresses import (
    Wanted,
    check_one_way,
    counted,
    give,
    named_addresses,
    texts_of,
)
from understudy_aws.services.ec2.interface_settings import check_description, tracking_in
from understudy_aws.services.ec2.network_interface_descriptions import interface_members
from understudy_aws.services.ec2.network_interfaces import (
    Attachment,
    NetworkInterface,
    network_interfaces,
)
from understudy_aws.services.ec2.public_names import public_name
from understudy_aws.services.ec2.security_group_associations.operations import may_be_used_in
from understudy_aws.services.ec2.security_groups import (
    default_group,
    find_group,
    group_target,
    target_of_group,
)
from understudy_aws.services.ec2.subnets import Subnet, find_subnet, subnets, target_of_subnet
from understudy_aws.services.ec2.vpcs import vpcs

GROUPS_PER_INTERFACE = 5
# AWS gives 5,000 at first and more to who asks; on one's own machine nobody should have to ask.
INTERFACES_PER_REGION = 1_000_000
# The InterfaceTypes that customers make.
CUSTOMER_KINDS = ("interface", "efa", "trunk")
# The digits of an id that its MAC address is made of: those behind `eni-0`.
_MAC_BEGIN, _MAC_END = 5, 16


def a_new_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making an interface: it, its tags, its subnet and its groups, or else the default group."""
    id = params["subnet_id"]
    targets = [*a_new(call, params, "network-interface"), target_of_subnet(call, id)]
    groups = params.get("groups")
    if groups:
        targets.extend(target_of_group(call, group) for group in groups)
    else:
        subnet = subnets.get(call.tx, call.account, call.region, id)
        if subnet is not None:
            targets.append(group_target(default_group(call.tx, subnet.vpc)))
    return targets


@operation("ec2:CreateNetworkInterface", on=a_new_interface)
def create_network_interface(
    call: Call,
    *,
    subnet_id: str,
    ipv4_prefixes: list[dict[str, Any]] | None = None,
    ipv4_prefix_count: int | None = None,
    ipv6_prefixes: list[dict[str, Any]] | None = None,
    ipv6_prefix_count: int | None = None,
    interface_type: str | None = None,
    tag_specifications: TagSpecifications = None,
    client_token: str | None = None,
    enable_primary_ipv6: bool | None = None,
    connection_tracking_specification: dict[str, Any] | None = None,
    operator: dict[str, Any] | None = None,
    description: str | None = None,
    private_ip_address: str | None = None,
    groups: list[str] | None = None,
    private_ip_addresses: list[dict[str, Any]] | None = None,
    secondary_private_ip_address_count: int | None = None,
    ipv6_addresses: list[dict[str, Any]] | None = None,
    ipv6_address_count: int | None = None,
) -> Answer:
    """Make an interface in a subnet, with the addresses the request names, or with free ones."""
    refuse(
        operator=operator, interface_type=None if interface_type in CUSTOMER_KINDS else interface_type
    )  # fmt: skip
    check_description(description or "")
    tracking = tracking_in(connection_tracking_specification)
    tags = tags_for("network-interface", tag_specifications)
    named = named_addresses(private_ip_address, private_ip_addresses)
    count = counted(secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")
    check_one_way(
        privateIpAddresses=named[1:], secondaryPrivateIpAddressCount=count,
        ipv4Prefixes=ipv4_prefixes, ipv4PrefixCount=ipv4_prefix_count,
    )  # fmt: skip
    check_one_way(
        ipv6Addresses=ipv6_addresses, ipv6AddressCount=ipv6_address_count,
        ipv6Prefixes=ipv6_prefixes, ipv6PrefixCount=ipv6_prefix_count,
    )  # fmt: skip
    wanted = Wanted(
        ipv4=named,
        ipv4_count=count,
        ipv4_prefixes=texts_of(ipv4_prefixes, "Ipv4Prefix"),
        ipv4_prefix_count=counted(ipv4_prefix_count, "ipv4PrefixCount"),
        ipv6=texts_of(ipv6_addresses, "Ipv6Address"),
        ipv6_count=counted(ipv6_address_count, "ipv6AddressCount"),
        ipv6_prefixes=texts_of(ipv6_prefixes, "Ipv6Prefix"),
        ipv6_prefix_count=counted(ipv6_prefix_count, "ipv6PrefixCount"),
    )
    subnet = find_subnet(call, subnet_id)
    members = groups_of(call, subnet, groups)
    if not subnet.ipv6_native and not named:
        # The primary address.
        wanted = replace(wanted, ipv4_count=count + 1)
    if subnet.assign_ipv6 and ipv6_address_count is None and not wanted.is_ipv6:
        wanted = replace(wanted, ipv6_count=1)
    interface = _made(
        call, subnet, wanted, description=description or "", groups=members, tags=tags or {},
        kind=interface_type or "interface", primary_ipv6=bool(enable_primary_ipv6),
        connection_tracking=tracking,
    )  # fmt: skip
    # Reference ec2.md 7.4: the answer says pending, though the interface is available at once.
    shown = {**interface_members(interface), "Status": "pending"}
    return {"NetworkInterface": shown, "ClientToken": client_token}


def place_interface(
    call: Call,
    subnet: Subnet,
    *,
    wanted: Sequence[str],
    count: int,
    description: str,
    kind: str,
    groups: tuple[tuple[str, str], ...] = (),
    attachment: Attachment | None = None,
    ipv6_count: int = 0,
) -> NetworkInterface:
    """Make an interface of a service for a resource of its own, which the service manages.

    It gets `count` private addresses: those wanted, which are checked, and free ones; and free IPv6 addresses.
    """
    return _made(
        call, subnet, Wanted(ipv4=wanted, ipv4_count=count - len(wanted), ipv6_count=ipv6_count),
        description=description, kind=kind, groups=groups, attachment=attachment,
        requester=call.account, source_dest_check=False, requester_managed=True,
    )  # fmt: skip


def free_addresses(
    call: Call, subnet: Subnet, interface: NetworkInterface, wanted: Sequence[str], count: int
) -> tuple[str, ...]:
    """Return `count` more addresses for an interface: those wanted, which are checked, and free ones."""
    asked = Wanted(ipv4=wanted, ipv4_count=count - len(wanted))
    return give(call, subnet, interface.id, asked, ipv4=len(interface.addresses)).ipv4


def _made(
    call: Call, subnet: Subnet, wanted: Wanted, *, requester: str = "", **members: Any
) -> NetworkInterface:
    """Make an interface with what it is to get of its subnet; `members` are other members of its record."""
    if network_interfaces.count(call.tx, call.account, call.region) >= INTERFACES_PER_REGION:
        raise errors.limit("NetworkInterfaceLimitExceeded", "network interfaces")
    id = _new_id(call)
    given = give(call, subnet, id, wanted)
    return network_interfaces.put(
        call.tx,
        NetworkInterface(
            account=call.account,
            region=call.region,
            id=id,
            vpc=subnet.vpc,
            subnet=subnet.id,
            zone=subnet.zone,
            zone_id=subnet.zone_id,
            requester=requester or call.caller.user_id.partition(":")[0],
            mac=mac_of(id),
            addresses=given.ipv4,
            ipv4_prefixes=given.ipv4_prefixes,
            ipv6_addresses=given.ipv6,
            ipv6_prefixes=given.ipv6_prefixes,
            private_dns_name=host_name(call, subnet.vpc, given.ipv4[0]) if given.ipv4 else "",
            **members,
        ),
    )


def _new_id(call: Call) -> str:
    """Return the id of a new interface, drawn again while an interface has the digits that make its MAC address."""
    while True:
        id = call.ids.ec2("eni")
        begin = id[:_MAC_END]
        place = (call.account, call.region)
        following = next(network_interfaces.scan(call.tx, *place, after=(*place, begin)), None)
        if following is None or not following.id.startswith(begin):
            return id


def host_name(call: Call, vpc: str, ip: str) -> str:
    """Return the private DNS name of an address. It is empty when the VPC gives no host names (ec2.md 7.4)."""
    found = vpcs.get(call.tx, call.account, call.region, vpc)
    if found is None or not found.dns_hostnames:
        return ""
    region = find_region(call.region)
    suffix = region.private_dns_suffix if region is not None else f"{call.region}.compute.internal"
    return f"ip-{ip.replace('.', '-')}.{suffix}"


def rename_hosts(call: Call, held: Iterable[Subnet]) -> None:
    """Set the host names of all interfaces in these subnets as their VPC's setting asks."""
    for subnet in held:
        for interface in network_interfaces.where(call.tx, "subnet", subnet.id):
            name = host_name(call, subnet.vpc, interface.addresses[0]) if interface.addresses else ""
            public = [
                replace(each, dns_name=public_name(call.tx, interface, each.ip))
                for each in interface.public_addresses
            ]
            network_interfaces.put(
                call.tx, replace(interface, private_dns_name=name, public_addresses=tuple(public))
            )


def groups_of(call: Call, subnet: Subnet, ids: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Return the groups of these ids, with their names, or the VPC's default group when none is named."""
    if not ids:
        group = default_group(call.tx, subnet.vpc)
        return ((group.id, group.name),)
    found = [find_group(call, id) for id in dict.fromkeys(ids)]
    for group in found:
        if not may_be_used_in(call, group, subnet.vpc):
            raise errors.different_networks(group.id, subnet.id)
    if len(found) > GROUPS_PER_INTERFACE:
        raise errors.limit("SecurityGroupsPerInterfaceLimitExceeded", "security groups per interface")
    return tuple([(group.id, group.name) for group in found])


def mac_of(id: str) -> str:
    """Return the MAC address of the interface of an id: locally administered, of one machine alone.

    It is made of the digits an id begins with, so that ids which begin differently have different ones.
    """
    digits = id[_MAC_BEGIN:_MAC_END]
    digits = f"{digits[0]}2{digits[1:]}"
    return ":".join([digits[place : place + 2] for place in range(0, 12, 2)])
