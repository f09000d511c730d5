"""Which private IPv4 addresses of a subnet are free, told by one number for each subnet.

The number has a bit for each address, set while an interface holds it (`HELD` of the interfaces' table), so that
nothing here takes longer for more interfaces.
"""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Cidr, text_of
from understudy_aws.services.ec2.api.parameters import address_in, block_in
from understudy_aws.services.ec2.cidr_blocks.reservation_records import PREFIX, reserved_ipv4
from understudy_aws.services.ec2.network_interfaces import (
    HELD,
    IPV4_PREFIX_LENGTH,
    bit_of,
    network_interfaces,
)
from understudy_aws.store.database import Transaction

# The first four addresses of a subnet and its last are AWS's own (ec2.md 7.5).
RESERVED_FIRST = 4
RESERVED = 5
PREFIX_SIZE = 1 << (32 - IPV4_PREFIX_LENGTH)
_ALL_OF_PREFIX = (1 << PREFIX_SIZE) - 1


def in_use(tx: Transaction, subnet: str) -> int:
    """Return how many addresses of a subnet are held by interfaces."""
    return network_interfaces.bits(tx, HELD, subnet).bit_count()


def is_empty(tx: Transaction, subnet: str) -> bool:
    """Return whether the subnet has no interface."""
    return network_interfaces.count_where(tx, "subnet", subnet) == 0


def kept_for_prefixes(tx: Transaction, subnet: str, block: Cidr) -> int:
    """Return how many addresses of a subnet are reserved for prefixes, and are neither in use nor AWS's own."""
    reserved = _reserved(tx, subnet, block, PREFIX)
    return (reserved & _free(tx, subnet, block)).bit_count() if reserved else 0


class Ipv4Space:
    """The free addresses of a subnet, of which one request takes some.

    `draw` gives the place where the search for addresses that nobody has named begins. What is reserved is taken by
    name; prefixes that nobody has named come from what is reserved for them while there are such (vpcs.md 8.4).
    """

    __slots__ = ("_block", "_draw", "_for_prefixes", "_free", "_unreserved")

    def __init__(self, tx: Transaction, subnet: str, block: Cidr, draw: int) -> None:
        self._block = block
        self._draw = draw % block.size
        self._free = _free(tx, subnet, block)
        reserved = _reserved(tx, subnet, block)
        self._unreserved = ~reserved
        self._for_prefixes = _reserved(tx, subnet, block, PREFIX) if reserved else 0

    def take(self, ip: str) -> None:
        """Take an address. Raises InvalidParameterValue, InvalidIPAddress.InUse (texts: ec2.md 7.3)."""
        self._take(address_in(ip), 1)

    def take_prefix(self, text: str) -> str:
        """Take a block of the size of a prefix, and return it in canonical form."""
        prefix = block_in(text, "ipv4Prefix")
        if prefix.length != IPV4_PREFIX_LENGTH:
            raise errors.invalid_value(text, "ipv4Prefix", f"A prefix has the length /{IPV4_PREFIX_LENGTH}.")
        self._take(prefix.network, prefix.size)
        return str(prefix)

    def take_any(self, count: int) -> list[str]:
        """Take the first free addresses from the drawn place on. Raises InsufficientFreeAddressesInSubnet."""
        if not count:
            return []
        free = self._free & self._unreserved
        if free.bit_count() < count:
            raise errors.no_free_address()
        return [text_of(self._block.network + bit) for bit in self._first(free, count, 1)]

    def take_any_prefixes(self, count: int) -> list[str]:
        """Take the first free prefixes from the drawn place on.

        Raises InsufficientCidrBlocks when the addresses that are free do not lie together.
        """
        if not count:
            return []
        free = self._free & (self._unreserved | self._for_prefixes)
        if free.bit_count() < count * PREFIX_SIZE:
            raise errors.no_free_prefix_addresses()
        kept = _prefixes(self._free & self._for_prefixes)
        others = _prefixes(free) & ~kept
        places = self._first(kept, count, _ALL_OF_PREFIX)
        places += self._first(others, count - len(places), _ALL_OF_PREFIX)
        if len(places) < count:
            raise errors.no_free_prefix()
        return [str(Cidr(self._block.network + bit, IPV4_PREFIX_LENGTH)) for bit in places]

    def _take(self, number: int, size: int) -> None:
        offset = number - self._block.network
        if not 0 <= offset < self._block.size:
            raise errors.address_outside()
        bits = (1 << size) - 1 << offset
        if bits & _own(self._block):
            raise errors.address_reserved()
        if bits & ~self._free:
            raise errors.address_in_use()
        self._free &= ~bits

    def _first(self, bits: int, count: int, mask: int) -> list[int]:
        """Take from each of the first places with a bit the bits of a mask, and return the places."""
        found: list[int] = []
        place = self._draw
        for part, base in ((bits >> place, place), (bits & ((1 << place) - 1), 0)):
            found += [base + bit for bit in lowest(part, count - len(found))]
        for bit in found:
            self._free &= ~(mask << bit)
        return found


def lowest(bits: int, count: int) -> Sequence[int]:
    """Return the places of the lowest bits that are set, `count` of them or fewer."""
    found: list[int] = []
    while bits and len(found) < count:
        bit = bits & -bits
        found.append(bit.bit_length() - 1)
        bits ^= bit
    return found


def _free(tx: Transaction, subnet: str, block: Cidr) -> int:
    """Return the bits of the addresses that nobody holds, that of the block's first address lowest."""
    held = network_interfaces.bits(tx, HELD, subnet) >> bit_of(block.network)
    return _all(block) & ~_own(block) & ~held


def _reserved(tx: Transaction, subnet: str, block: Cidr, type: str = "") -> int:
    """Return the bits of the addresses that are reserved, or of those that are by reservations of one type."""
    bits = 0
    for reserved in reserved_ipv4(tx, subnet, type):
        bits |= _all(reserved) << reserved.network - block.network
    return bits


def _prefixes(free: int) -> int:
    """Return the bits of the first addresses of the prefixes that are free as a whole."""
    for step in (1, 2, 4, 8):
        # A bit stays where it and the fifteen that follow it are set.
        free &= free >> step
    # One bit in sixteen, from the first one on: a prefix begins at each of them.
    size = free.bit_length() + PREFIX_SIZE
    return free & ((1 << size - size % PREFIX_SIZE) - 1) // _ALL_OF_PREFIX


def _all(block: Cidr) -> int:
    return (1 << block.size) - 1


def _own(block: Cidr) -> int:
    """Return the bits of the addresses that are AWS's own."""
    return (1 << RESERVED_FIRST) - 1 | 1 << (block.size - 1)
