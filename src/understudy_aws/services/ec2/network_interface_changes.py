"""The operations that make and change network interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.addresses import RESERVED_FIRST, free, taken
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse, value_of
from understudy_aws.services.ec2.api.parameters import address_in, check_addresses, one_attribute
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, changes_in, changing
from understudy_aws.services.ec2.elastic_ip_records import find_elastic_ip
from understudy_aws.services.ec2.elastic_ips import disassociate
from understudy_aws.services.ec2.network_interface_descriptions import interface_members
from understudy_aws.services.ec2.network_interfaces import (
    Attachment,
    NetworkInterface,
    an_interface,
    find_interface,
    network_interfaces,
    target_of_interface,
)
from understudy_aws.services.ec2.public_names import public_name
from understudy_aws.services.ec2.security_groups import (
    default_group,
    find_group,
    group_target,
    target_of_group,
)
from understudy_aws.services.ec2.subnets import Subnet, block_of, find_subnet, subnets, target_of_subnet
from understudy_aws.services.ec2.vpcs import vpcs

GROUPS_PER_INTERFACE = 5
# What the largest of AWS's machines take.
ADDRESSES_PER_INTERFACE = 64
_DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")


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


def an_interface_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface with the attributes being changed, and each group it is to have."""
    changes = changes_in(params, "network_interface_id")
    target = target_of_interface(call, params["network_interface_id"])
    groups = [target_of_group(call, group) for group in params.get("groups") or ()]
    return [changing(target, changes), *groups]


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
        ipv4_prefixes=ipv4_prefixes, ipv4_prefix_count=ipv4_prefix_count, ipv6_prefixes=ipv6_prefixes,
        ipv6_prefix_count=ipv6_prefix_count, enable_primary_ipv6=enable_primary_ipv6, operator=operator,
        connection_tracking_specification=connection_tracking_specification, ipv6_addresses=ipv6_addresses,
        ipv6_address_count=ipv6_address_count,
        interface_type=None if interface_type == "interface" else interface_type,
    )  # fmt: skip
    if description:
        _check_description(description)
    tags = tags_for("network-interface", tag_specifications)
    wanted = _named_addresses(private_ip_address, private_ip_addresses)
    check_addresses(*wanted)
    subnet = find_subnet(call, subnet_id)
    members = _groups(call, subnet, groups)
    if wanted and secondary_private_ip_address_count and len(wanted) > 1:
        raise errors.combination("secondaryPrivateIpAddressCount", "privateIpAddresses")
    count = max(1, len(wanted)) + _counted(secondary_private_ip_address_count)
    interface = place_interface(
        call, subnet, wanted=wanted, count=count, description=description or "", groups=members, tags=tags
    )
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
    groups: tuple[tuple[str, str], ...] = (),
    tags: dict[str, str] | None = None,
    kind: str = "interface",
    attachment: Attachment | None = None,
) -> NetworkInterface:
    """Make an interface with `count` addresses: those wanted, which are checked, and free ones.

    One of another kind than `interface` is made by a service for a resource of its own, and managed by it.
    """
    managed = kind != "interface"
    for ip in wanted:
        _check_address(call, subnet, ip)
    id = call.ids.ec2("eni")
    held = _take(call, subnet, id, wanted, count)
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
            description=description,
            requester=call.account if managed else call.caller.user_id.partition(":")[0],
            mac=_mac(id),
            addresses=held,
            groups=groups,
            private_dns_name=host_name(call, subnet.vpc, held[0]),
            source_dest_check=not managed,
            tags=tags or {},
            kind=kind,
            requester_managed=managed,
            attachment=attachment,
        ),
    )


def free_addresses(
    call: Call, subnet: Subnet, interface: NetworkInterface, wanted: Sequence[str], count: int
) -> tuple[str, ...]:
    """Return `count` more addresses for an interface: those wanted, which are checked, and free ones."""
    for ip in wanted:
        _check_address(call, subnet, ip)
    return _take(call, subnet, interface.id, wanted, count, held=len(interface.addresses))


