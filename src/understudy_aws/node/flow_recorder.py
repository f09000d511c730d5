"""Reads what the routers count by flow, and keeps windows of it until the server asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import sleep

import msgspec

from understudy_aws.core.clock import monotonic_seconds, unix_seconds
from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.flows import Flow, FlowAggregator, FlowWindow, Logged, Total, TotalKey
from understudy_aws.dataplane.linux import nftables
from understudy_aws.dataplane.linux.flow_sets import FLOW_SETS, UNCOUNTED, FlowSet, key_of, link_in
from understudy_aws.dataplane.linux.names import TABLE, link_of
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.threads import Threads
from understudy_aws.dataplane.wanted import WATCHED_SECONDS, Network
from understudy_aws.node.flow_spool import FlowSpool, Recording

_PERIOD = 1.0
# What is counted is kept so often for the next node, which finds the counters of the kernel of the last twenty seconds.
_KEEP_SECONDS = 5.0
# Keeping takes at most a twentieth of the time.
_MOST_OF_THE_TIME = 20
# How long a packet may take from where it is seen to where it has passed, on a machine that has other work.
_ON_THE_WAY_SECONDS = 0.02
_SEEN = tuple(each for each in FLOW_SETS if not each.passed)
_PASSED = tuple(each for each in FLOW_SETS if each.passed)


class _Keeping(msgspec.Struct):
    """What was kept of the recording: up to which window, and which version; when, and when it may be kept again."""

    number: int = 0
    version: int = 0
    at: float = 0.0
    again: float = 0.0
    error: OSError | None = None
    is_over: bool = False


class _Reading(msgspec.Struct, frozen=True):
    """The totals of all routers, those that have passed read behind those that were seen."""

    seen: dict[TotalKey, Total]
    passed: dict[TotalKey, Total]
    uncounted: dict[str, int]

    def apart(self) -> dict[TotalKey, int]:
        """Return how many packets were seen and have not passed, where there are some."""
        nothing = Total(0, 0)
        return {
            key: more
            for key, total in self.seen.items()
            if (more := total.packets - self.passed.get(key, nothing).packets) > 0
        }


class FlowRecorder:
    """A service of the node that records the flows of logged interfaces. While none is logged it does nothing."""

    def __init__(
        self, namespaces: Namespaces, directory: Path, network: str, *, period: float = _PERIOD
    ) -> None:
        """`network` tells the network that there is from those that were in the directory before."""
        self._namespaces = namespaces
        self._period = period
        self._windows = FlowAggregator(kept=nftables.KEPT_MILLISECONDS / 1000)
        # Numbers of windows go on where the node before this one was, and so does the name that goes with them.
        self.recording = Ids().hexadecimal()
        self._network = network
        self._spool = FlowSpool(directory)
        self._keeping = _Keeping()
        # What is told to whoever watches; None while nobody does.
        self._live: FlowAggregator | None = None
        self._live_begun: frozenset[str] = frozenset()
        # The interfaces that are logged, by VPC: from their link to their id.
        self._logged: Mapping[str, Mapping[str, str]] = {}
        self._begun: frozenset[str] = frozenset()
        self._go_on()
        self._sockets: dict[str, tuple[int, NetlinkSocket]] = {}
        # The packets of the last reading that were seen and have not passed.
        self._apart: dict[TotalKey, int] = {}
        self._reader = Threads(1, "flows")
        self._task: asyncio.Task[None] | None = None
        self._error: OSError | None = None

    @property
    def name(self) -> str:
        return "flow logs"

    def _go_on(self) -> None:
        """Go on where the last node was that recorded anything here."""
        recording, windows = self._spool.read()
        if recording is None:
            return
        self.recording = recording.name
        self._windows.go_on(recording.kept, windows)
        self._keeping.number = recording.kept.number
        if recording.network == self._network:
            self._begun = frozenset(recording.vpcs)
        else:
            # What was counted is gone with the network.
            self._windows.end_all()
        self._keeping.version = -1

    async def want(self, network: Network) -> None:
        """Record the flows of the interfaces that are logged.

        Raises OSError when they could not be read, or not be kept for the node after this one.
        """
        self._read_clocks()
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
        await self._keep(at_once=True)
        if self._logged and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._record())
        if not self._logged and self._task is not None:
            await self._stop()
        if self._error is not None or self._keeping.error is not None:
            raise self._error or self._keeping.error or OSError()

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
        """Stop; what was not asked for waits for the next node, unless it is forgotten."""
        await self._stop()
        if self._keeping.is_over:
            self._spool.forget()
        else:
            await self._keep(at_once=True)
        self._reader.shutdown()

    def forget(self) -> None:
        """Leave nothing behind when this is closed."""
        self._keeping.is_over = True

    def watch(self, *, watched: bool) -> None:
        """Count for whoever watches too, from the next time on that a network is wanted, or no more."""
        self._live = FlowAggregator(kept=nftables.KEPT_MILLISECONDS / 1000) if watched else None

    @property
    def is_watched(self) -> bool:
        """Whether somebody watches; a node begins with nobody."""
        return self._live is not None

    def live(self, after: int, most: int) -> list[FlowWindow]:
        """Return windows with flows for whoever watches, with a number above `after`."""
        told = self._live.told(after, most) if self._live is not None else []
        return [each for each in told if each.flows or each.skipped]

    def _aggregators(self) -> list[FlowAggregator]:
        return [self._windows, *([self._live] if self._live is not None else [])]

    def told(self, after: int, most: int) -> list[FlowWindow]:
        """Return finished windows with a number above `after`; those up to it are given up."""
        told = [each for each in self._windows.told(after, most) if each.number <= self._keeping.number]
        if not self._logged and not self._windows.waiting():
            self._spool.forget()
        return told

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
            self._read_clocks()
            await self._take()
            for each in self._aggregators():
                each.finish(_now())
            await self._keep()
            await asyncio.sleep(self._period)

    def _read_clocks(self) -> None:
        """Notice that the machine's clock was set. Seconds are counted by one that is not."""
        apart = unix_seconds() - monotonic_seconds()
        for each in self._aggregators():
            if not -1 < apart - each.offset < 2:
                each.offset = int(apart)

    async def _keep(self, *, at_once: bool = False) -> None:
        """Keep what was recorded, if it is time: finished windows are told only then."""
        keeping, now = self._keeping, monotonic_seconds()
        number, version = self._windows.number, self._windows.version
        if keeping.is_over or version == keeping.version:
            return
        due = keeping.again if number > keeping.number else keeping.at + _KEEP_SECONDS
        if not at_once and now < max(due, keeping.again):
            return
        recording = Recording(
            name=self.recording,
            network=self._network,
            vpcs=tuple(sorted(self._begun)),
            kept=self._windows.kept(),
        )
        # What is kept changes while it is written.
        encoded, waiting = msgspec.msgpack.encode(recording), self._windows.waiting()
        try:
            await asyncio.get_running_loop().run_in_executor(self._reader, self._spool.keep, encoded, waiting)
        except OSError as error:
            # It is told all the same, and is lost if this node is killed before.
            keeping.error = OSError(error.errno, f"They are not kept: {error.strerror}")
        else:
            keeping.error, keeping.version = None, version
        keeping.number, keeping.at = number, now
        keeping.again = now + _MOST_OF_THE_TIME * (monotonic_seconds() - now)

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
        for vpc in self._sockets.keys() - self._logged.keys():
            self._sockets.pop(vpc)[1].close()
        reading = _Reading(
            self._totals(logged, _SEEN), self._totals(logged, _PASSED), self._uncounted(logged)
        )
        if reading.apart().items() - self._apart.items():
            # What is between the two counts is not rejected; and a set that grows may be read without one of its flows.
            sleep(_ON_THE_WAY_SECONDS)
            for key, total in self._totals(logged, _PASSED).items():
                reading.passed[key] = max(reading.passed.get(key, total), total, key=_packets)
        self._apart = reading.apart()
        return reading

    def _totals(
        self, logged: Mapping[str, Mapping[str, str]], sets: Sequence[FlowSet]
    ) -> dict[TotalKey, Total]:
        """Return what sets have counted of logged interfaces."""
        totals = {}
        for vpc, links in logged.items():
            for each in sets:
                for key, packets, bytes in self._counters(vpc, each.name):
                    id = links.get(link_in(key))
                    if id is not None:
                        found = key_of(key, each.version)
                        flow = Flow(
                            found.source, found.destination, found.source_port, found.destination_port,
                            found.protocol, each.incoming,
                        )  # fmt: skip
                        totals[id, flow, found.flags] = Total(packets, bytes)
        return totals

    def _uncounted(self, logged: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        return {
            links[link]: packets
            for vpc, links in logged.items()
            for key, packets, _ in self._counters(vpc, UNCOUNTED)
            if (link := link_in(key)) in links
        }

    def _counters(self, vpc: str, name: str) -> Iterator[tuple[bytes, int, int]]:
        """Yield the elements of a set of a router: key, packets and bytes."""
        for message in self._socket_in(vpc).dump(nftables.get_elements(TABLE, name)):
            yield from nftables.found_counters(message)

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


def _packets(total: Total) -> int:
    return total.packets


def _now() -> int:
    return int(monotonic_seconds())
