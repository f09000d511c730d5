"""What the resolver of one VPC knows: names and their addresses, addresses and their names.

Names are in lower case, without the last dot. No input, no output, and nothing of the messages that carry them.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.wanted import Vpc

IpAddress: TypeAlias = IPv4Address | IPv6Address
Addresses: TypeAlias = tuple[str, ...]

_REVERSE4, _REVERSE6 = ".in-addr.arpa", ".ip6.arpa"
_LOOPBACK: dict[str, Addresses] = {"localhost": ("127.0.0.1", "::1")}
_HOST = "ip-"


class Found(msgspec.Struct, frozen=True):
    """What there is under a name: addresses, or the name of an address; nothing for a name above others."""

    addresses: Addresses = ()
    pointer: str = ""


class Zone:
    """The names that the resolver of a VPC answers by itself; `known` are those that every VPC's resolver knows."""

    def __init__(self, vpc: Vpc, known: Mapping[str, Addresses]) -> None:
        self._vpc = vpc
        self._known = known

    @property
    def forwards(self) -> bool:
        """Whether somebody else is asked about other names."""
        return self._vpc.dns.forwards

    # What follows is made at the first question: a VPC may change many times before there is one.

    @cached_property
    def _domains(self) -> frozenset[str]:
        return frozenset(self._vpc.dns.domains)

    @cached_property
    def _blocks(self) -> Sequence[IPv4Network | IPv6Network]:
        return tuple(map(ip_network, self._vpc.cidrs))

    @cached_property
    def _interfaces(self) -> Mapping[str, str]:
        return {address: each.id for each in self._vpc.interfaces for address in each.addresses}

    @cached_property
    def _hosts(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """For each domain its blocks of hosts: the first address, and which of those that follow there are."""
        return {
            domain: [(int(ip_network(each.block).network_address), int(each.bits, 16)) for each in hosts]
            for domain, hosts in self._vpc.dns.hosts.items()
        }

    @cached_property
    def _names(self) -> Mapping[str, Addresses]:
        return ChainMap(dict(self._vpc.dns.names), dict(self._known), _LOOPBACK)

    @cached_property
    def _above(self) -> frozenset[str]:
        """Names in a domain of its own under which there is nothing itself, but something below."""
        return frozenset(
            parent
            for name in (*self._names, *self._domains, *self._hosts)
            for parent in (name, *_parents(name))
            if parent not in self._names and self.domain_of(parent)
        )

    @cached_property
    def _synthesizing(self) -> frozenset[str]:
        """The addresses of interfaces in subnets with DNS64."""
        subnets = {subnet.id for subnet in self._vpc.subnets if subnet.dns64}
        return frozenset(
            address
            for each in (self._vpc.interfaces if subnets else ())
            if each.subnet in subnets
            for address in each.addresses
        )

    def synthesizes(self, source: str) -> bool:
        """Whether who asks from an address is told IPv6 addresses that stand for IPv4 ones (RFC 6147)."""
        return source in self._synthesizing

    def interface_of(self, address: str) -> str:
        """Return the interface that has an address; empty when none has."""
        return self._interfaces.get(address, "")

    def look_up(self, name: str) -> Found | None:
        """Return what is under a name, or None for a name that is not known here."""
        found = self._found(name) if "\\" not in name else None
        return Found() if found is None and name in self._above else found

    def is_local(self, name: str) -> bool:
        """Whether nobody else is asked about a name: one of AWS's private domains, or of a private address."""
        if name.endswith((_REVERSE4, _REVERSE6)):
            address = address_of(name)
            return address is not None and (
                address.is_private or any(address in block for block in self._blocks)
            )
        return name in _LOOPBACK or bool(self.domain_of(name))

    def is_own(self, name: str) -> bool:
        """Whether a name is answered for here, and nobody else is asked about it."""
        return self.look_up(name) is not None or self.is_local(name)

    def domain_of(self, name: str) -> str:
        """Return the domain that a name is in and that is answered for here alone; empty when there is none."""
        return next((each for each in (name, *_parents(name)) if each in self._domains), "")

    def _found(self, name: str) -> Found | None:
        if name.endswith((_REVERSE4, _REVERSE6)):
            address = address_of(name)
            pointer = self._pointer(address) if address is not None else ""
            return Found(pointer=pointer) if pointer else None
        label, _, domain = name.partition(".")
        if domain in self._hosts and label.startswith(_HOST):
            address_text = label.removeprefix(_HOST).replace("-", ".")
            if self._is_host(domain, address_text):
                return Found((address_text,))
        addresses = self._names.get(name)
        if addresses is None:
            addresses = self._by_wildcard(name)
        return Found(addresses) if addresses is not None else None

    def _by_wildcard(self, name: str) -> Addresses | None:
        if name in self._domains:
            return None
        for parent in _parents(name):
            found = self._names.get(f"*.{parent}")
            if found is not None:
                return found
            # A domain of its own is no part of what is around it.
            if parent in self._domains:
                break
        return None

    def _pointer(self, address: IpAddress) -> str:
        text = str(address)
        named = self._vpc.dns.reverse.get(text, "")
        if named:
            return named
        for domain in self._hosts:
            if self._is_host(domain, text):
                return f"{_HOST}{text.replace('.', '-')}.{domain}"
        return ""

    def _is_host(self, domain: str, text: str) -> bool:
        try:
            address = int(IPv4Address(text))
        except ValueError:
            return False
        return any(address >= first and bits >> (address - first) & 1 for first, bits in self._hosts[domain])


def address_of(name: str) -> IpAddress | None:
    """Return the address that a name such as `4.1.0.10.in-addr.arpa` stands for; None for any other name."""
    try:
        if name.endswith(_REVERSE4):
            return IPv4Address(".".join(name.removesuffix(_REVERSE4).split(".")[::-1]))
        digits = name.removesuffix(_REVERSE6).split(".")[::-1]
        if not name.endswith(_REVERSE6) or len(digits) != 32 or any(len(each) != 1 for each in digits):
            return None
        return IPv6Address(bytes.fromhex("".join(digits)))
    except ValueError:
        return None


def _parents(name: str) -> Iterator[str]:
    """Yield the names above a name, the nearest first."""
    while name := name.partition(".")[2]:
        yield name
