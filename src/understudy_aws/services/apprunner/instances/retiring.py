"""Retiring instances: requests under way end, the program is stopped, and its interface deleted as the networking role.

A program is stopped when its instance is not wanted any more. So an instance that is retired has a mark of its own, and
its record goes after its interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import NotYetError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.denials import InterfacesStayError, denial_of
from understudy_aws.services.apprunner.instances.interfaces import delete_interface, delete_unnoted
from understudy_aws.services.apprunner.instances.launching import instances_of
from understudy_aws.services.apprunner.instances.role_credentials import end_session
from understudy_aws.services.apprunner.service_records import (
    LEAVING,
    STOPPING,
    ServiceInstance,
    service_instances,
    version_secrets,
)
from understudy_aws.store.database import Transaction

# No request takes longer (apprunner-services.md 5.3).
_DRAIN_SECONDS = 120.0
_AGAIN_SECONDS = 0.05


async def drain(world: World, workloads: Workloads, service: str) -> None:
    """Retire the draining instances of a service when their requests have ended. May be repeated.

    Raises NotYetError while there are requests or processes. When all have ended, and the role may not delete an
    interface, its instance stays, and InterfacesStayError is raised.
    """
    with world.database.transaction() as tx:
        found = service_instances.where(tx, "by_service", service)
        draining = [each for each in found if each.purpose in LEAVING]
    if draining:
        await _retire(world, workloads, draining)


async def withdraw(world: World, workloads: Workloads, service: str, *, operation: str) -> None:
    """Retire what an operation has launched, and wait for no request. May be repeated. Raises as `drain` does."""
    with world.database.transaction() as tx:
        launched = [
            service_instances.put(tx, replace(each, purpose=STOPPING))
            for each in instances_of(tx, service, operation)
        ]
    if launched:
        await _retire(world, workloads, launched)


async def _retire(world: World, workloads: Workloads, instances: Sequence[ServiceInstance]) -> None:
    wanted = workloads.wanted
    looked = await workloads.look()
    states = {each.id: each for each in looked.instances}
    now = world.clock.now()
    stopped: list[ServiceInstance] = []
    busy = led = 0
    # What was led to an instance before the node was told otherwise is counted with its requests.
    leads = {id for each in wanted.services for id in each.instances} if wanted is not None else None
    with world.database.transaction() as tx:
        for instance in instances:
            state = states.get(instance.id)
            if instance.purpose == STOPPING:
                stopped.append(instance)
                continue
            since = (now - (instance.changed or instance.created)).total_seconds()
            late = not 0 <= since < _DRAIN_SECONDS
            if not late and (leads is None or instance.id in leads):
                led += 1
            elif late or state is None or not state.requests:
                stopped.append(service_instances.put(tx, replace(instance, purpose=STOPPING)))
            else:
                busy += state.requests
    # Before the node was told that an instance shall not run, it may start it still.
    runs = states.keys() | {each.id for each in wanted.instances} if wanted is not None else None
    running = [each for each in stopped if runs is None or each.id in runs]
    gone = [each for each in stopped if runs is not None and each.id not in runs]
    refusal = _remove(world, gone, now)
    if led or busy or running:
        raise NotYetError(_waits(led, busy, len(running)), seconds=_AGAIN_SECONDS)
    if refusal is not None:
        raise refusal


def _waits(led: int, busy: int, running: int) -> str:
    if led:
        return f"Requests are led to {led} instances still."
    return f"{busy} requests are under way." if busy else f"{running} instances are stopping."


def _remove(world: World, gone: Sequence[ServiceInstance], now: datetime) -> InterfacesStayError | None:
    """Delete the interfaces and records of instances that run no more; returns why the first of them stays."""
    refusal: InterfacesStayError | None = None
    for instance in gone:
        try:
            delete_unnoted(world, (instance,))
            delete_interface(world, instance)
        except ApiError as error:
            refusal = refusal or InterfacesStayError(error.code, denial_of(world.gateway, error))
            continue
        with world.database.transaction() as tx:
            current = service_instances.get(tx, *service_instances.key(instance)) or instance
            service_instances.delete(tx, current)
            end_session(tx, current, now)
            _forget_secrets(tx, instance)
    return refusal


def _forget_secrets(tx: Transaction, instance: ServiceInstance) -> None:
    """Forget the values of a version's secrets with its last instance."""
    if any(
        each.version == instance.version
        for each in service_instances.where(tx, "by_service", instance.service)
    ):
        return
    known = version_secrets.get(tx, instance.account, instance.region, instance.service, instance.version)
    if known is not None:
        version_secrets.delete(tx, known)
