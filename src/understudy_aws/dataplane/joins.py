"""Connections of programs, each joined to one to the server, at the socket where it takes those from inside.

The server may stop and start meanwhile: whoever connects while it is away is cut off at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from understudy_aws.dataplane.client import short_path
from understudy_aws.dataplane.edge import API_SOCKET, Arrival

PIECE = 64 * 1024
"""The bytes that are carried at a time."""

# What all take together, and what one address may take of it.
_MOST, _MOST_OF_ONE = 512, 128
_CONNECT_SECONDS = 5.0
# A client that reads nothing for so long has no use for its place.
_STALLED_SECONDS = 60.0


class Joins:
    """The connections that one process has joined to the server of a directory, within bounds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._connections: set[asyncio.Task[None]] = set()
        self._of: Counter[str] = Counter()

    def cut_off(self) -> None:
        """Cut off all that there are."""
        for task in self._connections:
            task.cancel()

    async def accepted(
        self,
        arrival: Callable[[str], Arrival | None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Join a connection; `arrival` answers what the server is told of one from an address, None to refuse it."""
        peer = writer.get_extra_info("peername")
        source = _canonical(peer[0]) if peer else ""
        told = arrival(source) if source else None
        if told is None or self._of.total() >= _MOST or self._of[source] >= _MOST_OF_ONE:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None, "connections are accepted by tasks"
        self._connections.add(task)
        self._of[source] += 1
        try:
            await self._join(told, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            # The server is away, one side has gone, or this process ends.
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
                to_server = await asyncio.open_unix_connection(str(place / API_SOCKET), limit=PIECE)
        server_reader, server_writer = to_server
        server_writer.write(arrival.encoded())
        upward = asyncio.create_task(_send(reader, server_writer))
        try:
            while piece := await server_reader.read(PIECE):
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
        while piece := await reader.read(PIECE):
            to_server.write(piece)
            await to_server.drain()
        to_server.write_eof()
    except OSError:
        to_server.transport.abort()


def _canonical(address: str) -> str:
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
