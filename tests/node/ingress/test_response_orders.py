"""Responses of every kind follow each other on the connections of clients and of instances, in every order."""

from __future__ import annotations

import asyncio
from itertools import product

from behind_ingress import HOST, Instance, read_request, run, site

_TEXT = b"text"
_KINDS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + _TEXT,
    "dated": b"HTTP/1.1 200 OK\r\nDate: Sun, 29 Nov 2026 02:00:00 GMT\r\nContent-Length: 4\r\n\r\n" + _TEXT,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n0\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
    "hints": b"HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + _TEXT,
    "last": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n" + _TEXT,
    "until the end": b"HTTP/1.1 200 OK\r\n\r\n" + _TEXT,
    "more than asked": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntextHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}  # fmt: skip
_BODILESS = ("no body", "not modified")
_ENDING = ("last", "until the end")


async def _serve(reader, writer) -> None:
    while True:
        request = await read_request(reader)
        kind = list(_KINDS)[int(request.line.split("/")[1].split()[0])]
        writer.write(_KINDS[kind])
        if kind in _ENDING:
            await writer.drain()
            return


def test_every_request_has_its_response_whatever_was_answered_before():
    async def story() -> None:
        async with site(Instance(serve=_serve)) as web:
            client = await web.connect()
            for kinds in product(_KINDS, repeat=3):
                for kind in kinds:
                    number = list(_KINDS).index(kind)
                    said = f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
                    async with asyncio.timeout(10):
                        answer = await client.ask(said)
                    assert (b"" if kind in _BODILESS else _TEXT) == answer.body, kinds
                    assert answer.status < 500, kinds
            assert (0, 0) == (web.load.active, web.load.waiting)

    run(story)
