"""Connections from inside the networks to the server, without a kernel's namespaces."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from understudy_aws.dataplane import joins
from understudy_aws.dataplane.edge import API_SOCKET, ARRIVAL_LENGTH, Arrival, length_in
from understudy_aws.dataplane.joins import Joins


def test_a_client_that_reads_nothing_gives_its_place_up(tmp_path, monkeypatch):
    """The places of all are bounded: those who only hold them would keep others out."""
    monkeypatch.setattr(joins, "_STALLED_SECONDS", 0.2)
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
        joined = Joins(tmp_path)
        server = await asyncio.start_unix_server(serve, str(tmp_path / API_SOCKET))

        async def accepted(reader, writer) -> None:
            await joined.accepted(lambda source: Arrival(source, "", "", ""), reader, writer)

        door = await asyncio.start_server(accepted, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*door.sockets[0].getsockname(), limit=1024)
        async with asyncio.timeout(20):
            while not ended or joined._connections:
                await asyncio.sleep(0.02)
        writer.transport.abort()
        door.close()
        server.close()

    asyncio.run(hold())
    assert ended == [True]
