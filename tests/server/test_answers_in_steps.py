"""An answer that takes long is made in steps, and others are answered between them."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from loopback import GET, Echo, run, serving

from understudy_aws.core.http import HttpResponse, ResponseInSteps

pytestmark = pytest.mark.usefixtures("both_loops")

_SLOW = b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"


class Slow(Echo):
    """Answers `/slow` when it is let go; or fails then."""

    def __init__(self):
        super().__init__(lambda request: HttpResponse(200, request.path.encode()))
        self.go, self.fails, self.steps = False, False, 0

    def handle(self, request):
        return ResponseInSteps(self._steps()) if request.path == "/slow" else super().handle(request)

    def _steps(self):
        while not self.go:
            self.steps += 1
            yield
        if self.fails:
            raise ArithmeticError
        return HttpResponse(200, b"slow")


def test_others_are_answered_meanwhile_and_what_comes_behind_it_waits_its_turn():
    async def talk():
        app = Slow()
        async with serving(app) as (server, connect):
            slow, other = await connect(), await connect()
            slow.send(_SLOW, GET)
            other.send(GET)
            assert (await other.answer())[::2] == (200, b"/")
            before = app.steps
            other.send(GET)
            assert (await other.answer())[0] == 200
            assert app.steps > before, "it goes on between the others"
            app.go = True
            assert (await slow.answer())[::2] == (200, b"slow")
            assert (await slow.answer())[::2] == (200, b"/")
            assert len(server.connections) == 2

    run(talk())


def test_one_that_fails_is_an_answer_too(caplog):
    async def talk():
        app = Slow()
        app.go = app.fails = True
        async with serving(app) as (_, connect):
            client = await connect()
            client.send(_SLOW, GET)
            assert (await client.answer())[0] == 500
            assert (await client.answer())[0] == 200

    run(talk())
    assert "the application failed" in caplog.text


@pytest.mark.parametrize("half_closed", [False, True])
def test_the_last_one_on_a_connection_is_waited_for(half_closed):
    """A client that asks for the connection's end, or sends no more, is answered all the same (RFC 9112 9.6)."""

    async def talk():
        app = Slow()
        async with serving(app) as (_, connect):
            client = await connect()
            client.send(
                _SLOW if half_closed else _SLOW.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            )
            if half_closed:
                client.writer.write_eof()
            while app.steps < 3:
                await asyncio.sleep(0.001)
            app.go = True
            assert (await client.answer())[::2] == (200, b"slow")
            assert await client.rest() == b""

    run(talk())


def test_a_client_that_goes_away_takes_nothing_with_it():
    async def talk():
        app = Slow()
        async with serving(app) as (server, connect):
            gone, other = await connect(), await connect()
            gone.send(_SLOW)
            while not app.steps:
                await asyncio.sleep(0)
            # It takes no more answers, and says so.
            reset = gone.writer.transport.get_extra_info("socket")
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.writer.transport.abort()
            while len(server.connections) > 1:
                await asyncio.sleep(0.001)
            app.go = True
            other.send(GET)
            assert (await other.answer())[0] == 200

    run(talk())
