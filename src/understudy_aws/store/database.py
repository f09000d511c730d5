"""Transactions over a store: every record in memory once touched, every change on its way to the store.

One process owns its store, so what is in memory is what is true: reading costs a dictionary look-up. What a
transaction commits goes into the current batch; the committer writes batches in order, one write for all that was
committed in one turn of the event loop. Whoever must know that it is durable asks `durability`.
"""

from __future__ import annotations

import asyncio
from asyncio.events import _get_running_loop
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from understudy_aws.store.committer import Committer
from understudy_aws.store.durability import Durability
from understudy_aws.store.protocol import LogEntry, Store
from understudy_aws.store.table_cache import RecordKey, TableCache
from understudy_aws.store.transaction import Transaction, TransactionError, UndoStep, undo

__all__ = ["Database", "RecordKey", "Transaction", "TransactionError"]


class Database:
    """The one owner of a store. Not for several threads: transactions run one after the other.

    `revision` rises with every commit that changed a record. `on_change`, if set, is called with every transaction that
    changed one, at its end, and `on_commit` when it is committed. A store that refuses a write is tried again after
    `retry_seconds`.
    """

    def __init__(self, store: Store, *, retry_seconds: float = 0.25) -> None:
        self.store = store
        self.caches: dict[str, TableCache] = {}
        self.blank = False
        self.revision = 0
        self.on_change: Callable[[Transaction], None] | None = None
        self.on_commit: Callable[[], None] | None = None
        self._open: Transaction | None = None
        self._committer = Committer(
            store, take_back=self._take_back, forget=self._forget, retry_seconds=retry_seconds
        )
        # The event loop that will call `_end_turn` at the end of its present turn.
        self._turn_of: object = None

    def transaction(self) -> Transaction:
        """Return a block that happens whole or not at all. Entering one while one is open raises TransactionError."""
        return Transaction(self)

    def durability(self) -> Durability:
        """Return the durability of everything committed so far."""
        wanted = self._committer.durability()
        if not wanted.done:
            # What was committed before there was an event loop waits for somebody to ask.
            self._watch_turn(_get_running_loop())
        return wanted

    def flush(self) -> None:
        """Write everything that is committed, and return when it is durable. Raises StoreError if it failed.

        Blocks; on the event loop await `durability()` instead.
        """
        if self._open is not None:
            raise TransactionError("A transaction is open, and what it changed is not committed yet.")
        wanted = self.durability()
        while not wanted.done:
            self._committer.write()
            self._committer.wait()
        if wanted.error is not None:
            raise wanted.error

    def log(self, **which: Any) -> Iterator[LogEntry]:
        """Return log entries, newest first (see `Store.entries`), those of this moment included."""
        if self._open is None:
            self._committer.write()
            self._committer.wait()
        return self.store.entries(**which)

    def status(self) -> Mapping[str, object]:
        """Return how the store does (see `Committer.status`)."""
        return self._committer.status()

    def retry(self) -> None:
        """While the store refuses writes, see whether it takes them again. Blocks no longer than a write."""
        if self._open is None:
            self._committer.retry()

    @property
    def refusal(self) -> str:
        """Why the store refuses writes, one sentence; empty while it takes them."""
        return self._committer.refusal

    def count(self) -> dict[str, int]:
        """Return the number of records in each table that has any."""
        stored = [] if self.blank else self.store.tables()
        counts = {
            name: len(self.caches[name].records) if name in self.caches else self.store.count(name)
            for name in sorted({*stored, *self.caches})
        }
        return {name: count for name, count in counts.items() if count}

    def close(self) -> None:
        """Write what is left and let the store go. Raises StoreError if it could not be written."""
        try:
            self.flush()
        finally:
            self.store.close()

    # What transactions ask for.

    def begin(self, tx: Transaction) -> None:
        """Make this the open transaction."""
        if self._open is not None:
            raise TransactionError("A transaction is open already; a part of it is a savepoint.")
        self._open = tx
        loop = _get_running_loop()
        if loop is not self._turn_of:
            self._watch_turn(loop)

    def end(self, tx: Transaction) -> None:
        """Take in what the transaction leaves: its changes, unless it was undone, and its log entries."""
        self._open = None
        if tx.undo_steps:
            self.revision += 1
            if self.on_change is not None:
                self.on_change(tx)
            self._committer.batch.add(tx)
            if self.on_commit is not None:
                self.on_commit()
        elif tx.entries:
            # Most calls change nothing.
            self._committer.batch.entries += tx.entries

    def cache(self, table: Any) -> TableCache:
        """Return a table in memory; it is read from the store the first time."""
        found = self.caches.get(table.name)
        if found is None:
            rows = () if self.blank else self.store.load(table.name)
            found = self.caches[table.name] = TableCache.read(table, rows)
        return found

    def body(self, place: tuple[str, str]) -> bytes | None:
        """Return the body of a row as it was committed last, be it written yet or not; None when there is none."""
        found = self._committer.pending(place)
        return self.store.read(*place) if found is None else found.body

    def check_writable(self) -> None:
        """Raise StoreError while the store is known to refuse writes."""
        if self._committer.refusal:
            self._committer.check_writable()

    # What the committer asks for.

    def _take_back(self, steps: list[UndoStep]) -> None:
        for step in reversed(steps):
            undo(self, step)

    def _forget(self) -> None:
        self.caches = {}
        self.blank = False

    def _watch_turn(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """See to it that `_end_turn` is called at the end of this turn of the event loop, if there is one."""
        if loop is not self._turn_of:
            self._turn_of = loop
            if loop is not None:
                loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        """At the end of a turn of the event loop: nothing may be open, and what was committed is written."""
        self._turn_of = None
        if self._open is not None:
            self._open.abandon("A transaction was held across an await; it has been undone.")
        self._committer.write()
