"""Where the events of streams are: in chunks, each a row that is read when its events are asked for.

A chunk holds events that were put into one stream within some time of each other, in the order they came, one JSON
line each. Small batches go into the stream's last chunk until that is full. Of each chunk a small record says which
times it has, so that events are found without reading others (docs/decisions/0026).

What is kept is bounded: a group, and all groups together, keep the newest chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from understudy_aws.services.logs.records import (
    Discarded,
    GroupUsage,
    LogStream,
    discarded,
    group_usages,
    log_streams,
    usage_of,
)
from understudy_aws.store.bodies import Bodies
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

MOST_OF_GROUP = 64 * 1024 * 1024
"""Bytes of events that a group keeps."""

MOST_OF_STATE = 512 * 1024 * 1024
"""Bytes of events that all groups keep together."""

DAY = 24 * 60 * 60 * 1000
"""Milliseconds; no chunk's events are further apart."""

_FULL = 16 * 1024
# What a chunk counts for at least: its row, its record and their places in indexes.
_PAGE = 4096
# What AWS counts for an event besides its text.
OVERHEAD = 26
_ENCODER = msgspec.json.Encoder()


class Chunk(Record, frozen=True, kw_only=True):
    """What a chunk has: events of these times, so many, in so many bytes. `begin` is the number of its first event."""

    group: str
    stream: int
    number: int
    first: int
    last: int
    begin: int
    size: int

    @property
    def weight(self) -> int:
        """The bytes that this chunk counts for."""
        return -(-self.size // _PAGE) * _PAGE

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.group, f"{self.stream:08x}", f"{self.number:08x}")


class Event(NamedTuple):
    """An event, in the order in which events are shown. `number` counts those of its stream."""

    timestamp: int
    stream: int
    number: int
    ingested: int
    message: str

    @property
    def position(self) -> Position:
        return Position(self.timestamp, self.stream, self.number)


class Position(NamedTuple):
    """The place of an event among those of its group."""

    timestamp: int
    stream: int
    number: int

    @property
    def id(self) -> str:
        """The event's id: 56 digits that begin with its time, as AWS's do."""
        return f"{(self.timestamp << 144) | (self.stream << 64) | self.number:056d}"


def position_of(id: str) -> Position:
    """Return the position that an event's id tells."""
    number = int(id)
    return Position(number >> 144, (number >> 64) & (2**32 - 1), number & (2**64 - 1))


BEGINNING = Position(-1, 0, 0)
END = Position(2**63, 0, 0)

chunks = Table(
    "logs/chunk",
    Chunk,
    key=lambda chunk: chunk.place,
    ordered={
        "first_of_group": lambda chunk: (chunk.group, chunk.first),
        "last_of_group": lambda chunk: (chunk.group, chunk.last),
        "last": lambda chunk: chunk.last,
    },
)
_events = Bodies("logs/events")
_Line = tuple[int, int, str]
_lines = msgspec.json.Decoder(_Line).decode_lines


def append(tx: Transaction, stream: LogStream, events: Sequence[tuple[int, str]], now: int) -> None:
    """Put events, times and texts in the order of time, into a stream, and forget the oldest beyond what is kept."""
    text = _ENCODER.encode_lines([(timestamp, now, message) for timestamp, message in events])
    first, last = events[0][0], events[-1][0]
    tail = chunks.get(tx, stream.group, f"{stream.number:08x}", f"{stream.tail:08x}") if stream.tail else None
    before = 0
    if tail is not None and tail.size + len(text) <= _FULL and _near(tail, first, last):
        before = tail.weight
        text = (_events.get(tx, *tail.place) or b"") + text
        chunk = replace(tail, first=min(tail.first, first), last=max(tail.last, last), size=len(text))
    else:
        chunk = Chunk(
            group=stream.group, stream=stream.number, number=stream.tail + 1,
            first=first, last=last, begin=stream.events, size=len(text),
        )  # fmt: skip
    chunks.put(tx, chunk)
    _events.put(tx, chunk.place, text)
    log_streams.put(
        tx,
        replace(
            stream,
            first=first if stream.first < 0 else min(stream.first, first),
            last=max(stream.last, last),
            ingested=now,
            events=stream.events + len(events),
            tail=chunk.number,
        ),
    )
    if chunk.weight != before:
        usage = usage_of(tx, stream.group)
        added = sum(len(message.encode()) + OVERHEAD for _, message in events)
        group_usages.put(
            tx,
            replace(usage, weight=usage.weight + chunk.weight - before, stored=usage.stored + added),
        )
        _forget_oldest(tx, stream.group)


