"""Centralized root access: who may enable it, and what it needs (organizations.md 32.5)."""

from __future__ import annotations

import pytest
from estates import Estate
from refusals import refused

CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"


@pytest.fixture
def iam(understudy):
    return understudy.client("iam")


def operations(iam):
    return (
        iam.enable_organizations_root_credentials_management,
        iam.enable_organizations_root_sessions,
        iam.disable_organizations_root_credentials_management,
        iam.disable_organizations_root_sessions,
        iam.list_organizations_features,
    )


def test_features_are_enabled_and_disabled(understudy, iam):
    estate = Estate(understudy)
    estate.organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    assert [] == iam.list_organizations_features()["EnabledFeatures"]
    assert [SESSIONS] == iam.enable_organizations_root_sessions()["EnabledFeatures"]
    both = iam.enable_organizations_root_credentials_management()
    assert (estate.id, [CREDENTIALS, SESSIONS]) == (both["OrganizationId"], both["EnabledFeatures"])
    assert both["EnabledFeatures"] == iam.list_organizations_features()["EnabledFeatures"]
    assert [CREDENTIALS] == iam.disable_organizations_root_sessions()["EnabledFeatures"]
    assert [CREDENTIALS] == iam.disable_organizations_root_sessions()["EnabledFeatures"]
    assert [] == iam.disable_organizations_root_credentials_management()["EnabledFeatures"]


def test_without_an_organization_there_is_nothing_to_enable(iam):
    for operation in operations(iam):
        with refused("OrganizationNotFoundException"):
            operation()


def test_all_features_are_needed(understudy, iam):
    understudy.client("organizations").create_organization(FeatureSet="CONSOLIDATED_BILLING")
    for operation in operations(iam):
        with refused("OrganizationNotInAllFeaturesModeException"):
            operation()


def test_trusted_access_is_needed(understudy, iam):
    Estate(understudy)
    for operation in operations(iam):
        with refused("ServiceAccessNotEnabledException"):
            operation()


def test_a_member_account_is_refused_until_it_is_a_delegated_administrator(understudy):
    estate = Estate(understudy)
    estate.organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    dev = estate.account("dev")
    iam = understudy.client("iam", as_=estate.administrator(dev))
    for operation in operations(iam):
        with refused("AccountNotManagementOrDelegatedAdministratorException"):
            operation()
    estate.organizations.register_delegated_administrator(AccountId=dev, ServicePrincipal="iam.amazonaws.com")
    assert [] == iam.list_organizations_features()["EnabledFeatures"]
    with refused("CallerIsNotManagementAccountException"):
        iam.enable_organizations_root_sessions()
