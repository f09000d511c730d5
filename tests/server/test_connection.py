"""One connection: answers in order, each when it is durable; over real sockets on the loopback address."""

import asyncio
import socket
import struct

import pytest
from loopback import GET, Echo, exchange, run, serving, until

from understudy_aws.core.http import HttpResponse
from understudy_aws.server.limits import Limits
from understudy_aws.store.durability import Durability

pytestmark = pytest.mark.usefixtures("both_loops")


class TestAnswering:
    def test_an_answer_carries_length_date_and_connection(self):
        app = Echo(lambda _: HttpResponse(418, b"abc", (("X-Own", "v"),)))
        (status, headers, body), _ = exchange(GET, app)
        assert (418, b"abc", "3", "keep-alive", "v") == (
            status, body, headers["content-length"], headers["connection"], headers["x-own"],
        )  # fmt: skip
        assert headers["date"].endswith(" gmt")

    def test_a_head_request_is_told_the_length_and_not_the_body(self):
        async def talk():
            async with serving(Echo(lambda _: HttpResponse(200, b"abc"))) as (_, connect):
                client = await connect()
                client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", GET)
                _, headers, _ = await client.answer(body=False)
                assert headers["content-length"] == "3"
                assert (await client.answer())[2] == b"abc"

        run(talk())

    @pytest.mark.parametrize("status", [204, 304])
    def test_a_status_without_body_has_none(self, status):
        """RFC 9110 8.6: no Content-Length either with 204."""
        (answered, headers, _), rest = exchange(GET, Echo(lambda _: HttpResponse(status, b"x")))
        assert (answered, rest) == (status, b"")
        assert "content-length" not in headers

    @pytest.mark.parametrize("header", [("X", "a\r\nSet-Cookie: b"), ("X\nY", "a"), ("X", "a\rb")])
    def test_a_header_cannot_smuggle_in_another(self, header):
        (status, headers, _), _ = exchange(GET, Echo(lambda _: HttpResponse(200, b"", (header,))))
        assert status == 500
        assert "set-cookie" not in headers

    def test_an_application_that_fails_is_a_500_and_the_next_request_goes_on(self):
        def answer(request):
            if request.path == "/bad":
                raise RuntimeError("within")
            return HttpResponse(200, b"well")

        async def talk():
            async with serving(Echo(answer)) as (_, connect):
                client = await connect()
                client.send(GET.replace(b"/ ", b"/bad "), GET)
                status, _, body = await client.answer()
                assert status == 500
                assert b"within" not in body
                assert (await client.answer())[2] == b"well"

        run(talk())


