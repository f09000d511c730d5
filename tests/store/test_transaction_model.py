"""Random transactions, savepoints, failing writes and crashes, one over the other, against a model."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from understudy_aws.store.bodies import Bodies
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import NotKeptError, StoreError
from understudy_aws.store.tables import Record, Table


class Stone(Record, frozen=True, kw_only=True):
    name: str
    colour: str


stones = Table(
    "stone",
    Stone,
    key=lambda stone: (stone.name,),
    indexes={"colour": lambda stone: (stone.colour,)},
    bitmaps={"names": lambda stone: (stone.colour, 1 << ord(stone.name))},
)
# What is read from the store each time is the same, at every moment.
bodies = Bodies("weight")
NAMES, COLOURS = "abcd", "xy"
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "clear"]), st.sampled_from(NAMES), st.sampled_from(COLOURS)),
    max_size=4,
)


class Entry:
    def __init__(self, text):
        self.text = text

    def encoded(self):
        return self.text.encode()

    def rolled_back(self):
        return Entry("undone")


class SlowStore(MemoryStore):
    """A write is under way until `finish` says how it went."""

    def __init__(self):
        super().__init__()
        self.under_way = None

    def write(self, *args, **kwargs):
        assert self.under_way is None, "one write at a time"
        future = Future()
        self.under_way = (future, args, kwargs)
        return future

    def finish(self, outcome):
        future, args, kwargs = self.under_way
        self.under_way = None
        if outcome != "refuses":
            super().write(*args, **kwargs)
        if outcome == "refuses":
            future.set_exception(NotKeptError("full"))
        elif outcome == "lies":
            future.set_exception(OSError("gone"))
        else:
            future.set_result(None)


class Transactions(RuleBasedStateMachine):
    """`seen` is what memory must hold. `promised` are (durability, what was true then) of every commit."""

    def __init__(self):
        super().__init__()
        self.store = SlowStore()
        self.database = Database(self.store, retry_seconds=0)
        self.seen: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.writing: dict[str, str] | None = None
        self.promised = []

    def act(self, tx, model, steps):
        for what, name, colour in steps:
            if what == "put":
                stones.put(tx, Stone(name=name, colour=colour))
                bodies.put(tx, (name,), colour.encode())
                model[name] = colour
            elif what == "clear":
                tx.clear()
                model.clear()
            elif (stone := stones.get(tx, name)) is not None:
                stones.delete(tx, stone)
                bodies.delete(tx, name)
                del model[name]

    @rule(
        before=STEPS,
        inside=STEPS,
        after=STEPS,
        inner=st.booleans(),
        outer=st.booleans(),
        written=st.booleans(),
    )
    def transaction(self, before, inside, after, inner, outer, written):
        model = dict(self.seen)
        with contextlib.suppress(ZeroDivisionError), self.database.transaction() as tx:
            self.act(tx, model, before)
            saved = dict(model)
            with contextlib.suppress(ValueError), tx.savepoint():
                self.act(tx, model, inside)
                tx.append("id", "1", Entry("fine"))
                if inner:
                    raise ValueError
            if inner:
                model = saved
            self.act(tx, model, after)
            if outer:
                raise ZeroDivisionError
        if not outer:
            self.seen = model
        self.promised.append((self.database.durability(), dict(self.seen)))
        if written:
            self.write()

    @rule()
    def write(self):
        idle = self.store.under_way is None
        self.database._committer.write()
        if idle and self.store.under_way is not None:
            self.writing = dict(self.seen)

    @precondition(lambda self: self.store.under_way is not None)
    @rule(outcome=st.sampled_from(["keeps", "keeps", "refuses", "lies"]))
    def finish(self, outcome):
        had_changes = bool(self.store.under_way[1][1]) or self.store.under_way[2].get("clear")
        self.store.finish(outcome)
        if outcome != "refuses":
            self.kept = self.writing
        before = self.database.durability()
        self.database._committer.wait()
        if outcome == "lies" or (outcome == "refuses" and (had_changes or self.kept != self.seen)):
            self.seen = dict(self.kept)
        for durability, _ in [*self.promised, (before, None)]:
            assert durability.done or outcome == "keeps"

    @precondition(lambda self: self.store.under_way is None)
    @rule()
    def crash(self):
        self.database = Database(self.store, retry_seconds=0)
        self.seen = dict(self.kept)
        self.promised.clear()

    @invariant()
    def memory_is_the_model(self):
        with self.database.transaction() as tx:
            assert self.seen == {stone.name: stone.colour for stone in stones.scan(tx)}
            found = {name: body.decode() for name in NAMES if (body := bodies.get(tx, name)) is not None}
            assert self.seen == found
            for colour in COLOURS:
                expected = sorted(name for name, its in self.seen.items() if its == colour)
                assert expected == [stone.name for stone in stones.where(tx, "colour", colour)]
                assert len(expected) == stones.count_where(tx, "colour", colour)
                assert sum(1 << ord(name) for name in expected) == stones.bits(tx, "names", colour)

    @invariant()
    def the_store_holds_what_was_kept(self):
        held = {stones.decode(body).name: stones.decode(body).colour for _, body in self.store.load("stone")}
        assert self.kept == held

    def teardown(self):
        if self.store.under_way is not None:
            self.finish("keeps")
        with contextlib.suppress(StoreError):
            self.database._committer.write()
        if self.store.under_way is not None:
            self.writing = dict(self.seen)
            self.finish("keeps")
        assert self.seen == self.kept


TestTransactions = Transactions.TestCase
TestTransactions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
