"""From counters to windows of flows: nothing is lost, nothing is told twice, and nothing passes for rejected."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.dataplane import flows
from understudy_aws.dataplane.flows import Flow, FlowAggregator, FlowsKept, Logged, Total

KEPT = 20
FLOWS = [Flow(f"10.0.0.{number}", "10.0.1.1", 1000 + number, 80, 6, incoming=True) for number in range(3)]
SYN, ACK, FIN, PUSH_ACK = 2, 16, 17, 24


class Counters:
    """What the kernel does: a counter for each flow and flags, which goes when it was idle for `KEPT` seconds."""

    def __init__(self) -> None:
        self.totals: dict[tuple[Flow, int], list[int]] = {}
        self.used: dict[tuple[Flow, int], int] = {}

    def count(self, key: tuple[Flow, int], size: int, now: int) -> None:
        self.forget(now)
        found = self.totals.setdefault(key, [0, 0])
        found[0] += 1
        found[1] += size
        self.used[key] = now

    def forget(self, now: int) -> None:
        for key in [key for key, used in self.used.items() if now - used >= KEPT]:
            del self.totals[key], self.used[key]

    def read(self, now: int, interface: str = "eni") -> dict:
        self.forget(now)
        return {(interface, *key): Total(*each) for key, each in self.totals.items()}


# Seconds that pass; then packets before the reading of what was seen, and between that and the reading of what passed.
PACKETS = st.lists(
    st.tuples(st.sampled_from(FLOWS), st.sampled_from([SYN, ACK, FIN]), st.integers(40, 1500), st.booleans()),
    max_size=4,
)
# Then whether what is known is kept, and whether the process ends, to be followed by one that goes on from there.
READINGS = st.lists(st.tuples(PACKETS, PACKETS, st.booleans(), st.booleans()), max_size=15)


@given(READINGS, READINGS, st.sampled_from([0, 1]), st.sampled_from([(60,), (60, 600)]))
def test_every_packet_is_told_once_and_as_what_became_of_it(first, second, at_once, intervals):
    """A packet that passes between the two readings is counted in both, and must not be told as rejected meanwhile.

    Counters are read each second; between the first and the second part they are idle for so long that they go.
    """
    readings = [*first, *[([], [], True, False)] * 30, *second]
    aggregator = FlowAggregator(kept=KEPT)
    now, after = 1000, 0
    aggregator.want({"eni": Logged(intervals, "here")}, at_once, now)
    seen, passed = Counters(), Counters()
    truth: Counter = Counter()
    windows = []
    kept = None

    def keep() -> None:
        nonlocal kept
        kept = msgspec.msgpack.encode(aggregator.kept()), aggregator.waiting(), aggregator.number

    def go_on() -> None:
        nonlocal aggregator
        aggregator = FlowAggregator(kept=KEPT)
        aggregator.go_on(msgspec.msgpack.decode(kept[0], type=FlowsKept), kept[1])

    keep()

    def arrive(packets) -> None:
        for flow, flags, size, accepted in packets:
            seen.count((flow, flags), size, now)
            if accepted:
                passed.count((flow, flags), size, now)
            truth[flow, accepted, "packets"] += 1
            truth[flow, accepted, "bytes"] += size

    def look() -> None:
        nonlocal after
        aggregator.finish(now)
        found = [each for each in aggregator.told(after, 1000) if each.number <= kept[2]]
        windows.extend(found)
        after = found[-1].number if found else after

    for before, between, is_kept, is_ended in readings:
        now += 1
        arrive(before)
        totals = seen.read(now)
        arrive(between)
        aggregator.take(totals, passed.read(now), {}, now)
        if is_kept:
            keep()
        look()
        if is_ended:
            go_on()
    # Nothing is under way any more; then every window ends.
    aggregator.take(seen.read(now), passed.read(now), {}, now)
    aggregator.want({}, at_once, now)
    keep()
    look()
    for interval in intervals:
        told: Counter = Counter()
        mine = [window for window in windows if window.interval == interval]
        for earlier, later in pairwise(mine):
            assert earlier.end == later.start
        for window in mine:
            assert ("eni", "here", 0) == (window.interface, window.place, window.skipped)
            for each in window.flows:
                assert window.start <= each.start <= each.end <= window.end
                told[each.flow, each.accepted, "packets"] += each.packets
                told[each.flow, each.accepted, "bytes"] += each.bytes
        assert told == truth


def read(
    aggregator: FlowAggregator, now: int, *totals: tuple[Flow, int, int], passed=None, uncounted=0
) -> None:
    seen = {("eni", flow, flags): Total(packets, packets * 100) for flow, flags, packets in totals}
    aggregator.take(seen, seen if passed is None else passed, {"eni": uncounted} if uncounted else {}, now)


@pytest.fixture
def aggregator():
    made = FlowAggregator(kept=KEPT)
    made.want({"eni": Logged((60,))}, 0, 0)
    return made


def test_a_window_without_packets_ends_too(aggregator):
    aggregator.finish(59)
    assert [] == aggregator.told(0, 100)
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert (0, 60, ()) == (window.start, window.end, window.flows)


def test_with_the_clock_at_instant_a_window_ends_a_second_after_its_first_packet(aggregator):
    aggregator.want({"eni": Logged((60,))}, 1, 0)
    read(aggregator, 10, (FLOWS[0], SYN, 1))
    aggregator.finish(10)
    assert [] == aggregator.told(0, 100)
    aggregator.finish(11)
    assert [1] == [window.number for window in aggregator.told(0, 100)]
    aggregator.finish(70)
    assert [1] == [window.number for window in aggregator.told(0, 100)]


def test_flags_are_those_that_flow_logs_tell(aggregator):
    """flow-logs.md 13.3: FIN, SYN and RST, and SYN-ACK; an ACK alone is 0."""
    read(aggregator, 1, (FLOWS[0], SYN, 1), (FLOWS[0], ACK, 3), (FLOWS[0], FIN, 1), (FLOWS[1], PUSH_ACK, 2))
    read(aggregator, 2, (FLOWS[2], SYN | ACK, 1))
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert {FLOWS[0]: 3, FLOWS[1]: 0, FLOWS[2]: 18} == {each.flow: each.flags for each in window.flows}


def test_what_was_counted_before_is_not_told(aggregator):
    """A node before this one has told it."""
    key = ("eni", FLOWS[0], ACK)
    aggregator.begin({key: Total(5, 500)}, {key: Total(5, 500)}, {"eni": 7}, 0)
    read(aggregator, 1, (FLOWS[0], ACK, 6), uncounted=9)
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert ([1], 2) == ([each.packets for each in window.flows], window.skipped)


def test_a_counter_that_is_about_to_go_is_not_told_again(aggregator):
    """Times are whole seconds: what was read at 1.9 is read as that of second 1, and stays until 21.9."""
    for now in range(1, 1 + KEPT + 1):
        read(aggregator, now, (FLOWS[0], ACK, 5))
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert [5] == [each.packets for each in window.flows]


def test_a_counter_that_was_begun_anew_is_told_though_its_total_is_the_same(aggregator):
    read(aggregator, 1, (FLOWS[0], ACK, 5))
    read(aggregator, 1 + KEPT + 2, (FLOWS[0], ACK, 5))
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert [10] == [each.packets for each in window.flows]


def test_what_could_not_be_told_apart_is_counted(aggregator, monkeypatch):
    monkeypatch.setattr(flows, "MOST_FLOWS_OF_WINDOW", 2)
    read(aggregator, 1, (FLOWS[0], ACK, 1), (FLOWS[1], ACK, 2), uncounted=4)
    read(aggregator, 2, (FLOWS[0], ACK, 1), (FLOWS[1], ACK, 2), (FLOWS[2], ACK, 3), uncounted=4)
    aggregator.finish(60)
    (window,) = aggregator.told(0, 100)
    assert (2, 7) == (len(window.flows), window.skipped)


def test_what_nobody_fetches_is_bounded_and_its_packets_are_told_as_skipped(aggregator, monkeypatch):
    monkeypatch.setattr(flows, "MOST_WINDOWS", 3)
    for minute in range(6):
        # A counter begins anew each minute.
        read(aggregator, 60 * minute + 1, (FLOWS[0], ACK, 1))
        aggregator.finish(60 * minute + 60)
    assert [4, 5, 6] == [window.number for window in aggregator.told(0, 100)]
    monkeypatch.undo()
    aggregator.finish(420)
    found = aggregator.told(0, 100)
    assert [4, 5, 6, 7] == [window.number for window in found]
    assert 6 == sum(window.skipped + sum(each.packets for each in window.flows) for window in found)


def test_windows_are_told_again_until_they_are_known(aggregator):
    for minute in range(4):
        read(aggregator, 60 * minute + 1, (FLOWS[0], ACK, minute + 1))
        aggregator.finish(60 * minute + 60)
    assert [1, 2] == [window.number for window in aggregator.told(0, 4)]
    assert [1, 2, 3, 4] == [window.number for window in aggregator.told(0, 100)]
    assert [3, 4] == [window.number for window in aggregator.told(2, 100)]
    assert [3, 4] == [window.number for window in aggregator.told(0, 100)]


def test_what_passes_again_after_it_was_rejected_for_long_is_told_as_accepted():
    """The counter of what passed has gone meanwhile, and begins anew with the very total that it had before."""
    aggregator = FlowAggregator(kept=KEPT)
    aggregator.want({"eni": Logged((600,), "here")}, 0, 1000)
    seen, passed = Counters(), Counters()
    for now in range(1000, 1100):
        if (now - 1000) % 5 == 0:
            seen.count((FLOWS[0], ACK), 100, now)
            if now in {1000, 1060, 1095}:
                passed.count((FLOWS[0], ACK), 100, now)
        aggregator.take(seen.read(now), passed.read(now), {}, now)
    aggregator.want({}, 0, 1100)
    [window] = aggregator.told(0, 100)
    assert {each.accepted: each.packets for each in window.flows} == {True: 3, False: 17}
