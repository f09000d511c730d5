"""What every store owes; run over every store there is."""

from __future__ import annotations

import pytest

from understudy.store.memory import MemoryStore
from understudy.store.protocol import LogEntry, RecordChange
from understudy.store.sqlite import SqliteStore

STORES = {"memory": lambda _: MemoryStore(), "sqlite": SqliteStore}


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    made = STORES[request.param](tmp_path / "state")
    made.claim()
    yield made
    made.close()


def entry(id: str, account: str = "111122223333", body: bytes = b"{}") -> LogEntry:
    return LogEntry(0, id, account, body)


def test_what_was_written_is_loaded_by_key(store):
    store.write(
        1,
        [RecordChange("b", "2", b"two"), RecordChange("b", "1", b"one"), RecordChange("a", "1", b"other")],
        [],
    )
    assert [("1", b"one"), ("2", b"two")] == list(store.load("b"))
    assert ["a", "b"] == list(store.tables())


def test_a_later_change_of_one_write_wins(store):
    store.write(
        1,
        [
            RecordChange("t", "k", b"first"),
            RecordChange("t", "k", b"second"),
            RecordChange("t", "gone", b"x"),
        ],
        [],
    )
    store.write(1, [RecordChange("t", "gone", None), RecordChange("t", "never-was", None)], [])
    assert [("k", b"second")] == list(store.load("t"))


def test_a_table_that_is_emptied_is_no_longer_listed(store):
    store.write(1, [RecordChange("t", "k", b"x")], [])
    store.write(1, [RecordChange("t", "k", None)], [])
    assert [] == list(store.tables())


def test_an_unknown_table_is_empty(store):
    assert [] == list(store.load("nothing"))


def test_entries_come_newest_first_and_numbered(store):
    store.write(1, [], [entry("a"), entry("b")])
    store.write(1, [], [entry("c")])
    assert ["c", "b", "a"] == [found.id for found in store.entries()]
    numbers = [found.sequence for found in store.entries()]
    assert sorted(numbers, reverse=True) == numbers
    assert len(set(numbers)) == 3


def test_entries_are_found_by_id_account_and_place(store):
    store.write(1, [], [entry("a"), entry("b", "999900000000"), entry("c")])
    assert ["b"] == [found.id for found in store.entries(account="999900000000")]
    assert ["a"] == [found.id for found in store.entries(id="a")]
    newest = next(iter(store.entries()))
    assert ["b", "a"] == [found.id for found in store.entries(before=newest.sequence)]
    oldest = list(store.entries())[-1]
    assert ["c", "b"] == [found.id for found in store.entries(after=oldest.sequence)]
    assert ["c"] == [found.id for found in store.entries(limit=1)]


def test_trimming_keeps_the_newest(store):
    store.write(1, [], [entry(str(number)) for number in range(10)])
    store.keep_entries(3)
    assert ["9", "8", "7"] == [found.id for found in store.entries()]
    store.write(1, [], [entry("after")])
    assert "after" == next(iter(store.entries())).id
