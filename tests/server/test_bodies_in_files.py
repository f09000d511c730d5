"""Bodies that never are in memory: of requests that go into a sink, and of answers that come from a file."""

from __future__ import annotations

import asyncio
import io
import os

import pytest
from loopback import GET, PATIENT, Echo, exchange, run, serving, until
from msgspec.structs import replace

from understudy_aws.core.http import FileBody, HttpResponse

pytestmark = pytest.mark.usefixtures("both_loops")

SMALL = replace(PATIENT, body=1000)
BIG = 3_000_000


def put(path=b"/v2/x", length=b"5", body=b""):
    return b"PUT " + path + b" HTTP/1.1\r\nHost: h\r\nContent-Length: " + length + b"\r\n\r\n" + body


class Sink:
    """Keeps what it is given; `fails` is raised instead."""

    def __init__(self, most=10**9, fails=None):
        self.most, self.fails = most, fails
        self.pieces, self.closed = [], False

    def write(self, piece):
        if self.fails:
            raise self.fails
        self.pieces.append(bytes(piece))

    def close(self):
        self.closed = True


class Streaming(Echo):
    """Gives bodies to a sink, or refuses them, and answers how long they were."""

    def __init__(self, sink):
        super().__init__(self._answered)
        self.given, self.asked = sink, []

    def sink(self, request):
        self.asked.append(request)
        return self.given

    def _answered(self, request):
        if request.sink is None:
            return HttpResponse(200, f"memory {len(request.body)}".encode())
        request.sink.close()
        return HttpResponse(200, f"sink {sum(map(len, request.sink.pieces))}".encode())


