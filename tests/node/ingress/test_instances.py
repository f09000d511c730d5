"""Which instance gets a request, which requests wait, and what is answered when no instance can."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from behind_ingress import GET, OK, Instance, read_request, run, site

from understudy_aws.node.ingress.limits import IngressLimits

POST = GET.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx")


def held(gate: asyncio.Event):
    """A server whose answers wait for a gate."""

    async def answer(_request):
        await gate.wait()
        return OK

    return Instance(answer)


def test_requests_go_where_fewest_are_under_way():
    async def story() -> None:
        gate = asyncio.Event()
        one, two, three = held(gate), held(gate), held(gate)
        async with site(one, two, three, max_concurrency=2) as web:
            web.becomes_unhealthy("three")
            asked = [asyncio.create_task(web.ask()) for _ in range(4)]
            await web.until(lambda: web.load.active == 4)
            await web.until(lambda: len(one.requests) == len(two.requests) == 2)
            assert (web.ingress.requests("one"), web.ingress.requests("two")) == (2, 2)
            gate.set()
            assert {answer.status for answer in await asyncio.gather(*asked)} == {200}
            assert three.connections == 0

    run(story)


def test_idle_instances_have_their_turns():
    async def story() -> None:
        one, two = Instance(), Instance()
        async with site(one, two) as web:
            for _ in range(10):
                await web.ask()
            assert (len(one.requests), len(two.requests)) == (5, 5)

    run(story)


def test_no_more_than_max_concurrency_are_under_way_and_others_wait():
    """Beyond what may wait the edge answers 429 (apprunner-services.md 5.1)."""

    async def story() -> None:
        gate = asyncio.Event()
        one = held(gate)
        async with site(one, max_concurrency=2, limits=IngressLimits(waiting=3)) as web:
            asked = [asyncio.create_task(web.ask()) for _ in range(5)]
            await web.until(lambda: web.load.waiting == 3)
            load = web.load
            assert (load.active, load.waiting, load.peak) == (2, 3, 5)
            client = await web.connect()
            assert (await client.ask()).status == 429
            assert len(one.requests) == 2
            gate.set()
            assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 5
            assert (await client.ask()).status == 200
            load = web.load
            assert (load.active, load.waiting, dict(load.answered)) == (0, 0, {2: 6, 4: 1})
            assert web.load.peak == 0

    run(story)


def test_who_waits_and_goes_away_leaves_no_trace():
    async def story() -> None:
        gate = asyncio.Event()
        one = held(gate)
        async with site(one, max_concurrency=1) as web:
            first = asyncio.create_task(web.ask())
            await web.until(lambda: len(one.requests) == 1)
            client = await web.connect()
            await client.say(GET)
            await web.until(lambda: web.load.waiting == 1)
            client.close()
            await web.until(lambda: web.load.waiting == 0)
            gate.set()
            await first
            assert len(one.requests) == 1

    run(story)


def test_without_a_healthy_instance_it_is_503():
    async def story() -> None:
        async with site(Instance()) as web:
            web.becomes_unhealthy("one")
            answer = await web.ask()
            assert (answer.status, answer.body) == (503, b"no healthy upstream")

    run(story)


def test_the_first_request_wakes_a_service_and_is_answered():
    """What is wanted is opt-in sleep: `waiting` tells the server that somebody is there."""

    async def story() -> None:
        async with site(Instance(), Instance(), asleep=True, instances=()) as web:
            asked = [asyncio.create_task(web.ask(POST)) for _ in range(3)]
            await web.until(lambda: web.load.waiting == 3)
            web.healthy.clear()
            web.coming.add("one")
            await web.want(asleep=False, instances=("one",))
            assert web.load.waiting == 3
            web.becomes_healthy("one")
            assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 3

    run(story)


def test_a_service_that_can_t_wake_refuses_who_waits():
    async def story() -> None:
        async with site(Instance(), asleep=True, instances=()) as web:
            web.healthy.clear()
            asked = asyncio.create_task(web.ask())
            await web.until(lambda: web.load.waiting == 1)
            await web.want(asleep=False)
            assert (await asked).status == 503

    run(story)


def test_a_service_that_is_gone_is_not_found():
    async def story() -> None:
        async with site(Instance()) as web:
            client = await web.connect()
            assert (await client.ask()).status == 200
            await web.want(hosts=())
            assert (await client.ask()).status == 404

    run(story)


def test_instances_that_are_not_listed_finish_what_they_have():
    async def story() -> None:
        gate = asyncio.Event()
        one, two = held(gate), Instance()
        async with site(one, two, instances=("one",)) as web:
            asked = asyncio.create_task(web.ask())
            await web.until(lambda: len(one.requests) == 1)
            await web.want(instances=("two",))
            assert (await web.ask()).status == 200
            assert (len(one.requests), len(two.requests)) == (1, 1)
            assert web.ingress.requests("one") == 1
            gate.set()
            assert (await asked).status == 200
            assert web.ingress.requests("one") == 0

    run(story)


def test_a_deployment_under_load_fails_no_request():
    """Clients with and without connections that stay, while instances are replaced twenty times."""

    async def story() -> None:
        instances = [Instance() for _ in range(3)]
        async with site(*instances, instances=("one",), max_concurrency=50) as web:
            stopping = asyncio.Event()
            statuses = []

            async def ask_again_and_again(*, stays: bool) -> None:
                client = await web.connect()
                while not stopping.is_set():
                    statuses.append((await (client.ask(POST) if stays else web.ask())).status)

            clients = [asyncio.create_task(ask_again_and_again(stays=number % 2 == 0)) for number in range(8)]
            names, chosen = list(web.instances), 0
            for number in range(20):
                former = names[chosen]
                chosen = (chosen + 1) % 3
                web.becomes_healthy(names[chosen])
                await web.want(instances=(names[chosen],))
                await web.until(lambda former=former: web.ingress.requests(former) == 0)
                port = web.instances[former].port
                web.becomes_unhealthy(former)
                web.instances[former].stop()
                answered = len(statuses)
                await web.until(lambda answered=answered: len(statuses) > answered + 20)
                await web.instances[former].start(port)
                assert number < 20
            stopping.set()
            await asyncio.gather(*clients)
            assert set(statuses) == {200}
            assert len(statuses) > 400

    run(story)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (b"", 503, b"connection termination"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 503, b"connection termination"),
        (b"SSH-2.0-OpenSSH\r\n", 502, b"protocol error"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            502,
            b"protocol error",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502, b"protocol error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502, b"protocol error"),
    ],
)
def test_what_an_instance_says_wrong_is_answered_as_envoy_does(said, status, reason):
    async def story() -> None:
        async def serve(reader, writer) -> None:
            await read_request(reader)
            writer.write(said)
            if b"SSH" in said:
                await reader.read()

        async with site(Instance(serve=serve)) as web:
            client = await web.connect()
            answer = await client.ask()
            assert answer.status == status
            assert (
                answer.body
                == b"upstream connect error or disconnect/reset before headers. reset reason: " + reason
            )
            assert web.load.active == 0

    run(story)


def test_a_response_that_is_cut_off_is_seen_to_be():
    async def story() -> None:
        async def serve(reader, writer) -> None:
            told = await read_request(reader)
            chunked = "chunked" in told.line
            writer.write(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"
                if chunked
                else b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"
            )

        async with site(Instance(serve=serve)) as web:
            for target in (b"/", b"/chunked"):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await web.ask(GET.replace(b"GET /", b"GET " + target))
            assert web.load.active == 0

    run(story)


def test_who_does_not_run_is_tried_no_longer_than_needed():
    async def story() -> None:
        one, two = Instance(), Instance()
        async with site(one, two) as web:
            one.stop()
            assert {(await web.ask(POST)).status for _ in range(6)} == {200}, "nothing was sent to the other"
            two.stop()
            answer = await web.ask(POST)
            assert (answer.status, answer.body[-18:]) == (503, b"connection failure")

    run(story)


def test_a_request_is_repeated_only_where_that_is_safe():
    """RFC 9110 9.2.2. An instance may close an idle connection just as a request is sent over it."""

    async def story() -> None:
        served = []

        async def serve(reader, writer) -> None:
            first = await read_request(reader)
            served.append(first.line)
            writer.write(OK)
            await writer.drain()
            served.append((await read_request(reader)).line)

        async with site(Instance(serve=serve)) as web:
            client = await web.connect()
            for _ in range(3):
                assert (await client.ask()).status == 200
            assert served.count("GET / HTTP/1.1") == 5, "each but the first was asked twice"
            assert (await client.ask(POST)).status == 503
            assert served.count("POST / HTTP/1.1") == 1

    run(story)


def test_a_connection_that_was_idle_gets_no_request_that_can_t_be_repeated():
    async def story() -> None:
        instance = Instance()
        async with site(instance, limits=IngressLimits(fresh_seconds=0.05)) as web:
            client = await web.connect()
            await client.ask(POST)
            await asyncio.sleep(0.1)
            await client.ask(POST)
            assert instance.connections == 2
            await asyncio.sleep(0.1)
            await client.ask()
            assert instance.connections == 2

    run(story)


def test_an_instance_that_closes_its_connections_is_not_lost():
    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            client = await web.connect()
            await client.ask()
            instance.drop_connections()
            await web.until(lambda: not web.ingress._targets["one"].pool)
            assert (await client.ask(POST)).status == 200

    run(story)


def test_a_client_that_goes_away_ends_its_request():
    async def story() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def serve(reader, writer) -> None:
            await read_request(reader)
            begun.set()
            with suppress(ConnectionError):
                assert not await reader.read(), "the connection is closed"
            ended.set()

        async with site(Instance(serve=serve)) as web:
            client = await web.connect()
            await client.say(GET)
            await asyncio.wait_for(begun.wait(), 20)
            client.close()
            await asyncio.wait_for(ended.wait(), 20)
            assert web.load.active == 0

    run(story)


def test_idle_seconds_are_those_since_the_last_request():
    async def story() -> None:
        gate = asyncio.Event()
        async with site(held(gate)) as web:
            asked = asyncio.create_task(web.ask())
            await web.until(lambda: web.load.active == 1)
            assert web.load.idle_seconds == 0
            gate.set()
            await asked
            first = web.load.idle_seconds
            await asyncio.sleep(0.02)
            assert web.load.idle_seconds > first

    run(story)


def test_answers_are_counted_by_their_class():
    async def story() -> None:
        statuses = random.Random(1).choices([200, 201, 304, 404, 500, 503], k=30)
        said = iter(statuses)

        def answer(_request):
            return b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % next(said)

        async with site(Instance(answer)) as web:
            client = await web.connect()
            for status in statuses:
                assert (await client.ask()).status == status
            counted = dict(web.load.answered)
            assert counted == {kind: sum(each // 100 == kind for each in statuses) for kind in (2, 3, 4, 5)}

    run(story)
