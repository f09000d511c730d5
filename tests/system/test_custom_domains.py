"""Custom domains of a service that runs: once they are active, requests by their names are led to it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import tempfile
from pathlib import Path

import pytest
from nodes import refusal_for
from running_services import ServiceSite, until

from understudy_aws.admin.requests import ValidateCustomDomain
from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]


def status(service: dict, host: str) -> int:
    """The status that requests by a name are answered with."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(service["ServiceUrl"].rpartition(":")[2]), timeout=30
    )
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def associate(site: ServiceSite, service: dict, name: str) -> None:
    """Associate a domain and take its records as found, so that it becomes active."""
    site.apprunner.associate_custom_domain(ServiceArn=service["ServiceArn"], DomainName=name)
    assert site.ask(ValidateCustomDomain(name=name))["status"] == "active"


def test_a_service_answers_to_its_domains_and_to_no_other(site):
    service = site.create()
    assert service["Status"] == "RUNNING", site.reason()
    associate(site, service, "shop.test")
    associate(site, service, "*.wild.test")
    for host in ("shop.test", "www.shop.test", "a.wild.test", "b.wild.test"):
        assert until(lambda host=host: status(service, host) == 200), host
    for host in ("wild.test", "a.b.wild.test", "x.shop.test"):
        assert status(service, host) == 404, host
    site.apprunner.disassociate_custom_domain(ServiceArn=service["ServiceArn"], DomainName="*.wild.test")
    assert until(lambda: status(service, "a.wild.test") == 404)
    assert status(service, "shop.test") == 200


@pytest.fixture
def secure_site():
    """A server with TLS, of this user."""
    home = Path(tempfile.mkdtemp())
    made = ServiceSite(home, "--tls")
    yield made
    made.end()
    shutil.rmtree(home, ignore_errors=True)


def verified(site: ServiceSite, service: dict, host: str) -> tuple[int, str]:
    """The status that a client gets by a name over TLS, and the number of the certificate that it has verified.

    The client trusts the state's authority alone. What it refuses, or who does not listen, is status 0.
    """
    trusting = ssl.create_default_context(cafile=str(site.folder / "state" / "tls" / "ca.pem"))
    port = int(service["ServiceUrl"].rpartition(":")[2])
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 30) as plain,
            trusting.wrap_socket(plain, server_hostname=host) as sock,
        ):
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            said = b"".join(iter(lambda: sock.recv(65536), b""))
            return int(said.split()[1]), str(sock.getpeercert()["serialNumber"])
    except OSError:
        return 0, ""


def test_over_tls_each_domain_has_a_certificate_that_outlives_server_and_node(secure_site):
    site = secure_site
    service = site.create()
    assert service["Status"] == "RUNNING", site.reason()
    associate(site, service, "shop.test")
    associate(site, service, "*.wild.test")
    hosts = ("shop.test", "www.shop.test", "a.wild.test")
    for host in hosts:
        assert until(lambda host=host: verified(site, service, host)[0] == 200), host
    numbers = {host: verified(site, service, host)[1] for host in hosts}
    assert numbers["shop.test"] == numbers["www.shop.test"] != numbers["a.wild.test"]
    assert 301 == status(service, "shop.test"), "where it is verified"

    site.server.end(signal.SIGKILL)
    for host in hosts:
        assert verified(site, service, host) == (200, numbers[host]), "the node goes on without the server"
    node = site.status().pid
    os.kill(node, signal.SIGKILL)
    for host in hosts:
        assert until(lambda host=host: verified(site, service, host) == (200, numbers[host])), (
            "another node goes on"
        )
    site.start()
    for host in hosts:
        assert until(lambda host=host: verified(site, service, host) == (200, numbers[host])), (
            "they are kept with the state"
        )

    files = site.folder / "state" / "tls" / "domains"
    assert len(list(files.iterdir())) == 2
    site.apprunner.disassociate_custom_domain(ServiceArn=service["ServiceArn"], DomainName="shop.test")
    assert until(lambda: verified(site, service, "shop.test")[0] == 0), "its certificate went with the domain"
    assert len(list(files.iterdir())) == 1
    assert verified(site, service, "a.wild.test")[0] == 200
    site.apprunner.delete_service(ServiceArn=service["ServiceArn"])
    assert until(lambda: not list(files.iterdir())), "and with the service"
