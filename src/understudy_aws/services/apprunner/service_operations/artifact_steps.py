"""The steps that get what a service runs: fetching source code or an image, and building (docs/decisions/0030)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.errors import ApiError
from understudy_aws.dataplane.launcher import NodeError
from understudy_aws.dataplane.messages import ForgetTask, StartTask
from understudy_aws.dataplane.runtime.registries import ImagePlaces
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, Task, TaskResult, TaskStatus
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    NotYetError,
    StepFailedError,
    again_soon,
)
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.denials import denial_of
from understudy_aws.services.apprunner.own_images import (
    NOT_THERE,
    OwnImages,
    is_of_this_server,
    why_none,
)
from understudy_aws.services.apprunner.service_events import note_event
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.deployment_plan import plan_of
from understudy_aws.services.apprunner.service_operations.programs import (
    CodePlan,
    code_plan,
    image_version,
    source_version,
)
from understudy_aws.services.apprunner.service_records import (
    Service,
    ServiceVersion,
    service_versions,
)
from understudy_aws.store.database import Transaction

_FETCH, _BUILD = "fetch", "build"
SOURCE_FAILED = "SourceFailed"
IMAGE_FAILED = "ImagePullFailed"
BUILD_FAILED = "BuildFailed"


class ArtifactSteps(msgspec.Struct, frozen=True):
    """Steps by the tasks of a node. A task has the operation's id, so that it is begun once, whatever crashes."""

    workloads: Workloads
    images: ImagePlaces = ImagePlaces()
    own_images: OwnImages | None = None

    async def fetch(self, operation: DurableOperation, world: World) -> TaskResult | None:
        """Fetch the source code, or pull the image; nothing where what is deployed stays."""
        try:
            task = self._fetching(operation, world)
        except (ApiError, OSError) as error:
            # What the role may not read now it may not read in a moment.
            reason = f"The image can't be pulled: {error}"
            if isinstance(error, ApiError) and error.code == NOT_THERE:
                with world.database.transaction() as tx:
                    reason = self._why_none(tx, operation)
            elif isinstance(error, ApiError):
                reason = f"The image can't be pulled: {error.code}: {denial_of(world.gateway, error).text}"
            raise StepFailedError(IMAGE_FAILED, reason) from error
        if task is None:
            return None
        code = isinstance(task, FetchSource)
        return await self._done(_FETCH, operation, world, task, SOURCE_FAILED if code else IMAGE_FAILED)

    def note_fetched(
        self, tx: Transaction, operation: DurableOperation, world: World, result: TaskResult | None
    ) -> Mapping[str, Any]:
        if result is None:
            return {}
        service = history.service_of(tx, operation)
        if result.image:
            note_event(tx, service, world.clock.now(), "Successfully pulled image from ECR.")
        else:
            note_event(tx, service, world.clock.now(), f"Successfully fetched commit {result.commit}.")
        return {"fetched": msgspec.to_builtins(result)}

    async def forget_fetching(self, operation: DurableOperation, _world: World) -> None:
        if self.own_images is not None:
            self.own_images.forget(operation.id)
        await self._forget(_task_id(operation, _FETCH))

    async def build(self, operation: DurableOperation, world: World) -> TaskResult | None:
        """Build fetched source code. Images are built by others."""
        with world.database.transaction() as tx:
            service = history.service_of(tx, operation)
        plan = plan_of(service, operation)
        code = plan.settings.source.code
        if not plan.fetches or code is None:
            return None
        fetched = _fetched(operation)
        made = code_plan(code, fetched.configuration_file, account=service.account)
        task = BuildSource(
            url=code.url,
            commit=fetched.commit,
            directory=code.directory,
            language=made.language,
            version=made.version,
            commands=made.build_commands,
            environment=made.build_environment,
            service=service.arn,
            log_stream=f"deployment/{operation.id}",
        )
        return await self._done(_BUILD, operation, world, task, BUILD_FAILED)

    def note_version(
        self, tx: Transaction, operation: DurableOperation, world: World, result: TaskResult | None
    ) -> None:
        """Write the version that is deployed: a new one, or the former with other settings."""
        service = history.service_of(tx, operation)
        plan = plan_of(service, operation)
        if not plan.launches:
            return
        if plan.fetches:
            version = _new_version(service, operation, world, result)
        else:
            former = service_versions.get(tx, *_version_key(service, service.version))
            if former is None:
                raise StepFailedError("VersionGone", "The version that is deployed is gone.")
            version = replace(former, id=operation.id, created=world.clock.now(), settings=plan.settings)
        service_versions.put(tx, version)

    async def forget_building(self, operation: DurableOperation, _world: World) -> None:
        await self._forget(_task_id(operation, _BUILD))

    def remove_version(
        self, tx: Transaction, operation: DurableOperation, _world: World, _result: object
    ) -> None:
        service = history.service_of(tx, operation)
        version = service_versions.get(tx, *_version_key(service, operation.id))
        if version is not None and service.version != version.id:
            service_versions.delete(tx, version)

    async def finish(self, operation: DurableOperation, _world: World) -> None:
        """Have the node forget the tasks. What no service needs any more is deleted by `controllers/artifacts.py`."""
        if self.own_images is not None:
            self.own_images.forget(operation.id)
        if "fetched" in operation.details:
            await self._forget(_task_id(operation, _FETCH))
            await self._forget(_task_id(operation, _BUILD))

    def _fetching(self, operation: DurableOperation, world: World) -> Task | None:
        """Return what an operation has to fetch, None for one that takes what is deployed."""
        with world.database.transaction() as tx:
            service = history.service_of(tx, operation)
            plan = plan_of(service, operation)
            source = plan.settings.source
            named = source.image.identifier if source.image is not None else ""
            own = OwnImages.has(tx, named)
            ours = is_of_this_server(tx, named)
        if not plan.fetches:
            return None
        if source.code is not None:
            return FetchSource(
                url=source.code.url, branch=source.code.branch, directory=source.code.directory
            )
        assert source.image is not None, "it is one of the two"
        if self.own_images is not None and not self.images.rule_for(named):
            if own:
                return self.own_images.pull_of(world.gateway, service, source, operation.id)
            if ours and self.images.built_as(named) is None:
                raise ApiError(NOT_THERE, named)
        return self.images.pull_of(named)

    def _why_none(self, tx: Transaction, operation: DurableOperation) -> str:
        image = plan_of(history.service_of(tx, operation), operation).settings.source.image
        return why_none(tx, image.identifier, self.images) if image is not None else ""

    async def _done(
        self, name: str, operation: DurableOperation, world: World, task: Task, failure: str
    ) -> TaskResult:
        """Return the result of a task that has ended; begins it where the node does not know it."""
        heard = self.workloads.heard
        status = await self.workloads.ask(StartTask(_task_id(operation, name), task))
        assert isinstance(status, TaskStatus)
        if status.state == "running":
            seconds = again_soon(operation.accepted, world.clock.now())
            raise NotYetError(
                status.reason or "It goes on.", seconds=self.workloads.at_latest(seconds, heard)
            )
        if status.state != "succeeded":
            raise StepFailedError(failure, status.reason)
        return status.result

    async def _forget(self, id: str) -> None:
        # Without a node there is no task.
        with suppress(NodeError):
            await self.workloads.ask(ForgetTask(id))


def _fetched(operation: DurableOperation) -> TaskResult:
    return msgspec.convert(operation.details["fetched"], TaskResult)


def _new_version(
    service: Service, operation: DurableOperation, world: World, built: TaskResult | None
) -> ServiceVersion:
    plan, fetched = plan_of(service, operation), _fetched(operation)
    version = ServiceVersion(
        account=service.account,
        region=service.region,
        service=service.arn,
        id=operation.id,
        created=world.clock.now(),
        settings=plan.settings,
    )
    source = plan.settings.source
    if source.image is not None:
        return image_version(version, source.image, fetched)
    assert source.code is not None, "it is one of the two"
    assert built is not None, "source code is built"
    made: CodePlan = code_plan(source.code, fetched.configuration_file, account=service.account)
    return source_version(version, made, fetched, source=built.source)


def _version_key(service: Service, version: str) -> tuple[str, ...]:
    return (service.account, service.region, service.arn, version)


def operation_of_task(id: str) -> str:
    """Return the id of the operation that a task is of; empty for a task of none."""
    operation, _, name = id.rpartition("-")
    return operation if name in {_FETCH, _BUILD} else ""


def _task_id(operation: DurableOperation, name: str) -> str:
    return f"{operation.id}-{name}"
