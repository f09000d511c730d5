"""Deploys what is new in a branch or behind a tag, of services with automatic deployments.

apprunner-services.md 2.2 says which have them, and 5.3 that commits beside the source directory are no news. A
source is looked at by a task of the node, which fetches what is not there yet. What was tried once, and failed, is not
tried again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from understudy_aws.dataplane.launcher import NodeError
from understudy_aws.dataplane.messages import ForgetTask, StartTask
from understudy_aws.dataplane.runtime.registries import ImagePlaces
from understudy_aws.dataplane.tasks import FetchSource, Task, TaskResult, TaskStatus
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.own_images import OwnImages, is_of_this_server
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import (
    RUNNING,
    Service,
    service_versions,
    services,
)
from understudy_aws.store.database import Transaction

# A repository of this machine costs a command to look at; others are somebody's server.
_LOCAL_SECONDS = 2.0
_REMOTE_SECONDS = 60.0
_IMAGE_SECONDS = 5.0
_AGAIN_SECONDS = 0.2
_LOCAL = "file://"


class AutomaticDeployments:
    """Looks at the sources of running services, each in its own time."""

    def __init__(self, workloads: Workloads, images: ImagePlaces) -> None:
        self._workloads = workloads
        self._images = images
        # When each service is looked at next, by its ARN.
        self._next: dict[str, datetime] = {}

    def controller(self) -> Controller:
        """Return the background work; its keys are services."""
        return Controller("automatic deployments", self._due, self._reconcile, poll_seconds=1.0)

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        for service in services.where(tx, "live", ""):
            period = _period(service)
            if period is None or service.status != RUNNING:
                self._next.pop(service.arn, None)
                continue
            # What runs has just been fetched; a clock that went back makes nothing wait longer.
            first = now + timedelta(seconds=period)
            planned = self._next[service.arn] = min(self._next.get(service.arn, first), first)
            if planned <= now:
                yield Due(services.key(service), service.account, planned)

    async def _reconcile(self, key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            service = services.get(tx, *key)
            own = _own_digest(tx, service, self._images)
            gone = own is None and service is not None and self._is_gone(tx, service)
        period = _period(service) if service is not None else None
        if service is None or period is None:
            return None
        if own is not None:
            self._next[service.arn] = world.clock.now() + timedelta(seconds=period)
            with world.database.transaction() as tx:
                _deploy_if_new(tx, key, TaskResult(image=own), world)
            return None
        if gone:
            self._next[service.arn] = world.clock.now() + timedelta(seconds=period)
            return None
        id = look_id(service)
        status = await self._workloads.ask(StartTask(id, _look(service, self._images)))
        assert isinstance(status, TaskStatus)
        now = world.clock.now()
        if status.state == "running":
            self._next[service.arn] = now + timedelta(seconds=_AGAIN_SECONDS)
            return None
        with suppress(NodeError):
            await self._workloads.ask(ForgetTask(id))
        self._next[service.arn] = now + timedelta(seconds=period)
        # A source that cannot be reached is looked at again.
        if status.state == "succeeded":
            with world.database.transaction() as tx:
                _deploy_if_new(tx, key, status.result, world)
        return None

    def _is_gone(self, tx: Transaction, service: Service) -> bool:
        """Whether a service's image would be one of this server, which has none of this name any more."""
        image = service.settings.source.image if service.settings is not None else None
        return (
            image is not None
            and is_of_this_server(tx, image.identifier)
            and self._images.rule_for(image.identifier) is None
            and self._images.built_as(image.identifier) is None
        )


def look_id(service: Service) -> str:
    """Return the id of the task by which the source of a service is looked at."""
    return f"{service.id}-look"


def _period(service: Service) -> float | None:
    """Return how often a service's source is looked at, None for one without automatic deployments."""
    if service.settings is None or not service.settings.source.automatic:
        return None
    code = service.settings.source.code
    if code is None:
        return _IMAGE_SECONDS
    return _LOCAL_SECONDS if code.url.startswith(_LOCAL) else _REMOTE_SECONDS


def _own_digest(tx: Transaction, service: Service | None, images: ImagePlaces) -> str | None:
    """Return the digest that a service's image has in a registry that is served here; None for one that is not."""
    source = service.settings.source if service is not None and service.settings is not None else None
    if source is None or source.image is None or images.rule_for(source.image.identifier) is not None:
        return None
    return OwnImages.digest(tx, source.image.identifier)


def _look(service: Service, images: ImagePlaces) -> Task:
    assert service.settings is not None, "it runs"
    source = service.settings.source
    if source.code is not None:
        return FetchSource(url=source.code.url, branch=source.code.branch, directory=source.code.directory)
    assert source.image is not None, "it is one of the two"
    return images.pull_of(source.image.identifier)


def _deploy_if_new(tx: Transaction, key: Key, found: TaskResult, world: World) -> None:
    service = services.get(tx, *key)
    if service is None or service.status != RUNNING:
        return
    version = service_versions.get(tx, service.account, service.region, service.arn, service.version)
    if version is None or _is_known(found, version.commit, version.part, version.image):
        return
    for operation in history.operations_on(tx, service):
        tried = operation.details.get("fetched")
        if tried is not None:
            if _is_known(found, *(tried.get(name, "") for name in ("commit", "part", "image"))):
                return
            # Only the latest that got so far counts: a branch may come back to what it was before.
            break
    history.begin_by_itself(tx, history.DEPLOY, service, id=world.ids.hexadecimal(), at=world.clock.now())


def _is_known(found: TaskResult, commit: str, part: str, image: str) -> bool:
    """Whether what was found is what is known already, as far as it is the service's."""
    if found.part and found.part == part:
        return True
    return (found.commit, found.image) == (commit, image)
