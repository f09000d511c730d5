"""Which IPv6 addresses of a subnet are free. They are so many that a drawn one is nearly always free."""

from __future__ import annotations

from collections.abc import Callable

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Ipv6Cidr, ipv6_number_of, ipv6_text_of
from understudy_aws.services.ec2.api.parameters import ipv6_address_in, ipv6_cidr_in
from understudy_aws.services.ec2.cidr_blocks.reservation_records import PREFIX, reserved_ipv6
from understudy_aws.services.ec2.network_interfaces import IPV6_PREFIX_LENGTH, network_interfaces, part_of
from understudy_aws.store.database import Transaction

# The first four addresses of a subnet and its last are AWS's own, as with IPv4 (network-interfaces.md 9.1).
RESERVED_FIRST = 4
_PREFIX_SIZE = 1 << (128 - IPV6_PREFIX_LENGTH)
# Knuth's multiplier for numbers that lead from one to the next, which is nowhere near.
_NEXT = 6364136223846793005
# How often a place is drawn before a block counts as full.
_DRAWS = 1000


def ipv6_in_use(tx: Transaction, subnet: str) -> bool:
    """Return whether an interface holds an address or a prefix of the subnet's IPv6 block."""
    return network_interfaces.count_where(tx, "ipv6_subnet", subnet) > 0


class Ipv6Space:
    """The IPv6 addresses of a subnet, of which one request takes some. `draw` is a number of 128 random bits.

    What is reserved is taken by name; prefixes that nobody has named come from what is reserved for them while there
    are such (vpcs.md 8.4).
    """

    __slots__ = ("_block", "_draw", "_for_prefixes", "_parts", "_prefixes", "_reserved", "_taken", "_tx")

    def __init__(self, tx: Transaction, subnet: str, block: Ipv6Cidr, draw: int) -> None:
        self._tx = tx
        self._block = block
        self._draw = draw
        self._reserved = reserved_ipv6(tx, subnet)
        self._for_prefixes = reserved_ipv6(tx, subnet, PREFIX)
        # What this request took: the addresses, the parts they are in, and the prefixes as parts.
        self._taken: set[int] = set()
        self._parts: set[int] = set()
        self._prefixes: set[int] = set()

    def take(self, text: str) -> str:
        """Take an address, and return it in canonical form. Raises InvalidParameterValue, InvalidIPAddress.InUse."""
        ip = ipv6_address_in(text)
        number = ipv6_number_of(ip)
        self._check_inside(number, 1)
        if not self._is_free(number):
            raise errors.address_in_use()
        return self._took(number)

    def take_prefix(self, text: str) -> str:
        """Take a block of the size of a prefix, and return it in canonical form."""
        prefix = ipv6_cidr_in(text, "ipv6Prefix")
        if prefix.length != IPV6_PREFIX_LENGTH:
            raise errors.invalid_value(text, "ipv6Prefix", f"A prefix has the length /{IPV6_PREFIX_LENGTH}.")
        self._check_inside(prefix.network, prefix.size)
        if not self._is_free_prefix(prefix.network):
            raise errors.address_in_use()
        return self._took_prefix(prefix.network)

    def take_any(self, count: int) -> list[str]:
        """Take addresses that are free. Raises InsufficientFreeAddressesInSubnet."""
        return [self._took(self._any(1, self._is_free)) for _ in range(count)]

    def take_any_prefixes(self, count: int) -> list[str]:
        """Take prefixes that are free. Raises InsufficientFreeAddressesInSubnet."""
        return [self._took_prefix(self._any_prefix()) for _ in range(count)]

    def _any_prefix(self) -> int:
        for block in self._for_prefixes:
            found = self._drawn(block, _PREFIX_SIZE, self._is_free_prefix)
            if found is not None:
                return found
        return self._any(_PREFIX_SIZE, self._is_free_prefix)

    def _any(self, size: int, is_free: Callable[[int], bool]) -> int:
        """Return the first address of a block of this size that is free and of which nothing is reserved."""
        found = self._drawn(
            self._block, size, lambda number: not self._is_reserved(number, size) and is_free(number)
        )
        if found is None:
            raise errors.no_free_address()
        return found

    def _is_reserved(self, number: int, size: int) -> bool:
        return any(
            block.network < number + size and number < block.network + block.size for block in self._reserved
        )

    def _check_inside(self, number: int, size: int) -> None:
        if not 0 <= number - self._block.network < self._block.size:
            raise errors.address_outside()
        if self._is_own(number, size):
            raise errors.address_reserved()

    def _is_own(self, number: int, size: int) -> bool:
        """Return whether some of these addresses are AWS's own."""
        offset = number - self._block.network
        return offset < RESERVED_FIRST or offset + size == self._block.size

    def _is_free(self, number: int) -> bool:
        part = part_of(number)
        return (
            number not in self._taken
            and part not in self._prefixes
            and not network_interfaces.count_where(self._tx, "ipv6", ipv6_text_of(number))
            and not network_interfaces.count_where(self._tx, "ipv6", _prefix_text(part))
        )

    def _is_free_prefix(self, network: int) -> bool:
        part = part_of(network)
        return part not in self._parts and not network_interfaces.count_where(self._tx, "ipv6_part", part)

    def _took(self, number: int) -> str:
        self._taken.add(number)
        self._parts.add(part_of(number))
        return ipv6_text_of(number)

    def _took_prefix(self, network: int) -> str:
        self._parts.add(part_of(network))
        self._prefixes.add(part_of(network))
        return _prefix_text(part_of(network))

    def _drawn(self, within: Ipv6Cidr, size: int, fits: Callable[[int], bool]) -> int | None:
        """Return the first address of a block of this size that fits, or None when none of those drawn does."""
        for _ in range(_DRAWS):
            self._draw = (self._draw * _NEXT + 1) % (1 << 128)
            # The high bits of such a generator are the better ones.
            offset = (self._draw >> within.length) // size * size
            number = within.network + offset
            if offset + size <= within.size and not self._is_own(number, size) and fits(number):
                return number
        return None


def _prefix_text(part: int) -> str:
    return str(Ipv6Cidr(part << (128 - IPV6_PREFIX_LENGTH), IPV6_PREFIX_LENGTH))
