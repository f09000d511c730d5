"""Custom domains of a service that runs: once they are active, requests by their names are led to it."""

from __future__ import annotations

import http.client

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