@operation("ec2:ModifyNetworkInterfaceAttribute", on=an_interface_to_change)
def modify_network_interface_attribute(
    call: Call,
    *,
    network_interface_id: str,
    ena_srd_specification: dict[str, Any] | None = None,
    enable_primary_ipv6: bool | None = None,
    connection_tracking_specification: dict[str, Any] | None = None,
    associate_public_ip_address: bool | None = None,
    associated_subnet_ids: list[str] | None = None,
    description: dict[str, Any] | None = None,
    source_dest_check: dict[str, Any] | None = None,
    groups: list[str] | None = None,
    attachment: dict[str, Any] | None = None,
) -> Answer | None:
    """Change the description, the groups or the source/destination check. AWS takes one of them in a call."""
    one_attribute(
        enaSrdSpecification=ena_srd_specification, enablePrimaryIpv6=enable_primary_ipv6,
        connectionTrackingSpecification=connection_tracking_specification,
        associatePublicIpAddress=associate_public_ip_address, associatedSubnetIds=associated_subnet_ids,
        description=description, sourceDestCheck=source_dest_check, groupSet=groups, attachment=attachment,
    )  # fmt: skip
    refuse(
        ena_srd_specification=ena_srd_specification, enable_primary_ipv6=enable_primary_ipv6,
        connection_tracking_specification=connection_tracking_specification, attachment=attachment,
        associate_public_ip_address=associate_public_ip_address, associated_subnet_ids=associated_subnet_ids,
    )  # fmt: skip
    interface = _changeable(call, network_interface_id)
    text, check = value_of(description), value_of(source_dest_check)
    if text is not None:
        _check_description(text)
        interface = replace(interface, description=text)
    if check is not None:
        interface = replace(interface, source_dest_check=check)
    if groups:
        subnet = subnets.get(call.tx, call.account, call.region, interface.subnet)
        assert subnet is not None, "an interface keeps its subnet from being deleted"
        interface = replace(interface, groups=_groups(call, subnet, groups))
    network_interfaces.put(call.tx, interface)
    return None


@operation("ec2:AssignPrivateIpAddresses", on=an_interface)
def assign_private_ip_addresses(
    call: Call,
    *,
    network_interface_id: str,
    ipv4_prefixes: list[str] | None = None,
    ipv4_prefix_count: int | None = None,
    private_ip_addresses: list[str] | None = None,
    secondary_private_ip_address_count: int | None = None,
    allow_reassignment: bool | None = None,
) -> Answer:
    """Add secondary addresses to an interface: those named, or a number of free ones."""
    refuse(
        ipv4_prefixes=ipv4_prefixes,
        ipv4_prefix_count=ipv4_prefix_count,
        allow_reassignment=allow_reassignment,
    )
    check_addresses(*private_ip_addresses or ())
    if private_ip_addresses and secondary_private_ip_address_count:
        raise errors.combination("secondaryPrivateIpAddressCount", "privateIpAddresses")
    if not private_ip_addresses and not secondary_private_ip_address_count:
        raise errors.missing_choice(
            "One of privateIpAddresses or secondaryPrivateIpAddressCount must be specified."
        )
    interface = _changeable(call, network_interface_id)
    subnet = find_subnet(call, interface.subnet)
    # An address the interface already has may be named again; it then just stays.
    wanted = [ip for ip in dict.fromkeys(private_ip_addresses or ()) if ip not in interface.addresses]
    for ip in wanted:
        _check_address(call, subnet, ip)
    # Naming only addresses it has already leaves all as it is.
    count = _counted(secondary_private_ip_address_count) or len(wanted)
    new = _take(call, subnet, interface.id, wanted, count, held=len(interface.addresses))
    network_interfaces.put(call.tx, replace(interface, addresses=interface.addresses + new))
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": ip} for ip in new],
    }


@operation("ec2:UnassignPrivateIpAddresses", on=an_interface)
def unassign_private_ip_addresses(
    call: Call,
    *,
    network_interface_id: str,
    ipv4_prefixes: list[str] | None = None,
    private_ip_addresses: list[str] | None = None,
) -> Answer | None:
    """Remove secondary addresses from an interface. The primary one cannot be removed (texts: ec2.md 7.3)."""
    refuse(ipv4_prefixes=ipv4_prefixes)
    if not private_ip_addresses:
        raise errors.missing_choice("One of privateIpAddresses or ipv4Prefixes must be specified.")
    check_addresses(*private_ip_addresses)
    interface = _changeable(call, network_interface_id)
    leaving = dict.fromkeys(private_ip_addresses)
    primary = interface.addresses[0]
    if primary in leaving:
        raise errors.invalid_value(
            primary, "privateIpAddress", "The primary IP address of an interface cannot be unassigned."
        )
    if not set(leaving) <= set(interface.addresses):
        raise errors.invalid(f"Some of the specified addresses are not assigned to interface {interface.id}")
    for each in interface.public_addresses:
        if each.private_ip in leaving:
            disassociate(call, find_elastic_ip(call, each.allocation))
    interface = find_interface(call, interface.id)
    staying = tuple(ip for ip in interface.addresses if ip not in leaving)
    network_interfaces.put(call.tx, replace(interface, addresses=staying))
    return None