def _near(chunk: Chunk, first: int, last: int) -> bool:
    return max(chunk.last, last) - min(chunk.first, first) < DAY


def _forget_oldest(tx: Transaction, group: str) -> None:
    while usage_of(tx, group).weight > MOST_OF_GROUP:
        forget(tx, next(chunks.in_order(tx, "last_of_group", first=(group, -1), last=(group, 2**63))))
    excess = sum(each.weight for each in group_usages.scan(tx)) - MOST_OF_STATE
    while excess > 0:
        oldest = next(chunks.in_order(tx, "last"))
        forget(tx, oldest)
        excess -= oldest.weight


def forget(tx: Transaction, chunk: Chunk) -> None:
    """Delete a chunk and its events."""
    chunks.delete(tx, chunk)
    _events.delete(tx, *chunk.place)
    usage = group_usages.get(tx, chunk.group)
    if usage is not None:
        group_usages.put(tx, _without(usage, chunk))


def _without(usage: GroupUsage, chunk: Chunk) -> GroupUsage:
    left = usage.weight - chunk.weight
    # What a chunk holds in AWS's count is told by what it takes here.
    stored = usage.stored * left // usage.weight if usage.weight else 0
    return replace(usage, weight=max(left, 0), stored=stored)


def discard(tx: Transaction, group: str, stream: int = 0) -> None:
    """Give up the events of a group or of one stream of it. They are deleted in the background."""
    discarded.put(tx, Discarded(group=group, stream=stream))


def chunks_between(
    tx: Transaction, group: str, start: int, end: int, streams: frozenset[int] | None = None
) -> list[Chunk]:
    """Return the chunks of a group, or of these streams of it, that have events from `start` to `end`."""
    if streams is not None and len(streams) == 1:
        (number,) = streams
        candidates: Iterable[Chunk] = chunks.scan(tx, group, f"{number:08x}")
    else:
        # A chunk that has later events than the first one wanted begins less than a day before that.
        candidates = chunks.in_order(
            tx, "first_of_group", first=(group, max(start - DAY, 0)), last=(group, end)
        )
    return [
        chunk
        for chunk in candidates
        if chunk.last >= start and chunk.first <= end and (streams is None or chunk.stream in streams)
    ]


def in_order(
    tx: Transaction, found: Iterable[Chunk], after: Position, before: Position, *, newest_first: bool = False
) -> Iterator[Event]:
    """Yield the events of chunks between two positions, both left out, in their order or in the opposite one.

    No chunk is read before its events are needed.
    """
    sign = -1 if newest_first else 1
    waiting: list[tuple[tuple[int, int, int], Event]] = []
    edges = sorted(
        (sign * (chunk.last if newest_first else chunk.first), chunk.place, chunk) for chunk in found
    )
    for edge, _, chunk in edges:
        while waiting and waiting[0][0][0] < edge:
            yield heappop(waiting)[1]
        for event in events_of(tx, chunk):
            position = event.position
            if after < position < before:
                place = (sign * position.timestamp, sign * position.stream, sign * position.number)
                heappush(waiting, (place, event))
    while waiting:
        yield heappop(waiting)[1]


def events_of(tx: Transaction, chunk: Chunk) -> list[Event]:
    """Return the events of a chunk, in the order they came."""
    body = _events.get(tx, *chunk.place) or b""
    return [
        Event(timestamp, chunk.stream, number, ingested, message)
        for number, (timestamp, ingested, message) in enumerate(_lines(body), chunk.begin)
    ]
