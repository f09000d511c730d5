"""HTTP/1.1 over httptools: bytes become requests, and nothing is answered before it is durable.

Every request that is complete in one turn of the event loop is carried out at once and its answer held; at the
end of the turn the application makes all of it durable in one go, and only then the answers leave.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Protocol

import httptools

from understudy.core.errors import UserError
from understudy.core.http import HttpRequest, HttpResponse

_LOG = logging.getLogger("understudy.server")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Application(Protocol):
    """What a server serves. Both are plain functions and quick."""

    def handle(self, request: HttpRequest) -> HttpResponse: ...

    def make_durable(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for: bytes, and seconds."""

    body: int = 10 * 1024 * 1024
    head: int = 64 * 1024
    request_seconds: float = 30.0
    idle_seconds: float = 75.0
    sweep_seconds: float = 1.0


class Server:
    """Listens for one application; knows its connections, and whose answers wait for durability."""

    def __init__(self, app: Application, limits: Limits | None = None) -> None:
        self.app = app
        self.limits = limits or Limits()
        self.connections: set[Connection] = set()
        self.closing = False
        self._waiting: list[Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.AbstractServer | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._date = (0, b"")

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen; answers the port (a free one for 0). Raises UserError when it cannot be had."""
        self._loop = asyncio.get_running_loop()
        try:
            self._listener = await self._loop.create_server(
                lambda: Connection(self, secure=tls is not None), host, port, ssl=tls, backlog=512
            )
        except OSError as error:
            reason = "it is already in use" if error.errno == 98 else error.strerror or str(error)
            raise UserError(f"Cannot listen on {host}:{port}: {reason}.") from error
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self, patience: float = 5.0) -> None:
        """Take no more connections, let requests under way be answered, and close."""
        self.closing = True
        if self._sweep is not None:
            self._sweep.cancel()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        until = time.monotonic() + patience
        while self.connections and time.monotonic() < until:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()

    def hold(self, connection: Connection) -> None:
        """Send what the connection holds once it is durable."""
        if not self._waiting:
            assert self._loop is not None, "a connection comes from a loop"
            self._loop.call_soon(self._release)
        self._waiting.append(connection)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self.app.make_durable()
        except Exception:  # noqa: BLE001 - whatever the store's reason is
            _LOG.exception("what was answered could not be kept; the answers are withheld")
            for connection in waiting:
                connection.withhold()
            return
        for connection in waiting:
            connection.release()

    def date(self) -> bytes:
        """The Date header's line, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode())
        return self._date[1]

    def _sweep_connections(self) -> None:
        assert self._loop is not None, "sweeping begins with listening"
        now = time.monotonic()
        for connection in list(self.connections):
            connection.close_if_late(now)
        self._sweep = self._loop.call_later(self.limits.sweep_seconds, self._sweep_connections)


class Connection(asyncio.Protocol):
    """One client: reads requests one after the other, and answers them in that order."""

    def __init__(self, server: Server, *, secure: bool) -> None:
        self._server = server
        self._secure = secure
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything is read
        self._peer = ""
        self._held: list[bytes] = []
        self._closes = False
        self._since = time.monotonic()
        self._in_request = False
        self._head = 0
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._length = 0
        self._refusal: HttpResponse | None = None

    # What asyncio tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write"), "a stream"
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._closes:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_and_close(_plain(400, "Upgrades are not served."))
        except httptools.HttpParserError:
            self._refuse_and_close(_plain(400, "This is no HTTP/1.1 request."))

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    # What httptools tells us.

    def on_message_begin(self) -> None:
        self._in_request = True
        self._since = time.monotonic()
        self._head = 0
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes | None) -> None:
        self._count_head(len(name) + len(value or b""))
        if self._refusal is not None:
            return
        key, text = name.decode("latin-1").lower(), (value or b"").decode("latin-1").strip()
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known},{text}"

    def on_headers_complete(self) -> None:
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > self._server.limits.body:
            self._refuse(_plain(413, f"The body is larger than {self._server.limits.body} bytes."))
        if self._refusal is not None:
            self._refuse_and_close(self._refusal)
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._hold(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._length += len(body)
        if self._length > self._server.limits.body:
            if not self._closes:
                self._refuse_and_close(
                    _plain(413, f"The body is larger than {self._server.limits.body} bytes.")
                )
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._closes:
            return
        self._in_request = False
        self._since = time.monotonic()
        keep_alive = self._parser.should_keep_alive() and not self._server.closing
        method = self._parser.get_method().decode("latin-1")
        path, query = _target(self._url.decode("latin-1"))
        request = HttpRequest(
            method=method,
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._body),
            source_ip=self._peer,
            secure=self._secure,
        )
        try:
            response = self._server.app.handle(request)
        except Exception:  # noqa: BLE001 - the other connections go on
            _LOG.exception("the application failed")
            response = _plain(500, "The request failed.")
        self._hold(self._bytes(response, with_body=method != "HEAD", keep_alive=keep_alive))
        if not keep_alive:
            self._closes = True

    # Answers.

    def release(self) -> None:
        """Send what is held: it is durable now."""
        held, self._held = self._held, []
        if self._transport.is_closing():
            return
        self._transport.write(b"".join(held))
        if self._closes:
            self._transport.close()

    def withhold(self) -> None:
        """Say that the requests failed, instead of what was held: it could not be kept."""
        self._held.clear()
        self._closes = True
        if not self._transport.is_closing():
            self._transport.write(
                self._bytes(_plain(500, "The request could not be kept."), keep_alive=False)
            )
            self._transport.close()

    def close_if_idle(self) -> None:
        """Close unless a request is under way; then its answer closes."""
        if not self._in_request and not self._held:
            self._transport.close()

    def close_if_late(self, now: float) -> None:
        """Close a connection that was idle too long, or whose request is too long on its way."""
        limits = self._server.limits
        if self._held or now - self._since < (
            limits.request_seconds if self._in_request else limits.idle_seconds
        ):
            return
        if self._in_request and not self._closes:
            self._refuse_and_close(_plain(408, "The request took too long to arrive."))
        else:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _hold(self, answer: bytes) -> None:
        self._held.append(answer)
        if len(self._held) == 1:
            self._server.hold(self)

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > self._server.limits.head:
            self._refuse(_plain(431, f"The headers are larger than {self._server.limits.head} bytes."))
            if self._head > 4 * self._server.limits.head and not self._closes:
                assert self._refusal is not None, "it was just made"
                self._refuse_and_close(self._refusal)

    def _refuse(self, response: HttpResponse) -> None:
        if self._refusal is None:
            self._refusal = response

    def _refuse_and_close(self, response: HttpResponse) -> None:
        if not self._closes:
            self._closes = True
            self._hold(self._bytes(response, keep_alive=False))

    def _bytes(self, response: HttpResponse, *, with_body: bool = True, keep_alive: bool) -> bytes:
        head = [_STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n".encode()]
        head += [f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in response.headers]
        head.append(b"Content-Length: %d\r\n" % len(response.body))
        head.append(self._server.date())
        head.append(b"Connection: keep-alive\r\n\r\n" if keep_alive else b"Connection: close\r\n\r\n")
        if with_body:
            head.append(response.body)
        return b"".join(head)


def _target(url: str) -> tuple[str, str]:
    """Path and query of a request target, its absolute form included."""
    if not url.startswith("/") and "://" in url:
        url = "/" + url.split("://", 1)[1].partition("/")[2]
    path, _, query = url.partition("?")
    return path or "/", query


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, text.encode() + b"\n", (("Content-Type", "text/plain; charset=utf-8"),))


_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
