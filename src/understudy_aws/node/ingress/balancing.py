"""Which instance gets a request, and which requests wait for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.messages import ServiceLoad
from understudy_aws.dataplane.wanted_services import Service
from understudy_aws.node.ingress.edge_answers import NO_HEALTHY_INSTANCE, TOO_MANY_REQUESTS, EdgeAnswer

if TYPE_CHECKING:
    from understudy_aws.node.ingress.upstream import Upstream


class Waiter(Protocol):
    """A request that waits for an instance."""

    def go_to(self, target: Target) -> None:
        """Go to an instance, in which a place is taken for it."""
        ...

    def refuse(self, answer: EdgeAnswer) -> None:
        """Answer this instead."""
        ...

    def end_if_late(self, now: float) -> None:
        """Wait no more if that takes too long."""
        ...


class Target:
    """An instance: how many requests are under way in it, and the connections to it.

    `pool` has those that no request uses.
    """

    __slots__ = ("active", "connections", "healthy", "id", "listed", "pool")

    def __init__(self, id: str) -> None:
        self.id = id
        self.healthy = False
        self.listed = True
        self.active = 0
        self.connections: set[Upstream] = set()
        self.pool: deque[Upstream] = deque()

    def forget(self, connection: Upstream) -> None:
        """Leave a connection out that was closed."""
        self.connections.discard(connection)
        if connection in self.pool:
            self.pool.remove(connection)

    def close_pool(self, idle_before: float | None = None) -> None:
        """Close connections that no request uses: all, or those that no one has used since before a time."""
        while self.pool and (idle_before is None or self.pool[0].idle_since < idle_before):
            self.pool.popleft().close()


class Route:
    """What leads requests to the instances of a service.

    No more than `max_concurrency` are under way in an instance. Others wait, up to a number of them, in the order they
    came; so do all while no instance is healthy and one may become it, as when the service is asleep.
    """

    def __init__(self, service: Service, most_waiting: int, may_begin: Callable[[str], bool]) -> None:
        self.service = service
        self.targets: list[Target] = []
        self.active = 0
        self.answered = [0, 0, 0, 0, 0, 0]
        self.waiting: deque[Waiter] = deque()
        self._peak = 0
        self._last = monotonic_seconds()
        self._most_waiting = most_waiting
        self._may_begin = may_begin
        self._next = 0

    def use(self, service: Service, targets: Iterable[Target]) -> None:
        """Lead requests to these instances from now on, and to none when the service is gone."""
        self.service = service
        self.targets = list(targets)
        self.serve_waiting()

    def take(self) -> Target | None:
        """Take a place in the healthy instance with the fewest requests under way; None when there is none."""
        best: Target | None = None
        least = self.service.max_concurrency
        targets = self.targets
        if len(targets) > 1:
            # Among those with as few, each has its turn.
            self._next = (self._next + 1) % len(targets)
            targets = targets[self._next :] + targets[: self._next]
        for target in targets:
            if target.active < least and target.healthy:
                best, least = target, target.active
        if best is not None:
            best.active += 1
            self.active += 1
            if self.active > self._peak:  # noqa: PLR1730 - a call takes longer
                self._peak = self.active
        return best

    def wait(self, waiter: Waiter) -> EdgeAnswer | None:
        """Have a request wait until there is a place; or return why it can't."""
        if not self.has_healthy():
            if len(self.waiting) >= self._most_waiting or not self._may_wake():
                return NO_HEALTHY_INSTANCE
        elif len(self.waiting) >= self._most_waiting:
            return TOO_MANY_REQUESTS
        self.waiting.append(waiter)
        self._peak = max(self._peak, self.active + len(self.waiting))
        return None

    def has_healthy(self) -> bool:
        """Whether an instance takes requests, now or when there is a place in it."""
        for target in self.targets:  # noqa: SIM110 - a generator takes longer
            if target.healthy:
                return True
        return False

    def leave(self, waiter: Waiter) -> None:
        """Wait no more."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)

    def give_back(self, target: Target) -> None:
        """Give a place back."""
        target.active -= 1
        self.active -= 1
        if self.waiting:
            self.serve_waiting()
        if not self.active:
            self._last = monotonic_seconds()

    def serve_waiting(self) -> None:
        """Send requests that wait to instances that have a place for them; none waits for what can't come."""
        while self.waiting:
            target = self.take()
            if target is None:
                break
            self.waiting.popleft().go_to(target)
        if self.waiting and not self.has_healthy() and not self._may_wake():
            self.refuse_waiting()

    def refuse_waiting(self) -> None:
        """Let nobody wait any more."""
        while self.waiting:
            self.waiting.popleft().refuse(NO_HEALTHY_INSTANCE)

    def load(self) -> ServiceLoad:
        """Return how busy it is; `peak` begins anew."""
        peak, self._peak = self._peak, self.active + len(self.waiting)
        is_idle = not self.active and not self.waiting
        return ServiceLoad(
            arn=self.service.arn,
            active=self.active,
            waiting=len(self.waiting),
            peak=peak,
            answered=tuple((kind, count) for kind, count in enumerate(self.answered) if count and kind > 1),
            idle_seconds=monotonic_seconds() - self._last if is_idle else 0.0,
        )

    def touched(self) -> None:
        """Note that a request came, which reaches no instance."""
        self._last = monotonic_seconds()

    def _may_wake(self) -> bool:
        return self.service.asleep or any(self._may_begin(target.id) for target in self.targets)
