"""Turns the bytes of a client into heads, pieces of bodies and ends of requests, bounded and read in one way only."""

from __future__ import annotations

from collections import deque
from typing import Any

import httptools

from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.heads import Head, MalformedError, read_request
from understudy_aws.node.ingress.limits import IngressLimits

_VERSIONS = ("1.1", "1.0")


class End:
    """The end of a request."""


END = End()
# The colon, the blank and the line's end around the name and the value of a header.
_AROUND = 4


class _StopParsingError(Exception):
    """Makes httptools stop; the reason is in the parser's `refusal`."""


class RequestParser:
    """Parses the bytes of one connection.

    `events` fills with a `Head` for each request and, if it has a body, pieces of that as bytes and `END`. An
    `EdgeAnswer` says that what follows is refused, and is the last. After a head that asks for a WebSocket everything
    is bytes; `resume` reads them as requests if it comes to nothing. `in_head` says that a head has begun and is not
    complete, and `is_between` that there is nothing of a request that is not complete.
    """

    def __init__(self, limits: IngressLimits) -> None:
        self.events: deque[Head | bytes | End | EdgeAnswer] = deque()
        self.in_head = False
        self.is_between = True
        self.refused = False
        self._limits = limits
        self._parser: Any = httptools.HttpRequestParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._upgraded = False
        # A head is replayed to a new parser, and was heard already; the body of an upgrade that is not made is awaited.
        self._replaying = False
        self._awaits_body = False
        self._in_body = self._has_body = False
        self._replayed: list[tuple[bytes, bytes]] = []
        # Bytes fed to a head, or to lines around chunks, that are not complete yet; and whether some of a body came.
        self._unfinished = 0
        self._had_body = False

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        if self.refused:
            return
        if self._upgraded:
            self.events.append(data)
            return
        before = len(self.events)
        self.is_between = self._had_body = False
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            if not self.refused:
                self.refuse(EdgeAnswer(400, f"This is no HTTP/1.1 request: {error}."))
            return
        if self.in_head or (self._in_body and not self._had_body):
            # httptools keeps an unfinished line to itself, however long, so what it was fed is counted.
            self._unfinished = len(data) + (self._unfinished if len(self.events) == before else 0)
            if self._unfinished > self._limits.head and len(self.events) == before:
                self.refuse(EdgeAnswer(431, f"The headers are longer than {self._limits.head} bytes."))
        else:
            self._unfinished = 0
            # An end of line that has only begun is kept by httptools.
            self.is_between = not (self._in_body or self._upgraded) and data[-1:] != b"\r"

    def refuse(self, answer: EdgeAnswer) -> None:
        """Take nothing more; `answer` is the last event."""
        self.refused = True
        self.in_head = self._in_body = False
        self.events.append(answer)
        # The parser and this object refer to each other; without the cycle both are freed at once.
        self._parser = None

    def close(self) -> None:
        """Drop everything, and take nothing more."""
        self.refused = True
        self.events.clear()
        self._parser = None

    def resume(self) -> None:
        """Read what followed the request for an upgrade, which came to nothing, as further requests."""
        self._upgraded = False
        pieces = [self.events.popleft() for _ in range(len(self.events))]
        for piece in pieces:
            if isinstance(piece, bytes):
                self.feed(piece)

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
                if self._upgraded:
                    if data:
                        self.events.append(data)
                    return
                # An offer to change protocols may be ignored (RFC 9110 7.8): what follows is HTTP still. httptools
                # leaves the body, if there is one, to the other protocol.
                if self._awaits_body:
                    self._replay_head()
            else:
                return

    def _replay_head(self) -> None:
        """Feed a new parser a head of the same framing, so that it reads the body next."""
        names = (b"content-length", b"transfer-encoding")
        framing = b"".join(
            b"%b: %b\r\n" % (name, value) for name, value in self._replayed if name.lower() in names
        )
        self._replaying = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n")
        self._replaying = self._awaits_body = False

    # What httptools calls, in this order. It wraps exceptions in its own, hence `_stop`.

    def on_message_begin(self) -> None:
        self.in_head = not self._replaying

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        # Lines after a chunked body are dropped: RFC 9110 6.5 forbids to treat them as headers.
        if not self._in_body:
            self._headers.append((name, value or b""))

    def on_headers_complete(self) -> None:
        if self._replaying:
            self._target = b""
            self._headers = []
            return
        headers, target = self._headers, self._target
        self._headers, self._target = [], b""
        self.in_head = False
        parser = self._parser
        version = parser.get_http_version()
        limits = self._limits
        if len(headers) > limits.headers:
            raise self._stop(431, f"There are more than {limits.headers} headers.")
        size = len(target) + sum([len(name) + len(value) + _AROUND for name, value in headers])
        if size > limits.head:
            raise self._stop(431, f"The headers are longer than {limits.head} bytes.")
        if version not in _VERSIONS:
            raise self._stop(505 if version != "0.9" else 400, "HTTP/1.1 is spoken here.")
        method = parser.get_method()
        if method == b"CONNECT":
            raise self._stop(405, "No tunnels are made here.")
        try:
            head = read_request(method, target, headers, version, keep_alive=parser.should_keep_alive())
        except MalformedError as error:
            raise self._stop(error.status, str(error)) from error
        self.events.append(head)
        self._in_body = True
        self._has_body = head.length != 0
        if parser.should_upgrade():
            self._upgraded = head.websocket
            self._awaits_body = head.has_body
            self._replayed = headers

    def on_body(self, body: bytes) -> None:
        self._had_body = True
        self.events.append(body)

    def on_message_complete(self) -> None:
        if not self._awaits_body:
            self._in_body = False
            if self._has_body:
                self.events.append(END)

    def _stop(self, status: int, sentence: str) -> _StopParsingError:
        self.refuse(EdgeAnswer(status, sentence))
        return _StopParsingError()
