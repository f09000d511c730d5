"""What a machine can refuse of what networks need."""

from __future__ import annotations

import msgspec

NAMESPACES, PROC, MOUNTS, LINKS = "namespaces", "/proc", "mounts", "links"
VETH, NFTABLES, RULES = "pairs of links (veth)", "nftables", "rules of nftables that track connections"


class Refusal(msgspec.Struct, frozen=True):
    """What was refused, and with which number."""

    what: str
    number: int
