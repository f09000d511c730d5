"""A client's connection: its requests go to instances one after another, and their responses come back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol, cast

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.node.ingress import edge_answers as edge
from understudy_aws.node.ingress import exchange as exchanges
from understudy_aws.node.ingress.balancing import Route
from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.exchange import Exchange
from understudy_aws.node.ingress.heads import Head, forwarded_lines
from understudy_aws.node.ingress.request_parser import End, RequestParser

_LARGE = 64 * 1024


class Host(exchanges.Host, Protocol):
    """What a connection needs of the ingress it belongs to."""

    idle: dict[ClientConnection, float]
    heads: dict[ClientConnection, float]
    lingering: dict[ClientConnection, float]

    def opened(self, client: ClientConnection) -> None: ...

    def closed(self, client: ClientConnection) -> None: ...

    def route(self, host: bytes, place: str) -> Route | None:
        """Return what leads requests of a host to its service, at a place where they are taken."""
        ...


class ClientConnection(asyncio.Protocol):
    """A connection of a client.

    Requests are carried out in order, one at a time; while one is under way and another has come, nothing is read.
    `place` is where it was taken: empty outside, or the interface of a VPC endpoint, whose clients are not told of.
    """

    __slots__ = (
        "_exchange",
        "_half_closed",
        "_host",
        "_is_closing",
        "_is_reading",
        "_parser",
        "_place",
        "_secure",
        "_transport",
        "_working",
        "_write_paused",
        "forwarded",
    )

    def __init__(self, host: Host, *, secure: bool, place: str = "") -> None:
        self._host = host
        self._secure = secure
        self._place = place
        self._exchange: Exchange | None = None
        self._working = self._half_closed = self._is_closing = self._write_paused = False
        self._is_reading = True
        self.forwarded = b""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("sockname" if self._place else "peername")
        self.forwarded = forwarded_lines(str(name[0]) if name else "", secure=self._secure)
        self._parser = RequestParser(self._host.limits)
        self._host.idle[self] = monotonic_seconds()
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._is_closing = True
        exchange, self._exchange = self._exchange, None
        self._parser.close()
        host = self._host
        for waiting in (host.idle, host.heads, host.lingering):
            waiting.pop(self, None)
        host.closed(self)
        if exchange is not None:
            exchange.cancel()

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        parser = self._parser
        parser.feed(data)
        if parser.events:
            self._work()
        if parser.in_head:
            if self not in self._host.heads:
                self._host.heads[self] = monotonic_seconds()
        elif self._host.heads:
            self._host.heads.pop(self, None)

    def eof_received(self) -> bool:
        """End what is under way: a client that has closed its side is taken for gone, as by Envoy.

        A tunnel may be closed on one side. Over TLS none can.
        """
        exchange = self._exchange
        if self._secure or self._is_closing or exchange is None or not exchange.is_tunnel:
            return False
        self._half_closed = True
        exchange.end_of_tunnel()
        return True

    def pause_writing(self) -> None:
        self._write_paused = True
        if self._exchange is not None:
            self._exchange.pause(paused=True)

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._exchange is not None:
            self._exchange.pause(paused=False)
        elif self._parser.events and not self._working:
            self._work()

    # What an exchange does.

    def write(self, pieces: list[bytes]) -> None:
        """Write pieces of a response."""
        if self._is_closing:
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif sum(map(len, pieces)) > _LARGE:
            self._transport.writelines(pieces)
        else:
            self._transport.write(b"".join(pieces))

    def response_done(self, *, keep_alive: bool) -> None:
        """Go on with the next request, or close."""
        exchange, self._exchange = self._exchange, None
        if self._is_closing:
            return
        if exchange is not None and exchange.asks_for_upgrade:
            self._parser.resume()
        if not keep_alive:
            self._finish(linger=exchange is not None and not exchange.request_complete)
            return
        self._host.idle[self] = monotonic_seconds()
        if not self._working:
            self._work()

    def abort(self) -> None:
        """Close at once, so that the client sees that something is missing."""
        self._is_closing = True
        self._exchange = None
        self._transport.abort()

    def go_on(self) -> None:
        """Send on what waits."""
        if not self._working:
            self._work()

    def tunnel_ended(self) -> None:
        """Say nothing more: the instance has ended the tunnel."""
        self._finish(linger=False)

    # What the ingress does.

    def head_too_slow(self) -> None:
        """End a request whose head takes too long to arrive."""
        self._host.heads.pop(self, None)
        if self._exchange is None and not self._is_closing:
            self._parser.refuse(edge.HEAD_TOO_SLOW)
            self._work()
        else:
            self.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is under way; then its response closes."""
        if self._exchange is None and not self._is_closing:
            self._is_closing = True
            self._transport.close()

    # From bytes to exchanges.

    def _work(self) -> None:
        """Handle what has come, as far as it can be."""
        self._working = True
        events = self._parser.events
        while events and not self._is_closing:
            exchange = self._exchange
            if exchange is not None:
                if not self._continue(exchange, events[0]):
                    break
            elif self._write_paused:
                # The next request is answered when the client has taken in the last answer.
                break
            else:
                event = events.popleft()
                if type(event) is Head:
                    self._begin(event)
                elif isinstance(event, EdgeAnswer):
                    self._refuse(event)
                # Otherwise it belongs to a request that was answered before it was complete.
        self._working = False
        self._read_while(wanted=not events)

    def _continue(self, exchange: Exchange, event: Head | bytes | End | EdgeAnswer) -> bool:
        """Handle what comes after the head of a request under way; False when it has to wait."""
        if isinstance(event, bytes):
            if not exchange.takes_body or (exchange.asks_for_upgrade and not exchange.is_tunnel):
                return False
            self._parser.events.popleft()
            exchange.body(event)
        elif exchange.request_complete:
            # It is of another request.
            return False
        elif isinstance(event, EdgeAnswer):
            self._parser.events.popleft()
            exchange.malformed(event)
        elif not exchange.takes_body:
            return False
        else:
            self._parser.events.popleft()
            exchange.end()
        return True

    def _read_while(self, *, wanted: bool) -> None:
        if wanted is self._is_reading or self._is_closing or self._half_closed:
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _begin(self, head: Head) -> None:
        host = self._host
        host.idle.pop(self, None)
        route = host.route(head.host, self._place)
        if route is None:
            keep_alive = head.keep_alive and not head.has_body
            answer = edge.NO_SUCH_HOST.encoded(keep_alive=keep_alive, head_only=head.method == b"HEAD")
            self.write([answer])
            if head.websocket:
                self._parser.resume()
            if keep_alive:
                host.idle[self] = monotonic_seconds()
            else:
                self._finish(linger=head.has_body)
            return
        exchange = self._exchange = Exchange(host, self, head, route)
        exchange.begin()

    def _refuse(self, answer: EdgeAnswer) -> None:
        self._host.idle.pop(self, None)
        self.write([answer.encoded(keep_alive=False)])
        self._finish(linger=True)

    def _finish(self, *, linger: bool) -> None:
        """Close after what is written; a client that goes on sending can read it first."""
        if self._is_closing:
            return
        self._is_closing = True
        self._parser.close()
        self._host.lingering[self] = monotonic_seconds()
        if not linger or not self._transport.can_write_eof():
            self._transport.close()
            return
        with suppress(OSError):
            self._transport.write_eof()
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()
