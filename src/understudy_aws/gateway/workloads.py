"""What runs services on this machine, as operations and controllers ask it: the node, from any number of tasks."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.messages import (
    Answer,
    GetInstances,
    Instances,
    InstanceStatus,
    Question,
    ServiceLoad,
    WantServices,
)
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.gateway.driver_threads import in_thread


class Workloads:
    """The way to the node for everything about services. It has a connection of its own.

    `last` is what the node said last of instances and services, also for who asks without waiting. `wanted` is what it
    was told last, None before it is known.
    """

    def __init__(self, node: NodeLauncher) -> None:
        self._node = node.beside()
        self._lock = threading.Lock()
        self.last = Instances()
        self.wanted: Services | None = None
        self._states: Mapping[str, InstanceStatus] = {}
        self._loads: Mapping[str, ServiceLoad] = {}

    async def ask(self, question: Question) -> Answer:
        """Return the node's answer; starts a node when none runs. Raises NodeError, also for what it refuses."""
        return await in_thread(self._ask, question)

    async def want(self, services: Services) -> None:
        """Have the node run these services, and no others. Raises NodeError."""
        self.wanted = None
        await self.ask(WantServices(services))
        self.wanted = services

    async def look(self) -> Instances:
        """Return how the instances do now. Raises NodeError."""
        answer = await self.ask(GetInstances())
        assert isinstance(answer, Instances)
        self.last = answer
        self._states = {each.id: each for each in answer.instances}
        self._loads = {each.arn: each for each in answer.loads}
        return answer

    def forget(self) -> None:
        """Know of no instance: the node has ended, and with it everything that it ran."""
        self.last, self._states, self._loads = Instances(), {}, {}
        self.wanted = Services()

    def state(self, instance: str) -> InstanceStatus | None:
        """Return how an instance did when that was last asked; None for one that the node did not know."""
        return self._states.get(instance)

    def load(self, service: str) -> ServiceLoad | None:
        """Return how busy the service of an ARN was when that was last asked."""
        return self._loads.get(service)

    def close(self) -> None:
        """End the connection; the node goes on."""
        with self._lock:
            self._node.close()

    def _ask(self, question: Question) -> Answer:
        # One question at a time goes over the connection; each is answered soon.
        with self._lock:
            return self._node.ask(question)
