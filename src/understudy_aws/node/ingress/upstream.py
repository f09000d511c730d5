"""A connection to an instance: it sends one request after another, and passes on what is answered."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

import httptools

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.node.ingress.balancing import Target
from understudy_aws.node.ingress.heads import UNTIL_CLOSED, MalformedError, ResponseHead, read_response
from understudy_aws.node.ingress.known_heads import KnownResponse, ResponseHeads

# Members of an enumeration take as long to look up as a call.
_OK, _SWITCHING = 200, 101
_LAST_CHUNK = b"0\r\n\r\n"


class Asker(Protocol):
    """Who has sent a request, and gets the response."""

    is_head: bool
    asks_for_upgrade: bool
    is_plain: bool
    request_complete: bool

    def on_known_response(self, head: KnownResponse, body: bytes, *, done: bool) -> None:
        """Pass on a response that needs no parser, or its beginning."""
        ...

    def end_if_late(self, now: float) -> None: ...

    def on_response_head(self, head: ResponseHead) -> tuple[bytes, bool]:
        """Return the head as the client gets it, and whether the body is passed on in chunks."""
        ...

    def on_response(self, pieces: list[bytes], *, done: bool) -> None:
        """Pass pieces of the response on; after the last one the connection belongs to nobody."""
        ...

    def on_switched(self, pieces: list[bytes]) -> None:
        """Pass on what comes first after the connection has become the application's own."""
        ...

    def on_upstream_lost(self, *, malformed: bool) -> None: ...

    def on_upstream_paused(self, *, paused: bool) -> None: ...

    def on_tunnel_ended(self) -> None: ...


