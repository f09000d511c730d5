"""Says that a VPC's table of connections is full: the kernel gives up unanswered ones for new ones, or drops these.

A table belongs to a router, and how many connections one may have is a setting of the whole machine.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network

TOLD_SECONDS = 60.0
"""How long it is told after a connection was dropped or given up."""

# Of the thread that enters a namespace, which the process's own may be another than.
_COUNTERS = Path("/proc/thread-self/net/stat/nf_conntrack")
_MOST = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_LOSSES = ("drop", "early_drop")


class FullTables:
    """A service of the node that reads how many connections each router has dropped for want of room."""

    def __init__(self, namespaces: Namespaces, seconds: Callable[[], float] = monotonic_seconds) -> None:
        self._namespaces = namespaces
        self._seconds = seconds
        # By VPC: which namespace it was, what was lost there, and when that last rose.
        self._known: dict[str, tuple[int, int, float | None]] = {}

    @property
    def name(self) -> str:
        return "new connections"

    async def want(self, network: Network) -> None:
        """Look at each VPC's table. Raises OSError for those that were full just now."""
        known, self._known = self._known, {}
        full = []
        for vpc in network.vpcs:
            identity = self._namespaces.identity(vpc.id)
            lost = self._namespaces.inside(vpc.id, lost_connections)
            before, count, risen = known.get(vpc.id, (identity, lost, None))
            if before != identity:
                count, risen = 0, None
            if lost > count:
                risen = self._seconds()
            self._known[vpc.id] = (identity, lost, risen)
            if risen is not None and self._seconds() - risen < TOLD_SECONDS:
                full.append(f"{vpc.id} ({lost} lost)")
        if full:
            raise OSError(
                errno.ENOBUFS,
                f"The table of connections is full in {', '.join(full)}: unanswered ones are given up for new ones, or "
                "new ones dropped. "
                f"`sudo sysctl net.netfilter.nf_conntrack_max={2 * _most()}` would make room",
            )

    async def close(self) -> None:
        """Nothing is held."""


def lost_connections(counters: Path = _COUNTERS) -> int:
    """Return how many connections this namespace has dropped or given up since its table was full; 0 where unknown."""
    try:
        head, *lines = counters.read_text().splitlines()
    except (OSError, ValueError):
        return 0
    names = head.split()
    places = [names.index(each) for each in _LOSSES if each in names]
    return sum(int(line.split()[place], 16) for line in lines for place in places)


def _most() -> int:
    try:
        return int(_MOST.read_text())
    except (OSError, ValueError):
        return 131_072
