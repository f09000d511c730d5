"""What a request asks for in addresses, and what an interface gets of its subnet (network-interfaces.md 9.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.addresses import Ipv4Space
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.parameters import check_addresses
from understudy_aws.services.ec2.ipv6_space import Ipv6Space
from understudy_aws.services.ec2.subnets import Subnet, block_of, ipv6_block_of

# What the largest of AWS's machines take, of each family; a prefix counts as one.
ADDRESSES_PER_INTERFACE = 64


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an interface is to get: addresses and prefixes by name, and how many more of each."""

    ipv4: Sequence[str] = ()
    ipv4_count: int = 0
    ipv4_prefixes: Sequence[str] = ()
    ipv4_prefix_count: int = 0
    ipv6: Sequence[str] = ()
    ipv6_count: int = 0
    ipv6_prefixes: Sequence[str] = ()
    ipv6_prefix_count: int = 0

    @property
    def is_ipv4(self) -> bool:
        """Return whether something is wanted of the subnet's IPv4 block."""
        return bool(self.ipv4 or self.ipv4_count or self.ipv4_prefixes or self.ipv4_prefix_count)

    @property
    def is_ipv6(self) -> bool:
        """Return whether something is wanted of the subnet's IPv6 block."""
        return bool(self.ipv6 or self.ipv6_count or self.ipv6_prefixes or self.ipv6_prefix_count)


class Given(NamedTuple):
    """The addresses and prefixes that an interface gets, in canonical form."""

    ipv4: tuple[str, ...] = ()
    ipv4_prefixes: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    ipv6_prefixes: tuple[str, ...] = ()


def give(
    call: Call, subnet: Subnet, interface: str, wanted: Wanted, *, ipv4: int = 0, ipv6: int = 0
) -> Given:
    """Return what an interface gets that holds `ipv4` and `ipv6` addresses and prefixes already.

    What is named is checked; the rest is free. Raises PrivateIpAddressLimitExceeded and what the spaces raise.
    """
    four = len(wanted.ipv4) + wanted.ipv4_count + len(wanted.ipv4_prefixes) + wanted.ipv4_prefix_count
    six = len(wanted.ipv6) + wanted.ipv6_count + len(wanted.ipv6_prefixes) + wanted.ipv6_prefix_count
    if max(ipv4 + four, ipv6 + six) > ADDRESSES_PER_INTERFACE:
        raise errors.too_many_addresses()
    given = Given()
    if wanted.is_ipv4:
        given = _of_ipv4(call, subnet, interface, wanted)
    if wanted.is_ipv6:
        addresses, prefixes = _of_ipv6(call, subnet, wanted)
        given = given._replace(ipv6=addresses, ipv6_prefixes=prefixes)
    return given


def _of_ipv4(call: Call, subnet: Subnet, interface: str, wanted: Wanted) -> Given:
    block = block_of(subnet)
    if block is None:
        # A subnet with IPv6 alone has none.
        raise errors.address_outside() if wanted.ipv4 or wanted.ipv4_prefixes else errors.no_free_address()
    # The digits of the id are as good as any draw, and leave the seed alone.
    space = Ipv4Space(call.tx, subnet.id, block, int(interface[-8:], 16))
    for ip in wanted.ipv4:
        space.take(ip)
    prefixes = [space.take_prefix(text) for text in wanted.ipv4_prefixes]
    addresses = [*wanted.ipv4, *space.take_any(wanted.ipv4_count)]
    prefixes += space.take_any_prefixes(wanted.ipv4_prefix_count)
    return Given(ipv4=tuple(addresses), ipv4_prefixes=tuple(prefixes))


def _of_ipv6(call: Call, subnet: Subnet, wanted: Wanted) -> tuple[tuple[str, ...], tuple[str, ...]]:
    block = ipv6_block_of(subnet)
    if block is None:
        raise errors.no_ipv6_block(subnet.id)
    space = Ipv6Space(call.tx, subnet.id, block, int(call.ids.hexadecimal(), 16))
    addresses = [*[space.take(text) for text in wanted.ipv6], *space.take_any(wanted.ipv6_count)]
    prefixes = [
        *[space.take_prefix(text) for text in wanted.ipv6_prefixes],
        *space.take_any_prefixes(wanted.ipv6_prefix_count),
    ]
    return tuple(addresses), tuple(prefixes)


def named_addresses(primary: str | None, several: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """Return the private addresses that a request names, the primary one first."""
    if not several:
        named = [primary] if primary else []
    elif any(entry.get("PrivateIpAddress") is None for entry in several):
        raise errors.missing("privateIpAddress")
    else:
        first = [entry["PrivateIpAddress"] for entry in several if entry.get("Primary")]
        rest = [entry["PrivateIpAddress"] for entry in several if not entry.get("Primary")]
        if primary:
            first.insert(0, primary)
        if len(dict.fromkeys(first)) > 1:
            raise errors.invalid("Only one primary private IP address can be specified.")
        # Without one marked primary, the first of the list is it.
        named = list(dict.fromkeys([*first, *rest]))
    check_addresses(*named)
    return named


def texts_of(entries: Sequence[Mapping[str, Any]] | None, member: str) -> list[str]:
    """Return what the entries of a list name under a member, each once. Raises MissingParameter."""
    found = [entry.get(member) for entry in entries or ()]
    if None in found:
        raise errors.missing(member[0].lower() + member[1:])
    return [str(text) for text in dict.fromkeys(found)]


def counted(given: int | None, parameter: str) -> int:
    """Return how many a request asks for by number. Raises InvalidParameterValue for fewer than none."""
    if given is not None and given < 0:
        raise errors.invalid_value(given, parameter)
    return given or 0


def check_one_way(**given: object) -> None:
    """Raise InvalidParameterCombination for two of several parameters that exclude each other.

    They are given by AWS's names of them. An empty list and a count of zero ask for nothing.
    """
    named = [name for name, value in given.items() if value]
    if len(named) > 1:
        raise errors.combination(named[0], named[1])
