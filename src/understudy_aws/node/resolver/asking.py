"""How much each interface may ask: AWS lets one send 1,024 packets a second to the resolver, and drops the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

PACKETS_PER_SECOND = 1024
"""Per network interface (vpc-dns.md 19.1)."""


class Allowance:
    """Counts the packets of interfaces, second by second.

    Who has an address that no interface has is counted as one, so that no number of made-up addresses grows it.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._second = -1
        self._packets: Counter[str] = Counter()

    def takes(self, interface: str) -> bool:
        """Count a packet of an interface, or of none; whether it is one that AWS would let through."""
        now = int(self._seconds())
        if now != self._second:
            self._second = now
            self._packets.clear()
        self._packets[interface] += 1
        return self._packets[interface] <= PACKETS_PER_SECOND
