"""HTTP/1.1 for one application: no answer leaves before what it tells is durable.

Every request is carried out as soon as it is complete. Its answer waits in its connection until the application says
that everything committed up to then is durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import UserError
from understudy_aws.core.http import BodySink, HttpRequest, HttpResponse, ResponseInSteps
from understudy_aws.dataplane.client import short_path
from understudy_aws.dataplane.edge import API_SOCKET
from understudy_aws.server.answers import Answer, Durability
from understudy_aws.server.connection import Connection
from understudy_aws.server.handshakes import Handshake, TlsListener
from understudy_aws.server.limits import Limits, within_open_files
from understudy_aws.server.memory import give_back
from understudy_aws.server.parsing import Refusal
from understudy_aws.server.responses import ResponseWriter, plain

if TYPE_CHECKING:
    from understudy_aws.server import port_holders
else:
    port_holders = deferred("understudy_aws.server.port_holders")

_LOG = logging.getLogger("understudy_aws.server")

_BACKLOG = 512
# A request with a larger body is kept without it while its answer waits.
_LARGE_BODY = 64 * 1024
# So many bytes of requests at the same time leave holes in memory that are worth giving back.
_CROWD = 16 * 1024 * 1024

_TOO_MANY = Refusal(503, "There are too many connections. Try again soon.")
_TOO_MUCH = Refusal(503, "Too many bytes of requests are arriving at the same time. Try again soon.")


class Application(Protocol):
    """What a server serves. All of these are plain functions and quick."""

    def handle(self, request: HttpRequest) -> HttpResponse | ResponseInSteps: ...

    def sink(self, request: HttpRequest) -> BodySink | HttpResponse | None:
        """Where the body of a request goes whose head has come: None for memory, or an answer that refuses it.

        It is asked below `parsing.STREAMED` alone.
        """
        ...

    def durability(self) -> Durability:
        """The durability of everything that was committed up to now."""
        ...

    def not_durable(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request whose changes could not be made durable; its body may be gone."""
        ...


class _Making:
    """An answer that is being made: `done` when it is."""

    error = None

    def __init__(self) -> None:
        self.done = False
        self.answer = Answer((), 0)
        self._callbacks: list[Callable[[Durability], None]] = []

    def add_done_callback(self, callback: Callable[[Durability], None], /) -> None:
        """Call back when the answer is made."""
        self._callbacks.append(callback)

    def finish(self, answer: Answer) -> None:
        """Make the answer known."""
        self.answer = answer
        self.done = True
        for callback in self._callbacks:
            callback(self)


