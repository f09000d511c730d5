"""Automatic scaling of running services, by the requests that are under way at once (apprunner-services.md 5.2).

More instances are launched as soon as those there are have nearly as many requests as they take. One after the other
is retired when fewer have been enough for a while. An instance that stays unhealthy gets no more requests, so that
another one is launched in its place.

A service with the tag `understudy:sleep-after` sleeps when no request came for so many seconds: it has no instances
until the next one, which waits for it. AWS does not do that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.messages import ServiceLoad
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.durable_operations import StepFailedError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.auto_scaling_records import AutoScalingConfiguration
from understudy_aws.services.apprunner.denials import Denial
from understudy_aws.services.apprunner.instances.launching import launch
from understudy_aws.services.apprunner.instances.wanted_services import scaling_of
from understudy_aws.services.apprunner.service_problems import (
    LAUNCHING,
    note_problem,
    note_solved,
    problem_of,
)
from understudy_aws.services.apprunner.service_records import (
    DRAINING,
    RUNNING,
    SERVING,
    Service,
    ServiceInstance,
    service_instances,
    service_versions,
    services,
)
from understudy_aws.services.apprunner.sleep_tag import sleeps_after
from understudy_aws.store.database import Transaction

# Of the requests that an instance takes at once, this part has come when another one is launched.
_NEARLY = 0.8
_FEWER_AFTER = timedelta(seconds=60)
_UNHEALTHY_AFTER = timedelta(seconds=30)


class Scaled(msgspec.Struct):
    """What is remembered of a service: since when fewer instances are enough, and since when some are unhealthy."""

    fewer_since: datetime | None = None
    unhealthy_since: dict[str, datetime] = {}


def enough(load: ServiceLoad | None, configuration: AutoScalingConfiguration) -> int:
    """Return how many instances are enough for what a service had to do of late."""
    most = max(1, math.floor(configuration.max_concurrency * _NEARLY))
    requests = max(load.peak, load.active + load.waiting) if load is not None else 0
    return max(configuration.min_size, min(configuration.max_size, math.ceil(requests / most)))


class AutomaticScaling:
    """Scales services while no operation is under way on them."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads
        self._known: dict[str, Scaled] = {}

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("automatic scaling", self._due, self._reconcile, poll_seconds=1.0)

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        live = services.where(tx, "live", "")
        for arn in self._known.keys() - {each.arn for each in live}:
            del self._known[arn]
        for service in live:
            if service.status == RUNNING and self._has_work(tx, service, now):
                yield Due((service.arn,), service.account, now)

    def _has_work(self, tx: Transaction, service: Service, now: datetime) -> bool:
        instances = service_instances.where(tx, "by_service", service.arn)
        serving = [each for each in instances if each.purpose == SERVING]
        if self._change(tx, service, serving, now) is not None:
            return True
        return problem_of(tx, service, LAUNCHING) is not None

    def _change(
        self, tx: Transaction, service: Service, serving: Sequence[ServiceInstance], now: datetime
    ) -> int | None:
        """Return how many instances a service should have instead of those it has; None if it should have these."""
        load, known = self._workloads.load(service.arn), self._known.setdefault(service.arn, Scaled())
        if self._sleeps(service, load):
            return 0 if serving or not service.asleep else None
        wanted = enough(load, scaling_of(tx, service))
        well = len(serving) - len(self._unhealthy(serving, known, now))
        if service.asleep or wanted > well:
            known.fewer_since = None
            return wanted
        if wanted >= len(serving):
            known.fewer_since = None
            return None
        known.fewer_since = min(known.fewer_since or now, now)
        return len(serving) - 1 if now - known.fewer_since >= _FEWER_AFTER else None

    def _sleeps(self, service: Service, load: ServiceLoad | None) -> bool:
        after = sleeps_after(service)
        if after is None or load is None:
            return service.asleep and after is not None
        return not load.active and not load.waiting and (service.asleep or load.idle_seconds >= after)

    def _unhealthy(
        self, serving: Sequence[ServiceInstance], known: Scaled, now: datetime
    ) -> list[ServiceInstance]:
        """Return those that have been unhealthy for a while."""
        sick = {}
        for each in serving:
            state = self._workloads.state(each.id)
            if state is not None and state.state == "unhealthy":
                sick[each.id] = min(known.unhealthy_since.get(each.id, now), now)
        known.unhealthy_since = sick
        return [each for each in serving if each.id in sick and now - sick[each.id] >= _UNHEALTHY_AFTER]

    async def _reconcile(self, key: Key, world: World) -> datetime | None:
        now = world.clock.now()
        await world.durable()
        with world.database.transaction() as tx:
            service = next(iter(services.where(tx, "by_arn", key[0])), None)
            if service is None or service.status != RUNNING:
                return None
            serving = self._serving(tx, service)
            wanted = self._change(tx, service, serving, now)
            if wanted is not None:
                self._retire(tx, service, serving, wanted, now)
                serving = self._serving(tx, service)
            version = service_versions.get(tx, service.account, service.region, service.arn, service.version)
        if wanted is not None and wanted > len(serving) and version is not None:
            try:
                operation = f"scaling-{world.ids.uuid()}"
                await launch(world, version, wanted - len(serving), operation=operation, purpose=SERVING)
            except StepFailedError as error:
                denial = Denial(error.details.get("cause", error.message), error.message)
                with world.database.transaction() as tx:
                    note_problem(tx, service, LAUNCHING, denial, world.clock.now())
                # It is tried again, ever later.
                raise RuntimeError(
                    f"No more instances of {service.name} can be launched: {error.message}"
                ) from error
        with world.database.transaction() as tx:
            note_solved(tx, service, LAUNCHING, world.clock.now())
        return None

    @staticmethod
    def _serving(tx: Transaction, service: Service) -> list[ServiceInstance]:
        found = service_instances.where(tx, "by_service", service.arn)
        return [each for each in found if each.purpose == SERVING]

    def _retire(
        self,
        tx: Transaction,
        service: Service,
        serving: Sequence[ServiceInstance],
        wanted: int,
        now: datetime,
    ) -> None:
        """Lead no more requests to those that are unhealthy or too many, first those not known to be healthy."""
        asleep = not wanted
        if service.asleep != asleep:
            services.put(tx, replace(service, asleep=asleep, asleep_since=now if asleep else None))
        leaving = self._unhealthy(serving, self._known.setdefault(service.arn, Scaled()), now)
        gone = {each.id for each in leaving}
        staying = sorted((each for each in serving if each.id not in gone), key=self._worth)
        for each in (*leaving, *staying[wanted:]):
            service_instances.put(tx, replace(each, purpose=DRAINING, changed=now))
        self._known[service.arn].fewer_since = None

    def _worth(self, instance: ServiceInstance) -> tuple[bool, datetime]:
        """Return what sorts instances by how sure it is that they go on taking requests, the surest first."""
        state = self._workloads.state(instance.id)
        return state is None or state.state != "healthy", instance.created
