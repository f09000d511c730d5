"""Deletes what was fetched, built and pulled for services, and none of them needs any more.

It is looked for when all operations on services have ended, and when the server starts: one before it may have been
killed with it to do. Where no service needs a node none is started for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from understudy_aws.controllers.automatic_deployments import look_id
from understudy_aws.dataplane.messages import ForgetTask, GetTasks, KeepArtifacts, TaskIds
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.durable_operations import durable_operations
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances.wanted_services import node_is_needed
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.artifact_steps import operation_of_task
from understudy_aws.services.apprunner.service_records import (
    service_instances,
    service_versions,
    services,
)
from understudy_aws.store.database import Transaction

_KEY: Key = ("artifacts",)
_KINDS = frozenset(history.KINDS.values())


class _Needed(msgspec.Struct, frozen=True):
    """What is needed, and how many operations there have been: with each there may be more to delete."""

    sources: tuple[str, ...]
    images: tuple[str, ...]
    operations: int
    node: bool


class UnneededArtifacts:
    """Deletes source trees, images and layers in the directory of a node."""

    def __init__(self, workloads: Workloads, directory: Path) -> None:
        self._workloads = workloads
        self._directory = directory
        self._kept: _Needed | None = None

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("unneeded artifacts", self._due, self._reconcile)

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        if _under_way(tx):
            return
        needed = _needed(tx)
        if needed != self._kept and (self._kept or needed.node or self._may_be_any(tx)):
            yield Due(_KEY, "", now)

    def _may_be_any(self, tx: Transaction) -> bool:
        """Whether a server that has just started may find something: otherwise it has nothing to do."""
        return bool(service_versions.count(tx)) or Artifacts(self._directory).is_any()

    async def _reconcile(self, _key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            if _under_way(tx):
                return None
            _delete_unused_versions(tx)
            needed = _needed(tx)
        await world.durable()
        if needed.node:
            await self._forget_tasks(world)
            await self._workloads.ask(KeepArtifacts(needed.sources, needed.images))
        else:
            await self._delete(world, needed)
        self._kept = needed
        return None

    async def _forget_tasks(self, world: World) -> None:
        """Have the node forget the tasks of operations that have ended; for what they have made is kept."""
        told = await self._workloads.ask(GetTasks())
        assert isinstance(told, TaskIds)
        with world.database.transaction() as tx:
            asked_for = _under_way(tx)
            looks = {look_id(each) for each in services.where(tx, "live", "")}
        for id in told.ids:
            if id not in looks and operation_of_task(id) not in asked_for:
                await self._workloads.ask(ForgetTask(id))

    async def _delete(self, world: World, needed: _Needed) -> None:
        artifacts = Artifacts(self._directory)
        with world.database.transaction() as tx:
            # From here to the end of this block no operation begins.
            if _under_way(tx) or not artifacts.set_aside(needed.sources, needed.images, ()):
                return
        await world.in_thread(artifacts.remove_aside)


def _under_way(tx: Transaction) -> set[str]:
    """Return the ids of the operations on services that have not ended."""
    found = (each for each in durable_operations.in_order(tx, "due") if each.kind in _KINDS)
    return {each.id for each in found}


def _needed(tx: Transaction) -> _Needed:
    versions = list(service_versions.scan(tx))
    return _Needed(
        sources=tuple(sorted({each.source for each in versions if each.source})),
        images=tuple(sorted({each.image for each in versions if each.image})),
        operations=durable_operations.count(tx),
        node=node_is_needed(tx),
    )


def _delete_unused_versions(tx: Transaction) -> None:
    """Delete the versions that no service deploys and no instance runs."""
    used = {(each.service, each.version) for each in service_instances.scan(tx)}
    used |= {(each.arn, each.version) for each in services.scan(tx) if each.deleted is None}
    for version in list(service_versions.scan(tx)):
        if (version.service, version.id) not in used:
            service_versions.delete(tx, version)
