"""Waiting until new instances are healthy, and why they are not."""

from __future__ import annotations

from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import NotYetError, StepFailedError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances.launching import instances_of

# An application has five minutes to start (apprunner-services.md 5.3).
_START_SECONDS = 300.0
_AGAIN_SECONDS = 0.1
FAILED = "HealthCheckFailed"


async def wait_until_healthy(world: World, workloads: Workloads, service: str, *, operation: str) -> None:
    """Return when all instances that an operation has launched are healthy.

    Raises NotYetError, and StepFailedError with the reason when one never becomes it.
    """
    with world.database.transaction() as tx:
        instances = instances_of(tx, service, operation)
    looked = await workloads.look()
    states = {each.id: each for each in looked.instances}
    now = world.clock.now()
    waiting = 0
    for instance in instances:
        state = states.get(instance.id)
        if state is not None and state.state == "healthy":
            continue
        if state is not None and state.state in {"unhealthy", "ended"}:
            raise StepFailedError(FAILED, state.reason or "An instance did not pass its health check.")
        if (now - instance.created).total_seconds() > _START_SECONDS:
            reason = state.reason if state is not None else ""
            raise StepFailedError(
                FAILED, reason or f"An instance was not healthy within {_START_SECONDS:.0f} seconds."
            )
        waiting += 1
    if waiting:
        raise NotYetError(
            f"{waiting} of {len(instances)} instances are not healthy yet.", seconds=_AGAIN_SECONDS
        )
