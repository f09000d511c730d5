"""The log of a state file: entries in order, and a bound on their number and bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from understudy_aws.store.protocol import LogEntry

# The log may hold this many bytes for each entry that it keeps.
_BYTES_PER_ENTRY = 4096
# The oldest entries are removed so many at a time, or four for each new one.
_PIECE = 64


class Log:
    """Numbers, writes and trims entries, as part of the transaction that is open on the connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._most: int | None = None
        newest = connection.execute(
            "SELECT sequence, total FROM log ORDER BY sequence DESC LIMIT 1"
        ).fetchone() or (0, 0)
        oldest = connection.execute(
            "SELECT sequence, total - length(body) FROM log ORDER BY sequence LIMIT 1"
        ).fetchone() or (1, 0)
        # The first entry there is and the bytes of all before it; the next entry's number and the bytes of all so far.
        self._oldest, self._before = int(oldest[0]), int(oldest[1])
        self._next, self._total = int(newest[0]) + 1, int(newest[1])
        self.committed()

    def keep(self, count: int) -> None:
        """Keep at most so many entries, and `_BYTES_PER_ENTRY` bytes for each, within a hundredth."""
        self._most = count

    def write(self, entries: Sequence[LogEntry], *, clear: bool) -> int:
        """Append entries, and remove some of the oldest if there are too many or they are too large.

        Return how many bytes were written.
        """
        if clear:
            self._connection.execute("DELETE FROM log")
            self._oldest, self._before = self._next, self._total
        if not entries:
            return 0
        rows = []
        before, total, number = self._total, self._total, self._next
        for _, id, account, body in entries:
            total += len(body)
            rows.append((number, total, id, account, body))
            number += 1
        self._total, self._next = total, number
        self._connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
        if self._most is not None:
            self._trim(self._most, len(rows))
        return total - before

    def write_alone(self, entry: LogEntry, epoch: int) -> int:
        """Append one entry in a transaction of its own, unless the epoch is another.

        Return how many bytes were written; 0 for none. One statement instead of four takes a tenth less time.
        """
        _, id, account, body = entry
        total = self._total + len(body)
        row = (self._next, total, id, account, body, epoch)
        written = self._connection.execute(
            "INSERT INTO log SELECT ?, ?, ?, ?, ? FROM epoch WHERE number = ?", row
        ).rowcount
        if not written:
            return 0
        self._total = total
        self._next += 1
        self.committed()
        return len(body)

    @property
    def is_full(self) -> bool:
        """Whether the next write must remove something."""
        most = self._most
        if most is None:
            return False
        too_many = self._next - self._oldest >= most + most // 100
        return too_many or self._total - self._before > most * _BYTES_PER_ENTRY

    def committed(self) -> None:
        """Note that the transaction has been committed."""
        self._kept = (self._oldest, self._before, self._next, self._total)

    def rolled_back(self) -> None:
        """Note that the transaction has been rolled back: what it counted does not count."""
        self._oldest, self._before, self._next, self._total = self._kept

    def _trim(self, most: int, written: int) -> None:
        count = self._next - self._oldest
        slack = most // 100
        if count <= most + slack and self._total - self._before <= most * _BYTES_PER_ENTRY:
            return
        piece = max(_PIECE, 4 * written)
        excess = count - most if count > most else min(piece, count - 1)
        going = min(piece, excess)
        last = self._oldest + going - 1
        row = self._connection.execute(
            "SELECT total FROM log WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1", (last,)
        ).fetchone()
        if row is not None:
            self._before = row[0]
            self._connection.execute("DELETE FROM log WHERE sequence <= ?", (last,))
        self._oldest = last + 1
