"""Where requests are taken: the port that is wanted, or a free one, and TLS."""

from __future__ import annotations

import socket
import ssl

from behind_ingress import GET, HOST, Client, Instance, run, site
from msgspec.structs import replace

from understudy_aws.cli.certificates import certificates_in


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
