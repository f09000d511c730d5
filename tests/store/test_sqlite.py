"""What only a store on disk owes: it outlives its process, and its owner alone reads it."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.store.protocol import LogEntry, RecordChange
from understudy_aws.store.sqlite import SqliteStore

WRITER = """
import sys
from pathlib import Path
from understudy_aws.store.protocol import RecordChange, LogEntry
from understudy_aws.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.claim()
number = 0
while True:
    number += 1
    half = number * 10
    store.write(
        1,
        [RecordChange("t", f"{number:06d}-a", b"x" * half), RecordChange("t", f"{number:06d}-b", b"x" * half)],
        [LogEntry(0, str(number), "1", b"{}")],
    )
    print(number, flush=True)
"""


def test_what_was_written_is_there_after_closing(tmp_path):
    store = SqliteStore(tmp_path)
    store.claim()
    store.write(1, [RecordChange("t", "k", b"v")], [LogEntry(0, "id", "a", b"{}")])
    store.close()
    again = SqliteStore(tmp_path)
    assert [("k", b"v")] == list(again.load("t"))
    assert ["id"] == [found.id for found in again.entries()]
    again.close()


def test_files_are_readable_by_the_owner_only(tmp_path):
    directory = tmp_path / "deep" / "state"
    store = SqliteStore(directory)
    store.claim()
    store.write(1, [RecordChange("t", "k", b"v")], [])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in directory.iterdir()}
    store.close()
    assert dict.fromkeys(modes, 0) == modes
    assert 0 == stat.S_IMODE(directory.stat().st_mode) & 0o077


def test_two_servers_cannot_share_a_directory(tmp_path):
    store = SqliteStore(tmp_path)
    store.claim()
    with pytest.raises(UserError, match=f"Process {os.getpid()} already uses the state directory"):
        SqliteStore(tmp_path)
    store.close()
    SqliteStore(tmp_path).close()


def test_a_file_that_is_no_database_is_one_clear_sentence(tmp_path):
    (tmp_path / "understudy.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(UserError, match="cannot be used"):
        SqliteStore(tmp_path)
    (tmp_path / "understudy.db").unlink()
    SqliteStore(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used"):
        SqliteStore(tmp_path / "file" / "state")


def test_a_write_that_fails_in_the_middle_leaves_nothing(tmp_path):
    store = SqliteStore(tmp_path)
    store.claim()
    with pytest.raises(sqlite3.Error):
        store.write(1, [RecordChange("t", "good", b"v"), RecordChange("t", None, b"no key")], [])  # type: ignore[arg-type]
    assert [] == list(store.load("t"))
    store.write(1, [RecordChange("t", "next", b"v")], [])
    assert [("next", b"v")] == list(store.load("t"))
    store.close()


def test_killing_the_process_loses_no_finished_write_and_leaves_no_half(tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    finished = [int(writer.stdout.readline()) for _ in range(200)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    finished = max([finished, *(int(line) for line in writer.stdout.read().split())])
    writer.wait(timeout=20)
    writer.stdout.close()
    store = SqliteStore(tmp_path)
    store.claim()
    keys = [key for key, _ in store.load("t")]
    logged = [int(found.id) for found in store.entries(limit=10**6)]
    store.close()
    pairs = len(keys) // 2
    assert [f"{number:06d}-{half}" for number in range(1, pairs + 1) for half in "ab"] == keys
    assert list(range(1, pairs + 1)) == sorted(logged)
    assert pairs >= finished
