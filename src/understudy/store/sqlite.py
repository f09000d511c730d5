"""A store in one SQLite file, readable by its owner only."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from understudy.core.errors import UserError
from understudy.store.protocol import LogEntry, NotKeptError, RecordChange

# Bodies are in the order they were written and keys in an index beside them: new rows go to the end, so that a
# commit touches a third less of the file than with the bodies in key order.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
  "table" TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY ("table", key)
);
CREATE TABLE IF NOT EXISTS log (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS log_by_id ON log (id);
"""


class SqliteStore:
    """Rows in `understudy.db` of a directory, in write-ahead mode.

    A commit hands its pages to the operating system: they outlive the process (`kill -9`), and with
    `synchronous=NORMAL` a power cut may take the last moments but never the file's integrity.

    Raises UserError if the directory cannot be used or another server already uses it.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = _own(directory)
        self.path = directory / "understudy.db"
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
            os.close(descriptor)
            self._connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=64)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            # Moving the write-ahead log into the file waits for the disk, so a thread does it, not a commit.
            self._connection.execute("PRAGMA wal_autocheckpoint=0")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.DatabaseError) as error:
            os.close(self._lock)
            raise UserError(f"The state file {self.path} cannot be used: {error}.") from error
        self._checkpoints = _Checkpoints(self.path)
        self._rows = 0

    def load(self, table: str) -> Iterable[tuple[str, bytes]]:
        rows: Iterable[tuple[str, bytes]] = self._connection.execute(
            'SELECT key, body FROM records WHERE "table" = ? ORDER BY key', (table,)
        )
        return rows

    def tables(self) -> Sequence[str]:
        return [
            name for (name,) in self._connection.execute('SELECT DISTINCT "table" FROM records ORDER BY 1')
        ]

    def claim(self) -> int:
        return 1

    def keep_entries(self, count: int) -> None:
        self._connection.execute(
            "DELETE FROM log WHERE sequence <= (SELECT max(sequence) FROM log) - ?", (count,)
        )

    def status(self) -> str:
        return ""

    def write(
        self,
        _epoch: int,
        changes: Sequence[RecordChange],
        entries: Sequence[LogEntry],
        *,
        clear: bool = False,
    ) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            if clear:
                connection.execute("DELETE FROM records")
                connection.execute("DELETE FROM log")
            # Of several changes to one key the last counts, so removals and writes can go in two batches.
            last = {(table, key): body for table, key, body in changes}
            written = [(*place, body) for place, body in last.items() if body is not None]
            removed = [place for place, body in last.items() if body is None]
            if written:
                connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", written)
            if removed:
                connection.executemany('DELETE FROM records WHERE "table" = ? AND key = ?', removed)
            if entries:
                connection.executemany(
                    "INSERT INTO log (id, account, body) VALUES (?, ?, ?)", [entry[1:] for entry in entries]
                )
            connection.execute("COMMIT")
            self._rows += len(changes) + len(entries)
            if self._rows >= _ROWS_PER_CHECKPOINT:
                self._rows = 0
                self._checkpoints.due.set()
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise NotKeptError(f"The state in {self.path.parent} cannot be written: {error}.") from error
            raise

    def entries(
        self, *, id: str | None = None, account: str | None = None, after: int = 0, before: int | None = None,
        limit: int = 100,
    ) -> Iterator[LogEntry]:  # fmt: skip
        terms, values = ["sequence > ?"], [str(after)]
        for column, value in (("id = ?", id), ("account = ?", account)):
            if value is not None:
                terms.append(column)
                values.append(value)
        if before is not None:
            terms.append("sequence < ?")
            values.append(str(before))
        statement = f"SELECT * FROM log WHERE {' AND '.join(terms)} ORDER BY sequence DESC LIMIT ?"  # noqa: S608 - the terms are ours
        return (LogEntry(*row) for row in self._connection.execute(statement, (*values, limit)).fetchall())

    def close(self) -> None:
        self._checkpoints.stop()
        self._connection.close()
        os.close(self._lock)


class _Checkpoints:
    """Moves the write-ahead log into the file, in a thread with a connection of its own, without stopping writers."""

    def __init__(self, path: Path) -> None:
        self.due = threading.Event()
        self._path = path
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the one under way; the last connection that closes does the rest."""
        self._stopping = True
        self.due.set()
        self._thread.join()

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        while self.due.wait() and not self._stopping:
            self.due.clear()
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error:
                # The log only grows until the next one; a disk that fails will fail the writes too.
                _LOG.warning("the write-ahead log could not be moved into the file", exc_info=True)
        connection.close()


_ROWS_PER_CHECKPOINT = 10_000
_LOG = logging.getLogger("understudy.store")


def _own(directory: Path) -> int:
    """Make the directory, keep it to its owner, and lock it for this process."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UserError(f"The state directory {directory} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise UserError(f"Another understudy already uses the state directory {directory}.") from error
    return lock
