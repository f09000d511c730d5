"""Requests and responses as they are passed on: what stays, what is left out, what is added."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re

import pytest
from behind_ingress import GET, HOST, OK, Instance, read_request, run, site


def request(
    *lines: str, method: str = "GET", target: str = "/", body: bytes = b"", host: str = HOST
) -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
    return "".join(f"{line}\r\n" for line in head).encode() + b"\r\n" + body


def response(*lines: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines)).encode() + b"\r\n" + body


@pytest.mark.parametrize(
    "host", [HOST, HOST.upper(), f"{HOST}:4567", f"{HOST}.", f"{HOST}:"],
)  # fmt: skip
def test_a_service_is_found_by_its_host(host):
    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            assert (await web.ask(request(host=host))).status == 200
            assert instance.requests[0]["Host"] == host

    run(story)


@pytest.mark.parametrize(
    "host", ["", "localhost", f"x{HOST}", f"www.{HOST}", f"{HOST}:80:80", f"[{HOST}]", f"{HOST}@x", f"{HOST}/"],
)  # fmt: skip
def test_an_unknown_host_is_404_from_envoy(host):
    """apprunner-services.md 5.1: the edge answers by itself, and names itself."""

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask(request(host=host))
                assert (answer.status, answer["server"], answer.body) == (404, "envoy", b"")
            assert (await client.ask()).status == 200
            assert len(instance.requests) == 1

    run(story)


def test_no_two_requests_have_the_same_id():
    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            first, second = await web.connect(), await web.connect()
            for client in (first, second):
                await client.ask()
            for connection in web.ingress._clients:
                # Its ids have all ends but two behind them.
                connection._left = 2
            for _ in range(4):
                assert (await first.ask()).status == (await second.ask()).status == 200
            ids = [told["X-Request-Id"] for told in instance.requests]
            assert len(set(ids)) == len(ids) == 10
            assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id) for id in ids)

    run(story)


def test_what_an_instance_is_told():
    """X-Forwarded-For and -Proto are set, and X-Request-ID is the edge's own (apprunner-services.md 5.1)."""

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            lines = (
                "Accept: */*",
                "X-Forwarded-For: 1.2.3.4",
                "x-forwarded-for: 5.6.7.8",
                "X-Forwarded-Proto: https",
            )
            await web.ask(
                request(*lines, "X-Request-ID: mine", "Cookie: a=1", "cookie: b=2", target="/a%20b?c=d")
            )
            told = instance.requests[0]
            assert told.line == "GET /a%20b?c=d HTTP/1.1"
            id = told["X-Request-Id"]
            assert len(id) == 36
            assert id != "mine"
            assert told.headers == [
                ("Host", HOST), ("Accept", "*/*"), ("Cookie", "a=1"), ("cookie", "b=2"),
                ("X-Forwarded-For", "1.2.3.4, 5.6.7.8, 127.0.0.1"), ("X-Forwarded-Proto", "http"),
                ("X-Request-Id", id),
            ]  # fmt: skip

    run(story)


