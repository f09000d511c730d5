"""What is kept of flow logs on disk: bounded, and whole wherever writing ended."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from understudy_aws.dataplane import flows
from understudy_aws.dataplane.flows import Flow, FlowAggregator, Logged, Total
from understudy_aws.node import flow_recorder
from understudy_aws.node.flow_recorder import FlowRecorder
from understudy_aws.node.flow_spool import FlowSpool, Recording

FLOW = Flow("10.0.0.1", "10.0.0.2", 1000, 80, 6, incoming=True)


class Kept:
    """An aggregator whose windows are kept in a folder; each has one flow."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.spool = FlowSpool(folder)
        self.aggregator = FlowAggregator(kept=20)
        self.aggregator.want({"eni": Logged((60,))}, 0, 0)
        self.minute = 0

    def finish_a_window(self) -> None:
        self.minute += 1
        total = {("eni", FLOW, 0): Total(self.minute, 100)}
        self.aggregator.take(total, total, {}, 60 * self.minute - 1)
        self.aggregator.finish(60 * self.minute)

    def keep(self) -> None:
        recording = Recording(name="here", network="1", vpcs=("vpc-a",), kept=self.aggregator.kept())
        self.spool.keep(msgspec.msgpack.encode(recording), self.aggregator.waiting())

    def read(self) -> list[int]:
        recording, windows = FlowSpool(self.folder).read()
        return [each.number for each in windows] if recording is not None else []

    def size(self) -> int:
        return sum(each.stat().st_size for each in (self.folder / "flows").iterdir())


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path)


def test_what_no_server_fetches_is_bounded_on_disk(kept, monkeypatch):
    monkeypatch.setattr(flows, "MOST_WINDOWS", 50)
    largest = []
    for _ in range(4):
        for _ in range(100):
            for _ in range(5):
                kept.finish_a_window()
            kept.keep()
        largest.append(kept.size())
    assert kept.read() == list(range(1_951, 2_001)), "the last fifty"
    # The file is written anew when it has a thousand more than wait.
    assert max(largest) < 1_200 * 300


def test_what_the_server_has_leaves_the_disk(kept):
    for _ in range(20):
        kept.finish_a_window()
        kept.keep()
    kept.aggregator.told(20, 1)
    kept.keep()
    assert kept.read() == []
    assert (kept.folder / "flows" / "windows.jsonl").stat().st_size == 0


def test_a_window_that_was_finished_behind_what_was_kept_is_counted_and_not_told(kept):
    kept.finish_a_window()
    kept.keep()
    counted = (kept.folder / "flows" / "counted").read_bytes()
    kept.finish_a_window()
    kept.keep()
    assert kept.read() == [1, 2]
    # As a process leaves it that ends between the two files.
    (kept.folder / "flows" / "counted").write_bytes(counted)
    assert kept.read() == [1]
    recording, windows = FlowSpool(kept.folder).read()
    again = FlowAggregator(kept=20)
    again.go_on(recording.kept, windows)
    total = {("eni", FLOW, 0): Total(2, 100)}
    again.take(total, total, {}, 119)
    again.finish(120)
    assert again.waiting() == kept.aggregator.waiting()


def test_at_whatever_byte_writing_ended_whole_windows_are_read(kept):
    for _ in range(3):
        kept.finish_a_window()
        kept.keep()
    file = kept.folder / "flows" / "windows.jsonl"
    whole = file.read_bytes()
    for length in range(0, len(whole), 5):
        file.write_bytes(whole[:length])
        assert kept.read() == list(range(1, 1 + whole[: length + 1].count(b"\n")))
    file.write_bytes(whole)
    (kept.folder / "flows" / "counted").write_bytes(b"\xff")
    assert kept.read() == []


def test_a_clock_that_is_set_makes_no_window_longer_or_shorter(tmp_path, monkeypatch):
    """The machine's clock goes back a day, and forward a year; each window lasts a minute and is told by what it says."""
    clocks = SimpleNamespace(steady=1_000.0, apart=1_700_000_000.5)
    monkeypatch.setattr(flow_recorder, "monotonic_seconds", lambda: clocks.steady)
    monkeypatch.setattr(flow_recorder, "unix_seconds", lambda: clocks.steady + clocks.apart)
    recorder = FlowRecorder(SimpleNamespace(), tmp_path, "1")
    aggregator = recorder._windows

    def pass_a_minute() -> None:
        for _ in range(60):
            clocks.steady += 1
            recorder._read_clocks()
            aggregator.take({}, {}, {}, int(clocks.steady))
            aggregator.finish(int(clocks.steady))

    recorder._read_clocks()
    aggregator.want({"eni": Logged((60,))}, 0, 1_000)
    for jump in (0, -86_400, 31_536_000):
        clocks.apart += jump
        pass_a_minute()
        window = aggregator.waiting()[-1]
        assert window.end - window.start == 60
        assert 0 <= clocks.steady + clocks.apart - window.end < 2
    assert len(aggregator.waiting()) == 3
    asyncio.run(recorder.close())
