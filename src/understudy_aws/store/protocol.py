"""What every store can do, and the errors it may raise. A store knows nothing of what records mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol


class RecordChange(NamedTuple):
    """One record to write (`body`) or to remove (`body` is None), under its key in its table."""

    table: str
    key: str
    body: bytes | None


class LogEntry(NamedTuple):
    """One entry of the append-only log, which holds the trail. The store numbers entries from 1, in rising order."""

    sequence: int
    id: str
    account: str
    body: bytes


class StoreError(Exception):
    """The store could not do what it was asked to; the text is one sentence for people.

    After this class itself it is unknown whether the store kept the write: what is in memory must be read again.
    """


class NotKeptError(StoreError):
    """The store kept nothing of the write and holds what it held before; a later write may succeed."""


class FencedError(StoreError):
    """Another server has taken over this store; this one can write no more."""


class DamagedError(StoreError):
    """The store cannot read what it holds."""


class Store(Protocol):
    """Keeps rows through a crash. `tests/contracts/test_store.py` tests this contract over every implementation.

    One server writes to a store at a time. A server calls `claim` when it opens the store and passes the number it
    got to every write; a later `claim` makes all earlier numbers invalid.
    """

    format: int
    """The version of what is kept: it rises when an older program could not read it; 0 when nothing is kept."""

    def claim(self) -> int:
        """Become the one writer. Returns the epoch that `write` takes from now on."""
        ...

    def load(self, table: str) -> Iterable[tuple[str, bytes]]:
        """Return every key and body of a table, ordered by key. Raises DamagedError, also while they are taken."""
        ...

    def read(self, table: str, key: str) -> bytes | None:
        """Return the body of one row, or None when there is none."""
        ...

    def tables(self) -> Sequence[str]:
        """Return the names of the tables that hold at least one row."""
        ...

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        ...

    def write(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], *, clear: bool = False
    ) -> Future[None] | None:
        """Make all changes in order and append all entries, or do nothing at all.

        With `clear`, all rows and entries that were there before are removed in the same step.

        Returns None when the write is durable already, else a future that is done when it is: a store that needs a
        round trip must not keep the caller waiting. The next write comes only after the future is done.
        Raises, directly or through the future: NotKeptError when nothing was kept, FencedError when `epoch` is not
        the latest, any other exception when it is unknown whether the write was kept.
        """
        ...

    def entries(
        self, *, id: str | None = None, account: str | None = None, after: int = 0, before: int | None = None,
        limit: int = 100,
    ) -> Iterator[LogEntry]:  # fmt: skip
        """Return log entries, newest first, of one id or account, with `after` < sequence < `before`."""
        ...

    def keep_entries(self, count: int) -> None:
        """Keep at most so many log entries from now on: later writes remove the oldest, a few at a time."""
        ...

    def status(self) -> str:
        """Return what is wrong with the store, in one sentence, or an empty text."""
        ...

    def close(self) -> None:
        """Release files and locks; the store is not used again."""
        ...


def encode_key(parts: Sequence[str]) -> str:
    """Return the text under which a store keeps a key of several parts; different keys have different texts."""
    text = _SEPARATOR.join(parts)
    if _ESCAPE in text or text.count(_SEPARATOR) != len(parts) - 1:
        text = _SEPARATOR.join(
            part.replace(_ESCAPE, _ESCAPE * 2).replace(_SEPARATOR, _ESCAPE + _SEPARATOR) for part in parts
        )
    return text


_SEPARATOR = "\x1f"
_ESCAPE = "\x1e"
