"""How much and how long a client may: everything that can grow in the server has its bound here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server; sizes in bytes, times in seconds.

    `line` bounds the request target and each header, `head` both together. `held` is how much answer a
    connection may have waiting before its further requests are left unhandled. `head_time` runs from the
    first byte of a request to the end of its headers, `body_time` between two pieces of a body, `idle_time`
    between two requests, `write_time` for a client to take in what was written, `linger_time` for a client
    that was refused to stop sending. `sweep_every` is how often the times are looked at.
    """

    body: int = 10 * 1024 * 1024
    line: int = 16 * 1024
    head: int = 64 * 1024
    held: int = 1024 * 1024
    connections: int = 4096
    head_time: float = 20.0
    body_time: float = 20.0
    idle_time: float = 75.0
    write_time: float = 30.0
    linger_time: float = 2.0
    sweep_every: float = 1.0
