"""The records of one table in memory, with its indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import force_setattr
from sortedcontainers import SortedDict, SortedList

RecordKey = tuple[str, ...]
# What an index has under a value: the key of the only record, which most values have, or the keys of several.
Bucket = RecordKey | dict[RecordKey, None]


class TableCache:
    """The records of one table in memory, sorted by key, with the indexes its table declares.

    `orders` are the ordered indexes: per name, (value, key) of every record that has a value, sorted. `bitmaps` are
    per name and value the bits that records hold.
    """

    __slots__ = ("bitmap_makers", "bitmaps", "indexes", "makers", "order_makers", "orders", "records")

    def __init__(
        self,
        makers: dict[str, Callable[[Any], Any]],
        order_makers: dict[str, Callable[[Any], Any]],
        bitmap_makers: dict[str, Callable[[Any], tuple[Any, int]]],
    ) -> None:
        self.records: Any = SortedDict()
        self.makers = makers
        self.indexes: dict[str, dict[Any, Bucket]] = {name: {} for name in makers}
        self.order_makers = order_makers
        self.orders: dict[str, Any] = {name: SortedList() for name in order_makers}
        self.bitmap_makers = bitmap_makers
        self.bitmaps: dict[str, dict[Any, int]] = {name: {} for name in bitmap_makers}

    @classmethod
    def read(cls, table: Any, rows: Iterable[tuple[str, bytes]]) -> TableCache:
        """Return the cache of a table, made from all its rows in the store."""
        cache = cls(dict(table.indexes), dict(table.ordered), dict(table.bitmaps))
        decoded = shared(table.decode(body) for _, body in rows)
        records = {table.key(record): record for record in decoded}
        cache.records.update(records)
        for name, maker in cache.makers.items():
            index = cache.indexes[name]
            for key, record in records.items():
                for value in maker(record):
                    _add(index, value, key)
        for name, bits in cache.bitmap_makers.items():
            bitmap = cache.bitmaps[name]
            for record in records.values():
                value, mask = bits(record)
                bitmap[value] = bitmap.get(value, 0) ^ mask
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
        if self.bitmap_makers:
            self._mark(old, record)
        return old

    @staticmethod
    def _reindex(index: dict[Any, Bucket], key: RecordKey, before: Any, after: Any) -> None:
        for value in before:
            bucket = index[value]
            if isinstance(bucket, tuple):
                del index[value]
            else:
                bucket.pop(key, None)
                if not bucket:
                    del index[value]
        for value in after:
            _add(index, value, key)

    def _mark(self, old: Any, record: Any) -> None:
        for name, bits in self.bitmap_makers.items():
            before = bits(old) if old is not None else None
            after = bits(record) if record is not None else None
            if before == after:
                continue
            bitmap = self.bitmaps[name]
            # No two records hold one bit, so that the same step takes the bits of a record out and puts them in.
            for value, mask in [each for each in (before, after) if each is not None]:
                left = bitmap.get(value, 0) ^ mask
                if left:
                    bitmap[value] = left
                else:
                    bitmap.pop(value, None)


def _add(index: dict[Any, Bucket], value: Any, key: RecordKey) -> None:
    bucket = index.setdefault(value, key)
    if bucket is key:
        return
    if isinstance(bucket, tuple):
        index[value] = {bucket: None, key: None}
    else:
        bucket[key] = None


def shared(records: Iterable[Any]) -> Iterator[Any]:
    """Return records that were read, in which equal texts are one object, as they are in records that were made.

    Thousands of records repeat the names of their account, their Region and their place.
    """
    pool: dict[Any, Any] = {}
    for record in records:
        for name in record.__struct_fields__:
            value = getattr(record, name)
            kind = type(value)
            if kind is str:
                kept = pool.setdefault(value, value)
                if kept is not value:
                    force_setattr(record, name, kept)
            elif kind is tuple and value:
                force_setattr(record, name, _shared_tuple(value, pool))
        yield record


def _shared_tuple(values: tuple[Any, ...], pool: dict[Any, Any]) -> tuple[Any, ...]:
    """Return the same tuple with its texts from the pool; one that has nothing but texts is itself from there."""
    found = tuple(
        [
            pool.setdefault(value, value)
            if type(value) is str
            else _shared_tuple(value, pool)
            if type(value) is tuple
            else value
            for value in values
        ]
    )
    return pool.setdefault(found, found) if _is_text(found) else found


def _is_text(values: tuple[Any, ...]) -> bool:
    return all(type(value) is str or (type(value) is tuple and _is_text(value)) for value in values)
