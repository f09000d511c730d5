"""Organizations for consolidated billing, and how they get all features (organizations.md 32.6)."""

from __future__ import annotations

import pytest
from refusals import refused

INVITED = "111111111111"


@pytest.fixture
def organizations(understudy):
    client = understudy.client("organizations")
    client.create_organization(FeatureSet="CONSOLIDATED_BILLING")
    return client


@pytest.fixture
def guest(understudy, organizations):
    """An account that was invited and has joined."""
    guest = understudy.client("organizations", as_=understudy.account_administrator(INVITED))
    invitation = organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": INVITED})[
        "Handshake"
    ]
    guest.accept_handshake(HandshakeId=invitation["Id"])
    return guest


def features(organizations):
    return organizations.describe_organization()["Organization"]["FeatureSet"]


def test_with_consolidated_billing_there_are_no_policies_and_no_trusted_access(understudy, organizations):
    assert "CONSOLIDATED_BILLING" == features(organizations)
    root = organizations.list_roots()["Roots"][0]["Id"]
    with refused("PolicyTypeNotAvailableForOrganizationException"):
        organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    with refused("ConstraintViolationException"):
        organizations.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    with refused("NoSuchEntity"):
        understudy.client("iam").get_role(RoleName="AWSServiceRoleForOrganizations")


def test_without_invited_accounts_the_management_account_finalizes_at_once(understudy, organizations):
    handshake = organizations.enable_all_features()["Handshake"]
    assert ("OPEN", "ENABLE_ALL_FEATURES") == (handshake["State"], handshake["Action"])
    assert 90 == (handshake["ExpirationTimestamp"] - handshake["RequestedTimestamp"]).days
    assert "CONSOLIDATED_BILLING" == features(organizations)
    organizations.accept_handshake(HandshakeId=handshake["Id"])
    assert "ALL" == features(organizations)
    assert understudy.client("iam").get_role(RoleName="AWSServiceRoleForOrganizations")
    with refused("HandshakeConstraintViolationException"):
        organizations.enable_all_features()


def test_accounts_that_were_invited_approve_first(organizations, guest):
    parent = organizations.enable_all_features()["Handshake"]
    assert "REQUESTED" == parent["State"]
    with refused("InvalidHandshakeTransitionException"):
        organizations.accept_handshake(HandshakeId=parent["Id"])
    (asked,) = guest.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    assert {"Type": "PARENT_HANDSHAKE", "Value": parent["Id"]} in asked["Resources"]
    assert [asked] == organizations.list_handshakes_for_organization(
        Filter={"ParentHandshakeId": parent["Id"]}
    )["Handshakes"]
    guest.accept_handshake(HandshakeId=asked["Id"])
    assert "OPEN" == organizations.describe_handshake(HandshakeId=parent["Id"])["Handshake"]["State"]
    organizations.accept_handshake(HandshakeId=parent["Id"])
    assert "ALL" == features(organizations)


def test_meanwhile_nobody_is_invited_and_it_is_not_asked_twice(understudy, organizations, guest):
    parent = organizations.enable_all_features()["Handshake"]
    understudy.account_administrator("222222222222")
    with refused("HandshakeConstraintViolationException"):
        organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": "222222222222"})
    with refused("HandshakeConstraintViolationException"):
        organizations.enable_all_features()
    organizations.cancel_handshake(HandshakeId=parent["Id"])
    organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": "222222222222"})


def test_an_account_that_declines_keeps_things_as_they_are(organizations, guest):
    parent = organizations.enable_all_features()["Handshake"]
    (asked,) = guest.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    guest.decline_handshake(HandshakeId=asked["Id"])
    assert "REQUESTED" == organizations.describe_handshake(HandshakeId=parent["Id"])["Handshake"]["State"]
    assert "CONSOLIDATED_BILLING" == features(organizations)