def _changeable(call: Call, id: str) -> NetworkInterface:
    """Return an interface that its owner may change. Raises AuthFailure for one that a service manages."""
    interface = find_interface(call, id)
    if interface.requester_managed:
        raise errors.not_yours()
    return interface


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
            name = host_name(call, subnet.vpc, interface.addresses[0])
            public = [
                replace(each, dns_name=public_name(call.tx, interface, each.ip))
                for each in interface.public_addresses
            ]
            network_interfaces.put(
                call.tx, replace(interface, private_dns_name=name, public_addresses=tuple(public))
            )


def _groups(call: Call, subnet: Subnet, ids: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    if not ids:
        group = default_group(call.tx, subnet.vpc)
        return ((group.id, group.name),)
    found = [find_group(call, id) for id in dict.fromkeys(ids)]
    for group in found:
        if group.vpc != subnet.vpc:
            raise errors.different_networks(group.id, subnet.id)
    if len(found) > GROUPS_PER_INTERFACE:
        raise errors.limit("SecurityGroupsPerInterfaceLimitExceeded", "security groups per interface")
    return tuple([(group.id, group.name) for group in found])


def _named_addresses(primary: str | None, several: Sequence[dict[str, Any]] | None) -> list[str]:
    """Return the addresses that a request names, the primary one first."""
    if not several:
        return [primary] if primary else []
    if any(entry.get("PrivateIpAddress") is None for entry in several):
        raise errors.missing("privateIpAddress")
    first = [entry["PrivateIpAddress"] for entry in several if entry.get("Primary")]
    rest = [entry["PrivateIpAddress"] for entry in several if not entry.get("Primary")]
    if primary:
        first.insert(0, primary)
    if len(dict.fromkeys(first)) > 1:
        raise errors.invalid("Only one primary private IP address can be specified.")
    # Without one marked primary, the first of the list is it.
    return list(dict.fromkeys([*first, *rest]))


def _counted(given: int | None) -> int:
    """Return how many secondary addresses a request asks for by number."""
    if given is not None and given < 0:
        raise errors.invalid_value(given, "secondaryPrivateIpAddressCount")
    return given or 0


def _check_address(call: Call, subnet: Subnet, ip: str) -> None:
    number, block = address_in(ip), block_of(subnet)
    if block is None:
        raise errors.invalid("Address does not fall within the subnet's address range")
    offset = number - block.network
    if not 0 <= offset < block.size:
        raise errors.invalid("Address does not fall within the subnet's address range")
    if not RESERVED_FIRST <= offset < block.size - 1:
        raise errors.invalid("Address is in subnet's reserved address range")
    if taken(call.tx, subnet.id, number):
        raise errors.address_in_use()


def _take(
    call: Call, subnet: Subnet, interface: str, wanted: Sequence[str], count: int, *, held: int = 0
) -> tuple[str, ...]:
    """Return `count` new addresses for an interface that has `held`: first those wanted, then free ones."""
    if held + count > ADDRESSES_PER_INTERFACE:
        raise errors.limit("PrivateIpAddressLimitExceeded", "private addresses of an interface")
    more, block = count - len(wanted), block_of(subnet)
    if block is None:
        # A subnet with IPv6 alone has none.
        raise errors.no_free_address()
    if not more:
        return tuple(wanted)
    # The digits of the id are as good as any draw, and leave the seed alone.
    free_ones = free(call.tx, subnet.id, block, int(interface[-8:], 16), more + len(wanted))
    return (*wanted, *[ip for ip in free_ones if ip not in wanted][:more])


def _mac(id: str) -> str:
    """Return a locally administered unicast address made from the interface's id."""
    digits = f"{int(id[-12:-10], 16) & 0xFC | 0x02:02x}{id[-10:]}"
    return ":".join([digits[place : place + 2] for place in range(0, 12, 2)])


def _check_description(text: str) -> None:
    if not _DESCRIPTION.fullmatch(text):
        raise errors.invalid(
            "Invalid interface description. Valid descriptions are strings less than 256 characters "
            "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )
