"""Time ranges as people write them, and the calls of the trail in one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.time_ranges import Bound, TimeRange, parse_bound
from understudy_aws.authn.caller import ANONYMOUS
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ID = "01234567-89ab-4def-8123-4567{:08x}"


def database_of(*entries):
    """A log of (parent's number or 0) entries, one a minute, the first an hour ago."""
    database = Database(MemoryStore())
    for number, parent in enumerate(entries, 1):
        at = NOW - timedelta(minutes=60 - number)
        made_for = ID.format(parent) if parent else ""
        entry = TrailEntry(ID.format(number), at, "iam", "GetUser", ANONYMOUS, parent=made_for)
        with database.transaction() as tx:
            tx.append(entry.request_id, "1", entry)
    database.flush()
    return database


def numbers(database, since="", until=""):
    calls = TimeRange(
        database,
        parse_bound(since, database, NOW) if since else None,
        parse_bound(until, database, NOW) if until else None,
    )
    return [number for number, _ in calls][::-1], calls.forgotten


TEN = (0,) * 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", Bound(at=NOW - timedelta(seconds=90))),
        ("10m", Bound(at=NOW - timedelta(minutes=10))),
        ("3h", Bound(at=NOW - timedelta(hours=3))),
        ("2d", Bound(at=NOW - timedelta(days=2))),
        ("2026-03-04T10:00:00Z", Bound(at=datetime(2026, 3, 4, 10, tzinfo=UTC))),
        ("2026-03-04T10:00:00+02:00", Bound(at=datetime(2026, 3, 4, 8, tzinfo=UTC))),
        ("2026-03-04 10:00", Bound(at=datetime(2026, 3, 4, 10, tzinfo=UTC))),
        ("2026-03-04", Bound(at=datetime(2026, 3, 4, tzinfo=UTC))),
        ("7", Bound(number=7, request_id=ID.format(7))),
        ("70", Bound(number=70)),
        (ID.format(7), Bound(number=7, request_id=ID.format(7))),
    ],
)
def test_a_bound_is_a_time_a_call_or_so_long_ago(text, expected):
    assert expected == parse_bound(text, database_of(*TEN), NOW)


@pytest.mark.parametrize("text", ["yesterday", "10x", "-5", "", ID.format(99), "999999999d", "2026-13-01"])
def test_anything_else_is_one_sentence(text):
    with pytest.raises(InvalidRequestError) as caught:
        parse_bound(text, database_of(*TEN), NOW)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("", "", list(range(1, 11))),
        ("4", "6", [4, 5, 6]),
        ("", ID.format(2), [1, 2]),
        (ID.format(9), "", [9, 10]),
        ("55m", "52m", [5, 6, 7, 8]),
        ("11", "", []),
        ("", "0", []),
        ("6", "4", []),
    ],
)
def test_both_ends_are_included(since, until, expected):
    assert (expected, False) == numbers(database_of(*TEN), since, until)


@pytest.mark.parametrize("since", ["6", ID.format(6)])
def test_what_was_called_for_the_first_call_belongs_to_it(since):
    """Written before it: 3 for 5, 4 and 5 for 6; 2 for nothing of that."""
    assert ([3, 4, 5, 6, 7], False) == numbers(database_of(0, 0, 5, 6, 6, 0, 0), since)


def test_more_calls_than_are_read_at_once():
    assert list(range(1, 2501)) == numbers(database_of(*(0,) * 2500))[0]


@pytest.mark.parametrize(
    ("since", "forgotten"),
    [("", True), ("2", True), ("7", False), ("8", False), ("2h", True), ("52m", False)],
)
def test_what_the_trail_has_forgotten_is_said(since, forgotten):
    database = database_of(*TEN)
    database.store.keep_entries(4)
    assert forgotten is numbers(database, since)[1]
