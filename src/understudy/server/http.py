"""HTTP/1.1 for one application: nothing is answered before it is durable.

Every request that is complete in one turn of the event loop is carried out at once and its answer held; at the
end of the turn the application makes all of it durable in one go, and only then the answers leave.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import time
from typing import Protocol

from understudy.core.errors import UserError
from understudy.core.http import HttpRequest, HttpResponse
from understudy.server.connection import Connection
from understudy.server.limits import Limits
from understudy.server.responses import ResponseWriter, plain

_LOG = logging.getLogger("understudy.server")


class Application(Protocol):
    """What a server serves. Both are plain functions and quick."""

    def handle(self, request: HttpRequest) -> HttpResponse: ...

    def make_durable(self) -> None: ...


class Server:
    """Listens for one application; knows its connections, and whose answers wait for durability."""

    def __init__(self, app: Application, limits: Limits | None = None) -> None:
        self.app = app
        self.limits = limits or Limits()
        self.connections: set[Connection] = set()
        self.closing = False
        self._writer = ResponseWriter()
        self._waiting: list[Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.AbstractServer | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen; answers the port (a free one for 0). Raises UserError when it cannot be had."""
        self._loop = asyncio.get_running_loop()
        try:
            self._listener = await self._loop.create_server(
                lambda: Connection(self, secure=tls is not None), host, port, ssl=tls, backlog=512
            )
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "it is already in use" if taken else error.strerror or str(error)
            raise UserError(f"Cannot listen on {host}:{port}: {reason}.") from error
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self, patience: float = 5.0) -> None:
        """Take no more connections, let requests under way be answered, and close."""
        self.closing = True
        if self._sweep is not None:
            self._sweep.cancel()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        until = time.monotonic() + patience
        while self.connections and time.monotonic() < until:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()

    # What the connections ask for.

    def opened(self, connection: Connection) -> bool:
        """Take the connection in; False when there are too many."""
        self.connections.add(connection)
        return len(self.connections) <= self.limits.connections

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def answer(self, request: HttpRequest, *, keep_alive: bool) -> tuple[bytes, ...]:
        """What the application answers, in bytes."""
        head_only = request.method == "HEAD"
        try:
            response = self.app.handle(request)
            return self._writer.pieces_of(response, keep_alive=keep_alive, head_only=head_only)
        except Exception:  # noqa: BLE001 - the other connections go on
            _LOG.exception("the application failed")
            failed = plain(500, "The request failed.")
            return self._writer.pieces_of(failed, keep_alive=keep_alive, head_only=head_only)

    def refusal(self, status: int, sentence: str) -> bytes:
        """The server's own last word on a connection, in bytes."""
        return b"".join(self._writer.pieces_of(plain(status, sentence), keep_alive=False))

    def hold(self, connection: Connection) -> None:
        """Send what the connection holds once it is durable."""
        if not self._waiting:
            assert self._loop is not None, "a connection comes from a loop"
            self._loop.call_soon(self._release)
        self._waiting.append(connection)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self.app.make_durable()
        except Exception:  # noqa: BLE001 - whatever the store's reason is
            _LOG.exception("what was answered could not be kept; the answers are withheld")
            for connection in waiting:
                connection.withhold()
            return
        for connection in waiting:
            connection.release()

    def _sweep_connections(self) -> None:
        assert self._loop is not None, "sweeping begins with listening"
        now = time.monotonic()
        for connection in list(self.connections):
            connection.close_if_late(now)
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)
