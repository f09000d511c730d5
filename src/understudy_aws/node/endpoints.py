"""Where an instance takes connections."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """An address and port in a network namespace, or without one on this machine's own loopback interface."""

    namespace: str | None
    address: str
    port: int
