"""What the ingress answers by itself, in the words of Envoy, which is App Runner's edge (apprunner-services.md 5.1)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from understudy_aws.core.clock import SystemClock, http_date

_CLOCK = SystemClock()
_HTTPS = 443

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class EdgeAnswer(msgspec.Struct, frozen=True):
    """A status and a sentence, or the URL to go to."""

    status: int
    text: str = ""
    location: str = ""

    def encoded(self, *, keep_alive: bool, head_only: bool = False) -> bytes:
        """Return the whole answer."""
        body = self.text.encode()
        lines = (
            [f"content-length: {len(body)}", "content-type: text/plain"] if body else ["content-length: 0"]
        )
        if self.location:
            lines.append(f"location: {self.location}")
        if not keep_alive:
            lines.append("connection: close")
        lines += [f"date: {http_date(_CLOCK.now())}", "server: envoy"]
        head = (
            STATUS_LINES[self.status] + "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"
        )
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


def moved_to_tls(host: bytes, target: bytes, port: int) -> EdgeAnswer:
    """Return what a request without TLS is answered: where the same is with TLS (apprunner-services.md 5.1)."""
    name, colon, said = host.decode("latin-1").rpartition(":")
    if not colon or not said.isdecimal():
        name = host.decode("latin-1").removesuffix(":")
    path = target.decode("latin-1") if target.startswith(b"/") else "/"
    return EdgeAnswer(301, location=f"https://{name}{'' if port == _HTTPS else f':{port}'}{path}")
