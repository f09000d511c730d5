"""What rules of security groups and network ACLs match, as instructions: blocks, protocol, ports and ICMP types."""

from __future__ import annotations

from ipaddress import ip_network

from understudy_aws.dataplane.linux.expressions import (
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    address_in,
    address_within,
    family_is,
    icmp_type_is,
    port_within,
    protocol_is,
)
from understudy_aws.dataplane.linux.names import members

_TCP, _UDP, _ICMP, _ICMPV6 = 6, 17, 1, 58
ALL_PROTOCOLS = "-1"
ANY = -1
_LAST_PORT = 65535


def block_match(cidr: str, *, source: bool) -> bytes:
    """Match packets of a block's family from it (`source`) or to it."""
    network = ip_network(cidr)
    return family_is(NFPROTO_IPV4 if network.version == 4 else NFPROTO_IPV6) + address_within(
        network, source=source
    )


def members_match(group: str, version: int, *, source: bool) -> bytes:
    """Match packets from or to an address of an interface in a group."""
    family = NFPROTO_IPV4 if version == 4 else NFPROTO_IPV6
    return family_is(family) + address_in(members(group, version), family, source=source)


def service_match(protocol: str, from_port: int, to_port: int) -> bytes:
    """Match a protocol and its ports, or of ICMP the type `from_port` and the code `to_port`; -1 is any."""
    if protocol == ALL_PROTOCOLS:
        return b""
    number = int(protocol)
    matched = protocol_is(number)
    if number in {_ICMP, _ICMPV6}:
        if from_port == ANY:
            return matched
        return matched + icmp_type_is(from_port, None if to_port == ANY else to_port)
    if number in {_TCP, _UDP} and from_port != ANY and (from_port, to_port) != (0, _LAST_PORT):
        matched += port_within(from_port, to_port)
    return matched


def service_text(protocol: str, from_port: int, to_port: int) -> str:
    """Say in a few characters what `service_match` matches."""
    if protocol == ALL_PROTOCOLS:
        return "all"
    return f"{protocol}:{from_port}-{to_port}"