class TestRequests:
    def test_a_body_goes_into_the_sink_however_long_it_is(self):
        app = Streaming(Sink())
        body = os.urandom(BIG)
        answer, _ = exchange(put(length=str(BIG).encode(), body=body), app, SMALL)
        assert (200, f"sink {BIG}".encode()) == answer[::2]
        assert body == b"".join(app.given.pieces)
        assert b"" == app.requests[0].body == app.asked[0].body

    def test_a_chunked_one_too(self):
        head = b"PATCH /v2/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        app = Streaming(Sink())
        answer, _ = exchange(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", app)
        assert b"sink 5" == answer[2]

    def test_it_is_not_counted_with_what_strangers_send(self):
        async def talk():
            app = Streaming(Sink())
            async with serving(app, replace(SMALL, incoming=2000)) as (server, connect):
                client = await connect()
                client.send(put(length=b"9000", body=b"a" * 8000))
                await until(lambda: sum(map(len, app.given.pieces)) == 8000)
                assert server.incoming < 1000
                client.send(b"a" * 1000, GET)
                assert b"sink 9000" == (await client.answer())[2]
                assert 200 == (await client.answer())[0]

        run(talk())

    def test_what_needs_none_asks_for_none(self):
        app = Streaming(Sink())
        for request in (
            put(path=b"/"),
            put(path=b"/v1/x"),
            put(length=b"0"),
            GET.replace(b"GET /", b"GET /v2/"),
        ):
            exchange(request + (b"abcde" if b"gth: 5" in request else b""), app)
        assert [] == app.asked

    def test_without_a_sink_memory_takes_it_and_is_as_bounded_as_before(self):
        app = Streaming(None)
        assert b"memory 5" == exchange(put(body=b"abcde"), app, SMALL)[0][2]
        assert 413 == exchange(put(length=b"1001"), app, SMALL)[0][0]

    @pytest.mark.parametrize("body", [b"", b"abcdef"])
    def test_a_sink_is_bounded_too(self, body):
        app = Streaming(Sink(most=5))
        assert 413 == exchange(put(length=b"6", body=body), app)[0][0]
        assert app.given.closed

    def test_a_refusal_comes_before_the_body(self):
        app = Streaming(HttpResponse(403, b"not you", (("X-Why", "because"),)))
        (status, headers, body), rest = exchange(put(length=b"1000000"), app)
        assert (403, "because", b"not you", b"") == (status, headers["x-why"], body, rest)
        assert "close" == headers["connection"]
        assert [] == app.requests

    def test_what_cannot_be_kept_is_told(self):
        app = Streaming(Sink(fails=OSError(28, "No space left on device")))
        answer, _ = exchange(put(body=b"abcde"), app)
        assert 507 == answer[0]
        assert app.given.closed

    def test_a_client_that_goes_away_leaves_the_sink_closed(self):
        async def talk():
            app = Streaming(Sink())
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(put(length=b"100", body=b"abc"))
                await until(lambda: app.given.pieces)
                client.writer.transport.abort()
                await until(lambda: app.given.closed)
            assert [] == app.requests

        run(talk())

    @pytest.mark.parametrize("path", [b"/v2/x", b"/"])
    def test_one_that_goes_on_sending_has_its_time(self, path):
        """A body in memory has one time for all of it; that of a layer begins anew with each piece."""

        async def talk():
            app = Streaming(Sink())
            async with serving(app) as (server, connect):
                client = await connect()
                client.send(put(path, length=b"20", body=b"a"))
                await until(lambda: any(each.is_busy for each in server.connections))
                (connection,) = server.connections
                began = connection._since
                await asyncio.sleep(0.01)
                client.send(b"b")
                parser = connection._parser
                await until(lambda: parser._body_size == 2)
                assert (connection._since > began) is (path != b"/")
                connection.close_if_late(connection._since + PATIENT.request_seconds + 1)
                assert 408 == (await client.answer())[0]

        run(talk())


class Files(Echo):
    """Answers from files, whose lengths the paths say."""

    def __init__(self, data):
        super().__init__(self._answered)
        self.data, self.files = data, []

    def _answered(self, request):
        if request.path == "/small":
            return HttpResponse(200, b"small")
        self.files.append(io.BytesIO(self.data))
        return HttpResponse(200, file=FileBody(self.files[-1], len(self.data)))


def ask(path, more=b""):
    return b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n" + more + b"\r\n"


class TestAnswers:
    @pytest.mark.parametrize("size", [0, 1, 70_000, BIG])
    def test_a_file_is_sent_whole_and_what_comes_behind_it_waits(self, size):
        async def talk():
            app = Files(os.urandom(size))
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(ask(b"/file"), ask(b"/small"), ask(b"/file"))
                answers = [await client.answer() for _ in range(3)]
            assert [app.data, b"small", app.data] == [body for _, _, body in answers]
            assert all(file.closed for file in app.files)

        run(talk())

    def test_the_last_answer_closes_behind_its_file(self):
        app = Files(os.urandom(BIG))
        (_, _, body), rest = exchange(ask(b"/file", b"Connection: close\r\n"), app)
        assert (app.data, b"") == (body, rest)

    def test_of_a_head_only_the_length_is_told(self):
        async def talk():
            app = Files(b"a" * 5000)
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(ask(b"/file").replace(b"GET", b"HEAD"), ask(b"/small"))
                assert "5000" == (await client.answer(body=False))[1]["content-length"]
                assert b"small" == (await client.answer())[2]
            assert app.files[0].closed

        run(talk())

    def test_a_slow_reader_holds_nobody_up_and_is_sent_no_more_than_it_takes(self):
        async def talk():
            app = Files(b"a" * (64 * 1024 * 1024))
            async with serving(app) as (_, connect):
                slow, other = await connect(), await connect()
                slow.send(ask(b"/file"))
                await slow.reader.readuntil(b"\r\n\r\n")
                for _ in range(20):
                    other.send(ask(b"/small"))
                    assert b"small" == (await other.answer())[2]
                assert app.files[0].tell() < len(app.data) // 2
                slow.writer.transport.abort()
                await until(lambda: app.files[0].closed)

        run(talk())

    def test_what_could_not_be_made_durable_is_not_sent(self):
        def full():
            raise OSError(28, "No space left on device")

        app = Files(b"abc")
        app.durable = full
        assert (503, b"/file was not kept") == exchange(ask(b"/file"), app)[0][::2]
        assert app.files[0].closed
