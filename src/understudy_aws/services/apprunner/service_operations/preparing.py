"""The first step of an operation: whether App Runner may do what it needs to."""

from __future__ import annotations

from understudy_aws.core.arn import parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import DurableOperation, StepFailedError
from understudy_aws.gateway.role_sessions import try_to_assume
from understudy_aws.services.apprunner import connections
from understudy_aws.services.apprunner.denials import denial_of
from understudy_aws.services.apprunner.instances.routing import drain_all
from understudy_aws.services.apprunner.own_images import ACCESS_PRINCIPAL
from understudy_aws.services.apprunner.service_events import note_started
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.deployment_plan import plan_of
from understudy_aws.services.apprunner.service_operations.used_resources import (
    INSTANCE_PRINCIPAL,
)
from understudy_aws.store.database import Transaction


async def prepare(operation: DurableOperation, world: World) -> None:
    """Assume the roles of a service, and look its connection up: what was there for the request may be gone."""
    with world.database.transaction() as tx:
        service = history.service_of(tx, operation)
        plan = plan_of(service, operation)
        roles = []
        if plan.launches and plan.settings.instance.role:
            roles.append((INSTANCE_PRINCIPAL, plan.settings.instance.role, "instance role"))
        if plan.fetches and plan.settings.source.access_role:
            roles.append((ACCESS_PRINCIPAL, plan.settings.source.access_role, "access role"))
        if plan.fetches and plan.settings.source.connection:
            _require_connection(tx, plan.settings.source.connection)
    for principal, role, words in roles:
        with world.database.transaction() as tx:
            refusal = _refusal(world, tx, principal, role, service.arn, service.region)
        if refusal is not None:
            denied = denial_of(world.gateway, refusal)
            raise StepFailedError(
                "InvalidRequestException", f"Error in assuming {words} {role}: {denied.text}"
            )


def started(tx: Transaction, operation: DurableOperation, world: World, _result: object) -> None:
    note_started(tx, history.service_of(tx, operation), operation, world.clock.now(), world.gateway.trail)


def stop_routing(tx: Transaction, operation: DurableOperation, world: World, _result: object) -> None:
    """Lead no more requests to a service that is paused or deleted."""
    service = history.service_of(tx, operation)
    note_started(tx, service, operation, world.clock.now(), world.gateway.trail)
    drain_all(tx, service.arn, at=world.clock.now())


def _require_connection(tx: Transaction, text: str) -> None:
    arn = parse(text)
    found = connections.of_arn(tx, arn) if arn is not None else None
    if found is None or found.status != connections.AVAILABLE:
        status = found.status if found is not None else "DELETED"
        raise StepFailedError(
            "InvalidRequestException",
            f"The connection to the source code is not AVAILABLE: its status is {status}.",
        )


def _refusal(  # noqa: PLR0917 - who assumes what for whom
    world: World, tx: Transaction, principal: str, role: str, source_arn: str, region: str
) -> ApiError | None:
    """Return why a role cannot be assumed; the trail keeps the attempt in any case."""
    try:
        try_to_assume(
            world.gateway,
            tx,
            principal=principal,
            role_arn=role,
            session_name="AppRunner",
            source_arn=source_arn,
            region=region,
        )
    except ApiError as error:
        return error
    return None
