"""IpAddress: IPv4 and IPv6 networks as ranges of integers."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import msgspec

from understudy_aws.policy.engine.conditions.operand import Comparison
from understudy_aws.policy.language.context_keys import Context


class Network(msgspec.Struct, frozen=True):
    """Addresses `first` to `last` of IP `version`; an empty range holds none."""

    version: int
    first: int
    last: int


# Longer than any address; what is remembered stays small.
_LONGEST = 64


def address(text: str) -> tuple[int, int] | None:
    """(version, number) of an IP address, an IPv4-mapped one as IPv4 (recorded, policies.md 4.4); or None."""
    return _parsed(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[int, int] | None:
    if "%" in text:
        return None
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.version, int(parsed)


def network(text: str) -> Network | None:
    """Return the network `text` names, or None when it names none.

    Host bits are ignored for IPv4; an IPv6 network with host bits set holds no address (recorded, policies.md 4.4).
    """
    base, slash, prefix = text.partition("/")
    try:
        parsed = ip_address(base)
    except ValueError:
        return None
    bits = 32 if parsed.version == 4 else 128
    if slash and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3 and int(prefix) <= bits):
        return None
    if "%" in base:
        return None
    hosts = (1 << (bits - (int(prefix) if slash else bits))) - 1
    number = int(parsed)
    if parsed.version == 6 and number & hosts:
        return Network(6, 1, 0)
    return Network(parsed.version, number & ~hosts, number | hosts)


def within(values: tuple[str, ...], _variables: bool) -> Comparison:
    """Return whether the request's address lies in one of the networks; None when it is no address."""
    networks: list[Network] = []
    for value in values:
        parsed = network(value)
        if parsed is None:
            break
        networks.append(parsed)
    ranges = tuple((each.version, each.first, each.last) for each in networks)

    def compare(value: str, _context: Context) -> bool | None:
        given = address(value)
        if given is None:
            return None
        version, number = given
        return any(version == of and first <= number <= last for of, first, last in ranges)

    return Comparison(compare, broken=len(networks) < len(values))
