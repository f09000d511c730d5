"""An answer that takes long is made in steps, and others are answered between them."""

from __future__ import annotations

import asyncio

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


def test_a_client_that_goes_away_takes_nothing_with_it():
    async def talk():
        app = Slow()
        async with serving(app) as (server, connect):
            gone, other = await connect(), await connect()
            gone.send(_SLOW)
            while not app.steps:
                await asyncio.sleep(0)
            gone.writer.transport.abort()
            while len(server.connections) > 1:
                await asyncio.sleep(0.001)
            app.go = True
            other.send(GET)
            assert (await other.answer())[0] == 200

    run(talk())
