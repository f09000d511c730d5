"""Turns the bytes of a connection into requests: what httptools reads, collected and bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import Any, Literal, NamedTuple

import httptools
import msgspec

from understudy_aws.core.http import BodySink, HttpRequest, HttpResponse
from understudy_aws.dataplane.edge import Arrival
from understudy_aws.server.limits import Limits
from understudy_aws.server.responses import CONTINUE

Phase = Literal["idle", "head", "body"]

_VERSIONS = frozenset({"1.0", "1.1"})


# Names of headers as they were spelled, in lower case: those that came first, and no more of them than this.
_NAMES: dict[bytes, str] = {}
_MOST_NAMES, _LONGEST_NAME = 256, 64
# The colon, the blank and the line's end around the name and the value of a header.
_AROUND = 4
# After so many pieces of a body, small ones are copied together: each has more bytes of its own than it holds.
_MOST_PIECES, _SMALL = 64, 4096


def _header_name(name: bytes) -> str:
    lowered = name.decode("latin-1").lower()
    if len(_NAMES) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _NAMES[name] = lowered
    return lowered


class Refusal(NamedTuple):
    """Tells why bytes are refused: the HTTP status and the sentence to answer before closing.

    `response` is answered in their place where the application has refused the request by its head.
    """

    status: int
    sentence: str
    response: HttpResponse | None = None


# Given a request whose head is complete, returns what takes its body; None for memory, an answer to refuse it.
Sinks = Callable[[HttpRequest], BodySink | HttpResponse | None]
# Only below this are bodies ever taken by anything else than memory.
STREAMED = b"/v2/"


class Arrived(msgspec.Struct, frozen=True):
    """A complete request, and whether its connection may stay open after the answer."""

    request: HttpRequest
    keep_alive: bool


class _StopParsingError(Exception):
    """Makes httptools stop; the reason is in the parser's `refusal`."""


