"""Addresses and blocks as whole numbers, which are compared faster than objects."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

_ALL = 0xFFFFFFFF
_OCTETS = {str(number): number for number in range(256)}


class Cidr(NamedTuple):
    """An IPv4 block: its first address as a number, and the length of its prefix."""

    network: int
    length: int

    def __str__(self) -> str:
        return f"{text_of(self.network)}/{self.length}"

    @property
    def size(self) -> int:
        """Return how many addresses the block has, reserved ones included."""
        return 1 << (32 - self.length)

    def parts(self, length: int) -> Iterator[Cidr]:
        """Yield the blocks of this length that the block consists of, in their order."""
        step = 1 << (32 - length)
        return (Cidr(network, length) for network in range(self.network, self.network + self.size, step))

    def holds(self, other: Cidr) -> bool:
        """Return whether this block contains all of the other one."""
        return self.length <= other.length and _masked(other.network, self.length) == self.network

    def overlaps(self, other: Cidr) -> bool:
        """Return whether some address is in both blocks."""
        return self.holds(other) or other.holds(self)


class Ipv6Cidr(NamedTuple):
    """An IPv6 block: its first address as a number, and the length of its prefix."""

    network: int
    length: int

    def __str__(self) -> str:
        return f"{ipv6_text_of(self.network)}/{self.length}"

    @property
    def size(self) -> int:
        """Return how many addresses the block has, reserved ones included."""
        return 1 << (128 - self.length)

    def parts(self, length: int) -> Iterator[Ipv6Cidr]:
        """Yield the blocks of this length that the block consists of, in their order."""
        step = 1 << (128 - length)
        return (Ipv6Cidr(network, length) for network in range(self.network, self.network + self.size, step))

    def holds(self, other: Ipv6Cidr) -> bool:
        """Return whether this block contains all of the other one."""
        shift = 128 - self.length
        return self.length <= other.length and other.network >> shift == self.network >> shift

    def overlaps(self, other: Ipv6Cidr) -> bool:
        """Return whether some address is in both blocks."""
        return self.holds(other) or other.holds(self)


def parse(text: str) -> Cidr | None:
    """Read a block such as `10.0.5.0/24` and clear its host bits. Returns None for text that is no block."""
    address, slash, length = text.partition("/")
    number = parse_address(address)
    prefix = _OCTETS.get(length) if slash else None
    if number is None or prefix is None or prefix > 32:
        return None
    return Cidr(_masked(number, prefix), prefix)


def known(text: str) -> Cidr:
    """Read a block that was checked when it was stored."""
    address, _, length = text.partition("/")
    return Cidr(known_address(address), int(length))


def known_address(text: str) -> int:
    """Read an address that was checked when it was stored."""
    first, second, third, fourth = text.split(".")
    return int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)


def parse_address(text: str) -> int | None:
    """Return the number of a dotted address, or None for any other text, also one with leading zeros."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    number = 0
    for part in parts:
        octet = _OCTETS.get(part)
        if octet is None:
            return None
        number = number << 8 | octet
    return number


def text_of(number: int) -> str:
    """Return the dotted form of an address."""
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def parse_ipv6_block(text: str) -> Ipv6Cidr | None:
    """Read an IPv6 block and clear its host bits, or return None. It is slow: the standard library does it."""
    if "/" not in text:
        return None
    try:
        found = ipaddress.IPv6Network(text, strict=False)
    except ValueError:
        return None
    return Ipv6Cidr(int(found.network_address), found.prefixlen)


def parse_ipv6(text: str) -> str | None:
    """Return an IPv6 block in canonical form, or None."""
    found = parse_ipv6_block(text)
    return None if found is None else str(found)


def known_ipv6(text: str) -> Ipv6Cidr:
    """Read an IPv6 block that was checked when it was stored."""
    address, _, length = text.partition("/")
    return Ipv6Cidr(int(ipaddress.IPv6Address(address)), int(length))


def ipv6_number_of(text: str) -> int:
    """Return the number of an IPv6 address that was checked when it was stored."""
    return int(ipaddress.IPv6Address(text))


def ipv6_text_of(number: int) -> str:
    """Return the canonical form of an IPv6 address (RFC 5952)."""
    return str(ipaddress.IPv6Address(number))


def _masked(number: int, length: int) -> int:
    return number & (_ALL << (32 - length)) & _ALL
