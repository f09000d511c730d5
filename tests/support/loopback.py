"""A server and raw connections to it, on a loopback socket; nothing here knows HTTP but the reading of one answer."""

from __future__ import annotations

import asyncio
import contextlib

import uvloop

from understudy_aws.core.http import HttpResponse
from understudy_aws.server.http import Server
from understudy_aws.server.limits import Limits
from understudy_aws.store.durability import Durability

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
PATIENT = Limits(sweep_seconds=3600)
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def run(talk):
    with asyncio.Runner(loop_factory=run.loop_factory) as runner:
        return runner.run(talk)


class Echo:
    """Answers with what `answer` makes of a request; notes what happens, in order."""

    def __init__(self, answer=lambda request: HttpResponse(200, request.body), durable=lambda: None):
        self.answer, self.durable = answer, durable
        self.requests, self.events = [], []
        self._pending = None

    def handle(self, request):
        self.requests.append(request)
        self.events.append("handled")
        return self.answer(request)

    def durability(self):
        if self._pending is None:
            self._pending = Durability()
            asyncio.get_running_loop().call_soon(self._write)
        return self._pending

    def _write(self):
        pending, self._pending = self._pending, None
        self.events.append("durable")
        try:
            self.durable()
        except OSError as error:
            pending.finish(error)
        else:
            pending.finish()

    def not_durable(self, request):
        return HttpResponse(503, f"{request.path} was not kept".encode())


async def until(happened):
    """Give the loop turns until something has happened; the timeout is that of `serving`."""
    while not happened():
        await asyncio.sleep(0.001)


class Client:
    """A raw connection; nothing in it knows HTTP but the reading of one answer."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, *pieces):
        self.writer.write(b"".join(pieces))

    async def answer(self, *, body=True):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
        length = int(headers.get("content-length", 0)) if body else 0
        return int(lines[0].split()[1]), headers, await self.reader.readexactly(length)

    async def rest(self):
        """Everything until the server closes."""
        return await self.reader.read()


@contextlib.asynccontextmanager
async def serving(app, limits=PATIENT, tls=None):
    server = Server(app, limits)
    port = await server.listen("127.0.0.1", 0, tls)
    clients = []

    async def connect(context=None):
        name = "localhost" if context else None
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        clients.append(Client(*streams))
        return clients[-1]

    server.port = port
    try:
        async with asyncio.timeout(20):
            yield server, connect
    finally:
        for client in clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        await server.close(patience=0.2)


def exchange(sent, app=None, limits=PATIENT):
    """Send bytes on a fresh connection and give back the one answer, and whether the server then closed."""

    async def talk():
        async with serving(app or Echo(), limits) as (_, connect):
            client = await connect()
            client.send(sent)
            answer = await client.answer()
            client.writer.write_eof()
            return answer, await client.rest()

    return run(talk())
