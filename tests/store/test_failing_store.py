"""A store that fails, blocks or lies at any write: nobody is told of what is not kept, over a real socket too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import Future

import pytest
from loopback import serving
from raw_requests import action, signed

from understudy_aws import app, settings
from understudy_aws.authn.caller import ANONYMOUS
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.store.database import Database, TransactionError
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import FencedError, NotKeptError, StoreError
from understudy_aws.store.table_cache import TableCache
from understudy_aws.store.tables import Record, Table
from understudy_aws.testing import Credentials, Understudy


class Fruit(Record, frozen=True, kw_only=True):
    name: str
    weight: int = 0


fruits = Table("fruit", Fruit, key=lambda fruit: (fruit.name,))


class Line:
    """A log entry that says what became of it."""

    def __init__(self, text):
        self.text = text

    def encoded(self):
        return self.text.encode()

    def rolled_back(self):
        return Line(self.text + " (undone)")


class FailingStore(MemoryStore):
    """Does at its n-th write what `at[n]` says; with `slow`, every write is done later, as over a network."""

    def __init__(self, at=None, *, slow=False):
        super().__init__()
        self.at, self.slow, self.writes, self.waiting = at or {}, slow, 0, []

    def write(self, epoch, changes, entries, *, clear=False):
        self.writes += 1
        fault = self.at.get(self.writes, self.at.get("always", ""))
        future = Future()

        def act():
            try:
                if fault == "refuses":
                    raise NotKeptError("The disk is full.")
                if fault == "breaks":
                    raise OSError("the connection is gone")
                MemoryStore.write(self, epoch, changes, entries, clear=clear)
                if fault == "lies":
                    raise OSError("the connection is gone after it was kept")
                if fault == "fenced":
                    raise FencedError("Another server has taken over.")
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        if not self.slow:
            act()
            return None if future.exception() is None else _raise(future.exception())
        self.waiting.append(act)
        return future

    def go_on(self):
        waiting, self.waiting = self.waiting, []
        for act in waiting:
            act()

    def kept(self):
        return sorted(
            TableCache.read(fruits, self.load("fruit")).records.values(), key=lambda fruit: fruit.name
        )


def _raise(error):
    raise error


def put(database, name, weight=0):
    with database.transaction() as tx:
        fruits.put(tx, Fruit(name=name, weight=weight))
        tx.append(name, "1", Line(f"put {name}"))
    return database.durability()


def look(database):
    with database.transaction() as tx:
        found = list(fruits.scan(tx))
        tx.append("look", "1", Line("looked"))
    return found, database.durability()


def log(store):
    return [entry.body.decode() for entry in store.entries(limit=5000)][::-1]


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("fault", ["refuses", "breaks", "lies", "fenced"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_whatever_fails_memory_is_what_the_store_holds_and_nobody_is_told_otherwise(fault, number, slow):
    store = FailingStore({number: fault}, slow=slow)
    database = Database(store, retry_seconds=0)
    answers = {}
    for name in "abcd":
        with contextlib.suppress(StoreError):
            answers[name] = put(database, name)
        # As at the end of a turn; a slow store lets the next be carried out while this one is under way.
        database._committer.write()
        if name in "bd":
            store.go_on()
    store.slow = False
    store.go_on()
    with contextlib.suppress(StoreError, OSError):
        database.flush()
    assert look(database)[0] == store.kept()
    told = {name for name, durability in answers.items() if durability.done and durability.error is None}
    assert all(durability.done for durability in answers.values())
    assert told <= {fruit.name for fruit in store.kept()}
    if fault != "fenced":
        database.flush()
        assert put(database, "afterwards").error is None
        database.flush()
        assert "afterwards" in {fruit.name for fruit in store.kept()}
    else:
        with pytest.raises(FencedError):
            put(database, "afterwards")


def test_what_came_later_fails_with_what_it_may_build_on():
    store = FailingStore({1: "refuses"}, slow=True)
    database = Database(store, retry_seconds=0)

    async def talk():
        first = put(database, "a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(store.waiting) == 1, "the first write is under way"
        seen, looked = look(database)
        assert ["a"] == [fruit.name for fruit in seen]
        second = put(database, "b")
        store.go_on()
        for durability in (first, looked, second):
            with pytest.raises(NotKeptError):
                await durability
        store.slow = False
        assert [] == look(database)[0]

    asyncio.run(talk())


def test_reads_go_on_while_the_store_refuses_and_their_entries_come_later():
    store = FailingStore({"always": "refuses"})
    database = Database(store, retry_seconds=3600)
    with pytest.raises(NotKeptError):
        put(database, "a"), database.flush()
    assert "The disk is full." == database.status()["store"]
    for _ in range(5):
        found, durability = look(database)
        database.flush()
        assert ([], True, None) == (found, durability.done, durability.error)
    with pytest.raises(NotKeptError, match="The disk is full"):
        put(database, "b")
    assert 6 == database.status()["trail_entries_waiting"]


def test_entries_that_wait_are_bounded_and_counted(caplog):
    store = FailingStore({"always": "refuses"})
    database = Database(store, retry_seconds=0)
    with caplog.at_level(logging.WARNING):
        for _ in range(1500):
            look(database)
            database.flush()
        status = database.status()
        assert (1000, 500) == (status["trail_entries_waiting"], status["trail_entries_lost"])
        store.at = {}
        put(database, "a")
        database.flush()
    assert "ok" == database.status()["store"]
    assert 1001 == len(log(store))
    assert 2 == len(caplog.records), "one line when it begins, and one when it ends"


def test_a_write_under_way_does_not_keep_the_loop():
    store = FailingStore(slow=True)
    database = Database(store)

    async def talk():
        waits = put(database, "a")
        await asyncio.sleep(0.01)
        assert not waits.done
        others = [put(database, name) for name in "bc"]
        await asyncio.sleep(0.01)
        assert 1 == len(store.waiting), "one write at a time"
        store.go_on()
        await waits
        await asyncio.sleep(0.01)
        store.go_on()
        for each in others:
            await each
        assert 2 == store.writes, "what was committed meanwhile is one write"

    asyncio.run(talk())


class TestMisuse:
    def test_a_transaction_in_a_transaction_is_an_error(self):
        database = Database(MemoryStore())
        with database.transaction() as tx:
            with pytest.raises(TransactionError, match="savepoint"), database.transaction():
                pass
            fruits.put(tx, Fruit(name="a"))
        assert ["a"] == [fruit.name for fruit in look(database)[0]]

    def test_one_is_used_in_its_block_alone(self):
        database = Database(MemoryStore())
        tx = database.transaction()
        with pytest.raises(TransactionError, match="before"):
            fruits.put(tx, Fruit(name="a"))
        with tx:
            fruits.put(tx, Fruit(name="a"))
        for use in (lambda: fruits.get(tx, "a"), lambda: tx.append("x", "1", Line("x")), tx.clear):
            with pytest.raises(TransactionError, match="after"):
                use()
        with pytest.raises(TransactionError), tx.savepoint():
            pass

    def test_one_that_is_held_across_an_await_is_undone(self):
        database = Database(MemoryStore())

        async def holds():
            with database.transaction() as tx:
                fruits.put(tx, Fruit(name="held"))
                await asyncio.sleep(0.01)
                fruits.put(tx, Fruit(name="later"))

        async def talk():
            holding = asyncio.create_task(holds())
            await asyncio.sleep(0.001)
            put(database, "other")
            with pytest.raises(TransactionError, match="held across an await"):
                await holding
            assert ["other"] == [fruit.name for fruit in look(database)[0]]

        asyncio.run(talk())

    def test_flushing_inside_a_transaction_is_an_error(self):
        database = Database(MemoryStore())
        with database.transaction(), pytest.raises(TransactionError, match="not committed"):
            database.flush()


def test_a_savepoint_that_fails_marks_its_entries_and_undoes_its_changes():
    store = MemoryStore()
    database = Database(store)
    with database.transaction() as tx:
        fruits.put(tx, Fruit(name="a"))
        tx.append("1", "1", Line("outer"))
        with contextlib.suppress(ValueError), tx.savepoint():
            fruits.put(tx, Fruit(name="a", weight=2))
            tx.append("2", "1", Line("inner"))
            raise ValueError
    database.flush()
    assert ["outer", "inner (undone)"] == log(store)
    assert [Fruit(name="a")] == look(database)[0]


def test_a_record_that_cannot_be_written_fails_its_own_transaction_alone():
    """Half a surrogate pair: it stayed among the changes, and every later write failed until a restart."""
    database = Database(MemoryStore())
    with pytest.raises(UnicodeEncodeError):
        put(database, "\ud800")
    put(database, "fine")
    database.flush()
    assert ["fine"] == [fruit.name for fruit in look(database)[0]]


def test_clearing_is_undone_with_its_transaction_and_written_with_what_follows():
    store = FailingStore({2: "refuses"})
    database = Database(store, retry_seconds=0)
    put(database, "a")
    database.flush()

    def reset():
        with database.transaction() as tx:
            tx.clear()
            assert [] == list(fruits.scan(tx))
            fruits.put(tx, Fruit(name="new"))

    with contextlib.suppress(ValueError), database.transaction() as tx:
        tx.clear()
        raise ValueError
    assert ["a"] == [fruit.name for fruit in look(database)[0]]
    reset()
    with pytest.raises(NotKeptError):
        database.flush()
    assert ["a"] == [fruit.name for fruit in look(database)[0]]
    reset()
    database.flush()
    assert ["new"] == [fruit.name for fruit in store.kept()]
    assert [] == log(store)


class TestOverASocket:
    """Requests of one connection, one after the other or at once, whose first write fails."""

    @pytest.mark.parametrize("fault", ["refuses", "breaks", "lies"])
    @pytest.mark.parametrize("at_once", [False, True])
    def test_no_200_leaves_for_what_was_not_kept(self, fault, at_once):
        store = FailingStore()
        made = app.build(settings.read({}, state="memory:"), ids=Ids(1), store=store)
        account = made.make_account("000000000000")
        keys = Credentials(account.access_key_id, account.secret_access_key)
        create = _raw(keys, action("ec2", "CreateVpc", CidrBlock="10.1.0.0/16"), "ec2")
        trail = (
            b"GET /_understudy/trail HTTP/1.1\r\nHost: h\r\nx-understudy-token: "
            + made.admin_api.token.encode()
            + b"\r\n\r\n"
        )
        store.at = {store.writes + 1: fault}

        async def talk():
            async with serving(made) as (_, connect):
                client = await connect()
                statuses = []
                if at_once:
                    client.send(create, trail)
                    statuses = [(await client.answer())[0] for _ in range(2)]
                else:
                    for request in (create, trail):
                        client.send(request)
                        statuses.append((await client.answer())[0])
                client.send(create)
                statuses.append((await client.answer())[0])
                return statuses

        first, _, last = asyncio.run(talk())
        assert first == 503
        assert last in (200, 503)
        kept = {key for key, _ in store.load("ec2/vpc")}
        made.database.flush()
        with made.database.transaction():
            held = {"\x1f".join(key) for key in made.database.caches["ec2/vpc"].records}
        assert kept == held


def _raw(keys, request, service):
    """A signed request as bytes on the wire."""
    sent = signed(request, keys, service)
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items() if name != "content-length")
    return (
        f"{sent.method} {sent.path} HTTP/1.1\r\n{head}Content-Length: {len(sent.body)}\r\n\r\n".encode()
        + sent.body
    )


def test_a_rolled_back_inner_call_is_in_the_trail_as_rolled_back():
    with Understudy() as understudy:
        gateway = understudy.app.gateway
        with gateway.database.transaction() as tx, contextlib.suppress(ValueError), tx.savepoint():
            entry = TrailEntry("inner", understudy.clock.now(), "iam", "CreateRole", ANONYMOUS)
            gateway.trail.record(tx, entry)
            raise ValueError
        assert "RolledBack" == gateway.trail.find("inner").outcome
