"""Transactions, tables and indexes over a store."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from understudy_aws.core.answers import Description
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import RecordChange
from understudy_aws.store.tables import Record, Table, kept_with, memoized


class Fruit(Record):
    account: str
    name: str
    colours: tuple[str, ...] = ()
    weight: int = 0


fruits = Table(
    "fruit",
    Fruit,
    key=lambda fruit: (fruit.account, fruit.name),
    indexes={"by_colour": lambda fruit: fruit.colours},
)


def names(records) -> list[str]:
    return [record.name for record in records]


@pytest.fixture
def database():
    return Database(MemoryStore())


def test_a_block_that_fails_leaves_nothing(database):
    with database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="apple", colours=("red",)))
    with pytest.raises(ValueError, match="no"), database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="pear"))
        fruits.put(tx, Fruit(account="1", name="apple", colours=("green",)))
        fruits.delete(tx, fruits.get(tx, "1", "apple"))
        raise ValueError("no")
    with database.transaction() as tx:
        assert ["apple"] == names(fruits.scan(tx))
        assert ["apple"] == names(fruits.where(tx, "by_colour", "red"))
        assert [] == fruits.where(tx, "by_colour", "green")


def test_an_inner_block_that_fails_undoes_itself_alone(database):
    with database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="apple"))
        with pytest.raises(ValueError, match="no"), tx.savepoint() as inner:
            fruits.put(inner, Fruit(account="1", name="pear"))
            raise ValueError("no")
        fruits.put(tx, Fruit(account="1", name="plum"))
    database.flush()
    assert ["apple", "plum"] == [
        msgspec.json.decode(body)["name"] for _, body in database.store.load("fruit")
    ]


def test_an_outer_block_that_fails_undoes_inner_ones(database):
    with pytest.raises(ValueError, match="no"), database.transaction() as tx:
        with tx.savepoint() as inner:
            fruits.put(inner, Fruit(account="1", name="pear"))
        raise ValueError("no")
    database.flush()
    assert [] == list(database.store.tables())


def test_scanning_keeps_to_its_prefix_and_starts_behind_a_key(database):
    with database.transaction() as tx:
        for account, name in [("1", "a"), ("1", "b"), ("1", "c"), ("11", "a"), ("2", "a")]:
            fruits.put(tx, Fruit(account=account, name=name))
        assert ["a", "b", "c"] == names(fruits.scan(tx, "1"))
        assert ["c"] == names(fruits.scan(tx, "1", after=("1", "b")))
        assert [] == names(fruits.scan(tx, "3"))
        assert 5 == len(list(fruits.scan(tx)))


def test_a_key_from_elsewhere_does_not_widen_a_scan(database):
    with database.transaction() as tx:
        for account in ("1", "2", "3"):
            fruits.put(tx, Fruit(account=account, name="apple"))
        for forged in [("1", "a"), ("0",), ("9", "z"), ()]:
            assert ["2"] == [fruit.account for fruit in fruits.scan(tx, "2", after=forged)]


def test_a_store_that_refuses_leaves_memory_as_the_store_is():
    class FullDisk(MemoryStore):
        full = False

        def write(self, epoch, changes, entries, *, clear=False):
            if self.full:
                raise OSError(28, "No space left on device")
            super().write(epoch, changes, entries, clear=clear)

    store = FullDisk()
    database = Database(store)
    with database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="apple"))
    database.flush()
    store.full = True
    with database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="pear"))
    with pytest.raises(OSError, match="No space"):
        database.flush()
    store.full = False
    with database.transaction() as tx:
        assert ["apple"] == names(fruits.scan(tx))
    database.flush()
    assert ["1\x1fapple"] == [key for key, _ in store.load("fruit")]


def test_clearing_forgets_every_record(database):
    with database.transaction() as tx:
        fruits.put(tx, Fruit(account="1", name="apple", colours=("red",)))
    database.flush()
    with database.transaction() as tx:
        tx.clear()
    database.flush()
    with database.transaction() as tx:
        assert [] == list(fruits.scan(tx))
        assert [] == fruits.where(tx, "by_colour", "red")
    assert [] == list(database.store.tables())


def test_a_record_written_before_a_field_existed_is_read_with_its_default(database):
    database.store.write(1, [RecordChange("fruit", "1\x1fapple", b'{"account":"1","name":"apple"}')], [])
    with database.transaction() as tx:
        assert Fruit(account="1", name="apple", weight=0) == fruits.get(tx, "1", "apple")


def test_a_description_is_made_once_for_a_record_and_anew_for_the_next():
    made = []

    @memoized
    def describe(fruit: Fruit):
        made.append(fruit.weight)
        return Description({"Name": fruit.name, "Weight": fruit.weight})

    apple = Fruit(account="1", name="apple", weight=1)
    assert describe(apple) is describe(apple)
    assert isinstance(describe(apple), Description)
    assert {"Name": "apple", "Weight": 2} == describe(msgspec.structs.replace(apple, weight=2))
    assert [1, 2] == made


def test_what_is_made_of_a_record_and_others_is_made_anew_for_others():
    made = []

    def describe(fruit: Fruit):
        made.append(fruit.weight)
        return Description({"Name": fruit.name})

    apple, pear = Fruit(account="1", name="apple", weight=1), Fruit(account="1", name="pear", weight=3)
    first = kept_with(apple, (None, ()), describe)
    assert kept_with(apple, (None, ()), describe) is first
    assert kept_with(apple, (pear, ()), describe) is not first
    assert kept_with(apple, (msgspec.structs.replace(pear),), describe) is kept_with(apple, (pear,), describe)
    kept_with(msgspec.structs.replace(apple, weight=2), (pear,), describe)
    assert [1, 1, 1, 2] == made


class AgainstAModel(RuleBasedStateMachine):
    """Whatever is put, deleted, undone and reloaded, a table agrees with a dictionary."""

    @initialize()
    def begin(self) -> None:
        self.store = MemoryStore()
        self.database = Database(self.store)
        self.model: dict[tuple[str, str], Fruit] = {}

    fruit = st.builds(
        Fruit,
        account=st.sampled_from(["1", "2"]),
        name=st.sampled_from("abc"),
        colours=st.lists(st.sampled_from(["red", "green"]), unique=True).map(tuple),
        weight=st.integers(0, 3),
    )

    @rule(
        made=st.lists(fruit, max_size=3),
        fails=st.booleans(),
        deleted=st.tuples(st.sampled_from("12"), st.sampled_from("abc")),
    )
    def change(self, made, fails, deleted) -> None:
        model = dict(self.model)
        try:
            with self.database.transaction() as tx:
                for one in made:
                    fruits.put(tx, one)
                    model[(one.account, one.name)] = one
                if (there := fruits.get(tx, *deleted)) is not None:
                    fruits.delete(tx, there)
                    del model[deleted]
                if fails:
                    raise ValueError
        except ValueError:
            return
        self.model = model

    @rule()
    def crash_after_flush(self) -> None:
        self.database.flush()
        self.database = Database(self.store)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.transaction() as tx:
            assert [self.model[key] for key in sorted(self.model)] == list(fruits.scan(tx))
            for colour in ("red", "green"):
                expected = [
                    self.model[key] for key in sorted(self.model) if colour in self.model[key].colours
                ]
                assert expected == fruits.where(tx, "by_colour", colour)
                assert len(expected) == fruits.count_where(tx, "by_colour", colour)


TestAgainstAModel = AgainstAModel.TestCase


@given(st.text(), st.integers(-(2**53), 2**53))
def test_a_record_comes_back_as_it_was(name, weight):
    fruit = Fruit(account="1", name=name, weight=weight)
    assert fruit == fruits.decode(fruits.encode(fruit))
