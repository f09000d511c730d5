"""A typed view of one kind of record: the only thing a service sees of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Any, Generic, TypeVar

import msgspec

from understudy_aws.store.database import RecordKey, Transaction
from understudy_aws.store.protocol import DamagedError

_ENCODE = msgspec.json.Encoder().encode
# Sorts after every key that begins with the same parts.
_LAST = "\U0010ffff"


class Record(msgspec.Struct, frozen=True, dict=True, kw_only=True, omit_defaults=True):
    """A value that is stored: typed, frozen, replaced and never edited (`msgspec.structs.replace`).

    A new field needs a default, so that records written before it can still be read.
    """


R = TypeVar("R", bound=Record)
T = TypeVar("T")


def memoized(make: Callable[[R], T]) -> Callable[[R], T]:
    """Make a function of one record compute its result once for each record.

    The result is kept in the record's `__dict__`. That is safe because a record never changes: a changed resource
    is another record. The function must depend on its record alone.
    """
    name = f"memoized:{make.__module__}.{make.__qualname__}"

    def once(record: R) -> T:
        found: T | None = record.__dict__.get(name)
        if found is None:
            found = record.__dict__[name] = make(record)
        return found

    return once


def kept_with(record: R, others: object, make: Callable[[R], T]) -> T:
    """Return what a function makes of a record and of others, which are compared; the latest result is kept.

    Like `memoized`, for what is shown of a record together with what lies beside it. The function must depend on its
    record and the others alone.
    """
    name = f"kept:{make.__module__}.{make.__qualname__}"
    found: tuple[object, T] | None = record.__dict__.get(name)
    if found is None or found[0] != others:
        found = record.__dict__[name] = others, make(record)
    return found[1]


class Table(Generic[R]):
    """Records of one type under unique keys of text parts, the account first, then perhaps the region.

    `indexes` name functions from a record to the values it is found under; a record may have any number.
    `ordered` name functions from a record to the one value it is sorted by (a time, or a tuple that ends in one),
    or None for a record the index leaves out: what is due or too old is found without looking at the rest.
    `bitmaps` name functions from a record to a value and the bits of a number that the record alone holds there: which
    bits are free, and how many, is found without looking at any record.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        key: Callable[[R], RecordKey],
        indexes: Mapping[str, Callable[[R], Iterable[Any]]] | None = None,
        ordered: Mapping[str, Callable[[R], Any]] | None = None,
        *,
        bitmaps: Mapping[str, Callable[[R], tuple[Any, int]]] | None = None,
    ) -> None:
        self.name = name
        self.key = key
        self.indexes = indexes or {}
        self.ordered = ordered or {}
        self.bitmaps = bitmaps or {}
        self._decoder = msgspec.json.Decoder(record)

    def __repr__(self) -> str:
        return f"Table({self.name!r})"

    def get(self, tx: Transaction, *key: str) -> R | None:
        """The record of that key."""
        # Everything a request does looks records up, so the usual case is spared a call.
        found: R | None = (tx.caches.get(self.name) or tx.cache(self)).records.get(key)
        return found

    def put(self, tx: Transaction, record: R) -> R:
        """Remember a record, in place of the one with its key."""
        tx.set(self, self.key(record), record)
        return record

    def delete(self, tx: Transaction, record: R) -> None:
        """Forget a record."""
        tx.set(self, self.key(record), None)

    def scan(self, tx: Transaction, *prefix: str, after: RecordKey | None = None) -> Iterator[R]:
        """Records whose key begins with these parts, by key, from behind `after` on. Costs what is taken.

        Take what you need before changing the table.
        """
        records = tx.cache(self).records
        if after is not None and after[: len(prefix)] != prefix:
            # A key from elsewhere, as a forged page token may hold one, must not move the beginning.
            after = None
        first = after if after is not None else prefix
        for key in records.irange(first, (*prefix, _LAST), inclusive=(after is None, True)):
            yield records[key]

    def count(self, tx: Transaction, *prefix: str) -> int:
        """How many records have a key that begins with these parts. Costs a look-up."""
        records = tx.cache(self).records
        return int(records.bisect_right((*prefix, _LAST)) - records.bisect_left(prefix))

    def heads(self, tx: Transaction, length: int) -> Iterator[RecordKey]:
        """The first `length` parts of all keys, each combination once: (account, region) of a table of such keys.

        Costs a look-up for each combination, however many records have it.
        """
        records = tx.cache(self).records
        key = next(records.irange(), None)
        while key is not None:
            head = key[:length]
            yield head
            key = next(records.irange((*head, _LAST), inclusive=(False, True)), None)

    def where(self, tx: Transaction, index: str, value: Any) -> list[R]:
        """Records found under a value of an index, by key."""
        cache = tx.cache(self)
        bucket = cache.indexes[index].get(value)
        if bucket is None:
            return []
        if isinstance(bucket, tuple):
            return [cache.records[bucket]]
        return [cache.records[key] for key in sorted(bucket)]

    def first_where(self, tx: Transaction, index: str, value: Any, most: int) -> list[R]:
        """The first records found under a value of an index, by key: at most so many, and no others are looked at."""
        cache = tx.cache(self)
        bucket = cache.indexes[index].get(value)
        if bucket is None:
            return []
        keys = [bucket] if isinstance(bucket, tuple) else nsmallest(most, bucket)
        return [cache.records[key] for key in keys[:most]]

    def count_where(self, tx: Transaction, index: str, value: Any) -> int:
        """How many records are found under a value of an index."""
        bucket = tx.cache(self).indexes[index].get(value, ())
        return 1 if bucket and isinstance(bucket, tuple) else len(bucket)

    def bits(self, tx: Transaction, bitmap: str, value: Any) -> int:
        """The bits that records hold under a value of a bitmap."""
        return tx.cache(self).bitmaps[bitmap].get(value, 0)

    def in_order(self, tx: Transaction, index: str, *, first: Any = None, last: Any = None) -> Iterator[R]:
        """Records by the value of an ordered index, lowest first, from `first` to `last`, both included.

        Costs what is taken. Take what you need before changing the table.
        """
        cache = tx.cache(self)
        low = None if first is None else (first, ())
        high = None if last is None else (last, (_LAST,))
        for _, key in cache.orders[index].irange(low, high):
            yield cache.records[key]

    def count_in_order(self, tx: Transaction, index: str, *, first: Any = None, last: Any = None) -> int:
        """How many records an ordered index holds from `first` to `last`, both included; costs a look-up."""
        order = tx.cache(self).orders[index]
        begin = 0 if first is None else order.bisect_left((first, ()))
        end = len(order) if last is None else order.bisect_right((last, (_LAST,)))
        return int(end - begin)

    def encode(self, record: R | None) -> bytes | None:
        """A record as the store keeps it."""
        return None if record is None else _ENCODE(record)

    def decode(self, body: bytes) -> R:
        """A record as it was kept. Raises DamagedError for what is none."""
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise DamagedError(f"A record of {self.name} cannot be read: {error}.") from error
