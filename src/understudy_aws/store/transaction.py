"""A transaction: what it changed, how to undo it, and what it adds to the log."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, Self

from understudy_aws.store.protocol import encode_key
from understudy_aws.store.table_cache import RecordKey, TableCache

# What a step of the undo list says: the cache, the key and the record that was there before; then where the change
# stands among the changes to write, and what stood there before. For `clear` the cache is None, and the rest says
# which caches and changes it replaced.
UndoStep = tuple[Any, RecordKey, Any, tuple[str, str], Any]
_ABSENT = object()
_CLEARED = ("", "")
_NO_CACHES: dict[str, TableCache] = {}


class TransactionError(Exception):
    """A transaction was used in a way that is not allowed: a fault in our code, never of a request."""


class Loggable(Protocol):
    """What can be appended to the log."""

    def encoded(self) -> bytes:
        """Return the entry as the store keeps it. Must not fail."""
        ...

    def rolled_back(self) -> Loggable:
        """Return the entry as it reads when what it tells of was undone."""
        ...


class Host(Protocol):
    """What a transaction needs of its database."""

    # The tables in memory by name; and whether the store's rows do not count any more, because of a `clear`.
    caches: dict[str, TableCache]
    blank: bool

    def begin(self, tx: Transaction) -> None: ...

    def end(self, tx: Transaction) -> None: ...

    def cache(self, table: Any) -> TableCache: ...

    def body(self, place: tuple[str, str]) -> bytes | None: ...

    def check_writable(self) -> None: ...


class _NoCache:
    """Stands in an undo step for the cache of rows that are not kept in memory."""

    def set(self, key: RecordKey, record: Any) -> None:
        """Do nothing: there is nothing in memory to put back."""


_NO_CACHE = _NoCache()


class Transaction:
    """All or nothing: leaving the `with` block with an exception undoes every change made in it.

    Made by `Database.transaction`; used only inside its `with` block. One transaction is open at a time, and it
    must not be held across an `await`. For a part that may fail alone there is `savepoint`.
    """

    __slots__ = ("_host", "_problem", "caches", "changes", "cleared", "entries", "is_open", "undo_steps")

    def __init__(self, host: Host) -> None:
        self._host = host
        self._problem = "A transaction is used before its with block."
        self.is_open = False
        # The tables in memory by name; none while the transaction is not open, so that `cache` looks closer.
        self.caches: dict[str, TableCache] = _NO_CACHES
        self.cleared = False
        # The body to write for each (table, encoded key); None removes the row.
        self.changes: dict[tuple[str, str], bytes | None] = {}
        self.undo_steps: list[UndoStep] = []
        # What the log gets: id, account, entry.
        self.entries: list[tuple[str, str, Loggable]] = []

    def __enter__(self) -> Self:
        host = self._host
        host.begin(self)
        self.caches = host.caches
        self.is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.is_open:
            if kind is None:
                raise TransactionError(self._problem)
            return
        if kind is not None:
            self.roll_back_to(0, 0)
        self._close("A transaction is used after its with block.")

    def abandon(self, problem: str) -> None:
        """Undo everything and refuse all further use with `problem`."""
        self.roll_back_to(0, 0)
        self._close(problem)

    def _close(self, problem: str) -> None:
        self.is_open = False
        self.caches = _NO_CACHES
        self._problem = problem
        self._host.end(self)

    def savepoint(self) -> Savepoint:
        """Return a block inside this transaction that is undone alone when it is left with an exception."""
        return Savepoint(self)

    def cache(self, table: Any) -> TableCache:
        """Return the table in memory; it is read from the store the first time."""
        found = self.caches.get(table.name)
        if found is not None:
            return found
        if not self.is_open:
            raise TransactionError(self._problem)
        return self._host.cache(table)

    def set(self, table: Any, key: RecordKey, record: Any) -> None:
        """Put a record under its key, or with None remove the record there.

        Raises before anything is changed: what `table.encode` raises for a record that cannot be written, and
        StoreError while the store is known to refuse writes.
        """
        cache = self.cache(table)
        self._host.check_writable()
        body = table.encode(record)
        place = (table.name, encode_key(key))
        old = cache.set(key, record)
        self.undo_steps.append((cache, key, old, place, self.changes.get(place, _ABSENT)))
        self.changes[place] = body

    def set_body(self, table: str, key: RecordKey, body: bytes | None) -> None:
        """Write a row that is not kept in memory, or with None remove it. Raises StoreError as `set` does."""
        if not self.is_open:
            raise TransactionError(self._problem)
        self._host.check_writable()
        place = (table, encode_key(key))
        self.undo_steps.append((_NO_CACHE, key, None, place, self.changes.get(place, _ABSENT)))
        self.changes[place] = body

    def body(self, table: str, key: RecordKey) -> bytes | None:
        """Return a row that is not kept in memory, as this transaction sees it; None when there is none."""
        if not self.is_open:
            raise TransactionError(self._problem)
        place = (table, encode_key(key))
        if place in self.changes:
            return self.changes[place]
        if self.cleared:
            return None
        return self._host.body(place)

    def append(self, id: str, account: str, entry: Loggable) -> None:
        """Append an entry to the log. It is kept even when this transaction is rolled back, and then says so."""
        if not self.is_open:
            raise TransactionError(self._problem)
        self.entries.append((id, account, entry))

    def clear(self) -> None:
        """Remove every record of every table, and at the commit every older entry of the log."""
        if not self.is_open:
            raise TransactionError(self._problem)
        host = self._host
        host.check_writable()
        self.undo_steps.append((None, (), (host.caches, host.blank), _CLEARED, (self.changes, self.cleared)))
        self.changes, self.cleared = {}, True
        self.caches = host.caches = {}
        host.blank = True

    def roll_back_to(self, changes: int, entries: int) -> None:
        """Undo all but the first so many changes; mark all but the first so many entries as rolled back."""
        steps = self.undo_steps
        while len(steps) > changes:
            step = steps.pop()
            cache, _, _, place, earlier = step
            undo(self._host, step)
            if cache is None:
                self.changes, self.cleared = earlier
                self.caches = self._host.caches
            elif earlier is _ABSENT:
                del self.changes[place]
            else:
                self.changes[place] = earlier
        if len(self.entries) > entries:
            self.entries[entries:] = [
                (id, account, entry.rolled_back()) for id, account, entry in self.entries[entries:]
            ]


class Savepoint:
    """A block of a transaction: an exception that leaves it undoes what was changed in it, and goes on."""

    __slots__ = ("_changes", "_entries", "_tx")

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def __enter__(self) -> Transaction:
        tx = self._tx
        if not tx.is_open:
            raise TransactionError("A savepoint belongs to a transaction that is open.")
        self._changes = len(tx.undo_steps)
        self._entries = len(tx.entries)
        return tx

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._tx.is_open:
            self._tx.roll_back_to(self._changes, self._entries)


def undo(host: Host, step: UndoStep) -> None:
    """Put back in memory what one step says was there before."""
    cache, key, old, _, _ = step
    if cache is None:
        host.caches, host.blank = old
    else:
        cache.set(key, old)
