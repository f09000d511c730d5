"""What every store can do: six methods, and nothing about what the records mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol


class RecordChange(NamedTuple):
    """One record written (`body`) or removed (`body` is None), under its key in its table."""

    table: str
    key: str
    body: bytes | None


class LogEntry(NamedTuple):
    """One line of an append-only log: the trail. `sequence` is given by the store, rising from 1."""

    sequence: int
    id: str
    account: str
    body: bytes


class Store(Protocol):
    """Keeps rows through a crash. One process uses one store at a time.

    The contract, tested over every implementation in `tests/contracts/test_store.py`:
    `write` is all or nothing, and once it has returned, killing the process loses nothing of it.
    """

    def load(self, table: str) -> Iterable[tuple[str, bytes]]:
        """Every key and body of a table, by key."""
        ...

    def tables(self) -> Sequence[str]:
        """The tables that hold at least one row."""
        ...

    def write(self, changes: Sequence[RecordChange], entries: Sequence[LogEntry]) -> None:
        """Make all changes, in order, and append all entries: at once, or not at all."""
        ...

    def entries(
        self, *, id: str | None = None, account: str | None = None, after: int = 0, before: int | None = None,
        limit: int = 100,
    ) -> Iterator[LogEntry]:  # fmt: skip
        """Log entries, newest first, of one id or account, `after` < sequence < `before`."""
        ...

    def trim(self, keep: int) -> None:
        """Forget all log entries but the newest `keep`."""
        ...

    def close(self) -> None:
        """Let go of files and locks; the store is not used again."""
        ...
