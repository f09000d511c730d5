"""The bounds of a server: how much and how long a client may."""

from __future__ import annotations

import resource

import msgspec
from msgspec.structs import replace

# Files of the process itself: the store, its log, pipes, what Python opens for a moment.
_OWN_FILES = 60


class Limits(msgspec.Struct, frozen=True):
    """Bounds in bytes, counts and seconds.

    `body` bounds one request's body, `head` its request line and headers together, and `incoming` all bytes of all
    requests that are not handled yet, so of clients whose signature nobody has checked. `held` is how much answer
    one connection may have waiting before its further requests are left unhandled.

    `connections` are served at the same time. `turned_away` more are told 503 before they are closed.

    `request_seconds` runs from a request's first byte to its last, `idle_seconds` between two requests,
    `handshake_seconds` while TLS begins, `write_seconds` while a client takes in nothing of what was written, and
    `linger_seconds` while a refused client goes on sending. A client that has sent nothing for `yield_seconds`
    loses its connection to a newcomer when all are taken. Times are looked at every `sweep_seconds`.
    """

    body: int = 10 * 1024 * 1024
    head: int = 64 * 1024
    incoming: int = 64 * 1024 * 1024
    held: int = 1024 * 1024
    connections: int = 4096
    turned_away: int = 64
    request_seconds: float = 30.0
    idle_seconds: float = 75.0
    handshake_seconds: float = 10.0
    write_seconds: float = 30.0
    linger_seconds: float = 2.0
    yield_seconds: float = 1.0
    sweep_seconds: float = 1.0


def within_open_files(limits: Limits, files: int | None = None) -> Limits:
    """The limits with as many connections as the process may open `files`; its soft limit by default."""
    if files is None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return limits
    # With very few files, half of them are for connections.
    turned_away = min(limits.turned_away, files // 8)
    connections = max(files - _OWN_FILES - turned_away, files // 2 - turned_away, 1)
    return replace(limits, connections=min(limits.connections, connections), turned_away=turned_away)
