"""What a record takes in memory, counted in bytes that are allocated, which no other load on the machine changes."""

from __future__ import annotations

import gc
import tracemalloc

from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.tables import Record, Table

COUNT = 2000


class Stone(Record, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    tags: tuple[tuple[str, str], ...] = ()
    sizes: tuple[int, ...] = ()


def stones(**indexes) -> Table[Stone]:
    return Table("stone", Stone, key=lambda stone: (stone.account, stone.region, stone.name), indexes=indexes)


class RowsThatComeAndGo(MemoryStore):
    """Rows as a file has them: they are in memory while they are read."""

    def load(self, table):
        return ((key, bytes(body)) for key, body in super().load(table))


def filled(table: Table[Stone]) -> MemoryStore:
    store = RowsThatComeAndGo()
    database = Database(store)
    with database.transaction() as tx:
        for number in range(COUNT):
            stone = Stone(
                account="111122223333",
                region="eu-central-1",
                name=f"stone-{number:017x}",
                tags=(("stone-group-0123456789abcdef0", "grey"),),
                sizes=(number,),
            )
            table.put(tx, stone)
    database.flush()
    return store


def bytes_a_record(table: Table[Stone], store: MemoryStore) -> float:
    """Read all records from a store, and return what each then takes."""
    database = Database(store)
    gc.collect()
    tracemalloc.start()
    try:
        with database.transaction() as tx:
            assert sum(1 for _ in table.scan(tx)) == COUNT
            return tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()


def test_what_is_found_under_a_value_of_its_own_costs_no_set_of_its_own():
    """An entry is the value and its place in a dictionary; a set for one key alone would be 200 bytes and more."""
    plain, indexed = stones(), stones(name=lambda stone: (stone.name,))
    store = filled(plain)
    # What is made once, by the first that reads, is not counted.
    bytes_a_record(plain, store)
    assert bytes_a_record(indexed, store) - bytes_a_record(plain, store) < 140


def test_texts_that_records_repeat_are_in_memory_once():
    """What was read from a file takes no more than what was just made, where records share the same texts."""
    table = stones()
    store = filled(table)
    database = Database(store)
    with database.transaction() as tx:
        first, last = next(table.scan(tx)), list(table.scan(tx))[-1]
    assert first.account is last.account
    assert first.tags is last.tags
    assert (0,) == first.sizes
    assert (COUNT - 1,) == last.sizes
    assert bytes_a_record(table, store) < 480
