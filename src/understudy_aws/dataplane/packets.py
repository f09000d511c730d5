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
# The ports from which Linux connects; answers go there (vpcs.md 8.8 has those of others).
FIRST_EPHEMERAL, LAST_EPHEMERAL = 32768, 60999
# An echo request and its reply, of ICMP and of ICMPv6 (RFC 792, RFC 4443); both have the code 0.
ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}
_NAMES = {TCP: "TCP", UDP: "UDP", ICMP: "ICMP", ICMPV6: "ICMPv6"}
Ports = tuple[int, int]


class Packet(msgspec.Struct, frozen=True):
    """Addresses, a protocol, and the range of ports it may be sent to; `answer` of one that answers another.

    Of ICMP, `first` is the type and `last` the code. `sent_from` is the range of ports it may be sent from.
    """

    source: str
    destination: str
    protocol: str
    first: int
    last: int
    answer: bool = False
    sent_from: Ports = (FIRST_EPHEMERAL, LAST_EPHEMERAL)

    @property
    def version(self) -> int:
        """Return 4 or 6."""
        return ip_address(self.destination).version

    @property
    def has_ports(self) -> bool:
        """Whether its protocol has ports."""
        return self.protocol in WITH_PORTS

    def reversed(self) -> Packet:
        """Return its answer."""
        first, last = ANY, ANY
        if self.has_ports:
            first, last = self.sent_from
        elif self.protocol in ECHO:
            first, last = ECHO[self.protocol][not self.answer], 0
        return Packet(
            source=self.destination,
            destination=self.source,
            protocol=self.protocol,
            first=first,
            last=last,
            answer=not self.answer,
            sent_from=(self.first, self.last),
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


def service(packet: Packet) -> str:
    """Return what people call the protocol and the port of a packet."""
    name = _NAMES.get(packet.protocol, f"protocol {packet.protocol}")
    if not packet.has_ports:
        return name
    return f"{name} {packet.first}" if packet.first == packet.last else f"{name} {packet.first}-{packet.last}"


def covers(protocol: str, first: int, last: int, packet: Packet) -> bool:
    """Whether a rule's protocol and ports hold all that a packet may be. Of ICMP they are its type and its code."""
    if protocol == ALL:
        return True
    if protocol != packet.protocol:
        return False
    if packet.has_ports:
        return first == ANY or (first <= packet.first and packet.last <= last)
    if packet.protocol in ECHO:
        return first in {ANY, packet.first} and last in {ANY, packet.last}
    return True


def touches(entry: NetworkAclEntry, packet: Packet) -> bool:
    """Whether an entry's protocol and ports hold some of what a packet may be."""
    if not packet.has_ports or entry.protocol != packet.protocol or entry.from_port == ANY:
        return covers(entry.protocol, entry.from_port, entry.to_port, packet)
    return entry.from_port <= packet.last and packet.first <= entry.to_port


def remaining(ranges: tuple[Ports, ...], entry: NetworkAclEntry, packet: Packet) -> tuple[Ports, ...]:
    """Return what of a packet's ports an entry does not hold."""
    if covers(entry.protocol, entry.from_port, entry.to_port, packet):
        return ()
    if not touches(entry, packet):
        return ranges
    kept = []
    for first, last in ranges:
        if first < entry.from_port:
            kept.append((first, min(last, entry.from_port - 1)))
        if entry.to_port < last:
            kept.append((max(first, entry.to_port + 1), last))
    return tuple(kept)
