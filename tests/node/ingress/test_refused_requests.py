"""Requests that could be read in two ways reach no instance; those that are right are read the same however they come."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from behind_ingress import GET, HOST, Instance, run, site
from hypothesis import given, settings
from hypothesis import strategies as st
from smuggling import BAD_CHUNKS, BODIES, CHUNKED, POST, SMUGGLED

from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.heads import Head
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.request_parser import END, RequestParser

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
