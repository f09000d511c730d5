"""Private addresses in use: one record each, so that no two interfaces ever get the same."""

from __future__ import annotations

from typing import NamedTuple

from understudy.services.ec2.cidrs import Cidr, text_of
from understudy.services.ec2.errors import no_free_address
from understudy.store.database import Transaction
from understudy.store.tables import Record, Table

# The first four addresses of a subnet and its last are AWS's own (reference iam.md 7.5).
RESERVED_FIRST = 4
RESERVED = 5
# An odd stride reaches every address of a block, whose size is a power of two; this one scatters well.
_STRIDE = 0x9E3779B1


class Home(NamedTuple):
    """The subnet an address belongs to."""

    account: str
    region: str
    subnet: str


class Address(Record, frozen=True, kw_only=True):
    """A private IPv4 address that an interface holds."""

    account: str
    region: str
    subnet: str
    ip: str
    interface: str


addresses = Table(
    "ec2/address",
    Address,
    key=lambda address: (address.account, address.region, address.subnet, address.ip),
    indexes={"subnet": lambda address: (address.subnet,)},
)


def in_use(tx: Transaction, subnet: str) -> int:
    """How many addresses of a subnet interfaces hold."""
    return addresses.count_where(tx, "subnet", subnet)


def free(tx: Transaction, home: Home, block: Cidr, draw: int, count: int) -> list[str]:
    """Free addresses of the subnet, sought from a place given by `draw`, so that the search stays short.

    Raises InsufficientFreeAddressesInSubnet.
    """
    size, network = block.size, block.network
    if in_use(tx, home.subnet) + count > size - RESERVED:
        raise no_free_address()
    found: list[str] = []
    offset = draw % size
    while len(found) < count:
        if RESERVED_FIRST <= offset < size - 1:
            ip = text_of(network + offset)
            if addresses.get(tx, *home, ip) is None:
                found.append(ip)
        offset = (offset + _STRIDE) % size
    return found


def taken(tx: Transaction, home: Home, ip: str) -> bool:
    """Whether an interface holds the address."""
    return addresses.get(tx, *home, ip) is not None


def take(tx: Transaction, home: Home, ip: str, interface: str) -> None:
    """Note that an interface holds a free address."""
    account, region, subnet = home
    addresses.put(tx, Address(account=account, region=region, subnet=subnet, ip=ip, interface=interface))


def give_back(tx: Transaction, home: Home, ip: str) -> None:
    """Note that nobody holds the address any more."""
    held = addresses.get(tx, *home, ip)
    assert held is not None, "an interface's addresses are all recorded"
    addresses.delete(tx, held)
