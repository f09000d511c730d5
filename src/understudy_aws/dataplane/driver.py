"""A driver: what makes a wanted network true on this machine, and says what there is.

There are two. `linux` makes networks of namespaces and filters real packets; `memory` remembers what it was told and
computes what would come of packets. Whoever uses one can't tell them apart but by `obstacle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, TypeAlias

from understudy_aws.dataplane.messages import Probe
from understudy_aws.dataplane.wanted import Network

Objects: TypeAlias = AbstractSet[Any]
Parts: TypeAlias = Mapping[tuple[str, ...], frozenset[Any]]


class Driver(Protocol):
    """Makes networks. All methods block; one caller at a time, but for `probe`, which several may call at once."""

    @property
    def name(self) -> str:
        """Return `linux` or `memory`."""
        ...

    @property
    def obstacle(self) -> str:
        """Return why packets are not filtered, as sentences with the remedy; empty when they are."""
        ...

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what networks can't do on this machine though packets are filtered, each with the remedy."""
        ...

    def parts(self, network: Network) -> Parts:
        """Return the objects that a network consists of, by the part of it that asks for them.

        A part that did not change since the last call is the same object. Raises ValueError or LookupError for a value
        that is no network.
        """
        ...

    def observe(self) -> frozenset[Any]:
        """Return all objects there are. Raises OSError."""
        ...

    def pieces(self, made: Parts) -> Sequence[Any]:
        """Return what to ask `differs` for, each in a short time: all there is, but for what surely did not change."""
        ...

    def differs(self, made: Parts, piece: Any) -> bool:
        """Whether there is anything else in a piece than what was made there; dearer than need be only once."""
        ...

    def plan(self, observed: Objects, wanted: Objects) -> Sequence[Any]:
        """Return the steps from some objects to others, none when they are equal. Pure."""
        ...

    def carry_out(self, steps: Iterable[Any]) -> None:
        """Carry steps out in order; each may be repeated. Raises OSError; those before the failing one are done."""
        ...

    def told(self, steps: Iterable[Any]) -> Iterable[tuple[str, str]]:
        """Return, for what steps put right, an id of EC2 where it stands, and a clause that says what it was."""
        ...

    def probe(self, asked: Probe) -> str:
        """Send a packet; returns `connected`, `refused`, `arrived` or `silent`.

        Raises FileNotFoundError when there is no such interface, ValueError for a protocol that can't be sent.
        """
        ...

    def close(self) -> None:
        """Let go of the network, which stays where it outlives this process."""
        ...
