"""Where private services are reached from inside a VPC: at the interfaces of VPC endpoints."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import msgspec

from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.node.ingress.listening import server_context

_BACKLOG = 128
_HTTP, _HTTPS = 80, 443


class Door(msgspec.Struct, frozen=True):
    """An address of an interface, and a port there."""

    interface: str
    address: str
    port: int


class PrivateDoors:
    """Takes connections at the doors that are wanted; `accepted` makes something of them."""

    def __init__(self, namespaces: Namespaces, accepted: Callable[..., asyncio.Protocol]) -> None:
        self._namespaces = namespaces
        self._accepted = accepted
        # What listens, with the identity of the namespace it was made in.
        self._open: dict[Door, tuple[int, asyncio.Server]] = {}

    async def want(self, network: Network, services: Services) -> None:
        """Listen for private services at the interfaces that there are. Raises OSError; it is asked again then."""
        certificate = services.ingress.certificate
        wanted = self._wanted(network, services, (_HTTP, _HTTPS) if certificate else (_HTTP,))
        for door, (identity, server) in list(self._open.items()):
            if wanted.get(door) != identity:
                del self._open[door]
                server.close()
        for door, identity in wanted.items():
            if door not in self._open:
                context = server_context(certificate) if door.port == _HTTPS else None
                self._open[door] = identity, await self._listen(door, context)

    def close(self) -> None:
        """Take no more connections."""
        for _, server in self._open.values():
            server.close()
        self._open.clear()

    def _wanted(self, network: Network, services: Services, ports: tuple[int, ...]) -> dict[Door, int]:
        private = {
            id for each in services.services for entry in each.private_entries for id in entry.interfaces
        }
        return {
            Door(interface.id, address, port): self._namespaces.identity(interface.id)
            for vpc in network.vpcs
            for interface in vpc.interfaces
            if interface.id in private
            for address in interface.addresses
            for port in ports
        }

    async def _listen(self, door: Door, context: ssl.SSLContext | None) -> asyncio.Server:
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

        def accepted() -> asyncio.Protocol:
            return self._accepted(secure=context is not None, place=door.interface)

        return await asyncio.get_running_loop().create_server(accepted, sock=listening, ssl=context)
