"""Where private services are reached from inside a VPC: at the interfaces of VPC endpoints.

Behind such an endpoint is the edge, which answers for every host, also while no service is reached there
(apprunner-services.md 2.6).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import msgspec

from understudy_aws.dataplane.edge import REQUESTS_ENDPOINT
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.node.ingress.tls import version_of

_BACKLOG = 128
_HTTP, _HTTPS = 80, 443
# The identity of a namespace, and a file with what tells it from what was at its place before.
_Made = tuple[int, str, tuple[int, ...]]


class Door(msgspec.Struct, frozen=True):
    """An address of an interface, and a port there."""

    interface: str
    address: str
    port: int


class PrivateDoors:
    """Takes connections at the doors that are wanted; `accepted` makes something of them.

    `context` makes of a file with chain and key how to serve TLS.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        accepted: Callable[..., asyncio.Protocol],
        context: Callable[[str], ssl.SSLContext],
    ) -> None:
        self._namespaces = namespaces
        self._accepted = accepted
        self._context = context
        # What listens, with the namespace and the certificate that it was made for.
        self._open: dict[Door, tuple[_Made, asyncio.Server]] = {}

    async def want(self, network: Network, services: Services) -> None:
        """Listen at the interfaces of endpoints for requests. Raises OSError; it is asked again then."""
        certificate = services.ingress.certificate
        version = version_of(certificate)
        ports = (_HTTP, _HTTPS) if certificate else (_HTTP,)
        wanted = {
            door: (identity, certificate, version) for door, identity in self._wanted(network, ports).items()
        }
        for door, (made, server) in list(self._open.items()):
            if wanted.get(door) != made:
                del self._open[door]
                server.close()
        for door, made in wanted.items():
            if door not in self._open:
                context = self._context(certificate) if door.port == _HTTPS else None
                self._open[door] = made, await self._listen(door, context, secured=bool(certificate))

    def close(self) -> None:
        """Take no more connections."""
        for _, server in self._open.values():
            server.close()
        self._open.clear()

    def _wanted(self, network: Network, ports: tuple[int, ...]) -> dict[Door, int]:
        behind = {
            id
            for vpc in network.vpcs
            for endpoint in vpc.endpoints
            if endpoint.service == REQUESTS_ENDPOINT
            for id in endpoint.interfaces
        }
        return {
            Door(interface.id, address, port): self._namespaces.identity(interface.id)
            for vpc in network.vpcs
            for interface in vpc.interfaces
            if interface.id in behind
            for address in interface.addresses
            for port in ports
        }

    async def _listen(self, door: Door, context: ssl.SSLContext | None, *, secured: bool) -> asyncio.Server:
        def made() -> socket.socket:
            version6 = ":" in door.address
            sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((door.address, door.port))
                sock.listen(_BACKLOG)
                sock.setblocking(False)
            except OSError:
                sock.close()
                raise
            return sock

        listening = await asyncio.to_thread(self._namespaces.inside, door.interface, made)

        moved = _HTTPS if secured and context is None else 0

        def accepted() -> asyncio.Protocol:
            return self._accepted(secure=context is not None, place=door.interface, moved=moved)

        return await asyncio.get_running_loop().create_server(accepted, sock=listening, ssl=context)
