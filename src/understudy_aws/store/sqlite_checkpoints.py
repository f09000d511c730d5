"""Keeps a state's write-ahead log short while writes go on.

A checkpoint copies the log into the file, beside writers and without stopping them. But the log begins anew only if
no write comes between the end of a checkpoint and the next write. So most is copied beside the writers, until little
is left; then the gate is closed, the rest is copied, and the next write begins the log anew. A write that finds the
gate closed waits in a thread of its own, for as long as copying a few pages takes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

_LOG = logging.getLogger("understudy_aws.store")
# Pages (of 4 KiB) written since the log began anew: from here on a checkpoint is wanted; and from here on writes wait.
WANTED = 5_000
_TOO_MANY = 12_000
# With so many pages left to copy the gate may be closed.
_FEW = 250
_MOST_PASSES = 4


class Checkpoints:
    """A thread with a connection of its own, which makes the checkpoints.

    `gate` is held by whoever writes, or makes the log begin anew. `pages` have been written since it last began anew,
    at most. `error` says why the last checkpoint failed; empty when it did not.
    """

    def __init__(self, path: Path) -> None:
        self.gate = threading.Lock()
        self.error = ""
        self._path = path
        self.pages = 0
        self._due = threading.Event()
        self._ended = threading.Event()
        self._stopping = False
        self._thread = self._started()

    def written(self, pages: int) -> None:
        """Note that so many pages, or fewer, were added to the log."""
        self.pages += pages
        if self.pages >= WANTED:
            self.ask()

    def ask(self) -> None:
        """Have a checkpoint made soon. A thread that has died is replaced, and that is said."""
        if not (self._thread.is_alive() or self._stopping):
            _LOG.error("The thread that keeps the write-ahead log short had died; it is started again.")
            self._thread = self._started()
        self._due.set()

    def too_many(self) -> bool:
        """Return whether the log is so long that a write should wait for a checkpoint."""
        return self.pages >= _TOO_MANY

    def wait(self, seconds: float) -> None:
        """Wait for the end of the next checkpoint, but not longer than so many seconds."""
        self._ended.clear()
        self.ask()
        self._ended.wait(seconds)

    def stop(self) -> None:
        """Finish the checkpoint under way; the last connection that closes makes the final one."""
        self._stopping = True
        self._due.set()
        self._thread.join()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while self._due.wait() and not self._stopping:
                self._due.clear()
                try:
                    if connection is None:
                        connection = sqlite3.connect(self._path, isolation_level=None)
                    self._shorten(connection)
                except sqlite3.Error as error:
                    if not self.error:
                        _LOG.warning("The write-ahead log could not be moved into the file: %s.", error)
                    self.error = f"The write-ahead log cannot be moved into the file: {error}."
                    # Writes go on for a while; a full disk is asked again with the next write.
                    self.pages = min(self.pages, WANTED)
                else:
                    self.error = ""
                self._ended.set()
        finally:
            if connection is not None:
                connection.close()

    def _shorten(self, connection: sqlite3.Connection) -> None:
        for _ in range(_MOST_PASSES):
            _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages - copied < _FEW or self._stopping:
                break
        with self.gate:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
            if not busy:
                self.pages = 0
