"""The one writer to the store: gathers what is committed into batches and writes them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio.events import _get_running_loop
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from understudy_aws.core.clock import ticks
from understudy_aws.store.durability import DURABLE, Durability
from understudy_aws.store.protocol import FencedError, LogEntry, NotKeptError, RecordChange, Store, StoreError
from understudy_aws.store.transaction import Loggable, Transaction, UndoStep

_LOG = logging.getLogger("understudy_aws.store")
# How many log entries wait in memory for a store that refuses.
_MOST_WAITING = 1000


class Batch:
    """What is written together: the changes and log entries of transactions that were committed one after another.

    `reads` is the number of entries before the first change: those of calls that saw nothing that this batch could
    take back. Their durability is `recorded`, all others' is `kept`.
    """

    __slots__ = ("changes", "clear", "entries", "kept", "reads", "recorded", "undo_steps")

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], bytes | None] = {}
        self.clear = False
        self.undo_steps: list[UndoStep] = []
        self.entries: list[tuple[str, str, Loggable]] = []
        self.reads = -1
        # Made when somebody asks.
        self.kept: Durability | None = None
        self.recorded: Durability | None = None

    @property
    def has_changes(self) -> bool:
        return bool(self.changes) or self.clear

    def durability(self) -> Durability:
        """Return the durability of all that is in this batch now."""
        if self.changes or self.clear:
            if self.kept is None:
                self.kept = Durability()
            return self.kept
        if self.recorded is None:
            self.recorded = Durability()
        return self.recorded

    def finish(self, kept: BaseException | None, recorded: BaseException | None) -> None:
        """Tell those who wait: the errors of what changed something, and of what did not, or None."""
        if self.kept is not None:
            self.kept.finish(kept)
        if self.recorded is not None:
            self.recorded.finish(recorded)

    def add(self, tx: Transaction) -> None:
        """Take in what a transaction has committed."""
        if tx.cleared:
            self.clear = True
            self.changes.clear()
            self.entries.clear()
            self.reads = 0
        if tx.undo_steps:
            if self.reads < 0:
                self.reads = len(self.entries)
            self.undo_steps += tx.undo_steps
            self.changes.update(tx.changes)
        self.entries += tx.entries


class Pending(NamedTuple):
    """A row that is not written yet; `body` is None for one that is removed."""

    body: bytes | None


class Committer:
    """Writes batches, one at a time and in order.

    `take_back` undoes the steps of a failed batch in memory; `forget` makes memory be read again from the store.
    While the store refuses, a write is tried again after `retry_seconds`; until then changes are refused at once.
    """

    def __init__(
        self,
        store: Store,
        *,
        take_back: Callable[[list[UndoStep]], None],
        forget: Callable[[], None],
        retry_seconds: float,
    ) -> None:
        self._store = store
        self._retry_after = int(retry_seconds * 1e9)
        self._epoch = store.claim()
        self._take_back = take_back
        self._forget = forget
        # What was committed since the last write; `write` replaces it.
        self.batch = Batch()
        self._in_flight: tuple[Batch, Future[None]] | None = None
        self._waiting: deque[tuple[str, str, Loggable]] = deque()
        self._lost = 0
        self._retry_at: float = 0
        # Why the store refuses, one sentence; empty while it takes writes.
        self.refusal = ""

    def durability(self) -> Durability:
        """Return the durability of everything that was added so far."""
        batch = self.batch
        if batch.entries or batch.has_changes:
            return batch.durability()
        return DURABLE if self._in_flight is None else self._in_flight[0].durability()

    def pending(self, place: tuple[str, str]) -> Pending | None:
        """Return what is yet to be written of a row; None when the store has it as it is."""
        batches = [self.batch] if self._in_flight is None else [self.batch, self._in_flight[0]]
        for batch in batches:
            if place in batch.changes:
                return Pending(batch.changes[place])
            if batch.clear:
                return Pending(None)
        return None

    def check_writable(self) -> None:
        """Raise NotKeptError or FencedError while the store is known to refuse; now and then let one try pass."""
        if self.refusal and ticks() < self._retry_at:
            raise self._refused()

    def retry(self) -> None:
        """While the store refuses, see now and then whether it takes writes again, though nobody has any."""
        if self.refusal and ticks() >= self._retry_at:
            self.write(even_nothing=True)

    def write(self, *, even_nothing: bool = False) -> None:
        """Write what was added, unless a write is under way already; then it is written after that one."""
        if self._in_flight is not None:
            if not self._in_flight[1].done():
                return
            self._finish_in_flight()
        batch = self.batch
        if not (even_nothing or batch.entries or batch.has_changes):
            return
        self.batch = Batch()
        if self.refusal and not batch.has_changes and ticks() < self._retry_at:
            self._put_off(batch, self._refused())
            return
        changes = [RecordChange(table, key, body) for (table, key), body in batch.changes.items()]
        told = batch.entries
        if self._waiting and not batch.clear:
            told = [*self._waiting, *told]
        entries = [LogEntry(0, id, account, entry.encoded()) for id, account, entry in told]
        try:
            future = self._store.write(self._epoch, changes, entries, clear=batch.clear)
        except Exception as error:  # noqa: BLE001 - whatever the store raises, the batch has failed
            self._failed(batch, error)
            return
        if future is None:
            self._written(batch)
            return
        self._in_flight = (batch, future)
        loop = _get_running_loop()
        if loop is not None:
            future.add_done_callback(partial(self._call_write, loop))

    def wait(self) -> None:
        """Wait until the write under way, if any, is finished."""
        if self._in_flight is not None:
            self._in_flight[1].exception()
            self._finish_in_flight()

    def status(self) -> dict[str, object]:
        """Return how the store does: `store` is "ok" or one sentence, the rest are log entries that are not in it."""
        return {
            "store": self.refusal or self._store.status() or "ok",
            "trail_entries_waiting": len(self._waiting),
            "trail_entries_lost": self._lost,
        }

    def _finish_in_flight(self) -> None:
        assert self._in_flight is not None, "there is a write to finish"
        batch, future = self._in_flight
        self._in_flight = None
        error = future.exception()
        if error is None:
            self._written(batch)
        else:
            self._failed(batch, error)

    def _written(self, batch: Batch) -> None:
        if self.refusal or self._waiting:
            self._waiting.clear()
        if self.refusal:
            _LOG.warning("The store takes writes again. Entries of the trail lost meanwhile: %d.", self._lost)
            self.refusal = ""
        batch.finish(None, None)

    def _failed(self, batch: Batch, error: BaseException) -> None:
        """Undo the batch, and all that was committed after it and may build on it; then say so."""
        later, self.batch = self.batch, Batch()
        reason = str(error) or type(error).__name__
        if reason != self.refusal:
            unexpected = not isinstance(error, NotKeptError | FencedError)
            _LOG.error("%s", reason, exc_info=error if unexpected else None)
        self.refusal = reason
        self._retry_at = _NEVER if isinstance(error, FencedError) else ticks() + self._retry_after
        if isinstance(error, NotKeptError):
            self._take_back(later.undo_steps)
            self._take_back(batch.undo_steps)
        else:
            # The store may hold what it says it does not; only reading it again tells.
            self._forget()
        self._put_off(batch, error)
        self._put_off(later, error, saw_undone=batch.has_changes)

    def _put_off(self, batch: Batch, error: BaseException, *, saw_undone: bool = False) -> None:
        """Let the entries wait for a later write, and make known what became of the batch.

        What changed nothing, and saw nothing that was undone, may be answered: the store holds all that it told.
        """
        reads = len(batch.entries) if batch.reads < 0 else batch.reads
        if saw_undone:
            reads = 0
        if isinstance(error, NotKeptError):
            for index, (id, account, entry) in enumerate(batch.entries):
                self._waiting.append((id, account, entry if index < reads else entry.rolled_back()))
        else:
            self._lost += len(batch.entries)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        batch.finish(error, None if isinstance(error, NotKeptError) and not saw_undone else error)

    def _refused(self) -> StoreError:
        return FencedError(self.refusal) if self._retry_at == _NEVER else NotKeptError(self.refusal)

    def _call_write(self, loop: asyncio.AbstractEventLoop, _: Future[None]) -> None:
        # A loop that was closed meanwhile has nobody left who waits; `flush` sees the result.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self.write)


_NEVER = float("inf")
