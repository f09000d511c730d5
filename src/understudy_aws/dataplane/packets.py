"""Packets as values, and what rules of security groups and network ACLs say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec

from understudy_aws.dataplane.wanted import NetworkAclEntry

ALL = "-1"
ANY = -1
TCP, UDP, ICMP, ICMPV6 = "6", "17", "1", "58"
WITH_PORTS = {TCP, UDP}
# The ports from which Linux connects; answers go there (AWS's guide on network ACLs has the ranges of others).
FIRST_EPHEMERAL, LAST_EPHEMERAL = 32768, 60999


class Packet(msgspec.Struct, frozen=True):
    """Addresses, a protocol, and the range of ports it may be sent to; `answer` of one that answers another."""

    source: str
    destination: str
    protocol: str
    first: int
    last: int
    answer: bool = False

    @property
    def version(self) -> int:
        """Return 4 or 6."""
        return ip_address(self.destination).version

    def reversed(self) -> Packet:
        """Return its answer."""
        with_ports = self.protocol in WITH_PORTS
        return Packet(
            source=self.destination,
            destination=self.source,
            protocol=self.protocol,
            first=FIRST_EPHEMERAL if with_ports else ANY,
            last=LAST_EPHEMERAL if with_ports else ANY,
            answer=True,
        )


def within(address: IPv4Address | IPv6Address, cidr: str) -> bool:
    """Whether an address is in a block; none is in an empty text."""
    return bool(cidr) and address in ip_network(cidr)


def host_block(address: str) -> str:
    """Return the block of an address alone."""
    return f"{address}/{ip_address(address).max_prefixlen}"


def canonical(addresses: Iterable[str]) -> Iterator[str]:
    """Yield addresses in the one form that can be compared."""
    return (str(ip_address(each)) for each in addresses)


def covers(protocol: str, first: int, last: int, packet: Packet) -> bool:
    """Whether a rule's protocol and ports hold all that a packet may be."""
    if protocol == ALL:
        return True
    if protocol != packet.protocol:
        return False
    if protocol not in WITH_PORTS or first == ANY:
        return True
    return first <= packet.first and packet.last <= last


def touches(entry: NetworkAclEntry, packet: Packet) -> bool:
    """Whether an entry's protocol and ports hold some of what a packet may be."""
    if entry.protocol == ALL:
        return True
    if entry.protocol != packet.protocol:
        return False
    if entry.protocol not in WITH_PORTS or entry.from_port == ANY:
        return True
    return entry.from_port <= packet.last and packet.first <= entry.to_port
