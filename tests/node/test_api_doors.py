"""Connections from inside the networks to the server, without a kernel's namespaces."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from understudy_aws.dataplane.edge import API_SOCKET, ARRIVAL_LENGTH, length_in
from understudy_aws.node import api_doors
from understudy_aws.node.api_doors import ApiDoors, Door


def test_a_client_that_reads_nothing_gives_its_place_up(tmp_path, monkeypatch):
    """The places of all are bounded: those who only hold them would keep others out."""
    monkeypatch.setattr(api_doors, "_STALLED_SECONDS", 0.2)
    ended = []

    async def serve(reader, writer) -> None:
        await reader.readexactly(length_in(await reader.readexactly(ARRIVAL_LENGTH)))
        with suppress(ConnectionError):
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()
        ended.append(True)
        writer.close()

    async def hold() -> None:
        doors = ApiDoors(tmp_path, None)
        server = await asyncio.start_unix_server(serve, str(tmp_path / API_SOCKET))

        async def accepted(reader, writer) -> None:
            await doors._accepted(Door("there", "127.0.0.1", 443), reader, writer)

        door = await asyncio.start_server(accepted, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*door.sockets[0].getsockname(), limit=1024)
        async with asyncio.timeout(20):
            while not ended or doors._connections:
                await asyncio.sleep(0.02)
        writer.transport.abort()
        door.close()
        server.close()

    asyncio.run(hold())
    assert ended == [True]
