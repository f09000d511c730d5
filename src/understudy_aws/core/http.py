"""HTTP requests and answers as values."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work in short steps, between which its caller may do something else."""


class HttpRequest(msgspec.Struct, frozen=True):
    """One complete request. `path` and `query` are as they were sent, still percent-encoded.

    Header names are lower-case; a repeated header is joined with a comma, as HTTP allows. `vpc` and `vpc_endpoint` are
    what it came through, if it came through a VPC endpoint. `interface` is the network interface whose owner asks for
    credentials, and for nothing else.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str = "127.0.0.1"
    secure: bool = False
    vpc: str = ""
    vpc_endpoint: str = ""
    interface: str = ""

    def without_body(self) -> HttpRequest:
        """Return the same request with an empty body."""
        return replace(self, body=b"")


class HttpResponse(msgspec.Struct, frozen=True):
    """One complete answer. The server adds `Content-Length`, `Date` and connection headers."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = msgspec.field(default=())


class ResponseInSteps(msgspec.Struct, frozen=True):
    """An answer that takes long to make. A server answers others between two steps."""

    steps: Steps[HttpResponse]


def take_all(steps: Steps[T]) -> T:
    """Take all steps one after the other, and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
