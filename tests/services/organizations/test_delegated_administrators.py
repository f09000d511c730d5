"""Delegated administrators, and what they may read (organizations.md 32.1)."""

from __future__ import annotations

import pytest
from estates import Estate
from refusals import refused

SSO = "sso.amazonaws.com"
DENIED = "You don't have permissions to access this resource."


@pytest.fixture
def estate(understudy):
    return Estate(understudy)


@pytest.fixture
def dev(estate):
    return estate.account("dev")


@pytest.fixture
def member(understudy, estate, dev):
    """The member account's client."""
    return understudy.client("organizations", as_=estate.administrator(dev))


def register(estate, account, service=SSO):
    estate.organizations.enable_aws_service_access(ServicePrincipal=service)
    estate.organizations.register_delegated_administrator(AccountId=account, ServicePrincipal=service)


def ids(organizations, **which):
    return [
        each["Id"] for each in organizations.list_delegated_administrators(**which)["DelegatedAdministrators"]
    ]


def test_an_account_is_registered_for_services_one_by_one(estate, dev):
    organizations = estate.organizations
    assert [] == ids(organizations)
    register(estate, dev)
    register(estate, dev, "ram.amazonaws.com")
    assert [dev] == ids(organizations)
    assert [dev] == ids(organizations, ServicePrincipal=SSO)
    assert [] == ids(organizations, ServicePrincipal="backup.amazonaws.com")
    services = organizations.list_delegated_services_for_account(AccountId=dev)["DelegatedServices"]
    assert ["ram.amazonaws.com", SSO] == [each["ServicePrincipal"] for each in services]
    found = organizations.list_delegated_administrators()["DelegatedAdministrators"][0]
    assert ("dev", "ACTIVE", "CREATED") == (found["Name"], found["Status"], found["JoinedMethod"])
    assert found["DelegationEnabledDate"] == min(each["DelegationEnabledDate"] for each in services)
    organizations.deregister_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)
    assert [dev] == ids(organizations)
    organizations.deregister_delegated_administrator(AccountId=dev, ServicePrincipal="ram.amazonaws.com")
    assert [] == ids(organizations)


def test_what_cannot_be_registered(estate, dev):
    organizations = estate.organizations
    with refused("ConstraintViolationException"):
        organizations.register_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)
    register(estate, dev)
    with refused(
        "AccountAlreadyRegisteredException",
        "The provided account is already a delegated administrator for your organization.",
    ):
        organizations.register_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)
    for operation in (
        organizations.register_delegated_administrator,
        organizations.deregister_delegated_administrator,
    ):
        with refused("AccountNotFoundException", "You specified an account that doesn't exist."):
            operation(AccountId="999999999999", ServicePrincipal=SSO)
        with refused(
            "ConstraintViolationException",
            "You cannot register master account/yourself as delegated administrator for your organization.",
        ):
            operation(AccountId="000000000000", ServicePrincipal=SSO)
        with refused("InvalidInputException"):
            operation(AccountId=dev, ServicePrincipal="example.com")
    with refused("InvalidInputException"):
        organizations.list_delegated_administrators(ServicePrincipal="example.com")
    with refused(
        "AccountNotRegisteredException",
        "The provided account is not a registered delegated administrator for your organization.",
    ):
        organizations.deregister_delegated_administrator(AccountId=dev, ServicePrincipal="ram.amazonaws.com")


def test_services_of_an_account_that_is_none(estate, dev):
    with refused("AccountNotRegisteredException"):
        estate.organizations.list_delegated_services_for_account(AccountId=dev)
    with refused("AccountNotFoundException"):
        estate.organizations.list_delegated_services_for_account(AccountId="999999999999")


def test_a_member_asks_for_the_list_in_vain_until_it_is_registered(estate, dev, member):
    """prowler-cloud/prowler#2133."""
    with refused("AccessDeniedException", DENIED):
        member.list_delegated_administrators()
    register(estate, dev)
    assert [dev] == ids(member)
    estate.organizations.deregister_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)
    with refused("AccessDeniedException", DENIED):
        member.list_delegated_administrators()


def test_it_reads_the_organization_and_changes_nothing(estate, dev, member):
    register(estate, dev)
    unit = estate.unit("prod")
    assert {"000000000000", dev} == {each["Id"] for each in member.list_accounts()["Accounts"]}
    assert dev == member.describe_account(AccountId=dev)["Account"]["Id"]
    assert estate.root == member.list_roots()["Roots"][0]["Id"]
    assert unit == member.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]["Id"]
    assert [unit] == [
        each["Id"]
        for each in member.list_organizational_units_for_parent(ParentId=estate.root)["OrganizationalUnits"]
    ]
    assert 2 == len(member.list_accounts_for_parent(ParentId=estate.root)["Accounts"])
    assert [unit] == [
        each["Id"]
        for each in member.list_children(ParentId=estate.root, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    ]
    assert estate.root == member.list_parents(ChildId=dev)["Parents"][0]["Id"]
    assert ["FullAWSAccess"] == [
        each["Name"] for each in member.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    ]
    assert [] == member.list_tags_for_resource(ResourceId=unit)["Tags"]
    assert [SSO] == [
        each["ServicePrincipal"]
        for each in member.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    ]
    with refused("AccessDeniedException", DENIED):
        member.create_organizational_unit(ParentId=estate.root, Name="mine")
    with refused("AccessDeniedException", DENIED):
        member.tag_resource(ResourceId=unit, Tags=[{"Key": "a", "Value": "b"}])
    with refused("AccessDeniedException", DENIED):
        member.register_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)


def test_it_cannot_be_removed_while_it_is_one(estate, dev):
    register(estate, dev)
    with refused("ConstraintViolationException"):
        estate.organizations.remove_account_from_organization(AccountId=dev)
    estate.organizations.deregister_delegated_administrator(AccountId=dev, ServicePrincipal=SSO)
    estate.organizations.remove_account_from_organization(AccountId=dev)
