"""Retiring instances: requests under way end, the program is stopped, and its interface deleted as the networking role.

A program is stopped when its instance is not wanted any more. So an instance that is retired has a mark of its own, and
its record goes after its interface.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import NotYetError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances.interfaces import delete_interface, delete_unnoted
from understudy_aws.services.apprunner.instances.launching import instances_of
from understudy_aws.services.apprunner.instances.role_credentials import end_session
from understudy_aws.services.apprunner.service_records import (
    DRAINING,
    STOPPING,
    ServiceInstance,
    service_instances,
    version_secrets,
)
from understudy_aws.store.database import Transaction

# No request takes longer (apprunner-services.md 5.3).
_DRAIN_SECONDS = 120.0
_AGAIN_SECONDS = 0.1


async def drain(world: World, workloads: Workloads, service: str) -> None:
    """Retire the draining instances of a service when their requests have ended. May be repeated.

    Raises NotYetError while there are requests or processes, and ApiError when the role may not delete an interface.
    """
    with world.database.transaction() as tx:
        draining = [each for each in service_instances.where(tx, "by_service", service) if _is_leaving(each)]
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


def _is_leaving(instance: ServiceInstance) -> bool:
    return instance.purpose in {DRAINING, STOPPING}


async def _retire(world: World, workloads: Workloads, instances: Sequence[ServiceInstance]) -> None:
    wanted = workloads.wanted
    looked = await workloads.look()
    states = {each.id: each for each in looked.instances}
    now = world.clock.now()
    stopped: list[ServiceInstance] = []
    busy = 0
    with world.database.transaction() as tx:
        for instance in instances:
            state = states.get(instance.id)
            if instance.purpose == STOPPING:
                stopped.append(instance)
                continue
            since = (now - (instance.changed or instance.created)).total_seconds()
            if state is None or not state.requests or not 0 <= since < _DRAIN_SECONDS:
                stopped.append(service_instances.put(tx, replace(instance, purpose=STOPPING)))
            else:
                busy += state.requests
    # Before the node was told that an instance shall not run, it may start it still.
    runs = states.keys() | {each.id for each in wanted.instances} if wanted is not None else None
    running = [each for each in stopped if runs is None or each.id in runs]
    gone = [each for each in stopped if runs is not None and each.id not in runs]
    delete_unnoted(world, gone)
    for instance in gone:
        delete_interface(world, instance)
        with world.database.transaction() as tx:
            current = service_instances.get(tx, *service_instances.key(instance)) or instance
            service_instances.delete(tx, current)
            end_session(tx, current, now)
            _forget_secrets(tx, instance)
    if busy or running:
        waits = f"{busy} requests are under way." if busy else f"{len(running)} instances are stopping."
        raise NotYetError(waits, seconds=_AGAIN_SECONDS)


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
