"""Where one request ends and the next begins: nothing that a proxy could read otherwise is taken (RFC 9112 11.2)."""

from __future__ import annotations

import pytest
from loopback import Echo, exchange, run, serving

pytestmark = pytest.mark.usefixtures("both_loops")

HIDDEN = b"POST /hidden HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
OFFERS = {
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "proxy": b"Proxy-Connection: Upgrade\r\nUpgrade: x\r\n",
    "keep-alive": b"Connection: keep-alive, Upgrade\r\nUpgrade: x\r\n",
}


class TestOffersToChangeProtocols:
    """RFC 9110 7.8: a server may ignore the header, and a body stays a body."""

    def paths_and_bodies(self, sent):
        app = Echo()

        async def talk():
            async with serving(app) as (_, connect):
                client = await connect()
                client.send(sent, b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                await client.rest()

        run(talk())
        return [(request.path, request.body) for request in app.requests]

    @pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
    @pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS"])
    def test_a_body_of_a_known_length_is_a_body(self, offer, method):
        sent = b"%s /first HTTP/1.1\r\nHost: h\r\n%sContent-Length: %d\r\n\r\n" % (method, offer, len(HIDDEN))
        assert [("/first", HIDDEN), ("/last", b"")] == self.paths_and_bodies(sent + HIDDEN)

    @pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
    def test_a_chunked_body_is_a_body(self, offer):
        sent = b"POST /first HTTP/1.1\r\nHost: h\r\n%sTransfer-Encoding: chunked\r\n\r\n" % offer
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
        assert [("/first", HIDDEN), ("/last", b"")] == self.paths_and_bodies(sent + chunked)

    def test_it_may_come_in_single_bytes(self):
        app = Echo()
        sent = b"POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabcde"

        async def talk():
            async with serving(app) as (_, connect):
                client = await connect()
                for byte in sent:
                    client.send(bytes([byte]))
                    await client.writer.drain()
                assert (200, b"abcde") == (await client.answer())[::2]

        run(talk())

    def test_a_request_to_close_is_heard(self):
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: Upgrade, close\r\nUpgrade: x\r\n\r\nab"
        (status, headers, body), rest = exchange(sent)
        assert (200, "close", b"ab", b"") == (status, headers["connection"], body, rest)

    def test_a_body_too_long_is_refused(self):
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
        app = Echo()
        assert 413 == exchange(sent, app)[0][0]
        assert [] == app.requests


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        (b"Content-Length: 5\r\nContent-Length: 5", 400),
        (b"Content-Length: 5\r\nContent-Length: 6", 400),
        (b"Content-Length: 5, 5", 400),
        (b"Content-Length: +5", 400),
        (b"Content-Length: 0x5", 400),
        (b"Content-Length: -1", 400),
        (b"Content-Length:", 400),
        (b"Content-Length : 5", 400),
        (b"Content-Length: 99999999999999999999999", 400),
        (b"Transfer-Encoding: gzip, chunked", 501),
        (b"Transfer-Encoding: chunked, identity", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        (b"Transfer-Encoding: identity", 501),
        (b"Transfer-Encoding: xchunked", 501),
        (b"Transfer-Encoding: \x0bchunked", 400),
        (b"Transfer-Encoding\x00: chunked", 400),
        (b"X: a\r\n Transfer-Encoding: chunked", 400),
        (b"X: a\rTransfer-Encoding: chunked", 400),
        (b"X: a\nTransfer-Encoding: chunked", 400),
    ],
)
@pytest.mark.parametrize("offer", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"], ids=["plain", "offer"])
def test_a_length_that_can_be_read_in_two_ways_is_refused_once(framing, status, offer):
    app = Echo()
    sent = b"POST / HTTP/1.1\r\nHost: h\r\n%s%s\r\n\r\n0\r\n\r\n" % (offer, framing)
    (answered, headers, _), rest = exchange(sent + HIDDEN, app)
    assert (status, "close", b"", []) == (answered, headers["connection"], rest, app.requests)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / \r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
)
def test_another_version_is_refused(sent, status):
    app = Echo()
    (answered, headers, _), rest = exchange(sent + HIDDEN, app)
    assert (status, "close", b"", []) == (answered, headers["connection"], rest, app.requests)
