"""One client's connection: requests in, answers out in the same order, nothing without bound."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol, cast

from understudy.core.http import HttpRequest
from understudy.server.limits import Limits
from understudy.server.parsing import RefusedError, RequestParser

# From here on copying costs more than a second piece.
_LARGE = 32 * 1024


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    limits: Limits
    closing: bool

    def answer(self, request: HttpRequest, *, keep_alive: bool) -> tuple[bytes, ...]: ...

    def refusal(self, status: int, sentence: str) -> bytes: ...

    def hold(self, connection: Connection) -> None:
        """See to it that `release` or `withhold` is called, once it is known whether all is durable."""
        ...

    def opened(self, connection: Connection) -> bool:
        """Take the connection in; False when there are too many."""
        ...

    def closed(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A connection between the event loop and the server.

    A request is handled as soon as it is complete; its answer is held until it is durable, then written.
    While more than `limits.held` bytes of answers wait, or the client does not take in what was written,
    further requests stay unhandled and nothing more is read.
    """

    def __init__(self, host: Host, *, secure: bool) -> None:
        self._host = host
        self._secure = secure
        self._held: list[bytes] = []
        self._held_size = 0
        self._refusal: RefusedError | None = None  # to be answered after all that arrived before it
        self._ending = False  # the last answer is held or written; nothing more is handled
        self._lingering = False  # all is written; what still comes in is thrown away
        self._client_is_done = False  # it has closed its side
        self._write_paused = False
        self._read_paused = False
        self._since = time.monotonic()  # when the present wait began
        self._unsent = 0  # bytes the client had not taken in at the last sweep

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        source_ip = str(peer[0]) if peer else ""
        self._parser = RequestParser(self._host.limits, source_ip=source_ip, secure=self._secure)
        if not self._host.opened(self):
            self._ending = True
            self._transport.write(self._host.refusal(503, "There are too many connections."))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._ending = True
        self._held.clear()
        self._parser.arrived.clear()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._ending or self._refusal is not None:
            return
        parser = self._parser
        try:
            parser.feed(data)
        except RefusedError as refusal:
            self._refusal = refusal
        if parser.begun:
            # A request has its time as a whole: bytes that trickle in do not extend it.
            self._since = time.monotonic()
        self._work()

    def eof_received(self) -> bool:
        """The client sends no more: what arrived is still answered. Over TLS there is no half-closing."""
        self._client_is_done = True
        if self._lingering or self._secure:
            return False
        self._work()
        return True

    def pause_writing(self) -> None:
        self._write_paused = True
        self._since = time.monotonic()

    def resume_writing(self) -> None:
        self._write_paused = False
        self._since = time.monotonic()
        self._work()

    # Requests become held answers.

    def _work(self) -> None:
        """Handle what arrived, as far as the bounds allow."""
        if self._ending:
            return
        arrived, host = self._parser.arrived, self._host
        while arrived and not (self._ending or self._write_paused) and self._held_size < host.limits.held:
            item = arrived.popleft()
            if isinstance(item, bytes):
                self._hold(item)
                continue
            keep_alive = item.keep_alive and bool(arrived or not host.closing)
            self._hold(*host.answer(item.request, keep_alive=keep_alive))
            self._ending = not keep_alive
        if self._ending:
            arrived.clear()
        elif not arrived and self._refusal is not None:
            self._refuse(self._refusal)
        elif not arrived and self._client_is_done:
            self._ending = True
            if not self._held:
                self._transport.close()
        self._read_while(not arrived)

    def _hold(self, *pieces: bytes) -> None:
        if not self._held:
            self._host.hold(self)
        self._held += pieces
        self._held_size += sum(map(len, pieces))

    def _refuse(self, refusal: RefusedError) -> None:
        self._refusal = refusal
        self._ending = True
        self._hold(self._host.refusal(refusal.status, refusal.sentence))

    def _read_while(self, wanted: bool) -> None:
        if wanted is self._read_paused and not (self._client_is_done or self._transport.is_closing()):
            self._read_paused = not wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # Held answers become bytes on the wire.

    def release(self) -> None:
        """Write what is held: it is durable now."""
        held, size = self._held, self._held_size
        self._held, self._held_size = [], 0
        if not held or self._transport.is_closing():
            return
        if self._parser.phase == "idle":
            self._since = time.monotonic()
        if len(held) == 1:
            self._transport.write(held[0])
        elif size > _LARGE:
            self._transport.writelines(held)
        else:
            self._transport.write(b"".join(held))
        if self._ending:
            self._end()
        elif self._parser.arrived or self._refusal is not None or self._client_is_done:
            self._work()
        elif self._host.closing:
            self.close_if_idle()

    def withhold(self) -> None:
        """What is held did not become durable: say so instead, and close."""
        self._ending = True
        self._parser.arrived.clear()
        self._held = [self._host.refusal(500, "What the request changed could not be kept.")]
        self.release()

    def _end(self) -> None:
        """Close after the last answer.

        A client that was refused may still be sending, and closing on unread bytes resets the connection,
        which would take the answer away from it; so its bytes are read and thrown away for a while.
        """
        if self._refusal is None or self._client_is_done:
            self._transport.close()
            return
        self._lingering = True
        self._since = time.monotonic()
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        self._read_while(wanted=True)

    # Time passes, and the server stops.

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way: coming in, waiting, or its answer not yet written."""
        parser = self._parser
        return bool(parser.phase != "idle" or parser.arrived or self._held or self._write_paused)

    def close_if_late(self, now: float) -> None:
        """End the connection if its client kept us waiting too long; `now` is of the monotonic clock."""
        limits = self._host.limits
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._since = now
        self._unsent = unsent
        waited = now - self._since
        if self._write_paused or self._transport.is_closing():
            if waited > limits.write_seconds:
                self._transport.abort()
        elif self._lingering:
            if waited > limits.linger_seconds:
                self._transport.abort()
        elif self._ending or self._held:
            return
        elif self._parser.phase == "idle":
            if waited > limits.idle_seconds:
                self._transport.close()
        elif waited > limits.request_seconds:
            self._refuse(RefusedError(408, "The request took too long to arrive."))

    def close_if_idle(self) -> None:
        """Close unless a request is under way; then its answer closes."""
        if not (self.is_busy or self._lingering):
            self._transport.close()

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._transport.abort()
