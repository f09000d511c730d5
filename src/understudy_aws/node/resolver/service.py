"""The resolvers of all VPCs, held to the wanted network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.link_local import resolvers
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network, Vpc
from understudy_aws.node.resolver.asking import Allowance
from understudy_aws.node.resolver.forwarding import Forwarder
from understudy_aws.node.resolver.listener import Listener, make_sockets
from understudy_aws.node.resolver.zone import Zone


class _Resolver(msgspec.Struct):
    """The resolver of a VPC: what it was made from, and in which namespace its sockets are."""

    vpc: Vpc
    known: Mapping[str, tuple[str, ...]]
    namespace: int
    listener: Listener


class Resolvers:
    """Runs a resolver for each VPC that has one."""

    name = "resolver"

    def __init__(self, namespaces: Namespaces, forwarder: Forwarder) -> None:
        self._namespaces = namespaces
        self._forwarder = forwarder
        self._running: dict[str, _Resolver] = {}

    async def want(self, network: Network) -> None:
        """Have the resolvers that a network asks for, with its names. Raises OSError for one that can't be had."""
        wanted = {vpc.id: vpc for vpc in network.vpcs if vpc.dns.support}
        for id in self._running.keys() - wanted.keys():
            await self._running.pop(id).listener.close()
        failed: OSError | None = None
        for vpc in wanted.values():
            try:
                await self._keep(vpc, network.names)
            except OSError as error:
                # Such as no descriptor that is free: the others are served, and this one at another time.
                failed = error
        if failed is not None:
            raise failed

    async def close(self) -> None:
        """Close every resolver."""
        while self._running:
            await self._running.popitem()[1].listener.close()

    async def _keep(self, vpc: Vpc, known: Mapping[str, tuple[str, ...]]) -> None:
        namespace = self._namespaces.identity(vpc.id)
        running = self._running.get(vpc.id)
        # Somebody may have taken the namespace away, and the node made another one.
        if running is not None and (running.namespace != namespace or running.vpc.cidrs[0] != vpc.cidrs[0]):
            await self._running.pop(vpc.id).listener.close()
            running = None
        if running is None:
            sockets = await asyncio.to_thread(
                self._namespaces.inside, vpc.id, lambda: make_sockets(resolvers(vpc))
            )
            listener = Listener(vpc.id, Zone(vpc, known), Allowance(monotonic_seconds), self._forwarder)
            self._running[vpc.id] = _Resolver(vpc, known, namespace, listener)
            await listener.open(*sockets)
        elif running.vpc is not vpc or running.known is not known:
            running.listener.use(Zone(vpc, known))
            running.vpc, running.known = vpc, known