class Upstream(asyncio.Protocol):
    """One connection.

    `asker` is whose request is under way; without one it is idle, in its target's pool. Who takes it from there becomes
    the asker and writes to `transport`.

    `is_used` says that it had a response before, and `is_reusable` after one that it can have another. In a tunnel
    bytes are no messages.
    """

    __slots__ = (
        "_body_left_out",
        "_chunked",
        "_closed",
        "_head",
        "_headers",
        "_is_dirty",
        "_is_done",
        "_is_full",
        "_is_parsing",
        "_is_paused",
        "_known",
        "_last",
        "_left",
        "_out",
        "_parser",
        "asker",
        "idle_since",
        "is_reusable",
        "is_tunnel",
        "is_used",
        "target",
        "transport",
    )

    def __init__(self, target: Target, known: ResponseHeads) -> None:
        self.target = target
        self._known = known
        self.asker: Asker | None = None
        self.idle_since = 0.0
        self.is_tunnel = False
        self.is_used = False
        self.is_reusable = False
        self._closed = False
        self._parser: Any = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: ResponseHead | None = None
        self._out: list[bytes] = []
        self._chunked = self._body_left_out = False
        self._is_done = self._is_dirty = self._is_full = self._is_paused = self._is_parsing = False
        # So many bytes of the body of a response that needs no parser are to come.
        self._left = 0
        # The head of the last such response: servers begin many in the same way.
        self._last: KnownResponse | None = None

    # What the asker does.

    def send(self, piece: bytes) -> None:
        """Send some of a body, or of a tunnel."""
        self.transport.write(piece)

    def send_end(self) -> None:
        """Say that nothing more is sent through a tunnel."""
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def pause(self, *, paused: bool) -> None:
        """Read nothing more until the client has taken in what was read, or go on."""
        if paused is self._is_paused or self._closed or self.transport.is_closing():
            return
        self._is_paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def end_if_late(self, now: float) -> None:
        """End the request that uses it if that takes too long."""
        if self.asker is not None:
            self.asker.end_if_late(now)

    def close(self) -> None:
        """Close, without a word to anybody."""
        self.asker = None
        if not self._closed:
            self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.target.connections.add(self)

    def data_received(self, data: bytes) -> None:
        asker = self.asker
        if asker is None:
            # Nothing was asked.
            self.transport.abort()
            return
        if self._left:
            self._go_on(asker, data)
            return
        head = None
        if asker.is_plain and asker.request_complete and not self._is_parsing:
            head = self._last
            if head is None or not data.startswith(head.told):
                head = self._known_head(data)
        if head is None or (left := head.length + len(head.told) - len(data)) < 0:
            self._parse(asker, data)
            return
        body = data[len(head.told) :]
        if left:
            self._left = left
            asker.on_known_response(head, body, done=False)
        else:
            self.asker = None
            self.is_used = True
            self.is_reusable = not (self._is_dirty or self._is_full)
            asker.on_known_response(head, body, done=True)

    def _known_head(self, data: bytes) -> KnownResponse | None:
        """Return the head of a response if it is here and needs no parser."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return None
        told = data[:end]
        head = self._known.known.get(told) or self._known.read(told)
        if head is not None:
            self._last = head
        return head

    def _go_on(self, asker: Asker, data: bytes) -> None:
        """Pass on some more of the body of a response that needs no parser."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            asker.on_response([data], done=False)
            return
        self._left = 0
        self._is_dirty = left < 0
        self._finish(asker, [data[:left] if left else data])

    def _parse(self, asker: Asker, data: bytes) -> None:
        if self.is_tunnel:
            asker.on_response([data], done=False)
            return
        self._is_parsing = True
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switched(asker, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if not self._is_done:
                self._fail(malformed=True)
                return
            self._is_dirty = True
        out = self._out
        if self._is_done:
            self._out = []
            self._finish(asker, out)
        elif out:
            self._out = []
            asker.on_response(out, done=False)

    def eof_received(self) -> bool:
        if self.is_tunnel and self.asker is not None:
            self.asker.on_tunnel_ended()
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        # It was after the response before, and one that ends with the connection comes to its end only now.
        self.is_reusable = False
        asker, self.asker = self.asker, None
        self._parser = None
        self.target.forget(self)
        if asker is None:
            return
        if self.is_tunnel:
            asker.on_tunnel_ended()
        elif self._head is not None and self._head.length == UNTIL_CLOSED and exc is None:
            asker.on_response([_LAST_CHUNK] if self._chunked else [], done=True)
        else:
            asker.on_upstream_lost(malformed=False)

    def pause_writing(self) -> None:
        # Whoever used it next would not be told of it, and send without end.
        self._is_full = True
        if self.asker is not None:
            self.asker.on_upstream_paused(paused=True)

    def resume_writing(self) -> None:
        self._is_full = False
        if self.asker is not None:
            self.asker.on_upstream_paused(paused=False)

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if self._head is None:
            self._headers.append((name, value or b""))
        elif self._is_done:
            self._is_dirty = True

    def on_headers_complete(self) -> None:
        asker = self.asker
        if self._is_done or asker is None:
            self._is_dirty = True
            return
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if status < _OK and status != _SWITCHING:
            # The permission to go on was given by us, and hints are for browsers that know of them.
            return
        head = read_response(status, headers, is_head=asker.is_head)
        if status == _SWITCHING:
            if not asker.asks_for_upgrade:
                raise MalformedError(502, "another protocol that nobody asked for")
            self._head = head
            return
        self._head = head
        self._is_dirty = not self._parser.should_keep_alive() or head.length == UNTIL_CLOSED
        line, self._chunked = asker.on_response_head(head)
        self._out.append(line)
        if asker.is_head:
            self._is_done = True
            # This parser waits for a body that does not come.
            self._body_left_out = True

    def on_body(self, body: bytes) -> None:
        if self._is_done:
            self._is_dirty = True
        elif not self._chunked:
            self._out.append(body)
        elif body:
            self._out += (b"%x\r\n" % len(body), body, b"\r\n")

    def on_message_complete(self) -> None:
        if self._head is None or self._is_done:
            return
        if self._chunked:
            self._out.append(_LAST_CHUNK)
        self._is_done = True

    # What comes of it.

    def _switched(self, asker: Asker, rest: bytes) -> None:
        if not asker.asks_for_upgrade or self._head is None:
            self._fail(malformed=True)
            return
        self.is_tunnel = True
        self._parser = None
        self._head = ResponseHead(101, self._head.passed, 0, b"", self._head.upgrade)
        line, _ = asker.on_response_head(self._head)
        asker.on_switched([line, rest] if rest else [line])

    def _finish(self, asker: Asker, out: list[bytes]) -> None:
        """End the response: the connection goes back into the pool, unless it is not as if new."""
        self.asker = None
        if self._body_left_out:
            self._parser = None
            self._body_left_out = False
        self._head = None
        self._is_done = self._is_parsing = False
        self.is_used = True
        self.is_reusable = not (self._is_dirty or self._is_full or self._closed)
        self.idle_since = monotonic_seconds()
        asker.on_response(out, done=True)

    def _fail(self, *, malformed: bool) -> None:
        asker, self.asker = self.asker, None
        self.transport.abort()
        if asker is not None:
            asker.on_upstream_lost(malformed=malformed)
