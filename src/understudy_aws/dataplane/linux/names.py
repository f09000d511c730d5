"""What links, chains, sets and tables of routes are called, so that everything is found again by name.

Names are made from EC2's ids alone: the same network has the same names on every machine and after every restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from zlib import crc32

INTERNET = "internet"
"""The namespace between the VPCs and the world, and the link of a VPC's router to it."""

NOWHERE = "nowhere"
"""The link of a router to which packets go that no route leads on, so that they are filtered and counted before."""

OUTSIDE = "outside"
"""The link from there to the world, and the table of nftables that decides what passes it."""

WORKLOAD_LINK = "eth0"
"""What an interface is called by what is attached to it."""

TABLE = "vpc"
"""The table of nftables."""

RECORDED = "recorded_"
"""How the names of sets begin that rules put elements into."""

# The kernel's limit for the name of a link is 15 bytes.
_ID_BYTES = 14
# 253 to 255 and 0 are tables of the kernel's own; marks are as large as tables.
_FIRST_TABLE, _LAST_TABLE = 1_000, 0x7FFFFFFF


def link_of(id: str) -> str:
    """Return the name of the link to an interface, a peering or a VPC: a letter and the end of the id."""
    return id[0] + id[-_ID_BYTES:]


def group_chain(group: str, direction: str) -> str:
    """Return the chain of a security group's rules; `direction` is ingress or egress."""
    return f"{direction}_{group}"


def combination_chain(groups: Iterable[str], direction: str) -> str:
    """Return the chain for interfaces that are in exactly these groups."""
    digest = blake2b(" ".join(sorted(groups)).encode(), digest_size=8).hexdigest()
    return f"{direction}_of_{digest}"


def members(group: str, version: int) -> str:
    """Return the set of the addresses of the interfaces in a group."""
    return f"members{version}_{group}"


def subnet_links(subnet: str) -> str:
    """Return the set of the links to the interfaces in a subnet."""
    return f"links_{subnet}"


def numbered(ids: Iterable[str], first: int = _FIRST_TABLE, last: int = _LAST_TABLE) -> Mapping[str, int]:
    """Give each id a number of its own that seldom depends on the others."""
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    size = last - first + 1
    for id in sorted(ids):
        number = crc32(id.encode()) % size
        while number in taken:
            number = (number + 1) % size
        taken.add(number)
        numbers[id] = first + number
    return numbers
