"""Trusted access for services."""

from __future__ import annotations

import pytest
from estates import Estate
from refusals import refused


@pytest.fixture
def organizations(understudy):
    return Estate(understudy).organizations


def enabled(organizations):
    found = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    return [each["ServicePrincipal"] for each in found]


def test_services_are_let_in_and_out(organizations):
    assert [] == enabled(organizations)
    for principal in ("sso.amazonaws.com", "ram.amazonaws.com", "sso.amazonaws.com"):
        organizations.enable_aws_service_access(ServicePrincipal=principal)
    assert ["ram.amazonaws.com", "sso.amazonaws.com"] == enabled(organizations)
    organizations.disable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    organizations.disable_aws_service_access(ServicePrincipal="never.amazonaws.com")
    assert ["ram.amazonaws.com"] == enabled(organizations)


def test_what_is_no_service_is_refused(organizations):
    with refused("InvalidInputException"):
        organizations.enable_aws_service_access(ServicePrincipal="example.com")
