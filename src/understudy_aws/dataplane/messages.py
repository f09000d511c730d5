"""What the server and the node say to each other: one JSON object a line over a Unix socket.

The server asks, the node answers each question in order. A question that the node does not know, or can't read, is
answered by `Refused`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.deltas import NetworkDelta
from understudy_aws.dataplane.wanted import Network


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Make the network so."""

    network: Network


class WantChange(msgspec.Struct, frozen=True, tag="change"):
    """Make of the network of a revision another one; without a difference it stays the same, and its revision too.

    A node that has not got that network answers `WantWhole`.
    """

    base: str
    delta: NetworkDelta


class GetStatus(msgspec.Struct, frozen=True, tag="status"):
    """Say how things are."""


class Probe(msgspec.Struct, frozen=True, tag="probe"):
    """Send a real packet from an interface to an address and a port of TCP, and say what came of it."""

    interface: str
    address: str
    port: int
    timeout: float = 2.0


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Take the network down, everything that runs in it, and end."""


Question: TypeAlias = Want | WantChange | GetStatus | Probe | Stop


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It was done."""


class WantWhole(msgspec.Struct, frozen=True, tag="whole"):
    """The network that was to be changed is not known here: say the whole of it."""


class Status(msgspec.Struct, frozen=True, tag="status", kw_only=True):
    """How things are.

    `driver` makes the network (`dataplane/driver.py`); `obstacle` says why it filters no packets, if it does not.
    `holder` is 0 where the network ends with the node.
    `converged` says that the driver has what is wanted, `error` why it has not.
    `repaired` counts what somebody else had changed and the node has put right. `services` says why what is served
    inside the networks is not, by its name. `outside` is the program that carries packets to the world, if one does.
    """

    pid: int
    holder: int
    converged: bool
    vpcs: int
    interfaces: tuple[str, ...]
    repaired: int = 0
    error: str = ""
    services: Mapping[str, str] = {}
    outside: str = ""
    driver: str = "linux"
    obstacle: str = ""


class Probed(msgspec.Struct, frozen=True, tag="probed"):
    """What came of a packet: `connected`, `refused` by a host where nothing listens, or `silent`.

    It was computed, and no packet was sent, where there is an `obstacle`.
    """

    outcome: str
    obstacle: str = ""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It was not done, and why."""

    reason: str


Answer: TypeAlias = Done | WantWhole | Status | Probed | Refused


def revision_of(line: bytes) -> str:
    """Return the revision that a line with `Want` or `WantChange` leads to.

    A change names the revision before it, so that two networks that were told alike have the same one, and no others.
    """
    return blake2b(line, digest_size=16).hexdigest()
