"""Waiting until new instances are healthy, and why they are not."""

from __future__ import annotations

from understudy_aws.dataplane.messages import InstanceStatus
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    NotYetError,
    StepFailedError,
    again_soon,
)
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances.launching import instances_of
from understudy_aws.services.apprunner.instances.unanswered import why_unanswered
from understudy_aws.services.apprunner.instances.wanted_services import service_now
from understudy_aws.services.apprunner.service_records import (
    SERVING,
    ServiceInstance,
    service_instances,
    services,
)

# An application has five minutes to start (apprunner-services.md 5.3).
_START_SECONDS = 300.0
# So many ends in a row that nobody saw are no accident.
_UNSEEN_ENDS = 4
# The node is told within milliseconds of what has changed.
_TOLD_SECONDS = 0.02
FAILED = "HealthCheckFailed"


async def wait_until_healthy(world: World, workloads: Workloads, operation: DurableOperation) -> None:
    """Return when all instances that an operation has launched are healthy.

    Raises NotYetError, and StepFailedError with the reason when one never becomes it.
    """
    with world.database.transaction() as tx:
        instances = instances_of(tx, operation.subject, operation.id)
    heard = workloads.heard
    looked = await workloads.look()
    states = {each.id: each for each in looked.instances}
    now = world.clock.now()
    waiting = 0
    for instance in instances:
        state = states.get(instance.id)
        if state is not None and state.state == "healthy":
            continue
        if state is not None and state.state in {"unhealthy", "ended"} and not _was_killed(state):
            reason = state.reason or "An instance did not pass its health check."
            raise StepFailedError(FAILED, _explained(world, instance, state, reason))
        if (now - instance.created).total_seconds() > _START_SECONDS:
            reason = state.reason if state is not None else ""
            reason = reason or f"An instance was not healthy within {_START_SECONDS:.0f} seconds."
            raise StepFailedError(FAILED, _explained(world, instance, state, reason))
        waiting += 1
    if waiting:
        raise NotYetError(
            f"{waiting} of {len(instances)} instances are not healthy yet.",
            seconds=workloads.at_latest(again_soon(min(each.created for each in instances), now), heard),
        )


async def wait_until_led(world: World, workloads: Workloads, arn: str) -> None:
    """Return when the node leads requests of a service as its records say, and an instance takes them.

    Raises NotYetError. It isn't waited for an instance that has become ill since it was found healthy.
    """
    now = world.clock.now()
    with world.database.transaction() as tx:
        service = next(iter(services.where(tx, "by_arn", arn)), None)
        if service is None:
            # A reset took it away.
            return
        wanted = service_now(tx, service, now)
        serving = [each for each in service_instances.where(tx, "by_service", arn) if each.purpose == SERVING]
    told = workloads.wanted.services if workloads.wanted is not None else ()
    if wanted not in told:
        raise NotYetError("The node was not told yet where requests are led.", seconds=_TOLD_SECONDS)
    if not serving:
        return
    looked = await workloads.look()
    states = {each.id: each for each in looked.instances}
    found = [states.get(each.id) for each in serving]
    since = max(each.changed or each.created for each in serving)
    if any(each is not None and each.state == "healthy" for each in found):
        return
    if 0 <= (now - since).total_seconds() < _START_SECONDS and any(map(_is_coming, found)):
        raise NotYetError("No instance takes requests yet.", seconds=again_soon(since, now))


def _is_coming(state: InstanceStatus | None) -> bool:
    return state is None or state.state in {"waiting", "starting"} or _was_killed(state)


def _explained(world: World, instance: ServiceInstance, state: InstanceStatus | None, reason: str) -> str:
    """Return a reason with what kept an instance from what it waited for."""
    if state is None or not state.unanswered:
        return reason
    with world.database.transaction() as tx:
        why = why_unanswered(tx, instance, state, world.clock.now())
    return f"{reason} {why}".strip()


def _was_killed(state: InstanceStatus) -> bool:
    """Return whether an instance ended with what ran it, as when the holder is killed; it is started again.

    What ends so again and again is killed by something that goes on doing so.
    """
    return state.state == "ended" and 0 < state.starts < _UNSEEN_ENDS and state.exit_status is None
