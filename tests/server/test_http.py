"""The server's promises, kept over real sockets on the loopback address."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess

import pytest
from loopback import GET, Client, Echo, exchange, run, serving, until

from understudy.core.errors import UserError
from understudy.core.http import HttpResponse
from understudy.server.http import Server
from understudy.server.limits import Limits

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


class TestStopping:
    def test_idle_connections_are_closed_and_none_are_taken(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(GET)
                await client.answer()
                await server.close(patience=5)
                assert await client.rest() == b""
                with pytest.raises(OSError):
                    await connect()

        run(talk())

    def test_a_request_under_way_is_answered_first(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na")
                await until(lambda: any(connection.is_busy for connection in server.connections))
                closing = asyncio.create_task(server.close(patience=5))
                await asyncio.sleep(0)
                client.send(b"bc")
                _, headers, body = await client.answer()
                assert (body, headers["connection"]) == (b"abc", "close")
                await closing

        run(talk())

    def test_patience_ends(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na")
                await until(lambda: any(connection.is_busy for connection in server.connections))
                await server.close(patience=0.05)
                with contextlib.suppress(ConnectionError):
                    assert await client.rest() == b""

        run(talk())


class TestListening:
    def test_a_port_in_use_is_one_clear_sentence(self):
        async def talk():
            async with serving(Echo()) as (server, _):
                with pytest.raises(
                    UserError, match=rf"^Cannot listen on 127\.0\.0\.1:{server.port}: .*in use\.$"
                ):
                    await Server(Echo()).listen("127.0.0.1", server.port)

        run(talk())

    def test_an_address_that_is_not_ours_is_one_clear_sentence(self):
        with pytest.raises(UserError, match=r"^Cannot listen on 192\.0\.2\.1:0: .+\.$"):
            run(Server(Echo()).listen("192.0.2.1", 0))

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
    def test_over_tls_a_request_is_secure(self, tmp_path):
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(certificate, key)

        async def talk():
            app = Echo(lambda _: HttpResponse(200, b"x" * 300_000))
            async with serving(app, tls=ours) as (_, connect):
                client = await connect(ssl.create_default_context(cafile=certificate))
                client.send(GET, b"nonsense\r\n\r\n")
                assert (await client.answer())[0] == 200
                assert (await client.answer())[0] == 400
            assert [True] == [request.secure for request in app.requests]

        run(talk())
