"""The records of one table in memory, with its indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sortedcontainers import SortedDict, SortedList

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

    @classmethod
    def read(cls, table: Any, rows: Iterable[tuple[str, bytes]]) -> TableCache:
        """Return the cache of a table, made from all its rows in the store."""
        cache = cls(dict(table.indexes), dict(table.ordered))
        decoded = (table.decode(body) for _, body in rows)
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

    def set(self, key: RecordKey, record: Any) -> Any:
        """Put a record, or with None remove it; return what was there before."""
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
