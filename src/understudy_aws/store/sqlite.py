"""A store in one SQLite file, readable by its owner only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from understudy_aws.core.errors import UserError
from understudy_aws.store.protocol import DamagedError, FencedError, LogEntry, NotKeptError, RecordChange
from understudy_aws.store.sqlite_checkpoints import Checkpoints
from understudy_aws.store.sqlite_log import Log
from understudy_aws.store.sqlite_ownership import own
from understudy_aws.store.sqlite_schema import VERSION, migrate

_PAGE = 4096
# After a checkpoint begins the log anew, its file is cut to this size. A file that stays is written faster.
_LOG_FILE = 16 * 1024 * 1024
# Writes are refused while less of the disk than this is free beyond what the next checkpoint may need.
LEAST_FREE = 4 * 1024 * 1024
_WRITES_PER_LOOK = 16
# What SQLite raises for disks and files, of which it keeps nothing then; the other errors are mistakes of ours. The
# base class itself is for files that are damaged.
_OF_THE_FILE = (sqlite3.OperationalError, sqlite3.DatabaseError)


class SqliteStore:
    """Rows in `understudy.db` of a directory, in write-ahead mode.

    A write has reached the operating system when it is done, so it outlives the process (`kill -9`). With
    `synchronous` `normal` a power cut may take the last writes but never the file's integrity; with `full` every
    write waits for the disk, in a thread, and outlives a power cut too.

    Raises UserError if the directory cannot be used or another server already uses it.
    """

    format = VERSION

    def __init__(self, directory: Path, *, synchronous: str = "normal") -> None:
        self._lock = own(directory)
        self.path = directory / "understudy.db"
        self._in_thread = synchronous == "full"
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
            os.close(descriptor)
            # Writes may come from a thread, one at a time; reads have a connection that never sees half a write.
            self._writer = self._connected()
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._writer.execute(f"PRAGMA synchronous={'FULL' if self._in_thread else 'NORMAL'}")
            self._writer.execute("PRAGMA wal_autocheckpoint=0")
            self._writer.execute(f"PRAGMA journal_size_limit={_LOG_FILE}")
            migrate(self._writer)
            self._reader = self._connected()
            self._reader.execute("PRAGMA cache_size=-512")
            self._log = Log(self._writer)
        except (OSError, sqlite3.DatabaseError) as error:
            os.close(self._lock)
            raise UserError(f"The state file {self.path} cannot be used: {error}.") from error
        except UserError:
            os.close(self._lock)
            raise
        self._checkpoints = Checkpoints(self.path)
        if _size(self.path.with_name("understudy.db-wal")) > _LOG_FILE:
            self._checkpoints.ask()
        opened = self.path.stat()
        self._file = (opened.st_dev, opened.st_ino)
        self._threads: ThreadPoolExecutor | None = None
        self._looked = 0

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, cached_statements=64, check_same_thread=False)

    def claim(self) -> int:
        try:
            with self._checkpoints.gate:
                self._writer.execute("UPDATE epoch SET number = number + 1")
            return int(self._writer.execute("SELECT number FROM epoch").fetchone()[0])
        except sqlite3.DatabaseError as error:
            raise UserError(self._cannot(error)) from error

    def load(self, table: str) -> Iterable[tuple[str, bytes]]:
        return self._read('SELECT key, body FROM records WHERE "table" = ? ORDER BY key', (table,))

    def read(self, table: str, key: str) -> bytes | None:
        found = self._read('SELECT body FROM records WHERE "table" = ? AND key = ?', (table, key))
        return next((body for (body,) in list(found)), None)

    def tables(self) -> Sequence[str]:
        return [name for (name,) in self._read('SELECT DISTINCT "table" FROM records ORDER BY 1')]

    def count(self, table: str) -> int:
        (number,) = next(self._read('SELECT count(*) FROM records WHERE "table" = ?', (table,)))
        return int(number)

    def write(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], *, clear: bool = False
    ) -> Future[None] | None:
        if not clear:
            self._check_space()
        checkpoints = self._checkpoints
        if self._in_thread or checkpoints.too_many() or not checkpoints.gate.acquire(blocking=False):
            return self._pool().submit(self._write_when_open, epoch, changes, entries, clear)
        try:
            self._write(epoch, changes, entries, clear)
        finally:
            checkpoints.gate.release()
        return None

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
        statement = (
            f"SELECT sequence, id, account, body FROM log WHERE {' AND '.join(terms)} "  # noqa: S608 - the terms are ours
            "ORDER BY sequence DESC LIMIT ?"
        )
        return iter([LogEntry(*row) for row in self._read(statement, (*values, limit))])

    def keep_entries(self, count: int) -> None:
        self._log.keep(count)

    def status(self) -> str:
        return self._checkpoints.error

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown()
        self._checkpoints.stop()
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    def _read(self, statement: str, values: Sequence[object] = ()) -> Iterator[Any]:
        try:
            for row in self._reader.execute(statement, values):  # noqa: UP028 - that would close the cursor too late
                yield row
        except sqlite3.DatabaseError as error:
            raise DamagedError(f"The state in {self.path.parent} cannot be read: {error}.") from error

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="writes")
        return self._threads

    def _write_when_open(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], clear: bool
    ) -> None:
        if self._checkpoints.too_many():
            self._checkpoints.wait(1.0)
        with self._checkpoints.gate:
            self._write(epoch, changes, entries, clear)

    def _write(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], clear: bool
    ) -> None:
        try:
            if len(entries) == 1 and not (changes or clear or self._log.is_full):
                # A call that changed nothing, alone: the commonest write there is.
                size = self._log.write_alone(entries[0], epoch)
                if not size:
                    raise self._fenced()
            else:
                size = self._write_together(epoch, changes, entries, clear)
        except sqlite3.DatabaseError as error:
            if type(error) not in _OF_THE_FILE:
                raise
            self._checkpoints.ask()
            self._looked = 0
            raise NotKeptError(self._cannot(error)) from error
        if changes:
            size += sum([len(change.body or b"") for change in changes])
        self._checkpoints.written(2 * len(changes) + 2 * len(entries) + 2 + size // _PAGE)

    def _write_together(
        self, epoch: int, changes: Sequence[RecordChange], entries: Sequence[LogEntry], clear: bool
    ) -> int:
        """Write changes and entries in one transaction. Return the bytes of the entries."""
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._check_epoch(epoch)
            if clear:
                connection.execute("DELETE FROM records")
            if changes:
                self._change(changes)
            size = self._log.write(entries, clear=clear)
            connection.execute("COMMIT")
            self._log.committed()
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._log.rolled_back()
            raise
        return size

    def _check_epoch(self, epoch: int) -> None:
        if self._writer.execute("SELECT number FROM epoch").fetchone() != (epoch,):
            raise self._fenced()

    def _fenced(self) -> FencedError:
        return FencedError(f"Another server has taken over the state in {self.path.parent}.")

    def _change(self, changes: Sequence[RecordChange]) -> None:
        # Of several changes to one key the last counts, so removals and writes can go in two batches.
        last = {(table, key): body for table, key, body in changes}
        written = [(*place, body) for place, body in last.items() if body is not None]
        removed = [place for place, body in last.items() if body is None]
        if written:
            self._writer.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", written)
        if removed:
            self._writer.executemany('DELETE FROM records WHERE "table" = ? AND key = ?', removed)

    def _check_space(self) -> None:
        """Refuse while the disk is nearly full, so that a checkpoint always has room for what the log holds."""
        self._looked -= 1
        if self._looked > 0:
            return
        try:
            disk = os.statvfs(self.path.parent)
            found = self.path.stat()
        except OSError as error:
            raise NotKeptError(f"The state in {self.path.parent} is gone: {error.strerror}.") from error
        if (found.st_dev, found.st_ino) != self._file:
            raise NotKeptError(
                f"The state file {self.path} was replaced while this server used it; restart it."
            )
        free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        logged = self._checkpoints.pages * _PAGE
        if free < 2 * logged:
            self._checkpoints.ask()
        # A small disk keeps a smaller part of it free.
        if free < max(min(LEAST_FREE, whole // 16), logged):
            self._checkpoints.ask()
            raise NotKeptError(f"The disk of {self.path.parent} has only {free // 1024} KiB left.")
        self._looked = _WRITES_PER_LOOK

    def _cannot(self, error: sqlite3.Error) -> str:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            return f"The disk of {self.path.parent} is full."
        return f"The state in {self.path.parent} cannot be written: {error}."


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def problem_of(directory: Path) -> str:
    """Return why the state file in a directory cannot be used, or an empty text; the file is only read.

    A directory without a state file has no problem. A server may be using the file meanwhile.
    """
    path = directory / "understudy.db"
    if not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    if version > VERSION:
        return f"a newer Understudy wrote it, in format {version}, and this older one reads up to {VERSION}"
    return "" if found == "ok" else str(found)
