"""From what was counted to what flow logs tell: flows of an interface within windows of time.

Pure: it is handed totals, the time and what is wanted. The time is seconds of a clock that never jumps; windows are
told by the machine's clock, which is `offset` seconds away when they end. The totals of a flow only rise while it is
counted, and begin anew when it was not seen for a while. Of each flow there are packets that were seen and, of these,
packets that passed; the rest was rejected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

REJECT, ACCEPT = False, True
MOST_FLOWS_OF_WINDOW = 20_000
MOST_WINDOWS = 20_000
MOST_FLOWS = 100_000
"""What waits for the server: beyond these the oldest windows are given up."""


_UNCERTAIN = 2
"""How many seconds a counter may be read longer than it is kept: times are whole seconds, and reading takes time."""


class Flow(msgspec.Struct, frozen=True):
    """A flow as an interface sees it. Ports are 0 where the protocol has none."""

    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    incoming: bool


class CountedFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What a window has of a flow: packets and bytes that were all accepted, or all rejected. Times are in seconds."""

    flow: Flow
    accepted: bool
    packets: int
    bytes: int
    start: int
    end: int
    flags: int = 0


class FlowWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The flows of an interface from `start` to `end`, for the flow logs of an aggregation interval.

    `place` is what the server said of where the interface is.
    `number` rises from window to window of a node. `skipped` are packets that are in no flow, since there were too
    many to keep apart.
    """

    number: int
    interface: str
    place: str = ""
    interval: int
    start: int
    end: int
    flows: tuple[CountedFlow, ...] = ()
    skipped: int = 0


class Logged(msgspec.Struct, frozen=True):
    """What is wanted of an interface: windows of these intervals, and what each says of where it is."""

    intervals: tuple[int, ...]
    place: str = ""


class Counts(msgspec.Struct, array_like=True):
    """Packets and bytes."""

    packets: int = 0
    bytes: int = 0

    def add(self, packets: int, bytes: int) -> None:
        self.packets += packets
        self.bytes += bytes


class Total(msgspec.Struct, frozen=True, array_like=True):
    """What a counter says of a flow's packets that had these flags."""

    packets: int
    bytes: int


# A flow at an interface, with the flags of TCP that the packets had.
TotalKey = tuple[str, Flow, int]


class _Counter(msgspec.Struct, array_like=True):
    """What is known of a counter: its last total, when that was new, and the sum of all it has counted."""

    changed: float
    last: Total = Total(0, 0)
    sum: Counts = msgspec.field(default_factory=Counts)

    def take(self, total: Total | None, read: float, now: float, gone: float) -> None:
        """Take a total that was read now, and before that at `read`; a counter has `gone` so long after a packet."""
        if total is None:
            return
        if read - self.changed >= gone or (now - self.changed >= gone and total == self.last):
            # It had gone by then, so that what is there now was begun anew.
            self.last = Total(0, 0)
        if total != self.last:
            self.sum.add(*_since(self.last, total))
            self.last, self.changed = total, now


class _Tracked(msgspec.Struct, array_like=True):
    """What is known of one counted key: of packets that were seen, of those that passed, and what was told of these.

    The one counter may go while the other one stays.
    """

    seen: _Counter
    passed: _Counter
    accepted: Counts = msgspec.field(default_factory=Counts)
    rejected: Counts = msgspec.field(default_factory=Counts)


class _Open(msgspec.Struct):
    """A window that is not finished yet; `first` is when the first packet was told, or None."""

    start: int
    flows: dict[tuple[Flow, bool], _OpenFlow] = msgspec.field(default_factory=dict)
    first: int | None = None
    skipped: int = 0


class _OpenFlow(msgspec.Struct):
    start: int
    end: int
    counts: Counts = msgspec.field(default_factory=Counts)
    flags: int = 0


class FlowsKept(msgspec.Struct, frozen=True, kw_only=True):
    """What an aggregator knows besides finished windows, for one in another process that goes on; as lists of items.

    `first` is the number of the first window that waits, `number` that of the last one that was finished, and `offset`
    what the two clocks had between them.
    """

    first: int
    number: int
    offset: int
    read: int
    at_once: int
    logged: dict[str, Logged]
    tracked: list[tuple[TotalKey, _Tracked]]
    uncounted: dict[str, tuple[int, float]]
    open: list[tuple[tuple[str, int], int, int | None, int, list[tuple[tuple[Flow, bool], _OpenFlow]]]]


