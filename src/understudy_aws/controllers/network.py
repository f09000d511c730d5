"""Tells the node what network the records ask for, whenever they have changed and a program needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.dataplane.launcher import NodeError, NodeLauncher
from understudy_aws.dataplane.messages import GetStatus, Repairs, Status, TakeRepairs
from understudy_aws.dataplane.wanted import Network
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances.wanted_services import (
    may_be_resumed,
    network_now,
    node_is_needed,
)
from understudy_aws.services.ec2.attached_programs import ended_programs, free_interfaces, note_networks
from understudy_aws.services.ec2.network_repairs import note_repair
from understudy_aws.store.database import Database, Transaction

_KEY: Key = ("network",)
# A node that was killed is missed, and started anew, within this.
_PERIOD_SECONDS = 5.0


class NetworkKeeper:
    """Keeps the node's wanted network like the records. While no program and no service needs one, no node runs.

    A node that runs is kept while a service is paused, which is resumed sooner then; none is started for that.

    `obstacle` is why the network that was made last filters no packets; empty when it does, or none was made yet.
    `workloads` go on with a node that has no network, as long as a service needs one. `deliver` delivers flow logs
    before a node ends, and `deliver_output` what services have written. With `flow_seconds` flows are told so long
    after the first packet, and not when their interval ends.
    """

    def __init__(
        self,
        database: Database,
        node: NodeLauncher,
        workloads: Workloads,
        *,
        flow_seconds: int = 0,
        deliver: Callable[[World], Awaitable[None]] | None = None,
        deliver_output: Callable[[World], Awaitable[None]] | None = None,
    ) -> None:
        self._database = database
        self._deliver_output = deliver_output
        self._deliver = deliver
        self._flow_seconds = flow_seconds
        self._node = node
        self._workloads = workloads
        # Whether services need a node, by the records and when it was told last.
        self._needed = self._was_needed = False
        # Whether a node was found or told of a network, and whether a service is paused, for which it is kept.
        self._runs = False
        self._resumable = self._was_resumable = False
        # Whether interfaces are to be freed that no program has any more.
        self._detaching = False
        self._revision = -1
        self._wanted = Network()
        self._told: datetime | None = None
        # What the node was told last; None before it is known whether one runs.
        self._made: Network | None = None
        self.obstacle = ""
        # What the records say is not there, and why; None before that was compared.
        self._noted: tuple[frozenset[str], str] | None = None

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("network", self._due, self._reconcile, poll_seconds=0.0, prompt=True)

    def is_behind(self) -> bool:
        """Whether programs use a network and records have changed since it was last compared with them."""
        return bool(self._made and self._made.vpcs) and self._database.revision != self._revision

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        if self._database.revision != self._revision:
            self._revision = self._database.revision
            self._wanted = self._network(tx, now)
            self._needed, self._resumable = node_is_needed(tx), may_be_resumed(tx)
            if self._made is None and not self._wanted.vpcs and not self._node.may_run():
                self._made = self._wanted
                self._was_needed, self._was_resumable = self._needed, self._resumable
            self._detaching = bool(ended_programs(tx))
        wanted = self._wanted, self._needed, self._resumable
        changed = wanted != (self._made, self._was_needed, self._was_resumable)
        if changed or self._detaching or self._must_look(now):
            yield Due(_KEY, "", now)

    def _network(self, tx: Transaction, now: datetime) -> Network:
        network = network_now(tx, now, kept=self._runs)
        return replace(network, flow_seconds=self._flow_seconds) if _is_logged(network) else network

    def _must_look(self, now: datetime) -> bool:
        if not self._made or not self._made.vpcs or self._told is None:
            return False
        return not 0 <= (now - self._told).total_seconds() < _PERIOD_SECONDS

    async def _reconcile(self, _key: Key, world: World) -> datetime | None:
        now = world.clock.now()
        ran = self._runs
        if not self._needed and self._resumable:
            # One that was killed with its holder is not started anew for what may come.
            self._runs = await world.in_thread(self._node.runs)
        with world.database.transaction() as tx:
            network, needed, resumable = self._network(tx, now), node_is_needed(tx), may_be_resumed(tx)
        kept = needed or (resumable and self._runs)
        if self._deliver_output is not None and self._was_needed and not needed:
            await self._deliver_output(world)
        if network.vpcs or (kept and (self._made is None or self._made.vpcs)):
            try:
                status = await world.in_thread(self._make, network)
            except NodeError as error:
                missing = await world.in_thread(self._missing, network)
                self._note(world, missing, str(error))
                raise
            self.obstacle = status.obstacle
            self._note(world, frozenset(), "")
            if status.untold:
                await self._note_repairs(world)
            self._runs = True
        elif not kept:
            await self._take_last_flows(world)
            await world.in_thread(self._node.stop)
            self._workloads.forget()
            self._runs = False
        self._made, self._told = network, now
        self._was_needed, self._was_resumable = needed, resumable
        if self._runs != ran:
            # What is wanted is compared anew.
            self._revision = -1
        if self._detaching:
            with world.database.transaction() as tx:
                free_interfaces(tx, {interface.id for vpc in network.vpcs for interface in vpc.interfaces})
        return None

    async def _take_last_flows(self, world: World) -> None:
        """Fetch what the node has recorded for flow logs, which ends with it."""
        if self._deliver is not None and self._made is not None and _is_logged(self._made):
            await world.in_thread(self._node.want, Network())
            await self._deliver(world)

    async def _note_repairs(self, world: World) -> None:
        """Write into the trail what the node has put right, which forgets it only then."""
        noted: tuple[str, ...] = ()
        while True:
            answer = await world.in_thread(self._node.ask, TakeRepairs(noted))
            assert isinstance(answer, Repairs)
            if not answer.repairs:
                return
            with world.database.transaction() as tx:
                for repair in answer.repairs:
                    note_repair(tx, world.gateway.trail, repair)
            await world.durable()
            noted = tuple(repair.id for repair in answer.repairs)

    def _note(self, world: World, missing: frozenset[str], problem: str) -> None:
        """Let the records say which interfaces are not there, and why."""
        if (missing, problem) != self._noted:
            with world.database.transaction() as tx:
                note_networks(tx, missing, problem, world.clock.now())
            self._noted = (missing, problem)

    def _missing(self, network: Network) -> frozenset[str]:
        """Return the interfaces that are not there; when no node says so, those that were not there before."""
        status = self._node.status()
        if status is not None and not status.converged:
            return frozenset(status.missing)
        before = self._made.vpcs if self._made is not None else ()
        known = {interface.id for vpc in before for interface in vpc.interfaces}
        return frozenset(
            interface.id for vpc in network.vpcs for interface in vpc.interfaces if interface.id not in known
        )

    def _make(self, network: Network) -> Status:
        """Have the node make a network, and return how it does then. Raises NodeError."""
        self._node.want(network)
        status = self._node.ask(GetStatus())
        assert isinstance(status, Status)
        return status


def _is_logged(network: Network) -> bool:
    return any(interface.flow_intervals for vpc in network.vpcs for interface in vpc.interfaces)
