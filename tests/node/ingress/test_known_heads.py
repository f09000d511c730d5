"""Heads that need no parser are read as the parser reads them, whatever they are and wherever they are cut."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import httptools
import pytest
from behind_ingress import GET, HOST, Instance, run, site
from hypothesis import given, settings
from hypothesis import strategies as st
from smuggling import BAD_CHUNKS, BODIES, CHUNKED, POST, SMUGGLED

from understudy_aws.node.ingress.heads import (
    Head,
    MalformedError,
    date_line,
    read_response,
    request_bytes,
    response_bytes,
    taken_line,
)
from understudy_aws.node.ingress.known_heads import KnownResponse, RequestHeads, ResponseHeads
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.request_parser import END, RequestParser

# What browsers, curl, and SDKs send.
PLAIN = [
    GET,
    f"GET /a/b?c=d%20e&f HTTP/1.1\r\nHost: {HOST}:4567\r\nUser-Agent: curl/8.1\r\nAccept: */*\r\n\r\n".encode(),
    GET[:-2] + b"Connection: keep-alive\r\nCookie: session=abc; theme=dark\r\nAccept-Encoding: gzip, br\r\n\r\n",
    GET[:-2] + b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    GET[:-2] + b"Accept: */*\r\nconnection: keep-alive\r\nTE: trailers\r\nExpires-In: 5\r\nX-Requested-With: X\r\n\r\n",
    GET[:-2] + b"Accept-Language: *\r\nConnection: Keep-Alive\r\nTrace: 1\r\nHosts: 2\r\nKeep: 3\r\nTEA: 4\r\n\r\n",
    POST + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    POST + b"Content-Length: 0\r\n\r\n",
    GET.replace(b"GET", b"DELETE"),
    GET.replace(b"GET", b"HEAD"),
]  # fmt: skip
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2",
    b"HTTP/1.1 200 OK\r\ndate: Sun, 29 Nov 2026 02:00:00 GMT\r\nserver: uvicorn\r\ncontent-length: 2\r\ncontent-type: text/plain",
    b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 2\r\nConnection: keep-alive\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d",
    b'HTTP/1.1 304 Not Modified\r\nETag: "x"',
    b"HTTP/1.1 299 Odd\r\nContent-Length: 2",
]  # fmt: skip
# What a line of a head may be, for better or worse.
LINES = [
    b"X: a", b"x-y: a b  c", b"Accept:*/*", b"X:  a", b"X: a ", b"X: a\t", b"X:\ta", b"X: a\tb", b"X:", b"X: ", b"X : a",
    b" X: a", b"X: \xc3\xa9", b"X: a\x00", b"X: a\x7f", b"X: a\nY: b", b"X: a\rY: b", b"X(: a", b": a", b"X", b'"X: a',
    b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: close", b"connection: X", b"Connection: upgrade",
    b"Connection: keep-alive, close", b"Connection: te", b"Upgrade: h2c", b"Upgrade: websocket", b"TE: trailers",
    b"Proxy-Connection: close", b"Proxy-Connection: keep-alive", b"Keep-Alive: timeout=5", b"Trailer: X",
    b"Content-Length: 2", b"Content-Length: 02", b"Content-Length: +2", b"Content-Length: 2 ", b"Content-Length: 2, 2",
    b"content-length: 0", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity", b"Expect: 100-continue", b"Expect: x", b"Host: other", b"Host:", b"host: a.b:80",
    b"X-Forwarded-For: 1.2.3.4", b"x-forwarded-for: 5.6.7.8", b"X-Forwarded-Proto: https", b"X-Request-Id: mine",
    b"Proxy-Authorization: x", b"Date: Sun, 29 Nov 2026 02:00:00 GMT", b"Server: x", b"Proxy-Authenticate: Basic",
    b"X-Envoy-Upstream-Service-Time: 5", b"connection: Keep-alive", b"KEEP-ALIVE: 1", b"hosT: h", b"te: x", b"Tea: x", b"uPgrade: x",
    b"Content-Lengths: 2", b"x-request-ids: 2", b"eXpect: 100-continue", b"proxy-authenticate: x", b"Connections: close", b"Http2-Settings: x", b"Cookie: a=1", b"X: " + b"a" * 300,
]  # fmt: skip
FIRST = [
    b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"HEAD / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"get / HTTP/1.1",
    b"GET / HTTP/1.0", b"GET / HTTP/1.1 ", b"GET  / HTTP/1.1", b"GET /a b HTTP/1.1", b"GET http://a/ HTTP/1.1", b"GET a HTTP/1.1",
    b"GET /#x HTTP/1.1", b"GET //a/../b HTTP/1.1", b"GET /\\ HTTP/1.1", b"CONNECT a:80 HTTP/1.1", b"GET / HTTP/2.0", b"GET /",
    b"PRI * HTTP/2.0", b"\r\nGET / HTTP/1.1", b"SOURCE / HTTP/1.1", b"M-SEARCH / HTTP/1.1", b"GET /" + b"a" * 300 + b" HTTP/1.1",
]  # fmt: skip
STATUS = [
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 -",
    b"HTTP/1.1 101 X", b"HTTP/1.1 100 Continue", b"HTTP/1.1 599 X", b"HTTP/1.1 600 X", b"HTTP/1.1 2000 OK", b"HTTP/1.1  200 OK",
    b"HTTP/1.1 200 O\tK", b"HTTP/1.1 205 I'm", b"HTTP/2 200 OK", b"ICY 200 OK",
]  # fmt: skip


def _changed(said: bytes, changes) -> bytes:
    said = bytearray(said)
    for at, what in changes:
        said[at : at + len(what)] = what
    return bytes(said)


def heads(first, always):
    lines = st.lists(st.sampled_from([*LINES, *[always] * 30]), max_size=6)
    changes = st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=2)), max_size=1)
    return st.builds(
        lambda first, lines, changes: _changed(b"\r\n".join([first, *lines]), changes),
        st.sampled_from([*first, *first[:1] * 20]), lines, changes,
    )  # fmt: skip


@pytest.mark.parametrize("said", PLAIN)
def test_what_clients_usually_send_needs_no_parser(said):
    known = RequestHeads()
    first = known.read(said)
    assert first is not None
    assert [known.read(said) for _ in range(10)] == [first] * 10
    assert len(known.known) == 1, "it is remembered"
    assert known.read(said) == first
    assert known.read(said + GET) is None, "two requests"
    assert known.read(said[:-1]) is None, "not all of one"
    assert known.read(said.replace(b"\r\nHost:", b"\r\nCookie: other=1\r\nHost:")) is not None


@pytest.mark.parametrize("told", ANSWERS)
def test_what_servers_usually_answer_needs_no_parser(told):
    known = ResponseHeads()
    told += b"\r\n\r\n"
    first = known.read(told)
    assert first is not None
    assert [known.read(told) for _ in range(10)] == [first] * 10
    assert known.known == {told: first}, "it is remembered"


@settings(max_examples=400, deadline=None)
@given(
    told=heads(FIRST, b"Host: h"), host=st.sampled_from([b"", b"\r\nHost: h"]), body=st.sampled_from([b"", b"ok"])
)  # fmt: skip
def test_a_request_that_needs_no_parser_is_what_the_parser_reads(told, host, body):
    first, end, rest = told.partition(b"\r\n")
    said = first + host + end + rest + b"\r\n\r\n" + body
    known = RequestHeads()
    quick = known.read(said)
    if quick is None:
        return
    assert known.read(said) == quick
    parser = RequestParser(IngressLimits())
    parser.feed(said)
    head, *more = parser.events
    assert isinstance(head, Head)
    assert parser.is_between
    assert more == ([body, END] if head.length else [])
    assert request_bytes(quick, b"1.2.3.4", b"id") == request_bytes(head, b"1.2.3.4", b"id")
    for name in (
        "method",
        "target",
        "host",
        "length",
        "keep_alive",
        "version",
        "websocket",
        "expects_continue",
        "is_plain",
    ):
        assert getattr(quick, name) == getattr(head, name), name


class _Parsed:
    """A response as httptools reads it."""

    def __init__(self, said: bytes) -> None:
        self.headers = []
        self.is_complete = False
        self.body = b""
        self.parser = httptools.HttpResponseParser(self)
        self.parser.feed_data(said)

    def on_header(self, name, value):
        self.headers.append((name, value))

    def on_headers_complete(self):
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        self.is_complete = True


def _shown(known: KnownResponse) -> bytes:
    return known.before_date + (date_line() + known.after_date if known.after_date else b"") + taken_line(7)


@settings(max_examples=400, deadline=None)
@given(told=heads(STATUS, b"Content-Length: 2"))
def test_a_response_that_needs_no_parser_is_what_the_parser_reads(told):
    known = ResponseHeads().read(told + b"\r\n\r\n")
    if known is None:
        return
    parsed = _Parsed(told + b"\r\n\r\n" + b"o" * known.length)
    assert parsed.is_complete
    assert parsed.keep_alive
    assert parsed.body == b"o" * known.length
    head = read_response(parsed.status, parsed.headers, is_head=False)
    assert (head.length, head.status) == (known.length, known.status)
    shown = response_bytes(head, 7, keep_alive=True, chunked=False)
    # A second may pass in between.
    assert re.sub(rb"date: .*\r", b"", shown) == re.sub(rb"date: .*\r", b"", _shown(known))


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2",
    ],
)
def test_a_response_of_two_lengths_is_left_to_the_parser(told):
    assert ResponseHeads().read(told + b"\r\n\r\n") is None
    with pytest.raises((MalformedError, httptools.HttpParserError)):
        parsed = _Parsed(told + b"\r\n\r\n")
        read_response(parsed.status, parsed.headers, is_head=False)


class Nothing:
    """Knows no heads."""

    known = {}

    def read(self, _):
        return None


def _answer(request) -> bytes:
    """Answers that depend on the request, plain ones and others."""
    body = f"{request.line} {len(request.body)}".encode() * (1 + 3000 * (len(request.line) % 2))
    kinds = (
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: y\r\n\r\n" % len(body) + body,
        lambda: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        ),
        lambda: b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        lambda: b"HTTP/1.1 204 No Content\r\n\r\n",
    )
    said = kinds[len(request.headers) % len(kinds)]()
    return said.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.line.startswith("HEAD") else said


_ENDS = f"GET /last HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
_WHOLE = [*PLAIN, *(POST + a + b"\r\n" + b for a, b in BODIES)]
_BAD = [
    *SMUGGLED.values(),
    *(CHUNKED + chunks for chunks in BAD_CHUNKS.values()),
    GET.replace(HOST.encode(), b"other"),
]


async def _told(pieces: list[bytes], *, knows: bool) -> tuple[list, bytes]:
    """What the instance is told and what the client is answered, without what differs every time."""
    instance = Instance(_answer)
    async with site(instance) as web:
        # The host is known to the quick way once a request has come.
        await web.ask()
        instance.requests.clear()
        if not knows:
            web.ingress.request_heads = Nothing()
            web.ingress.response_heads = Nothing()
            web.ingress._targets["one"].close_pool()
        client = await web.connect()
        said = b""
        for piece in pieces:
            await client.say(piece)
            await asyncio.sleep(0.001)
        try:
            while more := await client.reader.read(1 << 16):
                said += more
        except ConnectionError:
            said += b"reset"
        told = [
            (each.line, [(name, value) for name, value in each.headers if name != "X-Request-Id"], each.body)
            for each in instance.requests
        ]
    said = re.sub(rb"(date|x-envoy-upstream-service-time): [^\r]*", b"", said)
    return told, re.sub(rb"\r\n100 Continue", b"", said)


@settings(max_examples=25, deadline=None)
@given(
    said=st.lists(st.sampled_from(_WHOLE), min_size=1, max_size=4),
    bad=st.sampled_from([b"", b"", *_BAD]),
    cuts=st.lists(st.integers(0, 800), max_size=4),
)
def test_requests_and_answers_are_the_same_with_and_without_the_parser(said, bad, cuts):
    whole = [*said, *([bad] if bad else []), _ENDS]
    data = b"".join(whole)
    # Cut where requests end, as clients send them, or anywhere.
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[first:last] for first, last in pairwise(places)] if cuts else whole

    async def story() -> None:
        pieces_said = [piece for piece in pieces if piece]
        assert await _told(pieces_said, knows=True) == await _told(pieces_said, knows=False)

    run(story)
