"""What every store owes; run over every store there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import FencedError, LogEntry, RecordChange, encode_key
from understudy_aws.store.sqlite import SqliteStore

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
    assert 0 == store.count("nothing")
    assert store.read("nothing", "k") is None


def test_a_row_is_read_by_its_key_and_rows_are_counted(store):
    store.write(1, [RecordChange("t", "1", b"one"), RecordChange("t", "2", b"two")], [])
    store.write(1, [RecordChange("u", "1", b"other"), RecordChange("t", "2", b"second")], [])
    assert [b"one", b"second", None] == [store.read("t", key) for key in ("1", "2", "3")]
    assert (2, 1) == (store.count("t"), store.count("u"))
    store.write(1, [RecordChange("t", "1", None)], [])
    assert (None, 1) == (store.read("t", "1"), store.count("t"))


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
    store.write(1, [], [entry("after")])
    assert ["after", "9", "8"] == [found.id for found in store.entries()]
    for number in range(20):
        store.write(1, [], [entry(f"{number}"), entry(f"{number}b")])
        assert 3 == len(list(store.entries()))


def test_numbers_are_not_given_again_after_trimming_and_clearing(store):
    store.keep_entries(1)
    store.write(1, [], [entry("a"), entry("b")])
    store.write(1, [], [entry("c")], clear=True)
    (left,) = store.entries()
    assert ("c", 3) == (left.id, left.sequence)


def test_clearing_forgets_what_was_there_and_keeps_what_comes_with_it(store):
    store.write(1, [RecordChange("t", "old", b"x"), RecordChange("gone", "k", b"x")], [entry("old")])
    store.write(1, [RecordChange("t", "new", b"y")], [entry("new")], clear=True)
    assert ["t"] == list(store.tables())
    assert [("new", b"y")] == list(store.load("t"))
    assert ["new"] == [found.id for found in store.entries()]


def test_a_writer_that_was_replaced_writes_no_more(store):
    store.write(1, [RecordChange("t", "k", b"first")], [])
    assert 2 == store.claim()
    with pytest.raises(FencedError, match="Another server has taken over"):
        store.write(1, [RecordChange("t", "k", b"late")], [entry("late")])
    store.write(2, [RecordChange("t", "l", b"new")], [])
    assert [("k", b"first"), ("l", b"new")] == list(store.load("t"))
    assert [] == list(store.entries())


@given(st.lists(st.lists(st.text("\x1e\x1fab", max_size=4), min_size=1, max_size=3), unique_by=tuple))
def test_different_keys_have_different_texts(keys):
    assert len(keys) == len({encode_key(key) for key in keys})
