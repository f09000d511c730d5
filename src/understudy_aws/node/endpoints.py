"""Where an instance takes connections."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """An address and port in a network namespace, or without one in this machine's own network.

    Where it is `relayed`, something that listens there takes every connection, and closes those that it can't pass on.
    """

    namespace: str | None
    address: str
    port: int
    relayed: bool = False
