"""Bytes become requests: what httptools reads, gathered and bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import httptools

from understudy.core.http import HttpRequest
from understudy.server.limits import Limits
from understudy.server.responses import CONTINUE

Phase = Literal["idle", "head", "body"]


class RefusedError(Exception):
    """Bytes that cannot be taken as a request: the status and the sentence to answer, before closing."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Arrived:
    """A complete request, and whether its connection is to stay open after the answer."""

    request: HttpRequest
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Interim:
    """Bytes to answer in their turn between requests: the permission to send a body."""

    content: bytes


class RequestParser:
    """Parses one connection's bytes; `arrived` fills with what is complete, in order.

    `phase` says what is being waited for: a request, the rest of its head, or the rest of its body.
    """

    def __init__(self, limits: Limits, *, source_ip: str, secure: bool) -> None:
        self.arrived: deque[Arrived | Interim] = deque()
        self.phase: Phase = "idle"
        self._limits = limits
        self._source_ip = source_ip
        self._secure = secure
        self._parser = httptools.HttpRequestParser(self)
        self._begun = False
        self._unfinished = 0  # bytes read towards a head that is not complete yet
        self._refusal: RefusedError | None = None
        self._clear()

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave. Raises RefusedError; what had arrived before stays in `arrived`."""
        self._begun = False
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to change protocols may be ignored (RFC 9110 7.8): the rest is HTTP/1.1 still.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError as error:
                raise self._refusal or RefusedError(400, f"This is not an HTTP/1.1 request: {error}.") from None
        if self.phase != "head":
            self._unfinished = 0
        elif not self._begun:
            # httptools keeps an unfinished header to itself, however long, so what was fed has to be counted.
            # The piece in which a head begins may hold a whole other request, and is left out.
            self._unfinished += len(data)
            if self._unfinished > self._limits.head:
                raise self._too_long("The headers are", self._limits.head)

    def _clear(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0

    def _refuse(self, refusal: RefusedError) -> RefusedError:
        """To be raised in a callback: httptools wraps what callbacks raise, so it is kept here as well."""
        self._refusal = refusal
        return refusal

    def _too_long(self, what: str, limit: int) -> RefusedError:
        return self._refuse(RefusedError(431, f"{what} longer than {limit} bytes."))

    # What httptools calls, in this order.

    def on_message_begin(self) -> None:
        self._clear()
        self._begun = True
        self._unfinished = 0
        self.phase = "head"

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._grow(len(url), len(self._target), "The request target is")

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name) + len(value)
        self._grow(size, size, "A header is")
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        known = self._headers.get(key)
        if known is None:
            self._headers[key] = text
        elif key == "host":
            raise self._refuse(RefusedError(400, "The request names more than one host."))
        else:
            self._headers[key] = f"{known},{text}"

    def _grow(self, by: int, line: int, what: str) -> None:
        self._head_size += by + 4  # the colon, the blank and the line's end
        if line > self._limits.line:
            raise self._too_long(what, self._limits.line)
        if self._head_size > self._limits.head:
            raise self._too_long("The headers are", self._limits.head)

    def on_headers_complete(self) -> None:
        self.phase = "body"
        headers = self._headers
        version = self._parser.get_http_version()
        if "host" not in headers and version == "1.1":
            raise self._refuse(RefusedError(400, "The request names no host."))
        if int(headers.get("content-length") or 0) > self._limits.body:
            raise self._body_too_long()
        expectation = headers.get("expect")
        if expectation is not None and version == "1.1":
            if expectation.lower() != "100-continue":
                raise self._refuse(RefusedError(417, "The only expectation known here is 100-continue."))
            self.arrived.append(Interim(CONTINUE))

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._limits.body:
            raise self._body_too_long()
        self._body.append(body)

    def _body_too_long(self) -> RefusedError:
        return self._refuse(RefusedError(413, f"The body is longer than {self._limits.body} bytes."))

    def on_message_complete(self) -> None:
        parser = self._parser
        arrived = self.arrived
        if self._body and arrived and type(arrived[-1]) is Interim:
            # The client did not wait for the permission, so it needs none.
            arrived.pop()
        path, _, query = _path_and_query(self._target.decode("latin-1"))
        body = self._body
        request = HttpRequest(
            parser.get_method().decode("ascii"),
            path,
            query,
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self._source_ip,
            self._secure,
        )
        arrived.append(Arrived(request, parser.should_keep_alive()))
        self.phase = "idle"


def _path_and_query(target: str) -> tuple[str, str, str]:
    """The target in its two parts. In absolute form (sent to proxies) the authority is passed over.

    The Host header stays as it was sent, because it is what the client signed.
    """
    if target[:1] != "/" and "://" in target.partition("?")[0]:
        authority, mark, rest = target.partition("://")[2].partition("/")
        if "?" in authority:
            return "/", "?", f"{authority.partition('?')[2]}{mark}{rest}"
        target = f"/{rest}"
    return target.partition("?")
