"""Network namespaces that are made and prepared ahead, for interfaces to come.

To make one takes the kernel some milliseconds, which nobody need wait for. They have no name yet, and end with this
process; the first are made after the first interface, so that a node without any has none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

from understudy_aws.dataplane.linux.namespaces import NamespaceThread

_SPARES = 2


class Spares:
    """Descriptors of namespaces that are ready. `prepare` is run in each; one caller at a time."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare
        self._ready: SimpleQueue[int] = SimpleQueue()
        self._thread: NamespaceThread | None = None

    def take(self) -> int | None:
        """Return one, which is the caller's to close; None when none is ready."""
        try:
            return self._ready.get_nowait()
        except Empty:
            return None

    def refill(self) -> None:
        """Begin to make those that are missing, unless the machine lets no thread be started for that."""
        if self._thread is None:
            with suppress(OSError):
                self._thread = NamespaceThread()
        if self._thread is not None:
            self._thread.submit(self._fill)

    def wait(self) -> None:
        """Wait until those that were begun are ready."""
        if self._thread is not None:
            self._thread.run(lambda: None)

    def close(self) -> None:
        """Give them up."""
        if self._thread is not None:
            self._thread.close()
        while (spare := self.take()) is not None:
            os.close(spare)

    def _fill(self) -> None:
        assert self._thread is not None
        # Where no more can be made, whoever needs one is told when it makes its own.
        with suppress(OSError):
            while self._ready.qsize() < _SPARES:
                self._ready.put(self._thread.create(self._prepare))
