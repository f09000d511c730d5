"""What the ingress answers by itself, in the words of Envoy, which is App Runner's edge (apprunner-services.md 5.1)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from understudy_aws.core.clock import SystemClock, http_date

_CLOCK = SystemClock()

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class EdgeAnswer(msgspec.Struct, frozen=True):
    """A status and a sentence."""

    status: int
    text: str = ""

    def encoded(self, *, keep_alive: bool, head_only: bool = False) -> bytes:
        """Return the whole answer."""
        body = self.text.encode()
        lines = (
            [f"content-length: {len(body)}", "content-type: text/plain"] if body else ["content-length: 0"]
        )
        if not keep_alive:
            lines.append("connection: close")
        lines += [f"date: {http_date(_CLOCK.now())}", "server: envoy"]
        head = STATUS_LINES[self.status] + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return head if head_only else head + body


_UPSTREAM = "upstream connect error or disconnect/reset before headers. reset reason: "

NO_SUCH_HOST = EdgeAnswer(404)
NO_HEALTHY_INSTANCE = EdgeAnswer(503, "no healthy upstream")
CONNECTION_FAILED = EdgeAnswer(503, f"{_UPSTREAM}connection failure")
CONNECTION_ENDED = EdgeAnswer(503, f"{_UPSTREAM}connection termination")
NOT_HTTP = EdgeAnswer(502, f"{_UPSTREAM}protocol error")
TIMED_OUT = EdgeAnswer(504, "upstream request timeout")
TOO_MANY_REQUESTS = EdgeAnswer(429)
HEAD_TOO_SLOW = EdgeAnswer(408, "The head of the request took too long to arrive.")
