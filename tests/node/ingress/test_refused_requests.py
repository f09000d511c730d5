"""Requests that could be read in two ways reach no instance; those that are right are read the same however they come."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from behind_ingress import GET, HOST, Instance, run, site
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.heads import Head
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.request_parser import END, RequestParser

POST = f"POST / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# Known ways to have a proxy and the server behind it read different requests: RFC 9112 11.2, and what has been published
# of such attacks since (lengths that contradict each other, folded lines, bare ends of lines, chunks with odd sizes).
SMUGGLED = {
    "length and coding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length that overflows": POST + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "an empty length": POST + b"Content-Length:\r\n\r\nabc",
    "a coding with a blank inside": POST + b"Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n",
    "a coding that begins like chunked": POST + b"Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
    "a coding that ends like chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "gzip, then chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a blank before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": POST + b"X: a\r\n b\r\n\r\n",
    "a folded first line": f"GET / HTTP/1.1\r\n X: a\r\nHost: {HOST}\r\n\r\n".encode(),
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "lines that end in LF": GET.replace(b"\r\n", b"\n"),
    "one line that ends in LF": POST + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a CR in a value": POST + b"X: a\rb\r\n\r\n",
    "a NUL in a value": POST + b"X: a\x00b\r\n\r\n",
    "a NUL in a name": POST + b"X\x00: a\r\n\r\n",
    "a blank in a name": POST + b"X Y: a\r\n\r\n",
    "an empty name": POST + b": a\r\n\r\n",
    "a line without a colon": POST + b"X\r\n\r\n",
    "a name with a parenthesis": POST + b"X(: a\r\n\r\n",
    "a name beyond ASCII": POST + b"X\xc3\xa9: a\r\n\r\n",
    "two hosts": POST + b"Host: other\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a blank in the target": f"GET /a b HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "a target beyond ASCII": f"GET /\xe9 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode("latin-1"),
    "a relative target": f"GET a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "no version": b"GET /\r\n\r\n",
    "HTTP/0.9": f"GET / HTTP/0.9\r\nHost: {HOST}\r\n\r\n".encode(),
    "HTTP/2.0": f"GET / HTTP/2.0\r\nHost: {HOST}\r\n\r\n".encode(),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in small letters": f"get / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "a tunnel": f"CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip
BAD_CHUNKS = {
    "a size that overflows": b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size with a blank": b"3 \r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "sizes that end in LF": b"3\nabc\n0\n\n",
    "an extension that ends in LF": b"3;a=b\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that ends in LF": b"3\r\nabc\n0\r\n\r\n",
}
# What an attacker would like the server to take for a request of its own.
AFTER = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_can_be_read_in_two_ways_reaches_no_instance(name):
    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            client = await web.connect()
            answer = await client.ask(SMUGGLED[name] + AFTER)
            assert answer.status in (400, 405, 501, 505)
            assert answer["connection"] == "close"
            client.writer.write_eof()
            assert await client.is_closed()
            assert not instance.requests
            assert not instance.connections

    run(story)


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_chunks_that_can_be_read_in_two_ways_end_the_request(name):
    """An instance may have its head by then; it never gets the end."""

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            client = await web.connect()
            assert (await client.ask(CHUNKED + BAD_CHUNKS[name] + AFTER)).status == 400
            client.writer.write_eof()
            assert await client.is_closed()
            assert not instance.requests

    run(story)


@pytest.mark.parametrize(
    "said",
    [
        GET.replace(b"\r\n\r\n", b"\r\n" + b"X: a\r\n" * 100 + b"\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 62_000 + b"\r\n\r\n"),
        GET.replace(b"GET /", b"GET /" + b"a" * 62_000),
        GET[:-4] + b"\r\nX: " + b"a" * 200_000,
        GET[:-4] + b"\r\n" + b"X: a\r\n" * 50_000,
        CHUNKED + b"1;" + b"a" * 200_000,
        CHUNKED + b"1\r\na\r\n0\r\nX: " + b"a" * 200_000,
    ],
    ids=["many", "long", "target", "endless", "endless lines", "extension", "trailer"],
)
def test_heads_have_bounds(said):
    """Those of Envoy: 60 KiB and 100 headers (apprunner-services.md 5.1)."""

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            client = await web.connect()
            writing = asyncio.create_task(client.say(said))
            assert (await client.answer()).status == 431
            assert not instance.requests
            writing.cancel()

    run(story)


BODIES = [
    (b"", b""),
    (b"Content-Length: 0\r\n", b""),
    (b"Content-Length: 5\r\n", b"12345"),
    (b"Transfer-Encoding: chunked\r\n", b"5;a=b\r\n12345\r\n1\r\n6\r\n0\r\nX: y\r\n\r\n"),
    (b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"abc"),
    (b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    (b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"ok"),
]


def _understood(pieces) -> list:
    """What comes of bytes in pieces: heads, whole bodies, ends, refusals."""
    parser = RequestParser(IngressLimits())
    found = []
    for piece in pieces:
        parser.feed(piece)
        while parser.events:
            event = parser.events.popleft()
            if isinstance(event, bytes) and found and isinstance(found[-1], bytes):
                found[-1] += event
            elif isinstance(event, EdgeAnswer):
                found.append(event.status)
            else:
                found.append(event)
    return found


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_requests_are_read_the_same_wherever_they_are_cut(number):
    lines, body = BODIES[number]
    data = (POST + lines + b"\r\n" + body) * 2 + GET
    whole = _understood([data])
    assert sum(isinstance(each, Head) for each in whole) == 3
    assert whole.count(END) == (2 if body else 0)
    for at in range(len(data)):
        assert _understood([data[:at], data[at:]]) == whole, at
    assert _understood([data[at : at + 1] for at in range(len(data))]) == whole


@settings(max_examples=200, deadline=None)
@given(
    data=st.lists(st.sampled_from([*SMUGGLED.values(), *BAD_CHUNKS.values(), GET, *(POST + a + b"\r\n" + b for a, b in BODIES)]), max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3),
    cuts=st.lists(st.integers(0, 600), max_size=4),
)  # fmt: skip
def test_whatever_comes_is_read_the_same_wherever_it_is_cut(data, changes, cuts):
    """What is refused is refused with the same status, after the same requests."""
    said = bytearray(b"".join(data))
    for at, what in changes:
        said[at : at + len(what)] = what
    whole = _understood([bytes(said)])
    places = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    parts = [bytes(said[first:last]) for first, last in pairwise(places)]
    in_parts = _understood([part for part in parts if part])
    # Of a body that is not complete some more may have been seen before what follows is refused.
    assert [each for each in in_parts if not isinstance(each, bytes)] == [
        each for each in whole if not isinstance(each, bytes)
    ]
    heads = [each for each in whole if isinstance(each, Head)]
    assert all(b"\r" not in line[:-2] and b"\n" not in line[:-2] for head in heads for line in head.passed)
