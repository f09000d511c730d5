"""Health checks: when an instance is well, when it is not, and the sentence that says why."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from understudy_aws.dataplane.edge import CREDENTIALS_ADDRESS, CREDENTIALS_PORT
from understudy_aws.dataplane.wanted_services import HealthCheck
from understudy_aws.node.dialer import Dialer, Listening
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.health import Health, HealthChecks


def http(**more) -> HealthCheck:
    return HealthCheck(protocol="HTTP", **{"path": "/well", "interval": 1, "timeout": 1, **more})


@asynccontextmanager
async def answering(answer):
    """A server that answers each request with what `answer` returns for its first line; it keeps silent for None."""
    connections = set()

    async def serve(reader, writer) -> None:
        connections.add(writer)
        line = await reader.readline()
        said = answer(line.decode())
        if said is not None:
            writer.write(said)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()


class Seen:
    """The health of one instance, watched."""

    def __init__(self) -> None:
        self.changes = []
        self.changed = asyncio.Event()
        self.checks = HealthChecks(Dialer(None), self._changed)

    def _changed(self, id: str) -> None:
        self.changes.append(self.checks.health(id).state)
        self.changed.set()

    def begin(self, check: HealthCheck, port: int) -> None:
        self.checks.begin("one", check, Endpoint(None, "127.0.0.1", port))

    async def until(self, state: str) -> Health:
        async with asyncio.timeout(20):
            while (health := self.checks.health("one")).state != state:
                self.changed.clear()
                await self.changed.wait()
        return health

    async def reason(self, part: str) -> str:
        async with asyncio.timeout(20):
            while part not in (reason := self.checks.health("one").reason):
                await asyncio.sleep(0.01)
        return reason


@pytest.fixture
def bound():
    """A socket whose port is nobody else's, and which does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def run(story) -> None:
    async def told() -> None:
        seen = Seen()
        try:
            await story(seen)
        finally:
            seen.checks.close()

    asyncio.run(told())


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_one_that_answers_well_is_healthy(status):
    async def story(seen) -> None:
        lines = []
        async with answering(
            lambda line: lines.append(line) or f"HTTP/1.1 {status}\r\n\r\n".encode()
        ) as port:
            seen.begin(http(path="/well?a=1 2"), port)
            assert await seen.until("healthy") == Health("healthy")
        assert lines[0] == "GET /well?a=1%202 HTTP/1.1\r\n"

    run(story)


def test_a_connection_that_a_relay_takes_and_closes_is_no_sign_of_health():
    """An engine's proxy takes connections for a container whose program does not listen yet."""

    async def story(seen) -> None:
        listens = asyncio.Event()

        async def relay(reader, writer) -> None:
            if listens.is_set():
                await reader.read()
            writer.close()

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        async with server:
            endpoint = Endpoint(None, "127.0.0.1", server.sockets[0].getsockname()[1], relayed=True)
            seen.checks.begin("one", HealthCheck(interval=20), endpoint)
            await seen.reason("Nothing listens")
            assert seen.changes == []
            listens.set()
            await seen.until("healthy")

    run(story)


def test_one_that_begins_to_listen_is_healthy_before_its_interval_is_over(bound):
    async def story(seen) -> None:
        seen.begin(HealthCheck(interval=20), bound.getsockname()[1])
        await seen.reason("Nothing listens")
        bound.listen()
        async with asyncio.timeout(10):
            await seen.until("healthy")

    run(story)


def test_a_port_that_was_never_opened_makes_it_unhealthy(bound):
    async def story(seen) -> None:
        unused = bound.getsockname()[1]
        seen.begin(HealthCheck(interval=1, timeout=1, unhealthy_threshold=2), unused)
        assert await seen.until("unhealthy") == Health("unhealthy", f"Nothing listens on port {unused}.")
        assert seen.changes == ["unhealthy"]

    run(story)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "GET /well answered 500."),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "GET /well answered 404."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP."),
        (b"", "GET /well was not answered: the connection was closed."),
        (None, "GET /well was not answered within 1 s."),
    ],
)
def test_it_is_said_why_one_is_not_well(said, reason):
    async def story(seen) -> None:
        async with answering(lambda line: said) as port:
            seen.begin(http(unhealthy_threshold=1), port)
            assert (await seen.until("unhealthy")).reason.endswith(reason)

    run(story)


def test_one_changes_only_after_as_many_answers_as_it_takes():
    """`UnhealthyThreshold` and `HealthyThreshold` count answers that follow each other (apprunner-services.md 2.2)."""

    async def story(seen) -> None:
        answers = iter([200, 500, 200, 200, 500, 200, 500, 500, 200, 200])
        asked = []

        def answer(_line):
            asked.append(next(answers, 200))
            return f"HTTP/1.1 {asked[-1]} -\r\n\r\n".encode()

        async with answering(answer) as port:
            seen.begin(http(unhealthy_threshold=2, healthy_threshold=2), port)
            await seen.until("healthy")
            # While it starts, what comes of an interval is its last answer: the 500 was asked again at once.
            assert asked == [200, 500, 200]
            assert (await seen.until("unhealthy")).reason == "GET /well answered 500."
            assert asked == [200, 500, 200, 200, 500, 200, 500, 500]
            await seen.until("healthy")
            assert asked == [200, 500, 200, 200, 500, 200, 500, 500, 200, 200]

    run(story)


def test_one_that_ended_is_asked_no_more():
    async def story(seen) -> None:
        async with answering(lambda line: b"HTTP/1.1 200 -\r\n\r\n") as port:
            seen.begin(http(), port)
            await seen.until("healthy")
            seen.checks.end("one")
            assert not seen.checks.is_healthy("one")
            assert seen.changes == ["healthy", "starting"]

    run(story)


class OnlyCredentials(Dialer):
    """A dialer into an instance in whose namespace its credentials' endpoint listens, and the program does not."""

    async def listening(self, namespace: str) -> tuple[Listening, ...]:
        return (Listening(CREDENTIALS_ADDRESS, CREDENTIALS_PORT),)


def test_the_endpoint_of_its_credentials_is_not_taken_for_its_program(bound):
    async def story(seen) -> None:
        seen.checks = HealthChecks(OnlyCredentials(None))
        unused = bound.getsockname()[1]
        seen.checks.begin("one", HealthCheck(interval=1), Endpoint("eni-app", "127.0.0.1", unused))
        assert await seen.reason("Nothing listens") == f"Nothing listens on port {unused}."

    run(story)