class TestConnections:
    def test_one_connection_serves_many_requests(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                for _ in range(3):
                    client.send(GET)
                    assert (await client.answer())[0] == 200
                assert len(server.connections) == 1

        run(talk())

    def test_pipelined_requests_are_answered_in_order(self):
        async def talk():
            async with serving(Echo()) as (_, connect):
                client = await connect()
                bodies = [str(number).encode() for number in range(50)]
                for body in bodies:
                    client.send(
                        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                    )
                assert bodies == [(await client.answer())[2] for _ in bodies]

        run(talk())

    @pytest.mark.parametrize(
        ("sent", "connection"),
        [
            (b"GET / HTTP/1.0\r\n\r\n", "close"),
            (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close"),
            (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"),
        ],
    )
    def test_the_client_decides_whether_it_stays_open(self, sent, connection):
        async def talk():
            async with serving(Echo()) as (_, connect):
                client = await connect()
                client.send(sent)
                assert (await client.answer())[1]["connection"] == connection
                if connection == "close":
                    assert await client.rest() == b""
                else:
                    client.send(GET)
                    assert (await client.answer())[0] == 200

        run(talk())

    def test_nothing_is_handled_after_a_request_to_close(self):
        app = Echo()
        _, rest = exchange(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET, app)
        assert (rest, len(app.requests)) == (b"", 1)

    def test_a_client_that_closes_its_side_is_still_answered(self):
        async def talk():
            async with serving(Echo(lambda _: HttpResponse(200, b"x" * 100_000))) as (_, connect):
                client = await connect()
                client.send(GET, GET)
                client.writer.write_eof()
                assert [200, 200] == [(await client.answer())[0] for _ in range(2)]
                assert await client.rest() == b""

        run(talk())

    def test_a_client_that_goes_away_in_the_middle_is_forgotten(self):
        async def talk():
            app = Echo()
            async with serving(app) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
                await client.writer.drain()
                # It does not only close its side: it resets the connection.
                client.writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                client.writer.transport.abort()
                await until(lambda: not server.connections)
                other = await connect()
                other.send(GET)
                assert (await other.answer())[0] == 200
            assert len(app.requests) == 1

        run(talk())

    def test_beyond_the_most_connections_a_client_is_told_so(self):
        async def talk():
            async with serving(Echo(), Limits(connections=1)) as (_, connect):
                first = await connect()
                first.send(GET)
                await first.answer()
                second = await connect()
                assert (await second.answer())[0] == 503
                first.send(GET)
                assert (await first.answer())[0] == 200

        run(talk())


class TestDurability:
    def test_requests_of_one_turn_become_durable_together_before_any_answer(self):
        async def talk():
            app = Echo()
            async with serving(app) as (server, _):
                sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
                await until(lambda: len(server.connections) == 5)
                # Sent without giving the loop a turn in between, so that it finds them all at once.
                for each in sockets:
                    each.sendall(GET)
                    each.setblocking(False)
                for each in sockets:
                    assert (await asyncio.get_running_loop().sock_recv(each, 1000)).startswith(
                        b"HTTP/1.1 200"
                    )
                    each.close()
            assert app.events == ["handled"] * 5 + ["durable"]

        run(talk())

    def test_nothing_is_answered_before_it_is_durable(self):
        """The client's end of the connection is looked at from within the write: it must be empty."""

        async def talk():
            seen = []

            def look():
                try:
                    seen.append(raw.recv(1000))
                except BlockingIOError:
                    seen.append(b"")

            async with serving(Echo(durable=look)) as (server, _):
                raw = socket.create_connection(("127.0.0.1", server.port))
                raw.sendall(GET + GET)
                raw.setblocking(False)
                received = b""
                while received.count(b"200 OK") < 2:
                    received += await asyncio.get_running_loop().sock_recv(raw, 1000)
                raw.close()
            assert seen == [b""]

        run(talk())

    def test_what_cannot_be_made_durable_is_told_so_and_the_connection_goes_on(self):
        def fail():
            if "failed" not in app.events:
                app.events.append("failed")
                raise OSError("disk full")

        async def talk():
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(GET.replace(b"/ ", b"/a "), GET.replace(b"/ ", b"/b "))
                for path in (b"/a", b"/b"):
                    status, headers, body = await client.answer()
                    assert (503, "keep-alive", path + b" was not kept") == (
                        status,
                        headers["connection"],
                        body,
                    )
                client.send(GET)
                assert (200, b"done") == (await client.answer())[::2]

        app = Echo(lambda _: HttpResponse(200, b"done"), fail)
        run(talk())

    def test_each_answer_waits_for_its_own_write_over_several_turns(self):
        """The second write is done first: its answer does not overtake, and nothing waits for a third."""

        async def talk():
            writes = [Durability(), Durability(), Durability(done=True)]
            app = Echo(lambda request: HttpResponse(200, request.path.encode()))
            app.durability = lambda: writes[len(app.requests) - 1]
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(*(GET.replace(b"/ ", b"/%d " % number) for number in range(3)))
                await until(lambda: len(app.requests) == 3)
                writes[1].finish()
                reading = asyncio.create_task(client.answer())
                for _ in range(20):
                    await asyncio.sleep(0)
                assert not reading.done()
                writes[0].finish(OSError("disk full"))
                assert (503, b"/0 was not kept") == (await reading)[::2]
                assert [(200, b"/1"), (200, b"/2")] == [(await client.answer())[::2] for _ in range(2)]

        run(talk())

    def test_a_write_that_ends_after_its_client_has_left_troubles_nobody(self):
        async def talk():
            write = Durability()
            app = Echo()
            app.durability = lambda: write
            async with serving(app) as (server, connect):
                client = await connect()
                client.send(GET)
                await until(lambda: app.requests)
                # It does not only close its side: it resets the connection.
                client.writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                client.writer.transport.abort()
                await until(lambda: not server.connections)
                write.finish()
                other = await connect()
                other.send(GET)
                assert 200 == (await other.answer())[0]

        run(talk())
