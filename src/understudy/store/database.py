"""Transactions over a store: every record in memory once touched, every change on its way to the store.

One process owns its store, so what is in memory is what is true: reading costs a dictionary look-up, and a
transaction is an undo list. `sync` hands all changes since the last one to the store in a single atomic write;
an answer may leave the server only after it. Several operations share one such write under load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec
from sortedcontainers import SortedDict, SortedList

from understudy.store.protocol import LogEntry, RecordChange, Store

RecordKey = tuple[str, ...]


class TableCache:
    """The records of one table in memory, sorted by key, with the indexes its table declares.

    `orders` are the ordered indexes: per name, (value, key) of every record that has a value, sorted.
    """

    __slots__ = ("indexes", "makers", "order_makers", "orders", "records")

    def __init__(
        self, makers: dict[str, Callable[[Any], Any]], order_makers: dict[str, Callable[[Any], Any]]
    ) -> None:
        self.records: Any = SortedDict()
        self.makers = makers
        self.indexes: dict[str, dict[Any, dict[RecordKey, None]]] = {name: {} for name in makers}
        self.order_makers = order_makers
        self.orders: dict[str, Any] = {name: SortedList() for name in order_makers}

    def set(self, key: RecordKey, record: Any) -> Any:
        """Put a record, or with None remove it; answers what was there before."""
        old = self.records.get(key)
        if record is None:
            if old is not None:
                del self.records[key]
        else:
            self.records[key] = record
        for name, maker in self.makers.items():
            before = maker(old) if old is not None else ()
            after = maker(record) if record is not None else ()
            if before != after:
                self._reindex(self.indexes[name], key, before, after)
        for name, maker in self.order_makers.items():
            before = maker(old) if old is not None else None
            after = maker(record) if record is not None else None
            if before != after:
                if before is not None:
                    self.orders[name].remove((before, key))
                if after is not None:
                    self.orders[name].add((after, key))
        return old

    @staticmethod
    def _reindex(index: dict[Any, dict[RecordKey, None]], key: RecordKey, before: Any, after: Any) -> None:
        for value in before:
            bucket = index[value]
            bucket.pop(key, None)
            if not bucket:
                del index[value]
        for value in after:
            index.setdefault(value, {})[key] = None


class Transaction:
    """All or nothing: leaving the block with an exception undoes every change made in it. Nests."""

    __slots__ = ("_database", "_mark", "_undo")

    def __init__(self, database: Database, undo: list[tuple[Any, RecordKey, Any]]) -> None:
        self._database = database
        self._undo = undo
        self._mark = len(undo)

    def __enter__(self) -> Self:
        self._database.depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database = self._database
        database.depth -= 1
        if kind is not None:
            while len(self._undo) > self._mark:
                table, key, old = self._undo.pop()
                database.cache(table).set(key, old)
        elif database.depth == 0:
            for table, key, _ in self._undo:
                database.changed[(table, key)] = None
            self._undo.clear()

    def cache(self, table: Any) -> TableCache:
        """The table in memory, read from the store the first time."""
        return self._database.cache(table)

    def set(self, table: Any, key: RecordKey, record: Any) -> None:
        """Put or remove a record, remembering how to undo it."""
        old = self._database.cache(table).set(key, record)
        self._undo.append((table, key, old))


class Database:
    """The one owner of a store. Not for several threads: operations run one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.depth = 0
        self.changed: dict[tuple[Any, RecordKey], None] = {}
        self.revision = 0
        self._undo: list[tuple[Any, RecordKey, Any]] = []
        self._caches: dict[str, TableCache] = {}
        self._entries: list[tuple[str, str, Any]] = []

    def transaction(self) -> Transaction:
        """A block that happens whole or not at all."""
        return Transaction(self, self._undo)

    def append(self, id: str, account: str, entry: msgspec.Struct) -> None:
        """Add to the log at the next `sync`; not undone by a transaction that fails."""
        self._entries.append((id, account, entry))

    def sync(self) -> None:
        """Hand everything since the last call to the store; when this returns, a crash loses nothing of it.

        If the store refuses, what is in memory is forgotten and read again from the store when next needed,
        so that memory never holds what the store does not; the store's exception is raised.
        """
        if not self.changed and not self._entries:
            return
        assert not self._undo, "what an open transaction has changed is not yet true"
        changes = [
            RecordChange(table.name, "\x1f".join(key), table.encode(self.cache(table).records.get(key)))
            for table, key in self.changed
        ]
        entries = [LogEntry(0, id, account, _encode(entry)) for id, account, entry in self._entries]
        if self.changed:
            self.revision += 1
        self.changed.clear()
        self._entries.clear()
        try:
            self.store.write(changes, entries)
        except BaseException:
            self._caches.clear()
            raise

    def cache(self, table: Any) -> TableCache:
        """A table in memory, read from the store the first time it is asked for."""
        found = self._caches.get(table.name)
        if found is None:
            found = self._caches[table.name] = self._read(table)
        return found

    def _read(self, table: Any) -> TableCache:
        cache = TableCache(dict(table.indexes), dict(table.ordered))
        decoded = (table.decode(body) for _, body in self.store.load(table.name))
        records = {table.key(record): record for record in decoded}
        cache.records.update(records)
        for name, maker in cache.makers.items():
            index = cache.indexes[name]
            for key, record in records.items():
                for value in maker(record):
                    index.setdefault(value, {})[key] = None
        for name, maker in cache.order_makers.items():
            values = ((maker(record), key) for key, record in records.items())
            cache.orders[name].update(each for each in values if each[0] is not None)
        return cache

    def clear(self) -> None:
        """Forget every record and the log. Durable when it returns."""
        assert self.depth == 0, "a reset is not part of any transaction"
        self.sync()
        changes = [
            RecordChange(name, key, None) for name in self.store.tables() for key, _ in self.store.load(name)
        ]
        self.store.write(changes, ())
        self.store.trim(0)
        self._caches.clear()
        self.revision += 1

    def log(self, **which: Any) -> Iterator[LogEntry]:
        """Log entries, newest first (see `Store.entries`), those of this moment included."""
        self.sync()
        return self.store.entries(**which)

    def close(self) -> None:
        """Write what is left and let go."""
        self.sync()
        self.store.close()


_encode = msgspec.json.Encoder().encode
