"""Where programs in the networks reach AWS's APIs: the address on the internet side, and interfaces of VPC endpoints.

Instances of services ask for their roles' credentials at an address that each has for itself.

The sockets are made in the namespaces, and connections accepted by this process, which joins each to one to the server.
The server may stop and start meanwhile: whoever connects while it is away is cut off at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import msgspec

from understudy_aws.dataplane.client import short_path
from understudy_aws.dataplane.edge import (
    API_ADDRESSES,
    API_PORTS,
    API_SOCKET,
    CREDENTIALS_PORT,
    REQUESTS_ENDPOINT,
    Arrival,
)
from understudy_aws.dataplane.linux.names import INTERNET
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network

# What all take together, and what one address may take of it.
_MOST, _MOST_OF_ONE = 512, 128
_BACKLOG = 128
_PIECE = 64 * 1024
_CONNECT_SECONDS = 5.0
# A client that reads nothing for so long has no use for its place.
_STALLED_SECONDS = 60.0


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


class ApiDoors:
    """Takes connections at the doors of the wanted network, and joins each to one to the server."""

    name = "APIs"

    def __init__(self, directory: Path, namespaces: Namespaces) -> None:
        self._directory = directory
        self._namespaces = namespaces
        # What listens, with the identity of the namespace it was made in.
        self._open: dict[Door, tuple[int, asyncio.Server]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._of: Counter[str] = Counter()

    async def want(self, network: Network) -> None:
        """Listen at the doors of this network, and at no others."""
        wanted = {door: self._namespaces.identity(door.namespace) for door in _doors(network)}
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
        for task in self._connections:
            task.cancel()

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
            await self._accepted(door, reader, writer)

        return await asyncio.start_server(accepted, sock=listening, limit=_PIECE)

    async def _accepted(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a connection to one to the server, within bounds."""
        peer = writer.get_extra_info("peername")
        source = _canonical(peer[0]) if peer else ""
        if not source or self._of.total() >= _MOST or self._of[source] >= _MOST_OF_ONE:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None, "connections are accepted by tasks"
        self._connections.add(task)
        self._of[source] += 1
        try:
            await self._join(Arrival(source, door.vpc, door.endpoint, door.interface), reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            # The server is away, one side has gone, or the node ends.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            self._of[source] -= 1
            if not self._of[source]:
                del self._of[source]

    async def _join(
        self, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            with short_path(self._directory) as place:
                to_server = await asyncio.open_unix_connection(str(place / API_SOCKET), limit=_PIECE)
        server_reader, server_writer = to_server
        server_writer.write(arrival.encoded())
        upward = asyncio.create_task(_send(reader, server_writer))
        try:
            while piece := await server_reader.read(_PIECE):
                writer.write(piece)
                async with asyncio.timeout(_STALLED_SECONDS):
                    await writer.drain()
        finally:
            # When the server has said all, so has the connection.
            upward.cancel()
            server_writer.transport.abort()
            writer.close()


async def _send(reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
    """Carry what a client says to the server until it has said all; when it is lost, the server loses it, too."""
    try:
        while piece := await reader.read(_PIECE):
            to_server.write(piece)
            await to_server.drain()
        to_server.write_eof()
    except OSError:
        to_server.transport.abort()


def _canonical(address: str) -> str:
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


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