class FlowAggregator:
    """Makes windows of totals. `kept` is how many seconds a counter stays after the last packet."""

    def __init__(self, *, kept: float) -> None:
        self._kept = kept
        self._tracked: dict[TotalKey, _Tracked] = {}
        self._uncounted: dict[str, tuple[int, float]] = {}
        self._open: dict[tuple[str, int], _Open] = {}
        self._logged: Mapping[str, Logged] = {}
        self._at_once = 0
        self._read = 0
        self._number = 0
        self.offset = 0
        # Rises with all that is worth keeping.
        self.version = 0
        self._waiting: deque[FlowWindow] = deque()
        self._waiting_flows = 0

    def want(self, logged: Mapping[str, Logged], at_once: int, now: int) -> None:
        """Make windows for these interfaces, and no others; those of others end.

        With `at_once` a window ends so many seconds after its first packet.
        """
        wanted = {(id, interval) for id, each in logged.items() for interval in each.intervals}
        for key in self._open.keys() - wanted:
            window = self._open.pop(key)
            self.version += 1
            if window.first is not None:
                self._add(*key, window, now)
        if (logged, at_once) != (self._logged, self._at_once):
            self.version += 1
        self._logged, self._at_once = logged, at_once
        for key in wanted - self._open.keys():
            self._open[key] = _Open(start=now)

    def begin(
        self,
        seen: Mapping[TotalKey, Total],
        passed: Mapping[TotalKey, Total],
        uncounted: Mapping[str, int],
        now: int,
    ) -> None:
        """Take totals as those of packets that are told already."""
        self.version += 1
        for key in seen.keys() | passed.keys():
            nothing = Total(0, 0)
            self._tracked[key] = _Tracked(
                _Counter(now, seen.get(key, nothing)), _Counter(now, passed.get(key, nothing))
            )
        for interface, packets in uncounted.items():
            self._uncounted[interface] = (packets, now)

    def take(
        self,
        seen: Mapping[TotalKey, Total],
        passed: Mapping[TotalKey, Total],
        uncounted: Mapping[str, int],
        now: int,
    ) -> None:
        """Take totals that were read now: those of packets seen first, those of packets that passed after them."""
        for key in seen.keys() | passed.keys():
            self._take(key, seen.get(key), passed.get(key), now)
        for interface, packets in uncounted.items():
            known, changed = self._uncounted.get(interface, (0, 0.0))
            added = packets - known if packets >= known else packets
            self._uncounted[interface] = (packets, now if added else changed)
            self._skip(interface, added)
        for key in [
            key for key, each in self._tracked.items() if self._is_gone(key, each, seen, passed, now)
        ]:
            del self._tracked[key]
        self._read = now

    def _is_gone(
        self,
        key: TotalKey,
        tracked: _Tracked,
        seen: Mapping[TotalKey, Total],
        passed: Mapping[TotalKey, Total],
        now: int,
    ) -> bool:
        # One reading may miss an element, so that only time tells.
        changed = max(tracked.seen.changed, tracked.passed.changed)
        return now - changed >= self._kept and key not in seen and key not in passed

    def _take(self, key: TotalKey, seen: Total | None, passed: Total | None, now: int) -> None:
        tracked = self._tracked.get(key)
        if tracked is None:
            tracked = self._tracked[key] = _Tracked(_Counter(now), _Counter(now))
        gone = self._kept + _UNCERTAIN
        tracked.seen.take(seen, self._read, now, gone)
        tracked.passed.take(passed, self._read, now, gone)
        saw, let, known = tracked.seen.sum, tracked.passed.sum, tracked.accepted
        self._count(key, ACCEPT, let.packets - known.packets, let.bytes - known.bytes, now)
        known.packets, known.bytes = let.packets, let.bytes
        # What has passed was read later, so that it may be more than what was seen.
        rejected, told = saw.packets - let.packets, tracked.rejected
        if rejected > told.packets:
            bytes = max(saw.bytes - let.bytes, told.bytes)
            self._count(key, REJECT, rejected - told.packets, bytes - told.bytes, now)
            told.packets, told.bytes = rejected, bytes

    def _count(self, key: TotalKey, accepted: bool, packets: int, bytes: int, now: int) -> None:
        if packets <= 0:
            return
        interface, flow, flags = key
        self.version += 1
        for interval in self._wanted(interface):
            window = self._open[interface, interval]
            found = window.flows.get((flow, accepted))
            if found is None:
                if len(window.flows) >= MOST_FLOWS_OF_WINDOW:
                    window.skipped += packets
                    continue
                start = max(window.start, self._read)
                found = window.flows[flow, accepted] = _OpenFlow(start=min(start, now), end=now)
                window.first = now if window.first is None else window.first
            found.counts.add(packets, bytes)
            found.flags |= _told_flags(flags)
            found.end = now

    def _skip(self, interface: str, packets: int) -> None:
        self.version += packets > 0
        for interval in self._wanted(interface) if packets > 0 else ():
            window = self._open[interface, interval]
            window.skipped += packets
            window.first = self._read if window.first is None else window.first

    def finish(self, now: int) -> None:
        """Finish the windows whose time has come."""
        for (interface, interval), window in list(self._open.items()):
            early = self._at_once and window.first is not None and now >= window.first + self._at_once
            if not early and now < window.start + interval:
                continue
            self._open[interface, interval] = _Open(start=now)
            self._add(interface, interval, window, now)

    def _wanted(self, interface: str) -> tuple[int, ...]:
        known = self._logged.get(interface)
        return known.intervals if known is not None else ()

    def _add(self, interface: str, interval: int, window: _Open, now: int) -> None:
        self._number += 1
        self.version += 1
        finished = FlowWindow(
            number=self._number, interface=interface, place=self._logged[interface].place,
            interval=interval, start=self._by_the_clock(window.start), end=self._by_the_clock(now),
            flows=tuple(self._counted(*key, each) for key, each in window.flows.items()),
            skipped=window.skipped,
        )  # fmt: skip
        self._wait(finished)

    def _wait(self, finished: FlowWindow) -> None:
        self._waiting.append(finished)
        self._waiting_flows += len(finished.flows)
        while len(self._waiting) > MOST_WINDOWS or (
            self._waiting_flows > MOST_FLOWS and len(self._waiting) > 1
        ):
            lost = self._waiting.popleft()
            self._waiting_flows -= len(lost.flows)
            following = self._open.get((lost.interface, lost.interval))
            if following is not None:
                following.skipped += lost.skipped + sum(each.packets for each in lost.flows)

    def told(self, after: int, most: int) -> list[FlowWindow]:
        """Return finished windows with a number above `after`, the oldest first, of so many flows or a little more.

        Those up to it are known to whoever asks, and are given up.
        """
        while self._waiting and self._waiting[0].number <= after:
            self._waiting_flows -= len(self._waiting.popleft().flows)
        found: list[FlowWindow] = []
        for window in self._waiting:
            if most <= 0:
                break
            found.append(window)
            most -= 1 + len(window.flows)
        return found

    @property
    def number(self) -> int:
        """The number of the window that was finished last."""
        return self._number

    def waiting(self) -> list[FlowWindow]:
        """Return all finished windows that are not known to whoever asks."""
        return list(self._waiting)

    def kept(self) -> FlowsKept:
        """Return what another aggregator needs to go on, besides the finished windows."""
        return FlowsKept(
            first=self._waiting[0].number if self._waiting else self._number + 1,
            number=self._number, offset=self.offset, read=self._read, at_once=self._at_once, logged=dict(self._logged),
            tracked=list(self._tracked.items()), uncounted=self._uncounted,
            open=[
                (key, each.start, each.first, each.skipped, list(each.flows.items()))
                for key, each in self._open.items()
            ],
        )  # fmt: skip

    def go_on(self, kept: FlowsKept, windows: Iterable[FlowWindow]) -> None:
        """Go on where another aggregator was, which had finished these windows."""
        self._number, self.offset, self._read = kept.number, kept.offset, kept.read
        self._logged, self._at_once = kept.logged, kept.at_once
        self._tracked, self._uncounted = dict(kept.tracked), dict(kept.uncounted)
        self._open = {
            key: _Open(start=start, flows=dict(flows), first=first, skipped=skipped)
            for key, start, first, skipped, flows in kept.open
        }
        for each in windows:
            self._wait(each)

    def end_all(self) -> None:
        """Finish all windows as of when counters were read last, which have gone since."""
        self.want({}, self._at_once, max([self._read, *(each.start for each in self._open.values())]))
        self._tracked, self._uncounted = {}, {}

    def _by_the_clock(self, at: int) -> int:
        return at + self.offset

    def _counted(self, flow: Flow, accepted: bool, of: _OpenFlow) -> CountedFlow:
        return CountedFlow(
            flow=flow, accepted=accepted, packets=of.counts.packets, bytes=of.counts.bytes,
            start=self._by_the_clock(of.start), end=self._by_the_clock(of.end), flags=of.flags,
        )  # fmt: skip


def _since(before: Total, now: Total) -> tuple[int, int]:
    """Return what was counted since; a total that fell was begun anew."""
    if now.packets < before.packets or now.bytes < before.bytes:
        return now.packets, now.bytes
    return now.packets - before.packets, now.bytes - before.bytes


_SYN, _ACK, _TOLD = 2, 16, 7


def _told_flags(flags: int) -> int:
    """Return the flags that flow logs tell: FIN, SYN and RST, and ACK beside SYN (flow-logs.md 13.3)."""
    return flags & _TOLD | (flags & _ACK if flags & _SYN else 0)
