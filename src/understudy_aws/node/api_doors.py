"""Where programs in the networks reach AWS's APIs: the address on the internet side, and interfaces of VPC endpoints.

Instances of services ask for their roles' credentials at an address that each has for itself.

Where the machine makes no networks, both are at ports of its loopback interface (`LoopbackDoors`).

The sockets are made in the namespaces, and connections accepted by this process, which joins each to one to the server.
The server may stop and start meanwhile: whoever connects while it is away is cut off at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from understudy_aws.dataplane.edge import (
    ANY_INTERFACE,
    API_ADDRESSES,
    API_PORTS,
    CREDENTIALS_PORT,
    REQUESTS_ENDPOINT,
    Arrival,
)
from understudy_aws.dataplane.joins import PIECE, Joins
from understudy_aws.dataplane.linux.names import INTERNET
from understudy_aws.dataplane.runtime.loopback import LOOPBACK, LoopbackPorts
from understudy_aws.dataplane.wanted import Network

T = TypeVar("T")

_BACKLOG = 128


class Door(msgspec.Struct, frozen=True):
    """A place where connections are taken: a namespace, an address there, and whose endpoint it is, if any's.

    `interface` is the one whose credentials are asked for there.
    """

    namespace: str
    address: str
    port: int
    vpc: str = ""
    endpoint: str = ""
    interface: str = ""


class Namespaces(Protocol):
    """The namespaces in which doors are."""

    def identity(self, name: str, /) -> int:
        """Return what tells a namespace from others of its name. Raises FileNotFoundError for none."""
        ...

    def inside(self, name: str, function: Callable[[], T], /) -> T:
        """Return what a function returns that is called inside a namespace."""
        ...


class ThisMachine:
    """The machine's own network, where that is the only one."""

    @staticmethod
    def identity(_name: str) -> int:
        """Return 0: there is no other."""
        return 0

    @staticmethod
    def inside(_name: str, function: Callable[[], T]) -> T:
        """Call a function."""
        return function()


class ApiDoors:
    """Takes connections at the doors of the wanted network, and joins each to one to the server."""

    name = "APIs"

    def __init__(self, directory: Path, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._joins = Joins(directory)
        # What listens, with the identity of the namespace it was made in.
        self._open: dict[Door, tuple[int, asyncio.Server]] = {}

    async def want(self, network: Network) -> None:
        """Listen at the doors of this network, and at no others."""
        wanted = {door: self._namespaces.identity(door.namespace) for door in self._doors(network)}
        for door, (identity, server) in list(self._open.items()):
            if wanted.get(door) != identity:
                del self._open[door]
                server.close()
        for door, identity in wanted.items():
            if door not in self._open:
                self._open[door] = (identity, await self._listen(door))

    async def close(self) -> None:
        """Take no more connections, and cut off those there are."""
        for _, server in self._open.values():
            server.close()
        self._open.clear()
        self._joins.cut_off()

    @staticmethod
    def _doors(network: Network) -> Iterator[Door]:
        return _doors(network)

    async def _listen(self, door: Door) -> asyncio.Server:
        def made() -> socket.socket:
            version6 = ":" in door.address
            sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if version6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((door.address, door.port))
                sock.listen(_BACKLOG)
                sock.setblocking(False)
            except OSError:
                sock.close()
                raise
            return sock

        listening = self._namespaces.inside(door.namespace, made)

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._joins.accepted(
                lambda source: Arrival(source, door.vpc, door.endpoint, door.interface), reader, writer
            )

        return await asyncio.start_server(accepted, sock=listening, limit=PIECE)


class LoopbackDoors(ApiDoors):
    """The doors of a machine that makes no networks: one to the APIs, and one to credentials, for all instances."""

    def __init__(self, directory: Path, ports: LoopbackPorts) -> None:
        super().__init__(directory, ThisMachine())
        self._ports = ports

    def _doors(self, _network: Network) -> Iterator[Door]:  # type: ignore[override]
        yield Door("", LOOPBACK, self._ports.apis)
        yield Door("", LOOPBACK, self._ports.credentials, interface=ANY_INTERFACE)


def _doors(network: Network) -> Iterator[Door]:
    if any(vpc.internet_gateway or vpc.egress_only_gateway for vpc in network.vpcs):
        for address in API_ADDRESSES.values():
            for port in API_PORTS:
                yield Door(INTERNET, address, port)
    for vpc in network.vpcs:
        # Behind App Runner's endpoint for requests are services, and no API.
        apis = [endpoint for endpoint in vpc.endpoints if endpoint.service != REQUESTS_ENDPOINT]
        of = {id: endpoint.id for endpoint in apis for id in endpoint.interfaces}
        for interface in vpc.interfaces:
            for address in interface.local:
                yield Door(interface.id, address, CREDENTIALS_PORT, interface=interface.id)
            if interface.id in of:
                for address in interface.addresses:
                    for port in API_PORTS:
                        yield Door(interface.id, address, port, vpc.id, of[interface.id])
