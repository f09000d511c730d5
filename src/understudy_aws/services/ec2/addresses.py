"""Which private addresses of a subnet are free, found by an index of the interfaces that hold the others."""

from __future__ import annotations

from understudy_aws.services.ec2.api.cidrs import Cidr, text_of
from understudy_aws.services.ec2.api.errors import no_free_address
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.store.database import Transaction

# The first four addresses of a subnet and its last are AWS's own (ec2.md 7.5).
RESERVED_FIRST = 4
RESERVED = 5
# An odd stride reaches every address of a block, whose size is a power of two; this one scatters well.
_STRIDE = 0x9E3779B1


def in_use(tx: Transaction, subnet: str) -> int:
    """Return how many addresses of a subnet are held by interfaces."""
    return sum(len(interface.addresses) for interface in network_interfaces.where(tx, "subnet", subnet))


def is_empty(tx: Transaction, subnet: str) -> bool:
    """Return whether the subnet has no interface."""
    return network_interfaces.count_where(tx, "subnet", subnet) == 0


def free(tx: Transaction, subnet: str, block: Cidr, draw: int, count: int) -> list[str]:
    """Yield free addresses of the subnet. `draw` gives the place where the search begins, which keeps it short.

    Raises InsufficientFreeAddressesInSubnet when the whole block was searched.
    """
    size, network = block.size, block.network
    found: list[str] = []
    offset = draw % size
    for _ in range(size):
        if RESERVED_FIRST <= offset < size - 1:
            ip = text_of(network + offset)
            if not taken(tx, subnet, ip):
                found.append(ip)
                if len(found) == count:
                    return found
        offset = (offset + _STRIDE) % size
    raise no_free_address()


def taken(tx: Transaction, subnet: str, ip: str) -> bool:
    """Return whether an interface holds the address."""
    return network_interfaces.count_where(tx, "address", (subnet, ip)) > 0
