"""HTTP requests and answers as values."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future, wait
from typing import Any, BinaryIO, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

T = TypeVar("T")

Steps = Generator[Future[Any] | None, None, T]
"""Work in short steps, between which its caller may do something else. What a step yields is waited for."""


class BodySink(Protocol):
    """Takes the body of a request in pieces as they come, `most` bytes at most, so that it is never in memory."""

    most: int

    def write(self, piece: bytes) -> None:
        """Take a piece. Raises OSError when it cannot be taken."""
        ...

    def close(self) -> None:
        """Take nothing more: the request is complete, or its client is gone."""
        ...


class FileBody(msgspec.Struct, frozen=True):
    """The body of an answer that is read from a file piece by piece: so many bytes, from where the file is."""

    file: BinaryIO
    size: int


class HttpRequest(msgspec.Struct, frozen=True):
    """One complete request. `path` and `query` are as they were sent, still percent-encoded.

    Header names are lower-case; a repeated header is joined with a comma, as HTTP allows. `vpc` and `vpc_endpoint` are
    what it came through, if it came through a VPC endpoint. `interface` is the network interface whose owner asks for
    credentials, and for nothing else. `sink` is what has taken the body, which is empty then. `inside` says that it was
    sent by what this server runs.
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
    sink: BodySink | None = None
    inside: bool = False

    def without_body(self) -> HttpRequest:
        """Return the same request with an empty body."""
        return replace(self, body=b"")


class HttpResponse(msgspec.Struct, frozen=True):
    """One complete answer. The server adds `Content-Length`, `Date` and connection headers.

    `file` has the body of an answer that is too large for memory; whoever sends the answer closes it.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = msgspec.field(default=())
    file: FileBody | None = None


class ResponseInSteps(msgspec.Struct, frozen=True):
    """An answer that takes long to make. A server answers others between two steps."""

    steps: Steps[HttpResponse]


def take_all(steps: Steps[T]) -> T:
    """Take all steps one after the other, and return their result."""
    while True:
        try:
            waits_for = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if waits_for is not None:
            wait([waits_for])
