"""What becomes of bytes: requests, or a refusal; over real sockets on the loopback address."""

import asyncio
import tracemalloc

import pytest
from loopback import GET, Echo, exchange, run, serving

from understudy_aws.dataplane.edge import Arrival
from understudy_aws.server.limits import Limits
from understudy_aws.server.parsing import RequestParser

pytestmark = pytest.mark.usefixtures("both_loops")


class TestReading:
    def test_a_request_arrives_as_it_was_sent(self):
        app = Echo()
        exchange(
            b"POST /a%20b/c?x=1&y=%2F?z HTTP/1.1\r\nHost: h:1\r\nX-Twice: one\r\nX-TWICE: two\r\n"
            b"X-Latin: \xe9 \t\r\nX-Empty:\r\nContent-Length: 4\r\n\r\nbody",
            app,
        )
        [request] = app.requests
        assert ("POST", "/a%20b/c", "x=1&y=%2F?z", b"body") == (
            request.method, request.path, request.query, request.body,
        )  # fmt: skip
        assert request.headers == {
            "host": "h:1",
            "x-twice": "one,two",
            "x-latin": "é",
            "x-empty": "",
            "content-length": "4",
        }
        assert (request.source_ip, request.secure) == ("127.0.0.1", False)

    def test_a_chunked_body_is_put_together(self):
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        (status, _, body), _ = exchange(sent)
        assert (status, body) == (200, b"abcde")

    def test_a_trailer_is_no_header(self):
        """RFC 9110 6.5: it comes too late to change what was asked, or by whom."""
        app = Echo()
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Amz-Target: other\r\n\r\n"
        exchange(sent, app)
        assert [{"host": "h", "transfer-encoding": "chunked"}] == [
            request.headers for request in app.requests
        ]

    @pytest.mark.parametrize("line", [b"0\r\nX-Long: ", b"0\r\nX-Long", b"3\r\nabc\r\n3;x="])
    def test_a_line_of_a_chunked_body_without_end_is_refused(self, line):
        """It was kept, whatever its length, and counted nowhere: httptools holds a line until it is complete."""

        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", line)
                for _ in range(64):
                    client.send(b"a" * 65536)
                    await asyncio.sleep(0)
                    assert server.incoming < 1024 * 1024
                status, _, body = await client.answer()
                assert (status, b"lines around the chunks" in body) == (431, True)

        run(talk())

    def test_a_head_just_short_enough_may_have_a_chunked_body_that_comes_late(self):
        """What is left of the head's bound is not what the lines of the body may take."""

        async def talk():
            app = Echo()
            async with serving(app) as (_, connect):
                client = await connect()
                pieces = [
                    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-Long: ",
                    b"a" * 65_000,
                    b"\r\n\r",
                    b"\n",
                    b"3",
                    b"\r\nabc",
                    b"\r\n0\r\n\r\n",
                ]
                for piece in pieces:
                    client.send(piece)
                    await client.writer.drain()
                    await asyncio.sleep(0.01)
                assert (await client.answer())[::2] == (200, b"abc")

        run(talk())

    def test_a_body_in_tiny_chunks_takes_little_more_than_its_own_size(self):
        """Each piece was kept for itself: a body of 10 MiB in chunks of two bytes took 300 MiB."""
        parser = RequestParser(Limits(), arrival=Arrival(""), secure=False)
        parser.feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunks = b"2\r\nab\r\n" * 1024
        tracemalloc.start()
        try:
            for _ in range(512):
                parser.feed(chunks)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        parser.feed(b"3000\r\n" + b"c" * 0x3000 + b"\r\n1\r\nd\r\n0\r\n\r\n")
        (arrived,) = parser.arrived
        assert arrived.request.body == b"ab" * 512 * 1024 + b"c" * 0x3000 + b"d"
        assert peak < 3 * 1024 * 1024

    def test_a_request_in_single_bytes_is_one_request(self):
        async def talk():
            app = Echo()
            async with serving(app) as (_, connect):
                client = await connect()
                for byte in b"POST /p?q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc":
                    client.send(bytes([byte]))
                    await client.writer.drain()
                    await asyncio.sleep(0)
                assert (await client.answer())[2] == b"abc"
            [request] = app.requests
            assert (request.path, request.query) == ("/p", "q")

        run(talk())

    @pytest.mark.parametrize(
        ("target", "path", "query"),
        [
            ("http://other:80/a/b?c=d", "/a/b", "c=d"),
            ("http://other", "/", ""),
            ("http://other?c=/d", "/", "c=/d"),
            ("/a?u=http://x/y", "/a", "u=http://x/y"),
            ("/?", "/", ""),
        ],
    )
    def test_a_target_in_absolute_form_is_its_path_and_query(self, target, path, query):
        app = Echo()
        exchange(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode(), app)
        assert [(path, query)] == [(request.path, request.query) for request in app.requests]

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "PUT", "TRACE"])
    def test_any_method_is_the_applications_to_judge(self, method):
        app = Echo()
        exchange(f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode(), app)
        assert [method] == [request.method for request in app.requests]

    def test_an_offer_to_change_protocols_is_passed_over(self):
        offer = b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        app = Echo()
        (status, _, _), rest = exchange(offer + offer.replace(b"GET /1", b"GET /2"), app)
        assert status == 200
        assert rest.startswith(b"HTTP/1.1 200 ")
        assert ["/1", "/2"] == [request.path for request in app.requests]


class TestMalformed:
    @pytest.mark.parametrize(
        "sent",
        [
            b"nonsense\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ],
    )
    def test_what_is_no_request_is_a_400_and_the_end(self, sent):
        app = Echo()
        (status, headers, _), rest = exchange(sent, app)
        assert (status, headers["connection"], rest, app.requests) == (400, "close", b"", [])

    def test_requests_before_it_are_answered_first(self):
        async def talk():
            async with serving(Echo()) as (_, connect):
                client = await connect()
                client.send(GET, GET, b"nonsense\r\n\r\n")
                assert [200, 200, 400] == [(await client.answer())[0] for _ in range(3)]
                assert await client.rest() == b""

        run(talk())


class TestExpectations:
    HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"

    def test_a_client_that_waits_is_told_to_go_on(self):
        async def talk():
            async with serving(Echo()) as (_, connect):
                client = await connect()
                client.send(self.HEAD)
                assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                client.send(b"abc")
                assert (await client.answer())[2] == b"abc"

        run(talk())

    def test_a_body_too_long_is_refused_instead(self):
        (status, _, _), _ = exchange(self.HEAD, limits=Limits(body=2))
        assert status == 413

    def test_the_permission_waits_for_the_answers_before_it(self):
        async def talk():
            async with serving(Echo()) as (_, connect):
                client = await connect()
                client.send(GET, self.HEAD)
                assert (await client.answer())[0] == 200
                assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
                client.send(b"abc")
                assert (await client.answer())[2] == b"abc"

        run(talk())
