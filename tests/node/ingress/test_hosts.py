"""Which service a host leads to: exact names, and wildcards, which are for the next level alone."""

from __future__ import annotations

import pytest
from behind_ingress import GET, HOST, Instance, run, site
from msgspec.structs import replace

from understudy_aws.dataplane.wanted_services import PrivateEntry, Services
from understudy_aws.node.ingress.ingress import Ingress

HOSTS = (HOST, "shop.test", "www.shop.test", "*.wild.test")


def asking(host: str) -> bytes:
    return GET.replace(HOST.encode(), host.encode())


@pytest.mark.parametrize(
    "host",
    [
        "shop.test", "www.shop.test", "a.wild.test", "A.Wild.Test", "a.wild.test:4567", "a.wild.test.",
        "xn--bcher-kva.wild.test", "a_b.wild.test", f"{'a' * 63}.wild.test",
    ],
)  # fmt: skip
def test_hosts_are_led_to_their_service(host):
    async def story() -> None:
        async with site(Instance(), hosts=HOSTS) as web:
            client = await web.connect()
            for _ in range(2):
                assert (await client.ask(asking(host))).status == 200

    run(story)


@pytest.mark.parametrize(
    "host",
    [
        "wild.test", ".wild.test", "a.b.wild.test", "a.xwild.test", "x.shop.test", "-a.wild.test", "a-.wild.test",
        "evil.test/a.wild.test", "evil.test@a.wild.test", "e:1@a.wild.test", "a?.wild.test",
        f"{'a' * 64}.wild.test",
    ],
)  # fmt: skip
def test_what_is_no_name_of_the_next_level_is_led_nowhere(host):
    """apprunner-services.md 2.5. A redirect to TLS tells the host that was asked for, so it has to be one."""

    async def story() -> None:
        instance = Instance()
        async with site(instance, hosts=HOSTS) as web:
            assert (await web.ask(asking(host))).status == 404
            assert instance.requests == []

    run(story)


def test_an_exact_name_counts_more_than_a_wildcard_whichever_service_has_it():
    async def story() -> None:
        async with site(Instance(), hosts=("*.wild.test",)) as web:
            client = await web.connect()
            assert (await client.ask(asking("a.wild.test"))).status == 200
            other = replace(web.service, arn=f"{web.service.arn}x", hosts=("a.wild.test",), instances=())
            await web.ingress.want(Services(services=(web.service, other), ingress=web.where))
            assert (await client.ask(asking("a.wild.test"))).status == 503, "the other has no instance"
            assert (await client.ask(asking("b.wild.test"))).status == 200
            await web.want(hosts=())
            assert (await client.ask(asking("a.wild.test"))).status == 404

    run(story)


def test_wildcards_lead_to_private_services_at_their_endpoints_alone():
    async def story() -> None:
        entry = PrivateEntry(host="*.wild.test", interfaces=("eni-1",))
        async with site(Instance(), hosts=(), private_entries=(entry,)) as web:

            def found(ingress: Ingress, place: str) -> bool:
                return ingress.route(b"a.wild.test", place) is not None

            assert [found(web.ingress, place) for place in ("eni-1", "eni-2", "")] == [True, False, False]

    run(story)
