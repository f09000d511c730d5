"""Writes responses as HTTP/1.1 bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from understudy_aws.core.clock import http_date, unix_seconds
from understudy_aws.core.http import HttpResponse

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_BODY: Final = frozenset({204, 304})


_LARGE = 32 * 1024


class ResponseWriter:
    """Writes responses as bytes. It keeps the header lines that are the same for all responses of one second."""

    def __init__(self) -> None:
        self._second = -1
        self._endings = ("", "")

    def pieces_of(
        self, response: HttpResponse, *, keep_alive: bool, head_only: bool = False
    ) -> tuple[bytes, ...]:
        """Return status line, headers and body as bytes; with `head_only` (a HEAD request) the body is left out.

        A large body is a piece of its own, so that it is not copied once more to stand behind its head.
        Raises ValueError for a header that holds a line break: it would be read as a header of its own.
        """
        status, body = response.status, response.body
        head = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
        for name, value in response.headers:
            if "\n" in value or "\r" in value or "\n" in name or "\r" in name:
                raise ValueError(f"the header {name!r} holds a line break")
            head += f"{name}: {value}\r\n"
        if status in _WITHOUT_BODY:
            body = b""
        else:
            head += f"Content-Length: {len(body) if response.file is None else response.file.size}\r\n"
        now = int(unix_seconds())
        if now != self._second:
            self._turn(now)
        encoded = (head + self._endings[keep_alive]).encode("latin-1", "replace")
        if head_only:
            return (encoded,)
        return (encoded, body) if len(body) > _LARGE else (encoded + body,)

    def _turn(self, second: int) -> None:
        date = f"Date: {http_date(datetime.fromtimestamp(second, UTC))}\r\n"
        self._second = second
        self._endings = (f"{date}Connection: close\r\n\r\n", f"{date}Connection: keep-alive\r\n\r\n")


def plain(status: int, sentence: str) -> HttpResponse:
    """Make an answer of the server itself, for when no AWS protocol is known."""
    return HttpResponse(status, f"{sentence}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))
