"""A store that lives as long as its process: one dictionary a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from understudy_aws.store.protocol import FencedError, LogEntry, RecordChange


class MemoryStore:
    """Rows in dictionaries; a real store in all but outliving the process."""

    format = 0

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, bytes]] = {}
        self._log: deque[LogEntry] = deque()
        self._sequence = 0
        self._epoch = 0
        self._most_entries: int | None = None

    def claim(self) -> int:
        self._epoch += 1
        return self._epoch

    def load(self, table: str) -> Iterable[tuple[str, bytes]]:
        return sorted(self._rows.get(table, {}).items())

    def read(self, table: str, key: str) -> bytes | None:
        return self._rows.get(table, {}).get(key)

    def tables(self) -> Sequence[str]:
        return sorted(name for name, rows in self._rows.items() if rows)

    def count(self, table: str) -> int:
        return len(self._rows.get(table, {}))

    def write(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], *, clear: bool = False
    ) -> None:
        if epoch != self._epoch:
            raise FencedError("Another server has taken over this state.")
        if clear:
            self._rows.clear()
            self._log.clear()
        for table, key, body in changes:
            rows = self._rows.setdefault(table, {})
            if body is None:
                rows.pop(key, None)
            else:
                # An encoder's bytes may have room to grow; a copy has none.
                rows[key] = bytes(memoryview(body))
        for entry in entries:
            self._sequence += 1
            self._log.append(entry._replace(sequence=self._sequence))
        self._trim()

    def entries(
        self, *, id: str | None = None, account: str | None = None, after: int = 0, before: int | None = None,
        limit: int = 100,
    ) -> Iterator[LogEntry]:  # fmt: skip
        found = 0
        # Numbers follow each other, so that those that are too new are passed over at once.
        newer = 0 if before is None or not self._log else max(0, self._log[-1].sequence - before + 1)
        for entry in islice(reversed(self._log), newer, None):
            if entry.sequence <= after or found == limit:
                return
            if (id is None or entry.id == id) and (account is None or entry.account == account):
                found += 1
                yield entry

    def keep_entries(self, count: int) -> None:
        self._most_entries = count
        self._trim()

    def _trim(self) -> None:
        while self._most_entries is not None and len(self._log) > self._most_entries:
            self._log.popleft()

    def status(self) -> str:
        return ""

    def close(self) -> None:
        self._rows.clear()
        self._log.clear()
