"""What grows in a state directory has a bound, and a full disk passes: without root, by the limit of file sizes."""

from __future__ import annotations

import logging
import os
import resource
import sqlite3
import time
from contextlib import contextmanager

import pytest

from understudy_aws.store.protocol import LogEntry, NotKeptError, RecordChange
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.store.sqlite_checkpoints import Checkpoints

MIB = 1024 * 1024


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path)
    made.claim()
    yield made
    made.close()


@contextmanager
def files_no_larger_than(size):
    """As on a full disk: writing beyond this size of a file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(store, changes, entries):
    """Write, and wait as the committer does."""
    waits = store.write(1, changes, entries)
    if waits is not None:
        waits.result(10)


def entry(number, size=100):
    return LogEntry(0, f"{number:08x}-0000", "1", b"x" * size)


def test_the_write_ahead_log_stays_short_while_writes_go_on(store):
    """Before, it grew with every write: 23 kB each, 38 GB after twelve minutes."""
    log = store.path.with_name("understudy.db-wal")
    longest, slowest, written = 0, 0.0, 0
    for number in range(12_000):
        began = time.perf_counter()
        write(store, [RecordChange("t", f"{number % 500}", b"y" * 600)], [entry(number, 700)])
        slowest = max(slowest, time.perf_counter() - began)
        written += 1300
        if number % 100 == 0:
            longest = max(longest, log.stat().st_size)
    assert longest < 64 * MIB
    assert longest < 12_000 * 4096 * 4, "without checkpoints it would be longer"
    assert slowest < 1.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_checkpoint_thread_that_dies_is_noticed_and_replaced(tmp_path, caplog, monkeypatch):
    path = tmp_path / "x.db"
    sqlite3.connect(path).close()
    checkpoints = Checkpoints(path)
    monkeypatch.setattr(checkpoints, "_shorten", lambda _: 1 / 0)
    checkpoints.ask()
    checkpoints._thread.join(10)
    monkeypatch.undo()
    with caplog.at_level(logging.ERROR):
        checkpoints.ask()
    assert "had died" in caplog.text
    assert checkpoints._thread.is_alive()
    checkpoints.stop()


def test_the_log_keeps_its_number_all_the_time_and_in_small_pieces(store):
    store.keep_entries(1000)
    number = 0
    for _ in range(600):
        write(store, [], [entry(number + each) for each in range(7)])
        number += 7
        if number > 1200:
            count = store._reader.execute("SELECT count(*) FROM log").fetchone()[0]
            assert 1000 <= count <= 1030
    newest = [found.id for found in store.entries(limit=3)]
    assert [entry(number - back).id for back in (1, 2, 3)] == newest


def test_the_log_is_bounded_in_bytes_too(store):
    store.keep_entries(100)
    for number in range(400):
        write(store, [], [entry(number, 20_000)])
    (size,) = store._reader.execute("SELECT sum(length(body)) FROM log").fetchone()
    assert size <= 100 * 4096 + 20_000
    assert [entry(399).id] == [found.id for found in store.entries(limit=1)]


def test_a_write_that_is_rolled_back_does_not_count_in_the_log(store):
    write(store, [], [entry(1)])
    with pytest.raises(sqlite3.Error):
        write(store, [], [entry(2), LogEntry(0, None, "1", b"no id")])  # type: ignore[arg-type]
    write(store, [], [entry(3)])
    assert [2, 1] == [found.sequence for found in store.entries()]


def test_a_full_disk_refuses_clearly_keeps_all_and_passes(tmp_path):
    store = SqliteStore(tmp_path)
    store.claim()
    kept = []

    def write_one(number):
        write(store, [RecordChange("t", f"{number:06}", b"v" * 2000)], [entry(number)])
        kept.append(f"{number:06}")

    for number in range(20):
        write_one(number)
    with files_no_larger_than(600 * 1024):
        with pytest.raises(NotKeptError, match=str(tmp_path)):
            for number in range(20, 1000):
                write_one(number)
        refused = 0
        for number in range(1000, 2000):
            # A checkpoint may find room for some more in the files as they are.
            try:
                write_one(number)
            except NotKeptError:
                refused += 1
        assert refused > 500
        assert kept == [key for key, _ in store.load("t")], "reads go on, and nothing is lost or half kept"
    for number in range(2000, 2100):
        write_one(number)
    store.close()
    again = SqliteStore(tmp_path)
    assert kept == [key for key, _ in again.load("t")]
    again.close()


def test_a_state_that_was_killed_on_a_full_disk_starts_when_there_is_space(tmp_path):
    store = SqliteStore(tmp_path)
    store.claim()
    with files_no_larger_than(300 * 1024), pytest.raises(NotKeptError):
        for number in range(1000):
            write(store, [RecordChange("t", f"{number:06}", b"v" * 2000)], [])
    # As a kill leaves them: the files as they are, nothing finished.
    left = tmp_path / "left"
    left.mkdir()
    for name in ("understudy.db", "understudy.db-wal"):
        (left / name).write_bytes((tmp_path / name).read_bytes())
    kept = [key for key, _ in store.load("t")]
    store.close()
    again = SqliteStore(left)
    assert len(kept) > 10
    assert kept == [key for key, _ in again.load("t")]
    again.write(again.claim(), [RecordChange("t", "after", b"x")], [])
    again.close()


def test_a_disk_that_is_nearly_full_is_refused_before_it_is_full(store, monkeypatch):
    real = os.statvfs(store.path.parent)

    class Nearly:
        f_frsize, f_blocks, f_bavail = real.f_frsize, real.f_blocks, 100

    monkeypatch.setattr(os, "statvfs", lambda _: Nearly)
    with pytest.raises(NotKeptError, match="has only"):
        for number in range(100):
            write(store, [RecordChange("t", str(number), b"x")], [])
    monkeypatch.undo()
    write(store, [RecordChange("t", "after", b"x")], [])
    assert b"x" == dict(store.load("t"))["after"]


def test_a_full_write_waits_for_the_disk_in_a_thread(tmp_path):
    store = SqliteStore(tmp_path, synchronous="full")
    waits = store.write(store.claim(), [RecordChange("t", "k", b"v")], [])
    assert waits is not None, "the caller does not wait for the disk"
    waits.result(10)
    assert [("k", b"v")] == list(store.load("t"))
    assert (2,) == store._writer.execute("PRAGMA synchronous").fetchone()
    store.close()
