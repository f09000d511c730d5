"""A client's connection: its requests go to instances one after another, and their responses come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.node.ingress import edge_answers as edge
from understudy_aws.node.ingress import exchange as exchanges
from understudy_aws.node.ingress.balancing import Route
from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.exchange import Exchange
from understudy_aws.node.ingress.heads import Head, forwarded_lines, request_bytes
from understudy_aws.node.ingress.known_heads import RequestHeads
from understudy_aws.node.ingress.request_parser import RequestParser

_LARGE = 64 * 1024
# How exactly it is known since when a connection has been idle.
_SECOND = 1.0

# The ids of a connection's requests differ by their last digits alone, until there are no others: a request takes less
# time for it.
_ID_BEGINNING = 33
_ID_ENDS = [b"%03x" % number for number in range(16**3)]


class Host(exchanges.Host, Protocol):
    """What a connection needs of the ingress it belongs to."""

    request_heads: RequestHeads
    spellings: dict[bytes, Route]
    idle: dict[ClientConnection, float]
    heads: dict[ClientConnection, float]
    request_id: Callable[[], bytes]
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
    With `moved`, requests are carried out nowhere but at that port, by TLS, which is what they are answered.
    """

    __slots__ = (
        "_exchange",
        "_forwarded",
        "_half_closed",
        "_is_closing",
        "_is_reading",
        "_left",
        "_moved",
        "_parser",
        "_place",
        "_rests_since",
        "_secure",
        "_spare",
        "_transport",
        "_working",
        "_write_paused",
        "host",
    )

    def __init__(self, host: Host, *, secure: bool, place: str = "", moved: int = 0) -> None:
        self.host = host
        self._moved = moved
        self._secure = secure
        self._place = place
        self._exchange: Exchange | None = None
        # The one before, which takes the next plain request in less time than another is made.
        self._spare: Exchange | None = None
        self._working = self._half_closed = self._is_closing = self._write_paused = False
        self._is_reading = True
        self._parser: RequestParser | None = None
        # What instances are told of this connection, and the beginning of ids; so many ends of those are left.
        self._forwarded = b""
        self._left = len(_ID_ENDS)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("sockname" if self._place else "peername")
        id = self.host.request_id()[:_ID_BEGINNING]
        self._forwarded = forwarded_lines(str(name[0]) if name else "", secure=self._secure) + id
        self._rest(monotonic_seconds())
        self.host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._is_closing = True
        exchange, self._exchange = self._exchange, None
        self._spare = None
        self._drop_input()
        host = self.host
        for waiting in (host.idle, host.heads, host.lingering):
            waiting.pop(self, None)
        host.closed(self)
        if exchange is not None:
            exchange.cancel()

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._parser is None and self._exchange is None and not self._write_paused:
            host = self.host
            heads = host.request_heads
            head = heads.known.get(data)
            if head is None or head.length:
                head = heads.read(data)
            if head is not None and not self._moved:
                route = host.route(head.host, self._place) if self._place else host.spellings.get(head.host)
                if route is not None:
                    said = self._told(head)
                    if head.length:
                        said += data[-head.length :]
                    exchange = self._spare
                    if exchange is not None and head.is_plain:
                        exchange.again(head, route, said)
                    else:
                        exchange = Exchange(self, head, route, said, True)
                    self._exchange = exchange
                    exchange.begin()
                    return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            parser = self._parser = RequestParser(self.host.limits)
        parser.feed(data)
        if parser.events:
            self._work(parser)
        if parser.in_head:
            if self not in self.host.heads:
                self.host.heads[self] = monotonic_seconds()
        elif self.host.heads:
            self.host.heads.pop(self, None)

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
        else:
            self.go_on()

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

    def write_one(self, piece: bytes) -> None:
        """Write a piece of a response."""
        if not self._is_closing:
            self._transport.write(piece)

    def answered(self, said: bytes, now: float) -> None:
        """Write a whole response, and go on with the next request."""
        self._spare, self._exchange = self._exchange, None
        if self._is_closing:
            return
        self._transport.write(said)
        if now - self._rests_since > _SECOND:
            self._rest(now)
        if self._parser is not None:
            self.go_on()

    def response_done(self, *, keep_alive: bool) -> None:
        """Go on with the next request, or close."""
        exchange, self._exchange = self._exchange, None
        if self._is_closing:
            return
        parser = self._parser
        if parser is not None and exchange is not None and exchange.asks_for_upgrade:
            parser.resume()
        if not keep_alive:
            self._finish(linger=exchange is not None and not exchange.request_complete)
            return
        self._rest(monotonic_seconds())
        if parser is not None:
            self.go_on()

    def abort(self) -> None:
        """Close at once, so that the client sees that something is missing."""
        self._is_closing = True
        self._exchange = None
        self.host.idle.pop(self, None)
        self._transport.abort()

    def go_on(self) -> None:
        """Send on what waits."""
        if self._parser is not None and not self._working:
            self._work(self._parser)

    def tunnel_ended(self) -> None:
        """Say nothing more: the instance has ended the tunnel."""
        self._finish(linger=False)

    # What the ingress does.

    def head_too_slow(self) -> None:
        """End a request whose head takes too long to arrive."""
        self.host.heads.pop(self, None)
        exchange = self._exchange
        if exchange is None and not self._is_closing and self._parser is not None:
            self._parser.refuse(edge.HEAD_TOO_SLOW)
            self._work(self._parser)
        else:
            self.abort()
            if exchange is not None:
                # Nobody would hear its response.
                exchange.cancel()

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._exchange is not None

    def close(self) -> None:
        """Close, while no request is under way."""
        if not self._is_closing:
            self._is_closing = True
            self.host.idle.pop(self, None)
            self._transport.close()

    # From bytes to exchanges.

    def _work(self, parser: RequestParser) -> None:
        """Handle what has come, as far as it can be."""
        self._working = True
        events = parser.events
        while events and not self._is_closing:
            exchange = self._exchange
            if exchange is not None:
                if not self._continue(exchange, parser):
                    break
            elif self._write_paused:
                # The next request is answered when the client has taken in the last answer.
                break
            else:
                event = events.popleft()
                if type(event) is Head:
                    self._begin(event, parser)
                elif isinstance(event, EdgeAnswer):
                    self._refuse(event)
                # Otherwise it belongs to a request that was answered before it was complete.
        self._working = False
        self._read_while(wanted=not events)
        if parser.is_between and not events and self._exchange is None:
            # What comes next may need none.
            self._parser = None

    def _continue(self, exchange: Exchange, parser: RequestParser) -> bool:
        """Handle what comes after the head of a request under way; False when it has to wait."""
        event = parser.events[0]
        if isinstance(event, bytes):
            if not exchange.takes_body or (exchange.asks_for_upgrade and not exchange.is_tunnel):
                return False
            parser.events.popleft()
            exchange.body(event)
        elif exchange.request_complete:
            # It is of another request.
            return False
        elif isinstance(event, EdgeAnswer):
            parser.events.popleft()
            exchange.malformed(event)
        elif not exchange.takes_body:
            return False
        else:
            parser.events.popleft()
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

    def _begin(self, head: Head, parser: RequestParser) -> None:
        host = self.host
        route = host.route(head.host, self._place)
        if route is None:
            self._answer(edge.NO_SUCH_HOST, head, parser)
            return
        if self._moved:
            self._answer(edge.moved_to_tls(head.host, head.target, self._moved), head, parser)
            return
        exchange = self._exchange = Exchange(self, head, route, self._told(head), not head.length)
        exchange.begin()

    def _told(self, head: Head) -> bytes:
        """Return the head of a request as an instance gets it, with an id of its own."""
        left = self._left = self._left - 1
        if left < 0:
            left = self._left = len(_ID_ENDS) - 1
            self._forwarded = self._forwarded[:-_ID_BEGINNING] + self.host.request_id()[:_ID_BEGINNING]
        if head.before:
            return head.before + self._forwarded + _ID_ENDS[left] + head.after
        return request_bytes(head, self._forwarded, _ID_ENDS[left])

    def _answer(self, answer: EdgeAnswer, head: Head, parser: RequestParser) -> None:
        """Answer a request of which no instance is told."""
        keep_alive = head.keep_alive and not head.has_body
        self.write([answer.encoded(keep_alive=keep_alive, head_only=head.method == b"HEAD")])
        if head.websocket:
            parser.resume()
        if keep_alive:
            self._rest(monotonic_seconds())
        else:
            self._finish(linger=head.has_body)

    def _refuse(self, answer: EdgeAnswer) -> None:
        self.write([answer.encoded(keep_alive=False)])
        self._finish(linger=True)

    def _rest(self, now: float) -> None:
        """Note that no request is under way from now on."""
        idle = self.host.idle
        idle.pop(self, None)
        idle[self] = self._rests_since = now

    def _drop_input(self) -> None:
        if self._parser is not None:
            self._parser.close()
            self._parser = None

    def _finish(self, *, linger: bool) -> None:
        """Close after what is written; a client that goes on sending can read it first."""
        if self._is_closing:
            return
        self._is_closing = True
        self._drop_input()
        self.host.idle.pop(self, None)
        self.host.lingering[self] = monotonic_seconds()
        if not linger or not self._transport.can_write_eof():
            self._transport.close()
            return
        with suppress(OSError):
            self._transport.write_eof()
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()
