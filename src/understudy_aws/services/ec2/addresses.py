"""Which private IPv4 addresses of a subnet are free, told by one number for each subnet.

The number has a bit for each address, set while an interface holds it (`HELD` of the interfaces' table), so that
nothing here takes longer for more interfaces.
"""

from __future__ import annotations

from understudy_aws.services.ec2.api.cidrs import Cidr, text_of
from understudy_aws.services.ec2.api.errors import no_free_address
from understudy_aws.services.ec2.cidr_blocks.reservation_records import PREFIX, reserved_ipv4
from understudy_aws.services.ec2.network_interfaces import HELD, bit_of, network_interfaces
from understudy_aws.store.database import Transaction

# The first four addresses of a subnet and its last are AWS's own (ec2.md 7.5).
RESERVED_FIRST = 4
RESERVED = 5


def in_use(tx: Transaction, subnet: str) -> int:
    """Return how many addresses of a subnet are held by interfaces."""
    return network_interfaces.bits(tx, HELD, subnet).bit_count()


def is_empty(tx: Transaction, subnet: str) -> bool:
    """Return whether the subnet has no interface."""
    return network_interfaces.count_where(tx, "subnet", subnet) == 0


def free(tx: Transaction, subnet: str, block: Cidr, draw: int, count: int) -> list[str]:
    """Return free addresses of the subnet: the first ones from the place `draw` on, and around its end.

    None of them is reserved (vpcs.md 8.4). Raises InsufficientFreeAddressesInSubnet when there are not so many.
    """
    left = _all(block) & ~_own(block) & ~_held(tx, subnet, block) & ~_reserved(tx, subnet, block)
    if left.bit_count() < count:
        raise no_free_address()
    place = draw % block.size
    found: list[str] = []
    for bits, first in ((left >> place, place), (left & ((1 << place) - 1), 0)):
        found += [text_of(block.network + first + bit) for bit in lowest(bits, count - len(found))]
    return found


def kept_for_prefixes(tx: Transaction, subnet: str, block: Cidr) -> int:
    """Return how many addresses of a subnet are reserved for prefixes, and are neither in use nor AWS's own."""
    reserved = _reserved(tx, subnet, block, PREFIX)
    return (reserved & ~_own(block) & ~_held(tx, subnet, block)).bit_count() if reserved else 0


def taken(tx: Transaction, subnet: str, number: int) -> bool:
    """Return whether an interface holds the address, which is given as a number."""
    return network_interfaces.bits(tx, HELD, subnet) >> bit_of(number) & 1 == 1


def lowest(bits: int, count: int) -> list[int]:
    """Return the places of the lowest bits that are set, `count` of them or fewer."""
    found: list[int] = []
    while bits and len(found) < count:
        bit = bits & -bits
        found.append(bit.bit_length() - 1)
        bits ^= bit
    return found


def _held(tx: Transaction, subnet: str, block: Cidr) -> int:
    """Return the bits of the addresses that interfaces hold, that of the block's first address lowest."""
    return network_interfaces.bits(tx, HELD, subnet) >> bit_of(block.network)


def _reserved(tx: Transaction, subnet: str, block: Cidr, type: str = "") -> int:
    """Return the bits of the addresses that are reserved, or of those that are by reservations of one type."""
    bits = 0
    for reserved in reserved_ipv4(tx, subnet, type):
        bits |= _all(reserved) << reserved.network - block.network
    return bits


def _all(block: Cidr) -> int:
    return (1 << block.size) - 1


def _own(block: Cidr) -> int:
    """Return the bits of the addresses that are AWS's own."""
    return (1 << RESERVED_FIRST) - 1 | 1 << (block.size - 1)
