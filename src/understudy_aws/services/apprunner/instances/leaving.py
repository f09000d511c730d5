"""Retires instances of services that no operation is under way on: after scaling, and after operations.

An interface that the networking role may not delete stays, and its instance's record with it. That is told in the
service's event log, and tried again, ever later, until the role may.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.durable_operations import NotYetError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.denials import InterfacesStayError
from understudy_aws.services.apprunner.instances.retiring import drain
from understudy_aws.services.apprunner.service_problems import INTERFACES, note_problem, note_solved
from understudy_aws.services.apprunner.service_records import (
    DELETE_FAILED,
    Service,
    service_instances,
    services,
)
from understudy_aws.store.database import Transaction

_AGAIN = timedelta(seconds=1)


class LeavingInstances:
    """Sees instances off that serve no more."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def controller(self) -> Controller:
        """Return the background work; its keys are services."""
        return Controller("leaving instances", self._due, self._reconcile, poll_seconds=1.0)

    @staticmethod
    def _due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for arn in sorted({each.service for each in service_instances.where(tx, "leaving", "")}):
            service = _settled(tx, arn)
            if service is not None:
                yield Due((arn,), service.account, now)

    async def _reconcile(self, key: Key, world: World) -> datetime | None:
        await world.durable()
        with world.database.transaction() as tx:
            service = _settled(tx, key[0])
        if service is None:
            return None
        try:
            await drain(world, self._workloads, service.arn)
        except NotYetError:
            return world.clock.now() + _AGAIN
        except InterfacesStayError as error:
            with world.database.transaction() as tx:
                note_problem(tx, service, INTERFACES, error.denial, world.clock.now())
            raise
        with world.database.transaction() as tx:
            note_solved(tx, service, INTERFACES, world.clock.now())
        return None


def _settled(tx: Transaction, arn: str) -> Service | None:
    """Return a service without an operation under way. A deletion that failed is left to whoever asks for it again."""
    service = next(iter(services.where(tx, "by_arn", arn)), None)
    if service is None or service.operation or service.status == DELETE_FAILED:
        return None
    return service
