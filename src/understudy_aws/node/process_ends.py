"""Tells when processes end that are nobody's children here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from contextlib import suppress


class ProcessEnds:
    """Watches processes by descriptors, one for each; `ended` is called when one of them ends."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._watched: dict[int, int] = {}

    def watch(self, pids: Collection[int]) -> None:
        """Watch these processes, and no others; one that has ended already is told at once."""
        for pid in [each for each in self._watched if each not in pids]:
            self._leave(pid)
        for pid in pids:
            if pid in self._watched:
                continue
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                self._ended()
                continue
            self._watched[pid] = fd
            asyncio.get_running_loop().add_reader(fd, self._has_ended, pid)

    def close(self) -> None:
        """Watch nothing any more."""
        for pid in list(self._watched):
            self._leave(pid)

    def _has_ended(self, pid: int) -> None:
        self._leave(pid)
        self._ended()

    def _leave(self, pid: int) -> None:
        fd = self._watched.pop(pid)
        with suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
