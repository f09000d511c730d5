"""What a table answers of many records without looking at all of them."""

from __future__ import annotations

import pytest

from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.tables import Record, Table


class Thing(Record, frozen=True, kw_only=True):
    """A thing of a place and of a colour."""

    account: str
    region: str
    id: str
    colour: str = "red"


things = Table(
    "test/thing",
    Thing,
    key=lambda thing: (thing.account, thing.region, thing.id),
    indexes={"colour": lambda thing: (thing.colour,)},
)


@pytest.fixture
def database() -> Database:
    found = Database(MemoryStore())
    with found.transaction() as tx:
        for account, region, count in (("1", "east", 30), ("1", "west", 1), ("2", "east", 2)):
            for number in range(count):
                things.put(tx, Thing(account=account, region=region, id=f"thing-{number:02}"))
        things.put(tx, Thing(account="2", region="west", id="thing-9", colour="blue"))
    return found


def test_the_beginnings_of_keys_are_told_once_each(database):
    with database.transaction() as tx:
        assert [("1", "east"), ("1", "west"), ("2", "east"), ("2", "west")] == list(things.heads(tx, 2))
        assert [("1",), ("2",)] == list(things.heads(tx, 1))


def test_a_table_without_records_has_no_beginnings():
    with Database(MemoryStore()).transaction() as tx:
        assert [] == list(things.heads(tx, 2))


@pytest.mark.parametrize("most", [0, 1, 5, 100])
def test_the_first_under_a_value_are_those_that_come_first_of_all(database, most):
    with database.transaction() as tx:
        for colour in ("red", "blue", "green"):
            every = things.where(tx, "colour", colour)
            assert every[:most] == things.first_where(tx, "colour", colour, most)