def test_headers_of_one_connection_are_not_passed_on():
    """RFC 9110 7.6.1: those that are known to be, and those that Connection names."""

    async def story() -> None:
        said = response(
            "Connection: X-Mine, keep-alive", "X-Mine: 1", "Keep-Alive: timeout=5", "Trailer: X", "X-Other: 2",
            "Proxy-Authenticate: Basic", "Server: gunicorn", "Content-Length: 0", "Set-Cookie: a=1", "Set-Cookie: b=2",
        )  # fmt: skip
        instance = Instance(said)
        async with site(instance) as web:
            lines = (
                "TE: trailers",
                "Keep-Alive: 5",
                "Proxy-Connection: x",
                "Trailer: X",
                "Upgrade: h2c",
                "X-Mine: 1",
            )
            answer = await web.ask(
                request(*lines, "Connection: Upgrade, X-Mine", "Connection: te", "X-Other: 2")
            )
            names = [name for name, _ in instance.requests[0].headers]
            assert names == ["Host", "X-Other", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id"]
            told = [
                each for each in answer.headers if each[0] not in ("date", "x-envoy-upstream-service-time")
            ]
            assert told == [
                ("x-other", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("content-length", "0"),
                ("server", "envoy"),
            ]  # fmt: skip

    run(story)


def test_a_url_as_target_counts_and_not_the_host_header():
    """RFC 9112 3.2.2."""

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            await web.ask(request(target=f"http://{HOST}/path?q", host="other"))
            await web.ask(request(target=f"http://{HOST}?q=/x", host="other"))
            assert [each.line for each in instance.requests] == [
                "GET /path?q HTTP/1.1",
                "GET /?q=/x HTTP/1.1",
            ]
            assert instance.requests[0]["Host"] == HOST
            assert (await web.ask(request(target="http://other/", host=HOST))).status == 404
            assert (await web.ask(request(target=f"ftp://{HOST}/"))).status == 400

    run(story)


@pytest.mark.parametrize("length", [0, 1, 3, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_whole_both_ways(length, chunked):
    async def story() -> None:
        body = bytes(number % 251 for number in range(length))
        framed = (
            b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part)
            + b"0\r\n\r\n"
        )

        def echo(told):
            assert told.body == body
            if chunked:
                return response("Transfer-Encoding: chunked", body=framed)
            return response(f"Content-Length: {length}", body=body)

        async with site(Instance(echo)) as web:
            client = await web.connect()
            for _ in range(3):
                line = "Transfer-Encoding: Chunked" if chunked else f"Content-Length: {length}"
                answer = await client.ask(request(line, method="POST", body=framed if chunked else body))
                assert answer.body == body
                assert answer.get("transfer-encoding") == ("chunked" if chunked else None)
            assert web.instances["one"].connections == 1

    run(story)


def test_trailers_are_dropped_both_ways():
    """RFC 9110 6.5.1: they may be, by whoever does not know them to be harmless."""

    async def story() -> None:
        chunks = b"3;ext=1\r\nabc\r\n0\r\nX-Trailer: 1\r\nHost: other\r\n\r\n"
        instance = Instance(response("Transfer-Encoding: chunked", body=chunks))
        async with site(instance) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask(request("Transfer-Encoding: chunked", method="PUT", body=chunks))
                assert answer.body == b"abc"
                assert answer.get("x-trailer") is None
            assert [each.body for each in instance.requests] == [b"abc", b"abc"]
            assert all(name != "X-Trailer" for name, _ in instance.requests[0].headers)

    run(story)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("HEAD", response("Content-Length: 12345")),
        ("HEAD", response("Transfer-Encoding: chunked")),
        ("GET", response("X: 1", status="204 No Content")),
        ("GET", response("Content-Length: 12345", "ETag: x", status="304 Not Modified")),
    ],
)
def test_responses_without_a_body_end_with_their_head(method, said):
    """RFC 9112 6.3: whatever length they tell."""

    async def story() -> None:
        instance = Instance(lambda told: said if told.line.startswith(method) else OK)
        async with site(instance) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask(request(method=method), to_head=True)
                assert answer.get("content-length") == ("12345" if b"12345" in said else None)
            assert (await client.ask(request(method="POST"))).body == b"ok"

    run(story)


def test_a_response_that_ends_with_its_connection_is_passed_on_in_chunks():
    async def story() -> None:
        async def serve(reader, writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.0 200 OK\r\n\r\nto ")
            await writer.drain()
            writer.write(b"the end")

        async with site(Instance(serve=serve)) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask()
                assert (answer.body, answer["transfer-encoding"]) == (b"to the end", "chunked")

    run(story)


def test_a_client_of_http_1_0_gets_no_chunks():
    async def story() -> None:
        instance = Instance(response("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"))
        async with site(instance) as web:
            client = await web.connect()
            answer = await client.ask(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            assert (answer.body, answer["connection"]) == (b"ok", "close")
            assert instance.requests[0].line == "GET / HTTP/1.1"

    run(story)


def test_a_client_of_http_1_0_may_keep_its_connection():
    async def story() -> None:
        async with site(Instance()) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask(
                    f"GET / HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n".encode()
                )
                assert (answer.body, answer["connection"]) == (b"ok", "keep-alive")

    run(story)


def test_who_waits_for_permission_gets_it_once_an_instance_has_the_request():
    """RFC 9110 10.1.1. The instance is not asked for it."""

    async def story() -> None:
        instance = Instance(lambda told: response("Content-Length: 3", body=told.body))
        async with site(instance) as web:
            client = await web.connect()
            await client.say(request("Expect: 100-continue", "Content-Length: 3", method="POST"))
            assert await client.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert (await client.ask(b"abc")).body == b"abc"
            assert "Expect" not in dict(instance.requests[0].headers)
            refused = await web.ask(
                request("Expect: 100-continue", "Content-Length: 3", method="POST", host="other")
            )
            assert refused.status == 404

    run(story)


def test_informational_responses_are_dropped():
    async def story() -> None:
        early = response("Link: </a>", status="103 Early Hints") + response(status="100 Continue")
        async with site(Instance(early + OK)) as web:
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask()
                assert (answer.status, answer.body, answer.get("link")) == (200, b"ok", None)

    run(story)


def test_requests_that_come_together_are_answered_in_order():
    async def story() -> None:
        def echo(told):
            target = told.line.split()[1].encode()
            return response(f"Content-Length: {len(target)}", body=target)

        async with site(Instance(echo)) as web:
            client = await web.connect()
            many = [request(target=f"/{number}") for number in range(40)]
            await client.say(
                b"".join(many)
                + request(host="unknown")
                + request("Content-Length: 1", method="POST", body=b"x")
            )
            assert [(await client.answer()).body for _ in many] == [
                f"/{number}".encode() for number in range(40)
            ]
            assert [(await client.answer()).status for _ in range(2)] == [404, 200]

    run(story)


def test_a_client_that_wants_its_connection_closed():
    async def story() -> None:
        async with site(Instance()) as web:
            client = await web.connect()
            answer = await client.ask(request("Connection: close"))
            assert (answer.body, answer["connection"]) == (b"ok", "close")
            assert await client.is_closed()

    run(story)


def _accept(key: str) -> str:
    return base64.b64encode(
        hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    ).decode()


UPGRADE = request(
    "Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Version: 13",
)  # fmt: skip


@pytest.mark.parametrize("size", [5, 3_000_000])
def test_a_websocket_is_passed_through(size):
    async def story() -> None:
        async def serve(reader, writer) -> None:
            told = await read_request(reader)
            assert (told["Connection"], told["Upgrade"]) == ("Upgrade", "websocket")
            key = _accept(told["Sec-WebSocket-Key"])
            lines = "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {key}"
            writer.write(response(*lines, status="101 Switching Protocols", body=b"hello"))
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()

        async with site(Instance(serve=serve)) as web:
            client = await web.connect()
            answer = await client.ask(UPGRADE)
            assert answer.status == 101
            assert answer["sec-websocket-accept"] == "HSmrc0sMlYUkAGmm5OPpG2HaGWk="
            assert await client.reader.readexactly(5) == b"hello"
            assert web.load.active == 1
            data = bytes(number % 7 for number in range(size))
            sending = asyncio.create_task(client.say(data))
            assert await client.reader.readexactly(size) == data
            await sending
            client.writer.write_eof()
            assert await client.is_closed()
            await web.until(lambda: web.load.active == 0)

    run(story)


def test_a_websocket_that_is_refused_leaves_http():
    async def story() -> None:
        instance = Instance(lambda told: response("Content-Length: 2", status="403 Forbidden", body=b"no"))
        async with site(instance) as web:
            client = await web.connect()
            await client.say(UPGRADE + GET)
            assert [(await client.answer()).status for _ in range(2)] == [403, 403]
            assert (await client.ask(request(host="other"))).status == 404
            await client.say(UPGRADE.replace(HOST.encode(), b"other") + GET)
            assert [(await client.answer()).status for _ in range(2)] == [404, 403]
            assert len(instance.requests) == 3

    run(story)


def test_other_protocols_are_not_changed_to():
    """A request with an offer of HTTP/2 is one without it; what its body is does not depend on the offer."""

    async def story() -> None:
        instance = Instance(lambda told: response(f"Content-Length: {len(told.body)}", body=told.body))
        async with site(instance) as web:
            client = await web.connect()
            offer = "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"
            for lines, body in (
                ((), b""),
                (("Content-Length: 3",), b"abc"),
                (("Transfer-Encoding: chunked",), b"3\r\nabc\r\n0\r\n\r\n"),
            ):
                answer = await client.ask(request(*offer, *lines, method="POST", body=body))
                assert answer.body == (b"abc" if body else b"")
            assert all("Upgrade" not in dict(each.headers) for each in instance.requests)

    run(story)


def test_an_instance_may_not_change_protocols_by_itself():
    async def story() -> None:
        said = response("Connection: Upgrade", "Upgrade: websocket", status="101 Switching Protocols")
        async with site(Instance(said)) as web:
            assert (await web.ask()).status == 502

    run(story)
