"""IPv6 addresses and IPv6 prefixes of network interfaces, assigned and unassigned."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.parameters import ipv6_address_in, ipv6_block_in
from understudy_aws.services.ec2.interface_addresses import Wanted, check_one_way, counted, give
from understudy_aws.services.ec2.network_interfaces import (
    an_interface,
    changeable_interface,
    network_interfaces,
)
from understudy_aws.services.ec2.subnets import find_subnet


@operation("ec2:AssignIpv6Addresses", on=an_interface)
def assign_ipv6_addresses(
    call: Call,
    *,
    network_interface_id: str,
    ipv6_prefix_count: int | None = None,
    ipv6_prefixes: list[str] | None = None,
    ipv6_addresses: list[str] | None = None,
    ipv6_address_count: int | None = None,
) -> Answer:
    """Add IPv6 addresses or prefixes to an interface: those named, or a number of free ones."""
    named = list(dict.fromkeys(ipv6_address_in(text) for text in ipv6_addresses or ()))
    check_one_way(
        ipv6Addresses=named,
        ipv6AddressCount=ipv6_address_count,
        ipv6Prefixes=ipv6_prefixes,
        ipv6PrefixCount=ipv6_prefix_count,
    )
    wanted = Wanted(
        ipv6=named,
        ipv6_count=counted(ipv6_address_count, "ipv6AddressCount"),
        ipv6_prefixes=list(dict.fromkeys(ipv6_prefixes or ())),
        ipv6_prefix_count=counted(ipv6_prefix_count, "ipv6PrefixCount"),
    )
    if not wanted.is_ipv6:
        raise errors.missing_choice("One of ipv6Addresses or ipv6AddressCount must be specified.")
    interface = changeable_interface(call, network_interface_id)
    subnet = find_subnet(call, interface.subnet)
    # An address the interface already has may be named again; it then just stays.
    new = [ip for ip in named if ip not in interface.ipv6_addresses]
    held = len(interface.ipv6_addresses) + len(interface.ipv6_prefixes)
    given = give(call, subnet, interface.id, replace(wanted, ipv6=new), ipv6=held)
    network_interfaces.put(
        call.tx,
        replace(
            interface,
            ipv6_addresses=interface.ipv6_addresses + given.ipv6,
            ipv6_prefixes=interface.ipv6_prefixes + given.ipv6_prefixes,
        ),
    )
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedIpv6Addresses": list(given.ipv6) or None,
        "AssignedIpv6Prefixes": list(given.ipv6_prefixes) or None,
    }


@operation("ec2:UnassignIpv6Addresses", on=an_interface)
def unassign_ipv6_addresses(
    call: Call,
    *,
    network_interface_id: str,
    ipv6_prefixes: list[str] | None = None,
    ipv6_addresses: list[str] | None = None,
) -> Answer:
    """Remove IPv6 addresses or prefixes from an interface. The primary address stays."""
    if not ipv6_addresses and not ipv6_prefixes:
        raise errors.missing_choice("One of ipv6Addresses or ipv6Prefixes must be specified.")
    leaving = list(dict.fromkeys(ipv6_address_in(text) for text in ipv6_addresses or ()))
    prefixes = list(dict.fromkeys(ipv6_block_in(text, "ipv6Prefix") for text in ipv6_prefixes or ()))
    interface = changeable_interface(call, network_interface_id)
    if not (set(leaving) <= set(interface.ipv6_addresses) and set(prefixes) <= set(interface.ipv6_prefixes)):
        raise errors.not_assigned(interface.id)
    if interface.primary_ipv6 and interface.ipv6_addresses[0] in leaving:
        raise errors.invalid_value(
            interface.ipv6_addresses[0],
            "ipv6Address",
            "The primary IPv6 address of an interface cannot be unassigned.",
        )
    network_interfaces.put(
        call.tx,
        replace(
            interface,
            ipv6_addresses=tuple([ip for ip in interface.ipv6_addresses if ip not in leaving]),
            ipv6_prefixes=tuple([each for each in interface.ipv6_prefixes if each not in prefixes]),
        ),
    )
    return {
        "NetworkInterfaceId": interface.id,
        "UnassignedIpv6Addresses": leaving or None,
        "UnassignedIpv6Prefixes": prefixes or None,
    }
