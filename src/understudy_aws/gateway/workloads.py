"""What runs services on this machine, as operations and controllers ask it: the node, from any number of tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping

from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.messages import (
    Answer,
    AwaitChanges,
    Changes,
    GetInstances,
    Instances,
    InstanceStatus,
    Question,
    ServiceLoad,
    WantServices,
)
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.gateway.driver_threads import in_thread

# What changes is heard of; should that be missed, it is found with the next look.
_LOOK_SECONDS = 1.0


class Workloads:
    """The way to the node for everything about services. It has connections of its own.

    `heard` counts how often something was heard of that has changed, None while that is not heard of. `last` is what
    the node said last of instances and services, also for who asks without waiting. `wanted` is what it was told last,
    None before it is known.
    """

    def __init__(self, node: NodeLauncher) -> None:
        self._node = node.beside()
        self._watching = node.beside()
        self._node_answers = asyncio.Event()
        self.heard: int | None = None
        self._lock = threading.Lock()
        self.last = Instances()
        self.wanted: Services | None = None
        self._states: Mapping[str, InstanceStatus] = {}
        self._loads: Mapping[str, ServiceLoad] = {}

    async def ask(self, question: Question) -> Answer:
        """Return the node's answer; starts a node when none runs. Raises NodeError, also for what it refuses."""
        answer = await in_thread(self._ask, question)
        self._node_answers.set()
        return answer

    async def changes(self) -> AsyncIterator[Changes]:
        """Yield what changes of tasks and instances, as it does, as long as this goes on.

        A node is started by other questions alone. While none answers, the next answer to one of them is waited for.
        """
        node, last = "", 0
        while True:
            self._node_answers.clear()
            answer = await in_thread(self._watching.ask_running, AwaitChanges(node, last))
            if isinstance(answer, Changes):
                node, last = answer.node, answer.last
                self.heard = (self.heard or 0) + 1
                yield answer
            else:
                self.heard = None
                await self._node_answers.wait()

    def at_latest(self, seconds: float, heard: int | None) -> float:
        """Return after how many seconds to look again at what would else be looked at after `seconds`.

        `heard` was so before the last look, after which something may have changed.
        """
        return seconds if self.heard is None or self.heard != heard else max(seconds, _LOOK_SECONDS)

    async def want(self, services: Services) -> None:
        """Have the node run these services, and no others. Raises NodeError."""
        self.wanted = None
        await self.ask(WantServices(services))
        self.wanted = services

    async def want_none(self) -> None:
        """Have the node run no services, if one runs; starts none."""
        self.wanted = None
        await in_thread(self._ask_running, WantServices(Services()))
        self.forget()

    async def look(self) -> Instances:
        """Return how the instances do now. Raises NodeError."""
        answer = await self.ask(GetInstances())
        assert isinstance(answer, Instances)
        self.last = answer
        self._states = {each.id: each for each in answer.instances}
        self._loads = {each.arn: each for each in answer.loads}
        return answer

    def forget(self) -> None:
        """Know of no instance: nothing is wanted, or the node has ended, and with it everything that it ran."""
        self.last, self._states, self._loads = Instances(), {}, {}
        self.wanted = Services()

    def state(self, instance: str) -> InstanceStatus | None:
        """Return how an instance did when that was last asked; None for one that the node did not know."""
        return self._states.get(instance)

    def load(self, service: str) -> ServiceLoad | None:
        """Return how busy the service of an ARN was when that was last asked."""
        return self._loads.get(service)

    def close(self) -> None:
        """End the connections; the node goes on."""
        with self._lock:
            self._node.close()

    def _ask(self, question: Question) -> Answer:
        # One question at a time goes over the connection; each is answered soon.
        with self._lock:
            return self._node.ask(question)

    def _ask_running(self, question: Question) -> Answer | None:
        with self._lock:
            return self._node.ask_running(question)
