"""How much and how long a client may: everything that can grow in the server has its bound here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server: bytes, counts and seconds.

    `head` bounds the request target and the headers together. `held` is how much answer a connection may
    have waiting before its further requests are left unhandled. `request_seconds` runs from a request's first
    byte to its last, `idle_seconds` between two requests, `write_seconds` while a client takes in nothing of
    what was written, `linger_seconds` for a client that was refused to stop sending. All are looked at every
    `sweep_seconds`.
    """

    body: int = 10 * 1024 * 1024
    head: int = 64 * 1024
    held: int = 1024 * 1024
    connections: int = 900  # below the 1,024 open files many systems allow a process
    request_seconds: float = 30.0
    idle_seconds: float = 75.0
    write_seconds: float = 30.0
    linger_seconds: float = 2.0
    sweep_seconds: float = 1.0