class RequestParser:
    """Parses the bytes of one connection.

    `arrived` fills with complete requests in order. Between them stand bytes to be written in their turn (the
    permission to send a body) and, at the end, a Refusal: after one, nothing more is parsed. `phase` says what the
    parser waits for: a request, the rest of its head or the rest of its body. `begun` says whether a request began
    in the piece that was fed last. `sinks` says where the body of a request goes that is not kept in memory.
    """

    def __init__(self, limits: Limits, *, arrival: Arrival, secure: bool, sinks: Sinks | None = None) -> None:
        self.arrived: deque[Arrived | bytes | Refusal] = deque()
        self.phase: Phase = "idle"
        self.begun = False
        self._limits = limits
        self._arrival = arrival
        self._secure = secure
        self._sinks = sinks
        self._sink: BodySink | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._refusal: Refusal | None = None
        self._skipping = False  # a head is replayed to a new parser, and was heard already
        self._awaits_body = False  # httptools thinks that another protocol begins where the body does
        self._unfinished = (
            0  # bytes fed towards a head, or towards lines of a chunked body, that are not complete yet
        )
        # The body's size at the end of the piece that was fed before; -1 in the piece that ends the head.
        self._body_size_before = -1
        self._clear()

    def feed(self, data: bytes) -> None:
        """Take in bytes. What they complete, or the reason why they are refused, is in `arrived` afterwards."""
        if self._refusal is not None:
            return
        self.begun = False
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self.refuse(self._refusal or Refusal(400, f"This is no HTTP/1.1 request: {error}."))
            return
        if self.phase == "head":
            self._bound_head(data)
        elif self.phase == "body":
            self._bound_lines(data)

    def _bound_head(self, data: bytes) -> None:
        """Refuse a head that is not complete yet and too long already."""
        try:
            self._count_lines()
            if not self.begun:
                # httptools keeps an unfinished header to itself, however long, so what it was fed is counted.
                # The piece in which a head begins may end another request, and is left out.
                self._unfinished += len(data)
                if self._unfinished > self._limits.head:
                    raise self._head_too_long()
        except _StopParsingError:
            assert self._refusal is not None, "it was just set"
            self.refuse(self._refusal)

    def _bound_lines(self, data: bytes) -> None:
        """Refuse a chunked body whose lines between two chunks, or after the last one, are too long.

        httptools keeps an unfinished line to itself here too. The piece in which some of the body came is left out.
        """
        if self._body_size != self._body_size_before:
            self._body_size_before = self._body_size
            self._unfinished = 0
        else:
            self._unfinished += len(data)
            if self._unfinished > self._limits.head:
                sentence = (
                    f"The lines around the chunks of the body are longer than {self._limits.head} bytes."
                )
                self.refuse(Refusal(431, sentence))

    def refuse(self, refusal: Refusal) -> None:
        """Drop the unfinished request and take nothing more."""
        if self.arrived and self.arrived[-1] is CONTINUE:
            self.arrived.pop()
        self._refusal = refusal
        self.arrived.append(refusal)
        self.phase = "idle"
        self._clear()
        # The parser and this object refer to each other; without the cycle both are freed at once.
        self._parser = None

    def close(self) -> None:
        """Drop everything, and take nothing more."""
        self._refusal = self._refusal or Refusal(400, "The connection is closed.")
        self.arrived.clear()
        self.phase = "idle"
        self._clear()
        self._parser = None

    @property
    def incoming(self) -> int:
        """How many bytes of requests are kept that nobody has handled."""
        size = self._head_size + self._unfinished if self.phase != "idle" else 0
        if self._sink is None and self.phase != "idle":
            size += self._body_size
        for item in self.arrived:
            if isinstance(item, Arrived):
                size += len(item.request.body)
        return size

    @property
    def is_streaming(self) -> bool:
        """Whether the body of a request is coming that is not kept in memory."""
        return self._sink is not None

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # A client may offer to change protocols, and a server may ignore that (RFC 9110 7.8): what follows
                # is HTTP still. httptools leaves the body, if there is one, to the other protocol.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
                if self._awaits_body:
                    self._replay_head()
            else:
                return

    def _replay_head(self) -> None:
        """Feed a new parser a head of the same framing, so that it reads the body next."""
        headers = self._headers
        framing = [
            f"{name}: {headers[name]}\r\n"
            for name in ("content-length", "transfer-encoding")
            if name in headers
        ]
        connection = "" if self._keep_alive else "Connection: close\r\n"
        self._skipping = True
        self._parser.feed_data(f"POST / HTTP/1.1\r\nHost: h\r\n{connection}{''.join(framing)}\r\n".encode())
        self._skipping = self._awaits_body = False

    def _clear(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None
        self._target = b""
        self._headers: dict[str, str] = {}
        # Header lines of a head that is not complete yet, of which the first so many are counted; then None.
        self._lines: list[tuple[bytes, bytes]] | None = []
        self._counted = 0
        self._head_size = 0
        self._body: list[bytes | bytearray] = []
        self._body_size = 0
        self._body_size_before = -1
        self._keep_alive = True
        self._method = ""

    # What httptools calls, in this order. It wraps exceptions in its own, hence `_stop`.

    def on_message_begin(self) -> None:
        if self._skipping:
            return
        self._clear()
        self._unfinished = 0
        self.begun = True
        self.phase = "head"

    def on_url(self, url: bytes) -> None:
        if self._skipping:
            return
        self._target += url
        self._head_size += len(url)
        if self._head_size > self._limits.head:
            raise self._head_too_long()

    def on_header(self, name: bytes, value: bytes | None) -> None:
        # Called for every line of every request, so no more is done here than must be.
        lines = self._lines
        if lines is None:
            self._on_trailer(name, value or b"")
        else:
            lines.append((name, value or b""))

    def _on_trailer(self, name: bytes, value: bytes) -> None:
        """Count a line after a chunked body, and no more: RFC 9110 6.5 forbids to treat it as a header."""
        if not self._skipping:
            self._head_size += len(name) + len(value) + _AROUND
            if self._head_size > self._limits.head:
                raise self._head_too_long()

    def _count_lines(self) -> None:
        """Count the header lines that came since the last time. Raises when they are too long together."""
        lines = self._lines
        assert lines is not None, "the head is not complete yet"
        fresh = lines[self._counted :]
        self._counted = len(lines)
        self._head_size += sum(map(len, chain.from_iterable(fresh))) + _AROUND * len(fresh)
        if self._head_size > self._limits.head:
            raise self._head_too_long()

    def _read_headers(self) -> dict[str, str]:
        self._count_lines()
        lines = self._lines
        assert lines is not None, "the head is complete only now"
        self._lines = None
        headers = {
            (_NAMES.get(name) or _header_name(name)): value.rstrip(b" \t").decode("latin-1")
            for name, value in lines
        }
        return headers if len(headers) == len(lines) else self._joined(lines)

    def _joined(self, lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
        """Return headers of which some were sent several times, the values of each joined with commas."""
        headers: dict[str, str] = {}
        for name, value in lines:
            key, text = _header_name(name), value.rstrip(b" \t").decode("latin-1")
            if key == "host" and key in headers:
                raise self._stop(400, "The request names more than one host.")
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        return headers

    def on_headers_complete(self) -> None:
        if self._skipping:
            return
        headers = self._headers = self._read_headers()
        self.phase = "body"
        parser = self._parser
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise self._wrong_version(version)
        if "transfer-encoding" in headers:
            self._check_coding(version, headers["transfer-encoding"])
        if version == "1.1":
            if "host" not in headers:
                raise self._stop(400, "The request names no host.")
            if "expect" in headers and headers["expect"].lower() == "100-continue":
                self.arrived.append(CONTINUE)
        length = headers.get("content-length", "0")
        method = self._method = parser.get_method().decode("ascii")
        if (
            self._sinks is not None
            and self._target.startswith(STREAMED)
            and (int(length) > 0 or "transfer-encoding" in headers)
        ):
            self._open_sink(self._sinks)
        if int(length) > self._longest:
            raise self._body_too_long()
        # After CONNECT a client would speak to somebody else through us.
        self._keep_alive = parser.should_keep_alive() and method != "CONNECT"
        if "upgrade" in headers or method == "CONNECT":
            has_body = "transfer-encoding" in headers or int(length) > 0
            self._awaits_body = has_body and parser.should_upgrade()

    def _open_sink(self, sinks: Sinks) -> None:
        """Ask where the body goes. Raises when the request is refused."""
        found = sinks(self._request(b""))
        if isinstance(found, HttpResponse):
            self._refusal = Refusal(found.status, "", found)
            raise _StopParsingError
        self._sink = found

    @property
    def _longest(self) -> int:
        """The most bytes of this request's body."""
        return self._limits.body if self._sink is None else self._sink.most

    def _wrong_version(self, version: str) -> _StopParsingError:
        if version == "0.9":
            return self._stop(400, "The request line names no version of HTTP.")
        return self._stop(505, f"HTTP/{version} is not spoken here; HTTP/1.1 is.")

    def _check_coding(self, version: str, coding: str) -> None:
        if version == "1.0":
            # Whoever passed it on may have read its length otherwise (RFC 9112 6.1).
            raise self._stop(400, "HTTP/1.0 has no transfer encodings.")
        if coding.lower() != "chunked":
            raise self._stop(501, "The only transfer encoding taken is chunked.")

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._longest:
            raise self._body_too_long()
        if self._sink is not None:
            try:
                self._sink.write(body)
            except OSError as error:
                raise self._stop(507, f"The body could not be kept: {error.strerror}.") from error
            return
        pieces = self._body
        if len(pieces) < _MOST_PIECES or len(body) > _SMALL:
            pieces.append(body)
        elif isinstance(last := pieces[-1], bytearray):
            last += body
        else:
            pieces.append(bytearray(body))

    def on_message_complete(self) -> None:
        if self._awaits_body:
            return
        if self.arrived and self.arrived[-1] is CONTINUE:
            # The client did not wait for the permission (or sends no body), so it needs none.
            self.arrived.pop()
        body = self._body
        request = self._request(bytes(body[0]) if len(body) == 1 else b"".join(body))
        # It has the sink from here on, and closes it.
        self._sink = None
        self.arrived.append(Arrived(request, self._keep_alive))
        self.phase = "idle"
        # The request alone holds its body from here on.
        self._body = []
        self._headers = {}

    def _request(self, body: bytes) -> HttpRequest:
        target = self._target.decode("latin-1")
        path, _, query = (target if target[:1] == "/" else _origin_form(target)).partition("?")
        return HttpRequest(
            self._method,
            path,
            query,
            self._headers,
            body,
            self._arrival.source,
            self._secure,
            self._arrival.vpc,
            self._arrival.endpoint,
            self._arrival.interface,
            self._sink,
            self._arrival.inside,
        )

    def _head_too_long(self) -> _StopParsingError:
        return self._stop(431, f"The headers are longer than {self._limits.head} bytes.")

    def _body_too_long(self) -> _StopParsingError:
        return self._stop(413, f"The body is longer than {self._longest} bytes.")

    def _stop(self, status: int, sentence: str) -> _StopParsingError:
        self._refusal = Refusal(status, sentence)
        return _StopParsingError()


def _origin_form(target: str) -> str:
    """Return path and query of a target in absolute form, as proxies send it, and other targets unchanged.

    The Host header stays as it was sent beside it, because that is what the client signed.
    """
    scheme, mark, rest = target.partition("://")
    if not mark or "?" in scheme:
        return target
    slash, question = rest.find("/"), rest.find("?")
    if question >= 0 and not 0 <= slash < question:
        return f"/{rest[question:]}"
    return rest[slash:] if slash >= 0 else "/"
