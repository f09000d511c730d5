"""An ingress with real servers behind it, in one event loop, and a client that says bytes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import uvloop
from msgspec.structs import replace

from understudy_aws.dataplane.wanted_services import Ingress as Where
from understudy_aws.dataplane.wanted_services import Service, Services
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.ingress.ingress import Ingress
from understudy_aws.node.ingress.limits import IngressLimits

HOST = "a1b2c3d4e5.us-east-1.awsapprunner.localhost"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def run(story: Callable) -> None:
    """Run a story of a test on the loop that a node has."""
    uvloop.run(_bounded(story))


async def _bounded(story: Callable) -> None:
    async with asyncio.timeout(100):
        await story()


class Answer(NamedTuple):
    """A response as it came: the headers in lower case, the body without chunks."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name):
        return dict(self.headers)[name] if isinstance(name, str) else tuple.__getitem__(self, name)

    def get(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Client:
    """A connection to the ingress."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next response, read as its framing says."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (each.partition(": ") for each in lines)]
        status = int(line.split()[1])
        named = dict(headers)
        if to_head or status in (101, 204, 304) or status == 100:
            body = b""
        elif "content-length" in named:
            body = await self.reader.readexactly(int(named["content-length"]))
        elif named.get("transfer-encoding") == "chunked":
            body = b"".join([piece async for piece in self.chunks()])
        else:
            body = await self.reader.read()
        return Answer(status, headers, body)

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        assert await self.reader.readexactly(2) == b"\r\n"

    async def ask(self, data: bytes = GET, **more) -> Answer:
        await self.say(data)
        return await self.answer(**more)

    async def is_closed(self) -> bool:
        """Whether the ingress closes the connection, and says nothing more."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.transport.abort()


class Request(NamedTuple):
    """A request as an instance gets it."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name):
        return dict(self.headers)[name] if isinstance(name, str) else tuple.__getitem__(self, name)


async def read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = [tuple(each.split(": ", 1)) for each in lines]
    named = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in named:
        body = b"".join([piece async for piece in Client(reader, None).chunks()])
    else:
        body = await reader.readexactly(int(named.get("content-length", 0)))
    return Request(line, headers, body)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Instance:
    """A server. `answer` is called with each request, and returns bytes, or None to close the connection.

    `requests` has what came; `connections` counts.
    """

    def __init__(
        self, answer: Callable[[Request], bytes | None] | bytes = OK, serve: Callable | None = None
    ) -> None:
        self._answer = answer
        self._serve = serve or self._requests
        self._writers = set()
        self.requests = []
        self.connections = 0
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accepted(self, reader, writer) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _requests(self, reader, writer) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            said = self._answer(request) if callable(self._answer) else self._answer
            if asyncio.iscoroutine(said):
                said = await said
            if said is None:
                return
            writer.write(said)
            await writer.drain()

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def stop(self) -> None:
        self._server.close()
        self.drop_connections()


class Site:
    """A service behind an ingress."""

    def __init__(self, servers: dict[str, Instance], limits: IngressLimits, **service) -> None:
        self.instances = servers
        self.healthy = set(servers)
        self.coming = set()
        # The ingress takes it, and tests say it beside what is the service's.
        self.where = Where(port=0, request_seconds=service.pop("request_seconds", 120))
        self.certificates = ()
        self.service = Service(
            arn="arn:aws:apprunner:us-east-1:000000000000:service/web/1",
            **{"hosts": (HOST,), "instances": tuple(servers), **service},
        )
        self.ingress = Ingress(
            Path(tempfile.mkdtemp()),
            Dialer(None),
            endpoint=self._endpoint,
            is_healthy=self.healthy.__contains__,
            may_begin=self.coming.__contains__,
            limits=limits,
        )
        self._clients = []

    def _endpoint(self, id: str) -> Endpoint | None:
        instance = self.instances.get(id)
        return Endpoint(None, "127.0.0.1", instance.port) if instance is not None else None

    async def want(self, **changes) -> None:
        self.service = replace(self.service, **changes)
        await self.ingress.want(
            Services(services=(self.service,), ingress=self.where, certificates=self.certificates)
        )

    def becomes_healthy(self, id: str) -> None:
        self.healthy.add(id)
        self.ingress.changed(id)

    def becomes_unhealthy(self, id: str) -> None:
        self.healthy.discard(id)
        self.ingress.changed(id)

    async def connect(self, **more) -> Client:
        host, _, port = self.ingress.address.rpartition(":")
        client = Client(*await asyncio.open_connection(host, int(port), **more))
        self._clients.append(client)
        return client

    async def ask(self, data: bytes = GET, **more) -> Answer:
        """The response to a request on a connection of its own."""
        client = await self.connect()
        try:
            return await client.ask(data, **more)
        finally:
            client.close()

    @property
    def load(self):
        return self.ingress.loads()[0]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        await self.ingress.close()
        for instance in self.instances.values():
            instance.stop()


@asynccontextmanager
async def site(*instances: Instance, limits: IngressLimits | None = None, **service) -> AsyncIterator[Site]:
    """A service of these instances, called `one`, `two` and `three`."""
    made = Site(
        dict(zip(("one", "two", "three"), instances, strict=False)), limits or IngressLimits(), **service
    )
    for instance in instances:
        await instance.start()
    await made.want()
    try:
        yield made
    finally:
        await made.close()
