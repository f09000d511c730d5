"""The driver for machines that can make no networks, and for tests: it remembers a network and filters nothing.

It is asked like the one that makes real networks, and answers what would come of packets there (`reach.py`). What it
holds is made and taken away object by object, so that a part of the network is missing here as it would be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.checks import check
from understudy_aws.dataplane.driver import Objects, Parts
from understudy_aws.dataplane.messages import Probe
from understudy_aws.dataplane.packets import ECHO
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import Interface, Network, Peering, Vpc

# What is held is told apart by its id first: parts of a network may hold what has no hash.


class HeldVpc(msgspec.Struct, frozen=True):
    """A VPC without its interfaces."""

    vpc: Vpc

    def __hash__(self) -> int:
        return hash(self.vpc.id)


class HeldInterface(msgspec.Struct, frozen=True):
    """An interface, and the VPC it is in."""

    vpc: str
    interface: Interface

    def __hash__(self) -> int:
        return hash(self.interface.id)


class HeldPeering(msgspec.Struct, frozen=True):
    """A peering connection."""

    peering: Peering

    def __hash__(self) -> int:
        return hash(self.peering.id)


class HeldPrefixList(msgspec.Struct, frozen=True):
    """A prefix list with its blocks."""

    id: str
    blocks: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.id)


Held: TypeAlias = HeldVpc | HeldInterface | HeldPeering | HeldPrefixList


class Put(msgspec.Struct, frozen=True):
    """Hold an object, in the place of one with the same key."""

    object: Held


class Drop(msgspec.Struct, frozen=True):
    """Hold an object no more; nothing when it is not held."""

    object: Held


Step: TypeAlias = Put | Drop


class MemoryDriver:
    """A network in the memory of this process, gone with it."""

    name = "memory"
    limits: tuple[str, ...] = ()

    def __init__(self, obstacle: str = "The network is remembered and not made.") -> None:
        self.obstacle = obstacle
        self._held: dict[tuple[str, str], Held] = {}
        self._before: Parts = {}

    def parts(self, network: Network) -> Parts:
        """Return a part for each VPC, interface, peering and prefix list. Raises LookupError, ValueError."""
        made: dict[tuple[str, ...], frozenset[Any]] = {}
        for each in _objects(network):
            key = _key(each)
            part = frozenset((each,))
            before = self._before.get(key)
            made[key] = before if before is not None and before == part else part
        self._before = made
        return made

    def observe(self) -> frozenset[Any]:
        """Return what is held."""
        return frozenset(self._held.values())

    def pieces(self, made: Parts) -> Sequence[None]:
        """Return one: a look costs nothing."""
        del made
        return (None,)

    def differs(self, made: Parts, piece: None) -> bool:
        """Whether anything else is held."""
        del piece
        return self.observe() != frozenset().union(*made.values())

    def plan(self, observed: Objects, wanted: Objects) -> Sequence[Step]:
        """Put what is missing, VPCs first, and drop what nobody wants, VPCs last."""
        missing = sorted(wanted - observed, key=_order)
        kept = {_key(each) for each in wanted}
        surplus = sorted((each for each in observed - wanted if _key(each) not in kept), key=_order)
        return [*map(Put, missing), *map(Drop, reversed(surplus))]

    def carry_out(self, steps: Iterable[Step]) -> None:
        """Do so."""
        for step in steps:
            if isinstance(step, Put):
                self._held[_key(step.object)] = step.object
            else:
                self._held.pop(_key(step.object), None)

    def told(self, steps: Iterable[Step]) -> Iterable[tuple[str, str]]:
        """Say what was put right, which nobody but a test has changed."""
        for step in steps:
            kind, id = _key(step.object)
            yield id, f"{kind} {id} was {'gone' if isinstance(step, Put) else 'not wanted'}"

    def probe(self, asked: Probe) -> str:
        """Return what a host says to a packet that would pass, since nothing listens in memory, else `silent`."""
        if ("interface", asked.interface) not in self._held:
            raise FileNotFoundError(f"There is no interface {asked.interface}.")
        outcome = reach(self._network(), Question(asked.interface, asked.address, asked.protocol, asked.port))
        if not outcome.passes:
            return "silent"
        return "connected" if asked.protocol in ECHO else "refused"

    def close(self) -> None:
        """Do nothing: the network ends with this process."""

    def _network(self) -> Network:
        """Return the network of what is held; an interface whose VPC is not held is not in it."""
        held = list(self._held.values())
        interfaces: dict[str, list[Interface]] = {}
        for each in held:
            if isinstance(each, HeldInterface):
                interfaces.setdefault(each.vpc, []).append(each.interface)
        return Network(
            vpcs=tuple(
                replace(each.vpc, interfaces=tuple(interfaces.get(each.vpc.id, ())))
                for each in held
                if isinstance(each, HeldVpc)
            ),
            peerings=tuple(each.peering for each in held if isinstance(each, HeldPeering)),
            prefix_lists={each.id: each.blocks for each in held if isinstance(each, HeldPrefixList)},
        )


def _objects(network: Network) -> Iterable[Held]:
    """Yield the objects of a network. Raises LookupError and ValueError for a value that is no network."""
    check(network)
    for vpc in network.vpcs:
        yield HeldVpc(replace(vpc, interfaces=()))
        for interface in vpc.interfaces:
            yield HeldInterface(vpc.id, interface)
    yield from map(HeldPeering, network.peerings)
    for id, blocks in network.prefix_lists.items():
        yield HeldPrefixList(id, tuple(blocks))


def _key(object: Held) -> tuple[str, str]:
    if isinstance(object, HeldVpc):
        return ("vpc", object.vpc.id)
    if isinstance(object, HeldInterface):
        return ("interface", object.interface.id)
    if isinstance(object, HeldPeering):
        return ("peering", object.peering.id)
    return ("prefix list", object.id)


_ORDER = ("prefix list", "vpc", "interface", "peering")


def _order(object: Held) -> tuple[int, str]:
    kind, id = _key(object)
    return _ORDER.index(kind), id