class Server:
    """Listens for one application and bounds what its connections take together.

    `limits` are those within the number of files the process may open. `connections` are the ones that are open,
    those whose TLS handshake is not finished among them. `incoming` is the bytes of all requests that nobody has
    handled yet.
    """

    def __init__(self, app: Application, limits: Limits | None = None) -> None:
        self.app = app
        self.limits = within_open_files(limits or Limits())
        self.connections: set[Connection | Handshake] = set()
        self.incoming = 0
        self.closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._most_incoming = 0
        self._writer = ResponseWriter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.Server | TlsListener | None = None
        self._inside: TlsListener | None = None
        self._inside_directory: Path | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen; answers the port (a free one for 0). Raises UserError when it cannot be had."""
        self._loop = asyncio.get_running_loop()
        try:
            if tls is None:
                self._listener = await self._loop.create_server(
                    lambda: Connection(self, secure=False), host, port, backlog=_BACKLOG
                )
            else:
                self._listener = TlsListener(lambda sock: Handshake(self, sock, tls))
                await self._listener.listen(host, port, _BACKLOG)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)
        return int(self._listener.sockets[0].getsockname()[1])

    def listen_inside(self, directory: Path, tls: ssl.SSLContext | None = None) -> None:
        """Take connections that the node of a directory passes on from inside the networks, of which this user owns."""
        self._inside_directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / API_SOCKET).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        with short_path(directory) as place:
            listening.bind(str(place / API_SOCKET))
        (directory / API_SOCKET).chmod(0o600)
        listening.listen(_BACKLOG)
        self._inside = TlsListener(lambda sock: Handshake(self, sock, tls, announced=True))
        self._inside.accept_at(listening)

    def _leave_inside(self) -> None:
        if self._inside is None or self._inside_directory is None:
            return
        self._inside.close()
        (self._inside_directory / API_SOCKET).unlink(missing_ok=True)
        # Where no node ever ran, nothing else was there.
        with contextlib.suppress(OSError):
            self._inside_directory.rmdir()

    async def close(self, patience: float = 5.0) -> None:
        """Take no more connections, let requests under way be answered, and close."""
        self.closing = True
        if self._sweep is not None:
            self._sweep.cancel()
        if self._listener is not None:
            self._listener.close()
        self._leave_inside()
        for connection in list(self.connections):
            connection.close_if_idle()
        until = monotonic_seconds() + patience
        while self.connections and monotonic_seconds() < until:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()

    # What the connections ask for.

    def opened(self, connection: Connection | Handshake) -> Refusal | None:
        """Take a connection in. When all are taken, the one that is idle longest makes room, or else it is refused."""
        self.connections.add(connection)
        limits = self.limits
        if len(self.connections) <= limits.connections or self._close_longest_idle():
            return None
        if len(self.connections) > limits.connections + limits.turned_away:
            connection.abort()
        return _TOO_MANY

    def after(self, handshake: Handshake) -> Connection:
        """The connection that takes a handshake's place as soon as it is finished."""
        return Connection(
            self,
            secure=handshake.secure,
            begun=lambda: self.connections.discard(handshake),
            arrival=handshake.arrival,
        )

    def closed(self, connection: Connection | Handshake) -> None:
        self.account(connection, 0)
        self.connections.discard(connection)

    def account(self, connection: Connection | Handshake, incoming: int) -> None:
        """Note a connection's bytes of unhandled requests. Beyond the bound, whoever has most of them is refused."""
        self.incoming += incoming - connection.incoming
        connection.incoming = incoming
        self._most_incoming = max(self._most_incoming, self.incoming)
        if self.incoming > self.limits.incoming:
            most = max(self.connections, key=lambda each: each.incoming)
            most.refuse(_TOO_MUCH)
            if most.incoming:
                most.abort()

    def sink(self, request: HttpRequest) -> BodySink | HttpResponse | None:
        """Where the body of a request goes, as the application says."""
        try:
            return self.app.sink(request)
        except Exception:  # noqa: BLE001 - the other connections go on
            _LOG.exception("the application failed")
            return plain(500, "The request failed.")

    def answer(self, request: HttpRequest, *, keep_alive: bool) -> Answer:
        """What the application answers, in bytes."""
        head_only = request.method == "HEAD"
        try:
            response = self.app.handle(request)
            if isinstance(response, ResponseInSteps):
                return self._answer_in_steps(response, request, keep_alive=keep_alive)
            pieces = self._writer.pieces_of(response, keep_alive=keep_alive, head_only=head_only)
        except Exception:  # noqa: BLE001 - the other connections go on
            _LOG.exception("the application failed")
            failed = plain(500, "The request failed.")
            pieces = self._writer.pieces_of(failed, keep_alive=keep_alive, head_only=head_only)
            return self._waiting(pieces, request, keep_alive=keep_alive)
        return self._waiting(pieces, request, keep_alive=keep_alive, response=response)

    def _waiting(
        self,
        pieces: tuple[bytes, ...],
        request: HttpRequest,
        *,
        keep_alive: bool,
        response: HttpResponse | None = None,
    ) -> Answer:
        """Return an answer in bytes, which waits until everything that was committed up to now is durable."""
        durability = self.app.durability()
        size = len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
        file = response.file if response is not None else None
        if file is not None and request.method == "HEAD":
            file.file.close()
            file = None
        if durability.done and durability.error is None:
            return Answer(pieces, size, file=file) if file is not None else Answer(pieces, size)
        if len(request.body) > _LARGE_BODY:
            request = request.without_body()
        return Answer(pieces, size, durability, request, keep_alive, file=file)

    def _answer_in_steps(
        self, response: ResponseInSteps, request: HttpRequest, *, keep_alive: bool
    ) -> Answer:
        """Have an answer made beside others; it waits in its connection until it is."""
        making = _Making()
        task = asyncio.get_running_loop().create_task(self._make(making, response, request, keep_alive))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Answer((), 0, making, made=lambda: making.answer)

    async def _make(
        self, making: _Making, response: ResponseInSteps, request: HttpRequest, keep_alive: bool
    ) -> None:
        head_only = request.method == "HEAD"
        try:
            while True:
                try:
                    waits_for = next(response.steps)
                except StopIteration as end:
                    made: HttpResponse = end.value
                    break
                if waits_for is None:
                    await asyncio.sleep(0)
                else:
                    await asyncio.wait([asyncio.wrap_future(waits_for)])
            pieces = self._writer.pieces_of(made, keep_alive=keep_alive, head_only=head_only)
        except Exception:  # noqa: BLE001 - the other connections go on
            _LOG.exception("the application failed")
            made = plain(500, "The request failed.")
            pieces = self._writer.pieces_of(made, keep_alive=keep_alive, head_only=head_only)
        making.finish(self._waiting(pieces, request, keep_alive=keep_alive, response=made))

    def replacement(self, answer: Answer) -> Answer:
        """What the application answers when a request's changes could not be made durable, in bytes."""
        assert answer.request is not None, "an answer that waits has its request"
        response = self.app.not_durable(answer.request)
        head_only = answer.request.method == "HEAD"
        pieces = self._writer.pieces_of(response, keep_alive=answer.keep_alive, head_only=head_only)
        return Answer(pieces, sum(map(len, pieces)))

    def refusal(self, refusal: Refusal) -> Answer:
        """The server's own last answer on a connection, in bytes."""
        response = refusal.response or plain(refusal.status, refusal.sentence)
        pieces = self._writer.pieces_of(response, keep_alive=False)
        return Answer(pieces, sum(map(len, pieces)))

    # Time passes.

    def _close_longest_idle(self) -> bool:
        """Close the connection whose client has been silent longest between two requests; whether there was one."""
        latest = monotonic_seconds() - self.limits.yield_seconds
        longest: Connection | Handshake | None = None
        for connection in self.connections:
            since = connection.waits_for_client_since
            if since is not None and since <= latest:
                longest, latest = connection, since
        if longest is None:
            return False
        longest.abort()
        return True

    def _sweep_connections(self) -> None:
        assert self._loop is not None, "sweeping begins with listening"
        now = monotonic_seconds()
        for connection in list(self.connections):
            connection.close_if_late(now)
        if self._most_incoming > _CROWD > self.incoming:
            self._most_incoming = self.incoming
            give_back()
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)


def cannot_listen(host: str, port: int, error: OSError) -> UserError:
    """The error for a port that cannot be had; who holds it is said where the system tells."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno != errno.EADDRINUSE:
        return UserError(f"Cannot listen on {where}: {(error.strerror or str(error)).lower()}.")
    holder = port_holders.holder_of(port)
    who = f"{holder} does" if holder else "another program does"
    return UserError(f"Cannot listen on {where}: {who}. Choose another --port, or 0 for a free one.")
