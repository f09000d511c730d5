"""Where requests are taken: the port that is wanted, or a free one, and TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
from behind_ingress import GET, HOST, Client, Instance, run, site
from msgspec.structs import replace

from understudy_aws.cli.certificates import certificates_in
from understudy_aws.dataplane.wanted_services import Ingress
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.listening import Entrance


def test_where_the_port_is_taken_a_free_one_is_used_and_it_is_said():
    async def story() -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            async with site(Instance()) as web:
                web.where = replace(web.where, port=port)
                await web.want()
                assert not web.ingress.address.endswith(f":{port}")
                assert web.ingress.error.startswith(f"Port {port} of 127.0.0.1 is taken by process ")
                assert (await web.ask()).status == 200

    run(story)


def test_a_next_node_takes_the_port_that_urls_tell_until_all_has_ended(tmp_path):
    async def story() -> None:
        async def address_of_another(**wanted: int) -> str:
            entrance = Entrance(tmp_path, most=3)
            await entrance.want(Ingress(**wanted), asyncio.Protocol)
            entrance.close()
            return entrance.address

        with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as free:
            port, told = (each.getsockname()[1] for each in (other, free))
            free.close()
            kept = await address_of_another(port=port, told=told)
            assert kept == f"127.0.0.1:{told}"
        # The other program has ended.
        entrance = Entrance(tmp_path, most=3)
        await entrance.want(Ingress(port=port), asyncio.Protocol)
        assert (entrance.address, f"; {told} is used until" in entrance.error) == (kept, True)
        entrance.close()
        assert await address_of_another(port=told) == kept
        assert await address_of_another(port=port) == f"127.0.0.1:{port}", "something else is wanted"
        entrance.forget()
        assert await address_of_another(port=told) == kept

    run(story)


def test_connections_stay_when_services_change():
    async def story() -> None:
        async with site(Instance()) as web:
            address = web.ingress.address
            client = await web.connect()
            await client.ask()
            await web.want(hosts=(HOST, "b"))
            assert web.ingress.address == address
            assert (await client.ask(GET.replace(HOST.encode(), b"b"))).status == 200

    run(story)


def test_requests_are_taken_over_tls_with_the_certificate_of_the_state(tmp_path):
    """The authority that clients of the API trust has signed it, for the names of all services."""
    made = certificates_in(tmp_path, "127.0.0.1")

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            web.where = replace(web.where, certificate=str(made.server))
            await web.want()
            trusting = ssl.create_default_context(cafile=str(made.authority))
            client = await web.connect(ssl=trusting, server_hostname=HOST)
            for _ in range(2):
                assert (await client.ask()).status == 200
            assert instance.requests[0]["X-Forwarded-Proto"] == "https"
            assert isinstance(client, Client)

    run(story)


REQUESTS = {
    "get": (GET.replace(b"GET / ", b"GET /a%20b?c=d "), "/a%20b?c=d"),
    "with a port": (GET.replace(HOST.encode(), HOST.encode() + b":80"), "/"),
    "spelled otherwise": (GET.replace(HOST.encode(), HOST.upper().encode()), "/"),
    "head": (GET.replace(b"GET", b"HEAD"), "/"),
    "a url": (GET.replace(b"GET /", f"GET http://{HOST}/x".encode()), "/x"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_without_tls_a_request_is_sent_to_tls_where_that_is_spoken(tmp_path, name):
    """Reference apprunner-services.md 5.1: no instance is told of it, and the connection stays."""
    made = certificates_in(tmp_path, "127.0.0.1")
    asked, path = REQUESTS[name]

    async def story() -> None:
        instance = Instance()
        async with site(instance) as web:
            web.where = replace(web.where, certificate=str(made.server))
            await web.want()
            port = web.ingress.address.rpartition(":")[2]
            client = await web.connect()
            for _ in range(2):
                answer = await client.ask(asked, to_head=name == "head")
                assert (301, b"") == (answer.status, answer.body)
                assert f"https://{HOST}:{port}{path}" == answer["location"].replace(HOST.upper(), HOST)
                assert "envoy" == answer["server"]
            assert [] == instance.requests
            # The same with TLS is answered.
            trusting = ssl.create_default_context(cafile=str(made.authority))
            client = await web.connect(ssl=trusting, server_hostname=HOST)
            assert 200 == (await client.ask()).status

    run(story)


def test_without_tls_an_unknown_host_and_a_body_are_answered_too(tmp_path):
    made = certificates_in(tmp_path, "127.0.0.1")
    body = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc".encode()

    async def story() -> None:
        async with site(Instance()) as web:
            web.where = replace(web.where, certificate=str(made.server))
            await web.want()
            client = await web.connect()
            assert 404 == (await client.ask(GET.replace(HOST.encode(), b"nobody"))).status
            assert 301 == (await client.ask(body)).status
            assert await client.is_closed(), "the body is not waited for"

    run(story)


def test_who_says_nothing_makes_room_for_others_where_tls_is_spoken(tmp_path):
    made = certificates_in(tmp_path, "127.0.0.1")

    async def story() -> None:
        async with site(Instance(), limits=IngressLimits(connections=3)) as web:
            web.where = replace(web.where, certificate=str(made.server))
            await web.want()
            silent = [await web.connect() for _ in range(3)]
            trusting = ssl.create_default_context(cafile=str(made.authority))
            client = await web.connect(ssl=trusting, server_hostname=HOST)
            assert 200 == (await client.ask()).status
            assert await silent[0].is_closed()

    run(story)
