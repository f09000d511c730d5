"""A response as bytes on the wire."""

from __future__ import annotations

import http
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from understudy.core.http import HttpResponse

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}
_WITHOUT_BODY: Final = frozenset({204, 304})


class Tails:
    """The last lines of every head, `Date` and `Connection`, put together once a second and not per answer."""

    def __init__(self, at: datetime) -> None:
        self.turn(at)

    def turn(self, at: datetime) -> None:
        """Set the date that responses carry from now on; `at` is in UTC."""
        date = f"Date: {format_datetime(at, usegmt=True)}\r\n"
        self.keep_alive = f"{date}Connection: keep-alive\r\n\r\n"
        self.close = f"{date}Connection: close\r\n\r\n"


def response_bytes(response: HttpResponse, tails: Tails, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """Status line, headers and body; `head_only` (a HEAD request) says the length and leaves the body out.

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
        head += f"Content-Length: {len(body)}\r\n"
    head += tails.keep_alive if keep_alive else tails.close
    if head_only:
        return head.encode("latin-1", "replace")
    return head.encode("latin-1", "replace") + body


def plain(status: int, sentence: str) -> HttpResponse:
    """A refusal by the server itself, before anyone knows which protocol is spoken."""
    body = f"{sentence}\n".encode()
    return HttpResponse(status, body, (("Content-Type", "text/plain; charset=utf-8"),))
