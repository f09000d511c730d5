"""Secondary private IPv4 addresses and IPv4 prefixes of network interfaces, assigned and unassigned."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.parameters import block_in, check_addresses
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips, find_elastic_ip
from understudy_aws.services.ec2.elastic_ips import disassociate
from understudy_aws.services.ec2.interface_addresses import Wanted, check_one_way, counted, give
from understudy_aws.services.ec2.network_interfaces import (
    NetworkInterface,
    an_interface,
    changeable_interface,
    find_interface,
    network_interfaces,
)
from understudy_aws.services.ec2.subnets import find_subnet


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
    """Add secondary addresses or prefixes to an interface: those named, or a number of free ones."""
    check_addresses(*private_ip_addresses or ())
    check_one_way(
        privateIpAddresses=private_ip_addresses,
        secondaryPrivateIpAddressCount=secondary_private_ip_address_count,
        ipv4Prefixes=ipv4_prefixes,
        ipv4PrefixCount=ipv4_prefix_count,
    )
    wanted = Wanted(
        ipv4=list(dict.fromkeys(private_ip_addresses or ())),
        ipv4_count=counted(secondary_private_ip_address_count, "secondaryPrivateIpAddressCount"),
        ipv4_prefixes=list(dict.fromkeys(ipv4_prefixes or ())),
        ipv4_prefix_count=counted(ipv4_prefix_count, "ipv4PrefixCount"),
    )
    if not wanted.is_ipv4:
        raise errors.missing_choice(
            "One of privateIpAddresses or secondaryPrivateIpAddressCount must be specified."
        )
    interface = changeable_interface(call, network_interface_id)
    subnet = find_subnet(call, interface.subnet)
    # An address the interface already has may be named again; it then just stays.
    new = [ip for ip in wanted.ipv4 if ip not in interface.addresses]
    if allow_reassignment:
        interface = _taken_over(call, interface, new)
    held = len(interface.addresses) + len(interface.ipv4_prefixes)
    given = give(call, subnet, interface.id, replace(wanted, ipv4=new), ipv4=held)
    network_interfaces.put(
        call.tx,
        replace(
            interface,
            addresses=interface.addresses + given.ipv4,
            ipv4_prefixes=interface.ipv4_prefixes + given.ipv4_prefixes,
        ),
    )
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": ip} for ip in given.ipv4],
        "AssignedIpv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in given.ipv4_prefixes] or None,
    }


@operation("ec2:UnassignPrivateIpAddresses", on=an_interface)
def unassign_private_ip_addresses(
    call: Call,
    *,
    network_interface_id: str,
    ipv4_prefixes: list[str] | None = None,
    private_ip_addresses: list[str] | None = None,
) -> Answer | None:
    """Remove secondary addresses or prefixes from an interface. The primary one stays (texts: ec2.md 7.3)."""
    if not private_ip_addresses and not ipv4_prefixes:
        raise errors.missing_choice("One of privateIpAddresses or ipv4Prefixes must be specified.")
    check_addresses(*private_ip_addresses or ())
    prefixes = {str(block_in(text, "ipv4Prefix")) for text in ipv4_prefixes or ()}
    interface = changeable_interface(call, network_interface_id)
    leaving = set(private_ip_addresses or ())
    if leaving & set(interface.addresses[:1]):
        raise errors.invalid_value(
            interface.addresses[0],
            "privateIpAddress",
            "The primary IP address of an interface cannot be unassigned.",
        )
    if not (leaving <= set(interface.addresses) and prefixes <= set(interface.ipv4_prefixes)):
        raise errors.not_assigned(interface.id)
    for each in interface.public_addresses:
        if each.private_ip in leaving:
            disassociate(call, find_elastic_ip(call, each.allocation))
    interface = find_interface(call, interface.id)
    network_interfaces.put(
        call.tx,
        replace(
            interface,
            addresses=tuple([ip for ip in interface.addresses if ip not in leaving]),
            ipv4_prefixes=tuple([each for each in interface.ipv4_prefixes if each not in prefixes]),
        ),
    )
    return None


def _taken_over(call: Call, interface: NetworkInterface, wanted: Sequence[str]) -> NetworkInterface:
    """Take addresses away from other interfaces of the subnet, and return the one that is to have them.

    An Elastic IP address goes with the address it is associated with (API reference, AssignPrivateIpAddresses). Raises
    InvalidIPAddress.InUse for a primary address, and AuthFailure for one of an interface that a service manages.
    """
    for ip in wanted:
        for holder in network_interfaces.where(call.tx, "address", ip):
            if holder.subnet != interface.subnet:
                continue
            if holder.requester_managed:
                raise errors.not_yours()
            if holder.addresses[0] == ip:
                raise errors.address_in_use()
            moving = tuple([each for each in holder.public_addresses if each.private_ip == ip])
            network_interfaces.put(
                call.tx,
                replace(
                    holder,
                    addresses=tuple([each for each in holder.addresses if each != ip]),
                    public_addresses=tuple([each for each in holder.public_addresses if each not in moving]),
                ),
            )
            for each in moving:
                address = find_elastic_ip(call, each.allocation)
                elastic_ips.put(call.tx, replace(address, interface=interface.id))
            interface = replace(interface, public_addresses=interface.public_addresses + moving)
    return interface
