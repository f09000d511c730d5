"""The bounds of the ingress: how much and how long a client may."""

from __future__ import annotations

import msgspec


class IngressLimits(msgspec.Struct, frozen=True):
    """Bounds in bytes, counts and seconds.

    `head` bounds a request line and its headers together, and the lines around the chunks of a body; `headers` counts
    them. Both are those of Envoy, which is App Runner's edge (apprunner-services.md 5.1). `connections` are open at the
    same time; the one that is idle longest makes room. `waiting` requests of a service wait for an instance.

    `head_seconds` runs from a head's first byte to its last, `idle_seconds` between two requests, and `linger_seconds`
    while a connection is closed and the client takes in what is left, or sends more. `connect_seconds` is the time for
    a connection to an instance, of which there are `attempts`. A connection to an instance that was idle for
    `fresh_seconds` gets only requests that may be repeated, and after `pooled_seconds` it is closed. Times are looked
    at every `sweep_seconds`.
    """

    head: int = 60 * 1024
    headers: int = 100
    connections: int = 16_384
    waiting: int = 256
    head_seconds: float = 30.0
    idle_seconds: float = 300.0
    linger_seconds: float = 30.0
    connect_seconds: float = 5.0
    attempts: int = 3
    fresh_seconds: float = 1.0
    pooled_seconds: float = 30.0
    sweep_seconds: float = 1.0
