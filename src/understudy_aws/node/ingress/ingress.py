"""The ingress: takes requests for services, and leads them to instances."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Mapping
from pathlib import Path

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.ids import Ids
from understudy_aws.dataplane import wanted_services as wanted
from understudy_aws.dataplane.messages import ServiceLoad
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.ingress.balancing import Route, Target
from understudy_aws.node.ingress.client import ClientConnection
from understudy_aws.node.ingress.exchange import Exchange
from understudy_aws.node.ingress.hosts import led_to, named
from understudy_aws.node.ingress.known_heads import RequestHeads, ResponseHeads
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.listening import Entrance
from understudy_aws.node.ingress.tls import ServerContexts
from understudy_aws.node.ingress.upstream import Upstream

# Hosts as they were spelled, and no more of them than this.
_MOST_SPELLINGS, _LONGEST_SPELLING = 1024, 300


class Ingress:
    """Leads requests to services as they are wanted.

    `endpoint` says where an instance takes connections, None while it does not run; `is_healthy` and `may_begin` say
    whether it takes requests, and whether it will soon. `directory` keeps the port across nodes.
    """

    def __init__(
        self,
        directory: Path,
        dialer: Dialer,
        *,
        endpoint: Callable[[str], Endpoint | None],
        is_healthy: Callable[[str], bool],
        may_begin: Callable[[str], bool],
        limits: IngressLimits | None = None,
    ) -> None:
        self.limits = limits or IngressLimits()
        self.dialer = dialer
        self.connecting: set[Exchange] = set()
        self.closing = False
        self.request_seconds = wanted.Ingress().request_seconds
        # Connections in the order in which they began to be so, with the time. Of those that are idle it is known to a
        # second, and some of them have a request under way.
        self.idle: dict[ClientConnection, float] = {}
        self.heads: dict[ClientConnection, float] = {}
        self.lingering: dict[ClientConnection, float] = {}
        self._clients: set[ClientConnection] = set()
        self._most = within_open_files(self.limits.connections)
        self._endpoint = endpoint
        self._is_healthy = is_healthy
        self._may_begin = may_begin
        self._routes: dict[str, Route] = {}
        # Routes by host, at each place where requests are taken: outside, which is empty, or the interface of a VPC
        # endpoint.
        self._hosts: dict[str, dict[str, Route]] = {"": {}}
        self.spellings: dict[bytes, Route] = {}
        self._targets: dict[str, Target] = {}
        self.contexts = ServerContexts()
        self._entrance = Entrance(directory, most=self._most, context=self.contexts.made)
        self._sweeping: asyncio.TimerHandle | None = None
        self.request_id = Ids().uuids().__next__
        self.request_heads = RequestHeads()
        self.response_heads = ResponseHeads()

    @property
    def address(self) -> str:
        """Where requests are taken, such as 127.0.0.1:4567; empty where none are."""
        return self._entrance.address

    @property
    def error(self) -> str:
        """Why they are not taken where it is wanted, as a sentence; empty when they are."""
        return self._entrance.error

    # What the node asks for.

    async def want(self, services: wanted.Services) -> None:
        """Lead requests to these services; connections and requests under way go on."""
        targets: dict[str, Target] = {}
        for service in services.services:
            for id in service.instances:
                target = targets[id] = self._targets.get(id) or Target(id)
                target.listed, target.healthy = True, self._is_healthy(id)
        for id, target in self._targets.items():
            if id not in targets:
                target.listed = False
                target.close_pool()
                if target.active:
                    targets[id] = target
        self._targets = targets
        self._lead(services)
        self.request_seconds = services.ingress.request_seconds
        self.contexts.want(services.certificates)
        if services.services:
            await self._entrance.want(services.ingress, self.accepted)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self.limits.sweep_seconds, self._sweep)

    def _lead(self, services: wanted.Services) -> None:
        former, self._routes = self._routes, {}
        self._hosts = {"": {}}
        self.spellings.clear()
        for service in services.services:
            route = former.pop(service.arn, None) or Route(service, self.limits.waiting, self._may_begin)
            self._routes[service.arn] = route
            route.use(service, [self._targets[id] for id in service.instances])
            for host in service.hosts:
                self._hosts[""][host.lower()] = route
            for entry in service.private_entries:
                for interface in entry.interfaces:
                    self._hosts.setdefault(interface, {})[entry.host.lower()] = route
        for route in former.values():
            route.targets = []
            route.refuse_waiting()

    def changed(self, id: str) -> None:
        """Note that an instance has become healthy, or is it no more."""
        target = self._targets.get(id)
        if target is None:
            return
        target.healthy = target.listed and self._is_healthy(id)
        if not target.healthy:
            target.close_pool()
        for route in self._routes.values():
            if route.waiting and target in route.targets:
                route.serve_waiting()

    def requests(self, id: str) -> int:
        """Return how many requests are under way in an instance."""
        target = self._targets.get(id)
        return target.active if target is not None else 0

    def loads(self) -> tuple[ServiceLoad, ...]:
        """Return how busy the services are, in order; the peaks begin anew."""
        return tuple(route.load() for _, route in sorted(self._routes.items()))

    def forget(self) -> None:
        """Take the wanted port again when there is a next node."""
        self._entrance.forget()

    async def close(self) -> None:
        """Take no more requests, and cut those off that are under way."""
        self.closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._entrance.close()
        for client in list(self._clients):
            client.abort()
        for target in self._targets.values():
            target.close_pool()

    # What connections ask for.

    def accepted(self, *, secure: bool, place: str = "", moved: int = 0) -> ClientConnection:
        """Return what becomes of a connection that was taken; with `moved` its requests are sent to that port."""
        return ClientConnection(self, secure=secure, place=place, moved=moved)

    def opened(self, client: ClientConnection) -> None:
        """Take a connection in; when there are too many, the one that is idle longest makes room."""
        self._clients.add(client)
        if len(self._clients) > self._most:
            self._idle_longest().abort()

    def _idle_longest(self) -> ClientConnection:
        """Return the connection that is idle longest, of which there is one."""
        now = monotonic_seconds()
        while (longest := next(iter(self.idle))).is_busy:
            self._put_last(longest, now)
        return longest

    def _put_last(self, client: ClientConnection, now: float) -> None:
        """Take a connection for idle no longer than since now, for it has a request under way or a head coming in."""
        del self.idle[client]
        self.idle[client] = now

    def closed(self, client: ClientConnection) -> None:
        """Forget a connection."""
        self._clients.discard(client)

    def route(self, host: bytes, place: str) -> Route | None:
        """Return what leads requests of a host to its service, at a place where they are taken."""
        if place:
            return led_to(self._hosts.get(place, {}), named(host))
        route = self.spellings.get(host)
        if route is None:
            route = led_to(self._hosts[""], named(host))
            if route is not None and len(host) < _LONGEST_SPELLING:
                if len(self.spellings) >= _MOST_SPELLINGS:
                    self.spellings.clear()
                self.spellings[host] = route
        return route

    async def connect(self, target: Target) -> Upstream:
        """Return a new connection to an instance. Raises OSError."""
        endpoint = self._endpoint(target.id)
        if endpoint is None:
            raise ConnectionRefusedError("it does not run")
        sock = await self.dialer.connect(endpoint, self.limits.connect_seconds)
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_connection(
                lambda: Upstream(target, self.response_heads), sock=sock
            )
        except BaseException:
            sock.close()
            raise
        return upstream

    # Time passes.

    def _sweep(self) -> None:
        limits, now = self.limits, monotonic_seconds()
        for exchange in list(self.connecting):
            exchange.end_if_late(now)
        for route in self._routes.values():
            for waiter in list(route.waiting):
                waiter.end_if_late(now)
        for client in _older(self.heads, now - limits.head_seconds):
            client.head_too_slow()
        for client in _older(self.idle, now - limits.idle_seconds):
            if client.is_busy or client in self.heads:
                self._put_last(client, now)
            else:
                client.close()
        for client in _older(self.lingering, now - limits.linger_seconds):
            client.abort()
        for target in self._targets.values():
            for connection in list(target.connections):
                connection.end_if_late(now)
            target.close_pool(now - limits.pooled_seconds)
        self._sweeping = asyncio.get_running_loop().call_later(limits.sweep_seconds, self._sweep)


def _older(since: Mapping[ClientConnection, float], latest: float) -> list[ClientConnection]:
    """Return those that have been so since before a time; they stand first."""
    found = []
    for client, at in since.items():
        if at > latest:
            break
        found.append(client)
    return found


def within_open_files(most: int) -> int:
    """Return how many connections there may be: each takes a file, and each request one more.

    The process opens as many as the system lets it, if it has to ask for more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted_files = 2 * most
    if soft != resource.RLIM_INFINITY and soft < wanted_files:
        more = wanted_files if hard == resource.RLIM_INFINITY else min(hard, wanted_files)
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        soft = more
    return most if soft == resource.RLIM_INFINITY else min(most, max(soft - 512, soft // 2))
