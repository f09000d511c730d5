"""Bounds in bytes and in time, over real sockets on the loopback address."""

import asyncio
import socket

import pytest
from loopback import GET, Client, Echo, exchange, run, serving, until

from understudy_aws.core.http import HttpResponse
from understudy_aws.server.limits import Limits, within_open_files

pytestmark = pytest.mark.usefixtures("both_loops")


class TestBounds:
    def test_a_body_announced_too_long_is_refused_before_it_comes(self):
        app = Echo()
        (status, headers, _), rest = exchange(
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", app, Limits(body=10)
        )
        assert (status, headers["connection"], rest, app.requests) == (413, "close", b"", [])

    def test_a_body_of_just_the_limit_is_taken(self):
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789"
        (status, _, body), _ = exchange(sent, limits=Limits(body=10))
        assert (status, body) == (200, b"0123456789")

    def test_a_chunked_body_is_refused_once_it_is_too_long(self):
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nabcde\r\n" * 3
        (status, _, _), _ = exchange(sent, limits=Limits(body=10))
        assert status == 413

    def test_a_client_still_sending_its_too_long_body_gets_the_answer(self):
        """Closing on unread bytes would reset the connection, and the answer with it."""

        async def talk():
            async with serving(Echo(), Limits(body=10)) as (_, connect):
                client = await connect()
                client.send(
                    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n", b"x" * 3_000_000
                )
                await client.writer.drain()
                assert (await client.answer())[0] == 413

        run(talk())

    @pytest.mark.parametrize(
        "sent",
        [
            b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 2000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: aaaaaaaaaa\r\n" * 200 + b"\r\n",
        ],
    )
    def test_a_head_too_long_is_refused(self, sent):
        app = Echo()
        (status, headers, _), rest = exchange(sent, app, Limits(head=1000))
        assert (status, headers["connection"], rest, app.requests) == (431, "close", b"", [])

    @pytest.mark.parametrize("begun", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nX"])
    def test_a_line_that_never_ends_is_refused(self, begun):
        """What is not complete yet grows too, and nothing but the server's own counting would stop it."""

        async def talk():
            async with serving(Echo(), Limits(head=1000)) as (_, connect):
                client = await connect()
                client.send(begun)
                for _ in range(20):
                    client.send(b"a" * 1000)
                    await client.writer.drain()
                    await asyncio.sleep(0)
                assert (await client.answer())[0] == 431

        run(talk())

    def test_a_long_body_does_not_count_towards_the_head(self):
        """The next request's head begins in the piece that ends a body far longer than a head may be."""
        body = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000

        async def talk():
            async with serving(Echo(), Limits(head=1000)) as (_, connect):
                client = await connect()
                for _ in range(3):
                    client.send(body, GET[:10])
                    await client.writer.drain()
                    assert len((await client.answer())[2]) == 50_000
                    client.send(GET[10:])
                    assert (await client.answer())[0] == 200

        run(talk())

    def test_a_client_that_does_not_read_has_no_more_handled(self):
        """Held answers and the socket's buffers are all that piles up; then everything comes, in order."""

        async def talk():
            count, size = 400, 100_000
            app = Echo(lambda request: HttpResponse(200, request.path.encode().ljust(size)))
            async with serving(app, Limits(held=300_000)) as (server, _):
                raw = socket.socket()
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                raw.connect(("127.0.0.1", server.port))
                raw.sendall(
                    b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(count))
                )
                for _ in range(200):
                    await asyncio.sleep(0)
                handled = len(app.requests)
                assert 0 < handled < count // 2
                reader, writer = await asyncio.open_connection(sock=raw)
                client = Client(reader, writer)
                paths = [(await client.answer())[2].strip().decode() for _ in range(count)]
                assert paths == [f"/{number}" for number in range(count)]
                writer.close()
                await writer.wait_closed()

        run(talk())


class TestTime:
    HASTY = Limits(request_seconds=0.05, idle_seconds=0.05, write_seconds=0.05, sweep_seconds=0.01)

    @pytest.mark.parametrize(
        "begun", [b"GET / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"]
    )
    def test_a_request_that_stays_incomplete_is_a_408(self, begun):
        async def talk():
            async with serving(Echo(), self.HASTY) as (_, connect):
                client = await connect()
                client.send(begun)
                status, headers, _ = await client.answer()
                assert (status, headers["connection"]) == (408, "close")

        run(talk())

    def test_a_trickle_does_not_extend_it(self):
        async def talk():
            async with serving(Echo(), self.HASTY) as (_, connect):
                client = await connect()
                client.send(b"GET / HTTP/1.1\r\nX: ")
                answer = asyncio.create_task(client.answer())
                while not answer.done():
                    client.send(b"a")
                    await asyncio.sleep(0.005)
                assert (await answer)[0] == 408

        run(talk())

    def test_an_idle_connection_is_closed_without_a_word(self):
        async def talk():
            async with serving(Echo(), self.HASTY) as (_, connect):
                fresh, used = await connect(), await connect()
                used.send(GET)
                await used.answer()
                assert (b"", b"") == (await fresh.rest(), await used.rest())

        run(talk())

    def test_a_client_that_never_reads_is_cut_off(self):
        async def talk():
            app = Echo(lambda _: HttpResponse(200, b"x" * 20_000_000))
            async with serving(app, self.HASTY) as (server, connect):
                client = await connect()
                client.writer.transport.pause_reading()
                client.send(GET)
                await until(lambda: app.requests and not server.connections)

        run(talk())

    def test_a_refused_client_that_keeps_sending_is_cut_off(self):
        async def talk():
            limits = Limits(body=10, linger_seconds=0.05, sweep_seconds=0.01)
            async with serving(Echo(), limits) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n")
                assert (await client.answer())[0] == 413
                while server.connections:
                    client.send(b"x" * 1000)
                    await asyncio.sleep(0.005)

        run(talk())


class TestOpenFiles:
    @pytest.mark.parametrize(
        ("files", "expected"),
        [(1024, (900, 64)), (100_000, (4096, 64)), (256, (164, 32)), (64, (24, 8)), (2, (1, 0)), (-1, (4096, 64))],
    )  # fmt: skip
    def test_connections_fit_into_the_files_a_process_may_open(self, files, expected):
        limits = within_open_files(Limits(), files)
        assert expected == (limits.connections, limits.turned_away)

    def test_fewer_stay_fewer(self):
        assert 3 == within_open_files(Limits(connections=3), 1024).connections


def test_each_of_several_newcomers_in_one_turn_takes_the_place_of_another_idle_client():
    """A connection that was closing already was found idle again, so that all but one newcomer took a place beyond."""

    async def talk():
        limits = Limits(connections=4, yield_seconds=0.05, sweep_seconds=3600)
        async with serving(Echo(), limits) as (server, connect):
            for _ in range(4):
                await connect()
            await until(lambda: len(server.connections) == 4)
            await asyncio.sleep(0.1)
            # The loop sees all of them at once, because nothing yields between these.
            newcomers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
            await asyncio.sleep(0.2)
            assert len(server.connections) == 4
            for each in newcomers:
                each.sendall(GET)
            await asyncio.sleep(0.2)
            for each in newcomers:
                each.setblocking(False)
                assert each.recv(12) == b"HTTP/1.1 200"
                each.close()

    run(talk())
