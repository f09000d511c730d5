"""A process of the fork server, as the event loop hears it."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Self

from understudy_aws.dataplane.runtime.fork_server import Forked


class ForkedProcess:
    """A process that was asked for; the block ends its input. Its output is read as lines of at most `limit` bytes."""

    def __init__(self, forked: Forked, *, limit: int) -> None:
        self._forked = forked
        self._limit = limit
        self._writers: list[asyncio.StreamWriter] = []
        self._unopened: list[socket.socket] = list(forked)
        self._code: int | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        forked = self._forked
        try:
            self.stdout, self.stderr, self._status = [
                (await self._opened(each))[0] for each in (forked.stdout, forked.stderr, forked.status)
            ]
            _, self._given = await self._opened(forked.stdin)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for writer in self._writers:
            writer.close()
        for end in self._unopened:
            end.close()

    def write(self, data: bytes) -> None:
        """Give it input; more may come."""
        self._given.write(data)

    async def pid(self) -> int:
        """Return its number. Raises OSError where no process can be forked."""
        line = await self._status.readline()
        if not line:
            raise ConnectionResetError("The process that forks was killed.")
        number = int(line)
        if number < 0:
            raise OSError(-number, os.strerror(-number))
        return number

    async def ended(self) -> int | None:
        """Return how it has ended, once it has: what it returned, or the negative number of a signal.

        None if nobody saw that, since the process that forks was killed.
        """
        if not self._is_over:
            line = await self._status.readline()
            self._code, self._is_over = (int(line) if line else None), True
        return self._code

    async def _opened(self, end: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=self._limit)
        self._writers.append(writer)
        self._unopened.remove(end)
        return reader, writer
