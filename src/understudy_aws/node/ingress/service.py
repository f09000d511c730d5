"""What the node asks of the ingress: the services that it should lead requests to, and what becomes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.messages import Answer, Done, GetInstances, InstanceStatus, WantServices
from understudy_aws.dataplane.messages import Instances as InstancesAnswer
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.health import HealthChecks
from understudy_aws.node.ingress.ingress import Ingress
from understudy_aws.node.ingress.private_doors import PrivateDoors


class Instances(Protocol):
    """The instances of the node."""

    @property
    def services(self) -> Services:
        """What should run."""
        ...

    @property
    def limits(self) -> tuple[str, ...]: ...

    async def want_services(self, services: Services) -> None: ...

    def endpoint(self, id: str) -> Endpoint | None: ...

    def is_coming(self, id: str) -> bool:
        """Whether an instance starts, or waits for its interface."""
        ...

    def statuses(self) -> tuple[InstanceStatus, ...]: ...


class IngressService:
    """The ingress of a node, beside its instances. Without `namespaces` no private service is reached."""

    name = "ingress"

    def __init__(
        self,
        directory: Path,
        dialer: Dialer,
        checks: HealthChecks,
        instances: Instances,
        namespaces: Namespaces | None = None,
    ) -> None:
        self._instances = instances
        self._dialer = dialer
        self._ingress = Ingress(
            directory,
            dialer,
            endpoint=instances.endpoint,
            is_healthy=checks.is_healthy,
            may_begin=instances.is_coming,
        )
        checks.told.append(self._ingress.changed)
        self._doors = None
        if namespaces is not None:
            self._doors = PrivateDoors(namespaces, self._ingress.accepted, self._ingress.contexts.made)
        self._led: Services | None = None
        self._network = Network()

    @property
    def answers(self) -> Mapping[type[Any], Callable[[Any], Awaitable[Answer]]]:
        """Return what answers the questions about services."""
        return {WantServices: self._want_services, GetInstances: self._get_instances}

    async def want(self, network: Network) -> None:
        """Lead requests to what should run, also after a node has begun anew. Raises OSError when none can be taken."""
        self._network = network
        await self._lead()

    def forget(self) -> None:
        """Keep no port for a next node."""
        self._ingress.forget()

    async def close(self) -> None:
        """Take no more requests."""
        if self._doors is not None:
            self._doors.close()
        await self._ingress.close()
        self._dialer.close()

    async def _lead(self) -> None:
        services = self._instances.services
        if services is not self._led:
            await self._ingress.want(services)
            self._led = services
        if self._doors is not None:
            await self._doors.want(self._network, services)

    async def _want_services(self, question: WantServices) -> Answer:
        await self._instances.want_services(question.services)
        await self._lead()
        return Done()

    async def _get_instances(self, _: GetInstances) -> Answer:
        ingress = self._ingress
        return InstancesAnswer(
            instances=tuple(
                replace(each, requests=ingress.requests(each.id)) for each in self._instances.statuses()
            ),
            loads=ingress.loads(),
            ingress=ingress.address,
            ingress_error=ingress.error,
            limits=self._instances.limits,
        )
