"""Connections at a port where TLS is spoken, until it is known whether a client speaks it.

Its first byte tells: a handshake begins with a record of its own type (RFC 8446 5.1), which begins no request.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from understudy_aws.server.handshakes import TlsListener

_HANDSHAKE = b"\x16"
_SECONDS = 10.0
"""How long a client may take until its first byte, and then until its handshake is done."""


class Beginnings:
    """Takes connections, of which `secure` makes something after a handshake, and `plain` where there is none.

    At most so many begin at the same time; the one that has begun first makes room.
    """

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        *,
        secure: Callable[[], asyncio.Protocol],
        plain: Callable[[], asyncio.Protocol],
        most: int,
        seconds: float = _SECONDS,
    ) -> None:
        self._context = context
        self._secure = secure
        self._plain = plain
        self._most = most
        self._seconds = seconds
        # In the order in which they began.
        self._beginning: dict[asyncio.Task[None], None] = {}
        self._listener = TlsListener(self._accepted)
        self._listener.accept_at(listening)

    def close(self) -> None:
        """Take no more connections, and end those that begin."""
        self._listener.close()
        for task in list(self._beginning):
            task.cancel()

    def _accepted(self, sock: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._begin(sock))
        self._beginning[task] = None
        task.add_done_callback(lambda done: self._beginning.pop(done, None))
        if len(self._beginning) > self._most:
            next(iter(self._beginning)).cancel()

    async def _begin(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                first = await _first_byte(sock)
            if not first:
                sock.close()
            elif first == _HANDSHAKE:
                await loop.connect_accepted_socket(
                    self._secure, sock, ssl=self._context, ssl_handshake_timeout=self._seconds
                )
            else:
                await loop.connect_accepted_socket(self._plain, sock)
        except (OSError, asyncio.CancelledError):
            # A client that says nothing, that went away, or whose handshake fails: nothing can be told to it.
            sock.close()


async def _first_byte(sock: socket.socket) -> bytes:
    """Return what a connection begins with, which stays to be read; empty when it has ended. Raises OSError."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(sock)
    return sock.recv(1, socket.MSG_PEEK)
