"""How long and how much: requests that take too long, slow clients, many connections, large bodies."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import AsyncExitStack

import msgspec
import pytest
from behind_ingress import GET, HOST, OK, Instance, read_request, run, site

from understudy_aws.node.ingress.limits import IngressLimits

QUICK = IngressLimits(
    sweep_seconds=0.05, head_seconds=0.2, idle_seconds=0.2, linger_seconds=0.2, pooled_seconds=0.1
)
LARGE = 100 * 1024 * 1024
# Fewer than may wait to be taken.
AT_ONCE = 250
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


def test_a_head_that_trickles_in_behind_a_request_ends_that_too():
    """It holds no place among those of the service: nobody would hear its response."""

    async def story() -> None:
        ended = asyncio.Event()

        async def serve(reader, writer) -> None:
            await read_request(reader)
            await reader.read()
            ended.set()

        async with site(Instance(serve=serve), limits=QUICK) as web:
            client = await web.connect()
            await client.say(GET + b"GET / HT")
            assert await client.is_closed()
            await asyncio.wait_for(ended.wait(), 10)
            assert web.load.active == 0

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


def test_a_connection_with_a_request_under_way_neither_makes_room_nor_is_it_closed_for_idle():
    async def story() -> None:
        goes_on = asyncio.Event()

        async def serve(reader, writer) -> None:
            await read_request(reader)
            await goes_on.wait()
            writer.write(OK)

        async with site(Instance(serve=serve), limits=msgspec.structs.replace(QUICK, connections=2)) as web:
            busy = await web.connect()
            await busy.say(GET)
            await web.until(lambda: web.load.active == 1)
            idle = await web.connect()
            another = await web.connect()
            assert await idle.is_closed()
            assert await another.is_closed(), "it was idle for long enough"
            goes_on.set()
            assert (await busy.answer()).status == 200
            assert await busy.is_closed()

    run(story)


def test_ten_thousand_idle_connections_take_little_memory():
    """Both sides are in this process, so as many as it may open files for. One of four has had an answer."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 10_000 if files == resource.RLIM_INFINITY else min(10_000, files // 2 - 500)

    async def story() -> None:
        async with site(Instance()) as web, AsyncExitStack() as opened:
            await web.ask()
            host, _, port = web.ingress.address.rpartition(":")
            loop = asyncio.get_running_loop()
            before = _memory()
            for first in range(0, count, AT_ONCE):
                socks = [
                    socket.create_connection((host, int(port))) for _ in range(min(AT_ONCE, count - first))
                ]
                for sock in socks:
                    opened.callback(sock.close)
                for sock in socks[::4]:
                    sock.setblocking(False)
                    sock.send(GET)
                for sock in socks[::4]:
                    assert (await loop.sock_recv(sock, 1 << 12)).startswith(b"HTTP/1.1 200 ")
            await web.until(lambda: len(web.ingress._clients) >= count)
            assert (_memory() - before) / count < 6
            assert (await web.ask()).status == 200

    run(story)


def test_clients_that_send_a_byte_at_a_time_are_served_and_hold_nobody_up():
    """A hundred of them; the body of each comes in bytes too."""

    async def story() -> None:
        instance = Instance(lambda told: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + told.body)
        async with site(instance, max_concurrency=200) as web:
            said = GET.replace(b"GET", b"PUT").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")
            slow = [await web.connect() for _ in range(100)]
            for at in range(len(said)):
                for client in slow:
                    client.writer.write(said[at : at + 1])
                if at % 20 == 0:
                    assert (await web.ask(said)).body == b"abc"
                await asyncio.sleep(0.001)
            assert [(await client.answer()).body for client in slow] == [b"abc"] * 100
            assert not web.ingress.heads

    run(story)


def test_a_client_that_reads_nothing_holds_nobody_up():
    """It has asked for more than buffers take; others get the same, and it gets the rest once it reads."""

    async def story() -> None:
        size = 4 * 1024 * 1024
        body = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
        async with site(Instance(body)) as web:
            await web.ask()
            slow = await web.connect(limit=1 << 16)
            await slow.say(GET * 3)
            await web.until(lambda: web.load.active == 1)
            before = _memory()
            for _ in range(3):
                assert len((await web.ask()).body) == size
            assert web.load.active == 1
            assert _memory() - before < 8 * size // 1024
            for _ in range(3):
                assert len((await slow.answer()).body) == size

    run(story)


def test_an_upload_behind_bodies_that_an_instance_does_not_read_is_held_up():
    """It answers before it has read them: what is left of them goes with their connection."""

    async def story() -> None:
        latest = []

        async def serve(reader, writer) -> None:
            latest.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()
            await asyncio.Event().wait()

        instance = Instance(serve=serve)
        async with site(instance) as web:
            target = web.ingress._targets["one"]
            body = b"z" * 150_000
            put = f"PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            client = await web.connect()
            for _ in range(60):
                await client.say(put + body)
                await web.until(lambda: any(each.asker for each in target.connections))
                latest[-1].write(OK)
                assert (await client.answer()).body == b"ok"
                assert all(each.transport.get_write_buffer_size() <= 1 << 16 for each in target.pool)
            assert len(latest) > 1

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
