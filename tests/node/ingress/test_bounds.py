"""How long and how much: requests that take too long, slow clients, many connections, large bodies."""

from __future__ import annotations

import asyncio
import resource

import pytest
from behind_ingress import GET, HOST, OK, Instance, read_request, run, site

from understudy_aws.node.ingress.limits import IngressLimits

QUICK = IngressLimits(
    sweep_seconds=0.05, head_seconds=0.2, idle_seconds=0.2, linger_seconds=0.2, pooled_seconds=0.1
)
LARGE = 100 * 1024 * 1024
PIECE = bytes(range(256)) * 256


def _memory() -> int:
    """The most memory that this process ever had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_request_that_takes_too_long_is_answered_504():
    """apprunner-services.md 5.1 and 5.3: it has so many seconds as a whole."""

    async def story() -> None:
        async def serve(reader, writer) -> None:
            await read_request(reader)
            await reader.read()

        async with site(Instance(serve=serve), limits=QUICK, request_seconds=0) as web:
            answer = await web.ask()
            assert (answer.status, answer.body) == (504, b"upstream request timeout")
            assert web.load.active == 0

    run(story)


def test_a_response_that_takes_too_long_is_cut_off():
    async def story() -> None:
        async def serve(reader, writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            await reader.read()

        async with site(Instance(serve=serve), limits=QUICK, request_seconds=0) as web:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await web.ask()

    run(story)


def test_who_waits_for_a_place_too_long_is_answered_429():
    async def story() -> None:
        async with site(Instance(), limits=QUICK, request_seconds=0, max_concurrency=1) as web:
            target = web.ingress._targets["one"]
            target.active = 1
            assert (await web.ask()).status == 429
            target.active = 0

    run(story)


@pytest.mark.parametrize("said", [b"G", GET[:-2], GET + GET[:20]])
def test_a_head_that_trickles_in_is_not_waited_for(said):
    async def story() -> None:
        async with site(Instance(), limits=QUICK) as web:
            client = await web.connect()
            await client.say(said)
            if said.startswith(GET):
                assert (await client.answer()).status == 200
            assert (await client.answer()).status == 408
            client.writer.write_eof()
            assert await client.is_closed()

    run(story)


def test_idle_connections_are_closed_on_both_sides():
    async def story() -> None:
        async with site(Instance(), limits=QUICK) as web:
            client, silent = await web.connect(), await web.connect()
            await client.ask()
            assert await client.is_closed()
            assert await silent.is_closed()
            await web.until(lambda: not web.ingress._targets["one"].pool)

    run(story)


def test_the_connection_that_is_idle_longest_makes_room():
    async def story() -> None:
        async with site(Instance(), limits=IngressLimits(connections=3)) as web:
            clients = [await web.connect() for _ in range(3)]
            for client in clients:
                await client.ask()
            another = await web.connect()
            assert (await another.ask()).status == 200
            assert await clients[0].is_closed()
            assert (await clients[1].ask()).status == 200

    run(story)


def test_two_thousand_idle_connections_take_little_memory():
    """Both sides of each are in this process."""

    async def story() -> None:
        async with site(Instance()) as web:
            await web.ask()
            host, _, port = web.ingress.address.rpartition(":")
            before = _memory()
            transports = [
                (await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, int(port)))[0]
                for _ in range(2000)
            ]
            await web.until(lambda: len(web.ingress._clients) >= 2000)
            assert (_memory() - before) / 2000 < 20
            assert (await web.ask()).status == 200
            for transport in transports:
                transport.abort()

    run(story)


def test_a_large_upload_passes_through_in_pieces():
    async def story() -> None:
        async def serve(reader, writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            left = LARGE
            while left:
                left -= len(await reader.read(1 << 16))
            writer.write(OK)

        async with site(Instance(serve=serve)) as web:
            before = _memory()
            client = await web.connect()
            await client.say(f"PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LARGE}\r\n\r\n".encode())
            for _ in range(LARGE // len(PIECE)):
                await client.say(PIECE)
            assert (await client.answer()).body == b"ok"
            assert _memory() - before < 20 * 1024

    run(story)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_download_passes_through_as_fast_as_the_client_reads(chunked):
    async def story() -> None:
        sent = 0

        async def serve(reader, writer) -> None:
            nonlocal sent
            await read_request(reader)
            head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % LARGE
            writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
            for _ in range(LARGE // len(PIECE)):
                writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
                await writer.drain()
                sent += len(PIECE)
            writer.write(b"0\r\n\r\n" if chunked else b"")

        async with site(Instance(serve=serve)) as web:
            before = _memory()
            client = await web.connect(limit=1 << 16)
            await client.say(GET)
            await client.reader.readuntil(b"\r\n\r\n")
            # Nothing is read: what is sent comes to rest in buffers.
            await asyncio.sleep(0.5)
            assert sent < LARGE / 2
            received = 0
            if chunked:
                async for piece in client.chunks():
                    received += len(piece)
            else:
                while received < LARGE:
                    received += len(await client.reader.read(1 << 16))
            assert received == LARGE
            assert _memory() - before < 20 * 1024

    run(story)
