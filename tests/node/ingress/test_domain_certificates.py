"""TLS for custom domains: a client that asks for one is shown its own certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from behind_ingress import GET, HOST, Client, Instance, Site, run, site
from msgspec.structs import replace

from understudy_aws.cli.certificates import certificates_in
from understudy_aws.controllers.domain_certificates import DomainCertificates

SHOP, WILD = ("shop.test", "www.shop.test"), ("*.wild.test",)


@pytest.fixture
def served(tmp_path):
    """The certificates of a state, and those of its custom domains."""
    made = certificates_in(tmp_path / "tls", "127.0.0.1")
    return made, DomainCertificates(tmp_path / "tls")


def asking(host: str) -> bytes:
    return GET.replace(HOST.encode(), host.encode())


async def connect(web: Site, made, host: str) -> Client:
    """A connection of a client that verifies who answers."""
    trusting = ssl.create_default_context(cafile=str(made.authority))
    return await web.connect(ssl=trusting, server_hostname=host)


async def want(web: Site, served, *domains: tuple[str, ...]) -> None:
    """Have these domains led to the service, and served with certificates of the authority."""
    made, certificates = served
    web.where = replace(web.where, certificate=str(made.server))
    web.certificates = certificates.of(domains)
    certificates.keep(web.certificates)
    await web.want(hosts=(HOST, *(name for names in domains for name in names)))


def test_domains_are_verified_by_the_authority_of_the_state(served):
    async def story() -> None:
        async with site(Instance()) as web:
            await want(web, served, SHOP, WILD)
            for host in (HOST, *SHOP, "a.wild.test", "B.wild.test"):
                client = await connect(web, served[0], host)
                assert (await client.ask(asking(host))).status == 200
            for host in ("wild.test", "a.b.wild.test", "x.shop.test"):
                with pytest.raises(ssl.SSLCertVerificationError):
                    await connect(web, served[0], host)

    run(story)


def test_connections_go_on_and_none_is_refused_when_domains_come_and_go(served):
    async def story() -> None:
        async with site(Instance()) as web:
            await want(web, served)
            address = web.ingress.address
            client = await connect(web, served[0], HOST)
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(web, served[0], "shop.test")
            await want(web, served, SHOP)
            of_shop = await connect(web, served[0], "shop.test")
            await want(web, served, WILD)
            assert (await client.ask()).status == 200
            assert (await of_shop.ask(asking(HOST))).status == 200, "its connection is as it was"
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(web, served[0], "shop.test")
            assert web.ingress.address == address

    run(story)


def test_a_certificate_that_was_made_anew_is_served(served):
    async def story() -> None:
        async with site(Instance()) as web:
            await want(web, served, SHOP)
            numbers = set()
            for _ in range(2):
                client = await connect(web, served[0], "shop.test")
                numbers.add(client.writer.get_extra_info("peercert")["serialNumber"])
                served[1].keep(())
                await want(web, served, SHOP)
            assert len(numbers) == 2

    run(story)


def test_one_that_cannot_be_read_keeps_no_others_from_being_served(served, caplog):
    async def story() -> None:
        async with site(Instance()) as web:
            await want(web, served, SHOP, WILD)
            (of_shop,) = (Path(each.file) for each in web.certificates if each.names == SHOP)
            of_shop.write_text("nothing")
            await web.want()
            client = await connect(web, served[0], "a.wild.test")
            assert (await client.ask(asking("a.wild.test"))).status == 200
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(web, served[0], "shop.test")

    run(story)
    assert "The certificate of shop.test can't be served" in caplog.text
