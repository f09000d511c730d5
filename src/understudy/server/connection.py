"""One client's connection: requests in, answers out in the same order, nothing without bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from understudy.core.http import HttpRequest, HttpResponse
from understudy.server.limits import Limits
from understudy.server.parsing import Interim, RefusedError, RequestParser
from understudy.server.responses import Tails, plain, response_bytes


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    limits: Limits
    tails: Tails
    stopping: bool

    def answer(self, request: HttpRequest) -> HttpResponse: ...

    def hold(self, connection: Connection) -> None:
        """See to it that `release` is called once what the connection holds is durable."""
        ...

    def opened(self, connection: Connection) -> bool:
        """Take the connection in; False when there are too many."""
        ...

    def closed(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A connection between the event loop and the application.

    A request is handled as soon as it is complete; its answer is held until the server has made the changes
    durable, then written. Requests beyond `limits.held` bytes of waiting answers stay unhandled, and nothing
    more is read, until the client has taken in what it was sent.
    """

    def __init__(self, host: Host, clock: Callable[[], float], *, secure: bool) -> None:
        self._host = host
        self._clock = clock
        self._secure = secure
        self._held: list[bytes] = []
        self._held_size = 0
        self._write_paused = False
        self._read_paused = False
        self._ending = False  # the last answer is held or written; nothing more is handled
        self._refusal: RefusedError | None = None  # to be answered after all that arrived before
        self._lingering = False  # all is written; what still comes in is thrown away
        self._since = 0.0  # when the present wait began

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        source_ip = peer[0] if isinstance(peer, tuple) else ""
        self._parser = RequestParser(self._host.limits, source_ip=source_ip, secure=self._secure)
        self._since = self._clock()
        if not self._host.opened(self):
            self._refuse(RefusedError(503, "There are too many connections."))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._ending = True
        self._held.clear()
        self._parser.arrived.clear()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._ending or self._refusal:
            return
        parser = self._parser
        before = parser.phase
        try:
            parser.feed(data)
        except RefusedError as refusal:
            self._refusal = refusal
        if parser.phase != "head" or before != "head":
            # A head has one time for all of it: bytes that trickle in do not extend it.
            self._since = self._clock()
        self._work()

    def pause_writing(self) -> None:
        self._write_paused = True
        self._since = self._clock()

    def resume_writing(self) -> None:
        self._write_paused = False
        self._since = self._clock()
        self._work()

    def eof_received(self) -> bool:
        """Half-closed: whatever arrived is still answered, then the connection is closed."""
        self._refusal = self._refusal or RefusedError(0, "")
        self._work()
        return not self._secure

    # Requests become held answers.

    def _work(self) -> None:
        arrived = self._parser.arrived
        limit = self._host.limits.held
        while arrived and not (self._ending or self._write_paused) and self._held_size < limit:
            item = arrived.popleft()
            if isinstance(item, Interim):
                self._hold(item.content)
                continue
            keep_alive = item.keep_alive and not (self._host.stopping and not arrived)
            response = self._host.answer(item.request)
            self._hold(
                response_bytes(
                    response, self._host.tails, keep_alive=keep_alive, head_only=item.request.method == "HEAD"
                )
            )
            self._ending = not keep_alive
        if self._refusal and not (arrived or self._ending):
            self._refuse(self._refusal)
        self._read_only_if(not arrived)

    def _hold(self, content: bytes) -> None:
        if not self._held:
            self._host.hold(self)
        self._held.append(content)
        self._held_size += len(content)

    def _refuse(self, refusal: RefusedError) -> None:
        self._ending = True
        self._refusal = refusal
        if refusal.status:
            response = plain(refusal.status, refusal.sentence)
            self._hold(response_bytes(response, self._host.tails, keep_alive=False))
        elif not self._held:
            self._transport.close()

    def _read_only_if(self, ready: bool) -> None:
        if ready is self._read_paused and not self._transport.is_closing():
            self._read_paused = not ready
            (self._transport.resume_reading if ready else self._transport.pause_reading)()

    # Held answers become bytes on the wire.

    def release(self, *, failed: bool = False) -> None:
        """Write what is held; with `failed` it never became durable, so say that instead, and close."""
        if failed:
            self._ending = True
            response = plain(500, "The change could not be made durable.")
            self._held = [response_bytes(response, self._host.tails, keep_alive=False)]
        held, self._held, self._held_size = self._held, [], 0
        if not held or self._transport.is_closing():
            return
        self._transport.write(held[0] if len(held) == 1 else b"".join(held))
        self._since = self._clock()
        if self._ending:
            self._end()
        elif self._parser.arrived or self._refusal:
            self._work()

    def _end(self) -> None:
        """Close after the last answer.

        A client that was refused may still be sending, and closing on unread bytes would reset the
        connection and take the answer away; so its bytes are read and thrown away for a while.
        """
        if not (self._refusal and self._refusal.status):
            self._transport.close()
            return
        self._lingering = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._read_only_if(ready=True)

    # Time passes.

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way: coming in, waiting, held or not yet taken in by the client."""
        parser = self._parser
        return bool(parser.phase != "idle" or parser.arrived or self._held or self._write_paused)

    def sweep(self, now: float) -> None:
        """End the connection if the client has kept us waiting too long."""
        waited = now - self._since
        limits = self._host.limits
        if self._transport.is_closing():
            if waited > limits.write_time:
                self._transport.abort()
        elif self._lingering:
            if waited > limits.linger_time:
                self._transport.abort()
        elif self._write_paused:
            if waited > limits.write_time:
                self._transport.abort()
        elif not (self._held or self._ending):
            self._sweep_reading(waited, limits)

    def _sweep_reading(self, waited: float, limits: Limits) -> None:
        phase = self._parser.phase
        if phase == "idle":
            if waited > limits.idle_time:
                self._transport.close()
        elif waited > (limits.head_time if phase == "head" else limits.body_time):
            self._refuse(RefusedError(408, "The request took too long to arrive."))

    def stop(self) -> None:
        """The server stops: close now if nothing is under way."""
        if not self.is_busy and not self._lingering:
            self._transport.close()

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._transport.abort()
