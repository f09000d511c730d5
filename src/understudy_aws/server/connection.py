"""One client's connection: it takes requests in and writes their answers in the same order, all within bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol, cast

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.http import BodySink, HttpRequest, HttpResponse
from understudy_aws.dataplane.edge import Arrival
from understudy_aws.server.answers import Answer, AnswerQueue
from understudy_aws.server.limits import Limits
from understudy_aws.server.parsing import Arrived, Refusal, RequestParser
from understudy_aws.server.states import Client, ConnectionState, Event, Server

# Looking a member of an enumeration up takes as long as a call, and every request asks for these.
_SENDING, _ANSWERING, _ENDING = Client.SENDING, Server.ANSWERING, Server.ENDING

# From here on copying costs more than a second piece.
_LARGE = 32 * 1024
# Of a file so much is read at once, and so many pieces before others have their turn.
_PIECE = 256 * 1024
_PIECES = 8


def _nothing() -> None:
    """Do nothing: no handshake comes before a connection without TLS."""


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    limits: Limits
    closing: bool

    def answer(self, request: HttpRequest, *, keep_alive: bool) -> Answer: ...

    def sink(self, request: HttpRequest) -> BodySink | HttpResponse | None:
        """Where the body of a request goes that is not kept in memory; an answer refuses it."""
        ...

    def replacement(self, answer: Answer) -> Answer:
        """The answer to send instead of one whose request could not be made durable."""
        ...

    def refusal(self, refusal: Refusal) -> Answer: ...

    def opened(self, connection: Connection) -> Refusal | None:
        """Take the connection in, or say why not."""
        ...

    def closed(self, connection: Connection) -> None: ...

    def account(self, connection: Connection, incoming: int) -> None:
        """Note how many bytes of unhandled requests the connection keeps; the server may refuse some connection."""
        ...


class Connection(asyncio.Protocol):
    """A connection between the event loop and the server.

    A request is handled as soon as it is complete. Its answer is held until it is durable, then written. While more
    than `limits.held` bytes of answers wait, or the client does not take in what was written, further requests stay
    unhandled and nothing more is read.

    `arrival` says who is at the other end of a connection that the node has passed on; else the system is asked.
    `state` says what client and server do (`states.py`). `incoming` is the number of bytes of unhandled requests that
    the server was told of last. `begun` is called when the connection begins, which over TLS is after the handshake.
    """

    def __init__(
        self,
        host: Host,
        *,
        secure: bool,
        begun: Callable[[], None] = _nothing,
        arrival: Arrival | None = None,
    ) -> None:
        self.state = ConnectionState()
        self.incoming = 0
        self._host = host
        self._secure = secure
        self._arrival = arrival
        self._begun = begun
        self._answers = AnswerQueue(host.replacement, self._go_on)
        self._write_paused = False
        self._read_paused = False
        self._since = monotonic_seconds()  # when the present wait began
        self._unsent = 0  # bytes the client had not taken in at the last sweep

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        arrival = self._arrival
        if arrival is None:
            peer = transport.get_extra_info("peername")
            arrival = Arrival(str(peer[0]) if peer else "", inside=False)
        self._parser = RequestParser(
            self._host.limits, arrival=arrival, secure=self._secure, sinks=self._host.sink
        )
        self._begun()
        self._begun = _nothing
        refusal = self._host.opened(self)
        if refusal is not None:
            self.refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self.state.process(Event.LOST)
        self._answers.close()
        self._parser.close()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state.client is not _SENDING or not state.is_handling:
            return
        parser = self._parser
        parser.feed(data)
        if parser.begun or parser.is_streaming:
            # A request has its time as a whole: bytes that trickle in do not extend it, but for those of a body that
            # goes into a file, which only a client that was let in sends.
            self._since = monotonic_seconds()
        self._work()
        incoming = parser.incoming if parser.phase != "idle" or parser.arrived else 0
        if incoming != self.incoming:
            self._host.account(self, incoming)

    def eof_received(self) -> bool:
        """Answer what arrived, and nothing more. Over TLS a client cannot close one side only."""
        self.state.process(Event.CLIENT_CLOSED)
        if self._secure or self.state.server is Server.CLOSED:
            return False
        self._work()
        return True

    def pause_writing(self) -> None:
        self._write_paused = True
        self._since = monotonic_seconds()

    def resume_writing(self) -> None:
        self._write_paused = False
        self._since = monotonic_seconds()
        if self._answers.file is not None:
            self._send_file()
        else:
            self._work()

    # From requests to bytes on the wire.

    def _work(self) -> None:
        """Handle what arrived, as far as the bounds allow, and write the answers that may leave."""
        while True:
            self._handle()
            if not self._write():
                break
        wanted = not self._parser.arrived
        if wanted is self._read_paused and self.state.server is _ANSWERING:
            self._read_while(wanted)

    def _go_on(self) -> None:
        """Write the answers that may leave now, and handle what had to wait for that."""
        if self._write():
            self._work()

    def _handle(self) -> None:
        """Handle requests until the bounds are reached."""
        state, host, answers = self.state, self._host, self._answers
        arrived, most = self._parser.arrived, host.limits.held
        while arrived and state.server is _ANSWERING and not self._write_paused and answers.size < most:
            item = arrived.popleft()
            if type(item) is Arrived:
                keep_alive = item.keep_alive and bool(arrived or not host.closing)
                answers.append(host.answer(item.request, keep_alive=keep_alive))
                if not keep_alive:
                    self._queued_last()
            elif isinstance(item, Refusal):
                if state.client is Client.SENDING:
                    state.process(Event.REFUSED)
                answers.append(host.refusal(item))
                self._queued_last()
            else:
                assert isinstance(item, bytes), "the permission to go on"
                answers.append(Answer((item,), len(item)))
        if not arrived:
            if state.client is Client.CLOSED and state.server is Server.ANSWERING:
                self._queued_last()
            if self.incoming and self._parser.phase == "idle":
                host.account(self, 0)

    def _queued_last(self) -> None:
        self.state.process(Event.LAST_ANSWER_QUEUED)
        self._parser.close()

    def _write(self) -> bool:
        """Write the answers that may leave; whether requests that arrived can be handled because of that."""
        answers = self._answers
        pieces = answers.take()
        if self._transport.is_closing() if pieces else bool(answers):
            return False
        if pieces:
            if self._parser.phase == "idle":
                self._since = monotonic_seconds()
            self._send(pieces)
            if answers.file is not None:
                self._send_file()
        if answers.file is not None:
            return False
        server = self.state.server
        if server is _ENDING and not answers:
            self.state.process(Event.ALL_WRITTEN)
            self._end()
        if answers or not pieces or server is not _ANSWERING:
            return False
        if self._host.closing:
            self.close_if_idle()
        waits = self._parser.arrived or self.state.client is Client.CLOSED
        return bool(waits) and not self._write_paused

    def _send(self, pieces: list[bytes]) -> None:
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif sum(map(len, pieces)) > _LARGE:
            self._transport.writelines(pieces)
        else:
            self._transport.write(b"".join(pieces))

    def _send_file(self) -> None:
        """Send what follows of an answer from its file, as fast as the client takes it, and then go on."""
        body = self._answers.file
        if body is None or self._write_paused or self._transport.is_closing():
            return
        self._since = monotonic_seconds()
        for _ in range(_PIECES):
            piece = body.file.read(_PIECE)
            if not piece:
                body.file.close()
                self._answers.file = None
                # Not from within `_write`, which may be what has called this.
                asyncio.get_running_loop().call_soon(self._work)
                return
            self._transport.write(piece)
            if self._write_paused:
                return
        asyncio.get_running_loop().call_soon(self._send_file)

    def _end(self) -> None:
        """Close after the last answer, or let a client that was refused read it first."""
        if self.state.server is Server.CLOSED:
            self._transport.close()
            return
        self._since = monotonic_seconds()
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        self._read_while(wanted=True)

    def _read_while(self, wanted: bool) -> None:
        if wanted is self._read_paused and not (
            self.state.client is Client.CLOSED or self._transport.is_closing()
        ):
            self._read_paused = not wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # What the server decides.

    def refuse(self, refusal: Refusal) -> None:
        """Drop what is unhandled, and make this the last answer."""
        if not self.state.is_handling:
            return
        self._parser.arrived.clear()
        self._parser.refuse(refusal)
        self._work()

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._transport.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is under way; then its answer closes."""
        if not self.is_busy and self.state.is_handling:
            self._transport.close()

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way: coming in, waiting, or its answer not yet written."""
        parser = self._parser
        sending = self._write_paused or self._answers.file is not None
        return bool(parser.phase != "idle" or parser.arrived or self._answers or sending)

    @property
    def waits_for_client_since(self) -> float | None:
        """Since when nothing is under way and the client may send a request; None when something is, or it closes."""
        if self.is_busy or not self.state.is_handling or self._transport.is_closing():
            return None
        return self._since

    def close_if_late(self, now: float) -> None:
        """End the connection if its client kept us waiting too long; `now` is of the monotonic clock."""
        limits = self._host.limits
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._since = now
        self._unsent = unsent
        waited = now - self._since
        server = self.state.server
        if self._write_paused or self._transport.is_closing():
            if waited > limits.write_seconds:
                self._transport.abort()
        elif server is Server.LINGERING:
            if waited > limits.linger_seconds:
                self._transport.abort()
        elif server is not Server.ANSWERING or self._answers or self._answers.file is not None:
            return
        elif self._parser.phase == "idle":
            if waited > limits.idle_seconds:
                self._transport.close()
        elif waited > limits.request_seconds:
            self.refuse(Refusal(408, "The request took too long to arrive."))
