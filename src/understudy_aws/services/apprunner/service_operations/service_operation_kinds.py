"""The kinds of operations on services, and which steps each has."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.dataplane.runtime.registries import ImagePlaces
from understudy_aws.gateway.durable_operations import OperationKind, Step
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.own_images import OwnImages
from understudy_aws.services.apprunner.service_operations import endings, history
from understudy_aws.services.apprunner.service_operations.artifact_steps import ArtifactSteps
from understudy_aws.services.apprunner.service_operations.instance_steps import InstanceSteps
from understudy_aws.services.apprunner.service_operations.preparing import prepare, started, stop_routing

# With the waiting times between them a step is tried for a quarter of a minute.
_ATTEMPTS = 5


def service_operation_kinds(
    workloads: Workloads, images: ImagePlaces | None = None, own_images: OwnImages | None = None
) -> Sequence[OperationKind]:
    """Return the kinds of operations on services, which run by these workloads, with images from these places.

    `own_images` are those of the registries that are served here.
    """
    artifacts = ArtifactSteps(workloads, images or ImagePlaces(), own_images)
    instances = InstanceSteps(workloads)
    preparing = Step("prepare", act=prepare, record=started)
    fetching = (
        Step("fetch", act=artifacts.fetch, record=artifacts.note_fetched, undo_act=artifacts.forget_fetching),
        Step(
            "build",
            act=artifacts.build,
            record=artifacts.note_version,
            undo_act=artifacts.forget_building,
            undo_record=artifacts.remove_version,
        ),
    )
    launching = (
        Step("start", act=instances.launch, record=instances.note_launched, undo_act=instances.withdraw),
        Step("health", act=instances.wait_until_healthy, record=instances.note_healthy),
        Step("switch", record=instances.switch),
        Step("lead", act=instances.wait_until_led),
    )
    draining = Step("drain", act=instances.drain)
    finishing = Step("finish", act=artifacts.finish)
    deployment = (preparing, *fetching, *launching, draining, finishing)
    stopping = (Step("prepare", record=stop_routing), draining, finishing)
    return (
        _kind(history.CREATE, "creations of services", deployment),
        _kind(history.UPDATE, "updates of services", deployment),
        _kind(history.DEPLOY, "deployments of services", deployment),
        # Nothing is there to go back to when instances cannot be stopped.
        _kind(history.PAUSE, "pauses of services", stopping, attempts=None),
        _kind(history.RESUME, "resumptions of services", (preparing, *launching)),
        _kind(history.DELETE, "deletions of services", stopping),
    )


def _kind(
    type: str, title: str, steps: tuple[Step, ...], *, attempts: int | None = _ATTEMPTS
) -> OperationKind:
    return OperationKind(
        history.KINDS[type],
        title,
        steps,
        attempts=attempts,
        ended=endings.ended,
        most_kept=5_000,
        prompt=True,
    )
