"""Bytes become requests: what httptools reads, gathered and bounded."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, NamedTuple

import httptools

from understudy.core.http import HttpRequest
from understudy.server.limits import Limits
from understudy.server.responses import CONTINUE

Phase = Literal["idle", "head", "body"]


class RefusedError(Exception):
    """Bytes that cannot be taken as a request: the status and the sentence to answer before closing."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Arrived(NamedTuple):
    """A complete request, and whether its connection may stay open after the answer."""

    request: HttpRequest
    keep_alive: bool


class RequestParser:
    """Parses one connection's bytes; `arrived` fills with what is complete, in order.

    Between the requests stand bytes to be written in their turn: the permission to send a body. `phase` says
    what is waited for: a request, the rest of its head or the rest of its body. `begun` says whether a request
    began in the piece fed last.
    """

    def __init__(self, limits: Limits, *, source_ip: str, secure: bool) -> None:
        self.arrived: deque[Arrived | bytes] = deque()
        self.phase: Phase = "idle"
        self.begun = False
        self._limits = limits
        self._source_ip = source_ip
        self._secure = secure
        self._parser: Any = httptools.HttpRequestParser(self)
        self._unfinished = 0  # bytes fed towards a head that is not complete yet
        self._refusal: RefusedError | None = None
        self._clear()

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave. Raises RefusedError; what had arrived before stays in `arrived`."""
        self.begun = False
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            raise self._refusal or RefusedError(400, f"This is no HTTP/1.1 request: {error}.") from None
        if self.phase == "head" and not self.begun:
            # httptools keeps an unfinished header to itself, however long, so what it was fed is counted.
            # The piece in which a head begins may end another request, and is left out.
            self._unfinished += len(data)
            if self._unfinished > self._limits.head:
                raise self._head_too_long()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to change protocols may be passed over (RFC 9110 7.8): what follows is HTTP still.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            else:
                return

    def _clear(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0

    # What httptools calls, in this order. What these raise it wraps, hence `_refuse`.

    def on_message_begin(self) -> None:
        self._clear()
        self._unfinished = 0
        self.begun = True
        self.phase = "head"

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes | None) -> None:
        value = value or b""
        self._count_head(len(name) + len(value) + 4)  # with the colon, the blank and the line's end
        if self.phase == "body":
            # A trailer, after a chunked body: RFC 9110 6.5 forbids to treat it as a header.
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        known = self._headers.get(key)
        if known is None:
            self._headers[key] = text
        elif key == "host":
            raise self._refuse(400, "The request names more than one host.")
        else:
            self._headers[key] = f"{known},{text}"

    def on_headers_complete(self) -> None:
        self.phase = "body"
        headers = self._headers
        if self._parser.get_http_version() == "1.1":
            if "host" not in headers:
                raise self._refuse(400, "The request names no host.")
            if headers.get("expect", "").lower() == "100-continue":
                self.arrived.append(CONTINUE)
        if "content-length" in headers and int(headers["content-length"]) > self._limits.body:
            raise self._body_too_long()

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._limits.body:
            raise self._body_too_long()
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("ascii")
        target = self._target.decode("latin-1")
        path, _, query = (target if target[:1] == "/" else _origin_form(target)).partition("?")
        if self.arrived and self.arrived[-1] is CONTINUE:
            # The client did not wait for the permission (or sends no body), so it needs none.
            self.arrived.pop()
        body = self._body
        request = HttpRequest(
            method,
            path,
            query,
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self._source_ip,
            self._secure,
        )
        # After CONNECT a client would speak to somebody else through us.
        keep_alive = self._parser.should_keep_alive() and method != "CONNECT"
        self.arrived.append(Arrived(request, keep_alive))
        self.phase = "idle"

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head:
            raise self._head_too_long()

    def _head_too_long(self) -> RefusedError:
        return self._refuse(431, f"The headers are longer than {self._limits.head} bytes.")

    def _body_too_long(self) -> RefusedError:
        if self.arrived and self.arrived[-1] is CONTINUE:
            self.arrived.pop()
        return self._refuse(413, f"The body is longer than {self._limits.body} bytes.")

    def _refuse(self, status: int, sentence: str) -> RefusedError:
        self._refusal = RefusedError(status, sentence)
        return self._refusal


def _origin_form(target: str) -> str:
    """The path and query of a target in absolute form, as it is sent through proxies; others as they are.

    The Host header stays as it was sent beside it, because that is what the client signed.
    """
    scheme, mark, rest = target.partition("://")
    if not mark or "?" in scheme:
        return target
    slash, question = rest.find("/"), rest.find("?")
    if question >= 0 and not 0 <= slash < question:
        return f"/{rest[question:]}"
    return rest[slash:] if slash >= 0 else "/"
