"""Reads what the routers count by flow, and keeps windows of it until the server asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from understudy_aws.core.clock import SystemClock
from understudy_aws.dataplane.flows import Flow, FlowAggregator, FlowWindow, Logged, Total, TotalKey
from understudy_aws.dataplane.linux import nftables
from understudy_aws.dataplane.linux.flow_sets import FLOW_SETS, UNCOUNTED, key_of, link_in
from understudy_aws.dataplane.linux.names import TABLE, link_of
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.wanted import WATCHED_SECONDS, Network

_PERIOD = 1.0


class _Reading(msgspec.Struct, frozen=True):
    """The totals of all routers, those that have passed read behind those that were seen."""

    seen: dict[TotalKey, Total]
    passed: dict[TotalKey, Total]
    uncounted: dict[str, int]


class FlowRecorder:
    """A service of the node that records the flows of logged interfaces. While none is logged it does nothing."""

    def __init__(self, namespaces: Namespaces, *, period: float = _PERIOD) -> None:
        self._namespaces = namespaces
        self._period = period
        self._windows = FlowAggregator(kept=nftables.KEPT_MILLISECONDS / 1000)
        # What is told to whoever watches; None while nobody does.
        self._live: FlowAggregator | None = None
        self._live_begun: frozenset[str] = frozenset()
        # The interfaces that are logged, by VPC: from their link to their id.
        self._logged: Mapping[str, Mapping[str, str]] = {}
        self._begun: frozenset[str] = frozenset()
        self._sockets: dict[str, tuple[int, NetlinkSocket]] = {}
        self._reader = ThreadPoolExecutor(1, "flows")
        self._task: asyncio.Task[None] | None = None
        self._error: OSError | None = None

    @property
    def name(self) -> str:
        return "flow logs"

    async def want(self, network: Network) -> None:
        """Record the flows of the interfaces that are logged. Raises OSError when they could not be read."""
        if self._live is not None:
            ids = [each.id for vpc in network.vpcs for each in vpc.interfaces]
            self._live.want(dict.fromkeys(ids, Logged((WATCHED_SECONDS,))), 0, _now())
        logged = {
            vpc.id: {
                link_of(each.id): each.id
                for each in vpc.interfaces
                if each.flow_intervals or self._live is not None
            }
            for vpc in network.vpcs
        }
        self._logged = {vpc: links for vpc, links in logged.items() if links}
        wanted = {
            each.id: Logged(each.flow_intervals, each.flow_place)
            for vpc in network.vpcs
            for each in vpc.interfaces
            if each.flow_intervals
        }
        self._windows.want(wanted, network.flow_seconds, _now())
        await self._begin()
        if self._logged and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._record())
        if not self._logged and self._task is not None:
            await self._stop()
        if self._error is not None:
            raise self._error

    async def _begin(self) -> None:
        """Take what is counted in a VPC that was not read yet as told: a node before this one may have told it."""
        for aggregator, begun in ((self._windows, self._begun), (self._live, self._live_begun)):
            new = {vpc: links for vpc, links in self._logged.items() if vpc not in begun}
            if aggregator is not None and new:
                reading = await asyncio.get_running_loop().run_in_executor(self._reader, self._read, new)
                aggregator.begin(reading.seen, reading.passed, reading.uncounted, _now())
        self._begun = frozenset(self._logged)
        self._live_begun = self._begun if self._live is not None else frozenset()

    async def close(self) -> None:
        """Stop; what was not asked for is gone."""
        await self._stop()
        self._reader.shutdown()

    def watch(self, *, watched: bool) -> None:
        """Count for whoever watches too, from the next time on that a network is wanted, or no more."""
        self._live = FlowAggregator(kept=nftables.KEPT_MILLISECONDS / 1000) if watched else None

    def live(self, after: int, most: int) -> list[FlowWindow]:
        """Return windows with flows for whoever watches, with a number above `after`."""
        told = self._live.told(after, most) if self._live is not None else []
        return [each for each in told if each.flows or each.skipped]

    def _aggregators(self) -> list[FlowAggregator]:
        return [self._windows, *([self._live] if self._live is not None else [])]

    def told(self, after: int, most: int) -> list[FlowWindow]:
        """Return finished windows with a number above `after`; those up to it are given up."""
        return self._windows.told(after, most)

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, self._close_sockets)
        self._error = None

    async def read_now(self) -> None:
        """Read what was counted up to now: a change may take an interface away, and what counts its packets."""
        if self._begun:
            await self._take()

    async def _record(self) -> None:
        while True:
            await self._take()
            for each in self._aggregators():
                each.finish(_now())
            await asyncio.sleep(self._period)

    async def _take(self) -> None:
        try:
            reading = await asyncio.get_running_loop().run_in_executor(self._reader, self._read, self._logged)
        except OSError as error:
            self._error = error
        else:
            self._error = None
            for each in self._aggregators():
                each.take(reading.seen, reading.passed, reading.uncounted, _now())

    def _read(self, logged: Mapping[str, Mapping[str, str]]) -> _Reading:
        reading = _Reading({}, {}, {})
        for vpc in self._sockets.keys() - self._logged.keys():
            self._sockets.pop(vpc)[1].close()
        for vpc, links in logged.items():
            sockets = self._socket_in(vpc)
            for each in FLOW_SETS:
                totals = reading.passed if each.passed else reading.seen
                for message in sockets.dump(nftables.get_elements(TABLE, each.name)):
                    for key, packets, bytes in nftables.found_counters(message):
                        id = links.get(link_in(key))
                        if id is not None:
                            found = key_of(key, each.version)
                            flow = Flow(
                                found.source, found.destination, found.source_port, found.destination_port,
                                found.protocol, each.incoming,
                            )  # fmt: skip
                            totals[id, flow, found.flags] = Total(packets, bytes)
            for message in sockets.dump(nftables.get_elements(TABLE, UNCOUNTED)):
                for key, packets, _ in nftables.found_counters(message):
                    id = links.get(link_in(key))
                    if id is not None:
                        reading.uncounted[id] = packets
        return reading

    def _socket_in(self, vpc: str) -> NetlinkSocket:
        """Return a socket to the kernel in a router, whose namespace may have been made anew."""
        identity = self._namespaces.identity(vpc)
        known = self._sockets.get(vpc)
        if known is not None and known[0] == identity:
            return known[1]
        if known is not None:
            known[1].close()
        made = self._namespaces.inside(vpc, lambda: NetlinkSocket(nftables.NETLINK_NETFILTER))
        self._sockets[vpc] = (identity, made)
        return made

    def _close_sockets(self) -> None:
        for _, sockets in self._sockets.values():
            sockets.close()
        self._sockets.clear()


def _now() -> int:
    return int(SystemClock().now().timestamp())
