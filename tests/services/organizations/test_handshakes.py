"""Invitations, as both sides see them."""

from __future__ import annotations

import pytest
from estates import SCP, Estate, deny
from refusals import refused

INVITED = "111111111111"
DAY = 24 * 3600


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


@pytest.fixture
def keys(understudy):
    return understudy.account_administrator(INVITED)


@pytest.fixture
def guest(understudy, keys):
    """The invited account's own client."""
    return understudy.client("organizations", as_=keys)


def invite(estate, account=INVITED, **more):
    target = {"Type": "ACCOUNT", "Id": account}
    return estate.organizations.invite_account_to_organization(Target=target, **more)["Handshake"]


def test_an_invitation_is_open_until_it_is_accepted(estate, guest):
    handshake = invite(estate, Notes="Come in")
    management = estate.understudy.account
    arn = f"arn:aws:organizations::{management}:handshake/{estate.id}/invite/{handshake['Id']}"
    assert (arn, "OPEN", "INVITE") == (handshake["Arn"], handshake["State"], handshake["Action"])
    assert {("ORGANIZATION", estate.id), ("ACCOUNT", INVITED)} == {
        (party["Type"], party["Id"]) for party in handshake["Parties"]
    }
    assert {"ORGANIZATION", "ACCOUNT", "NOTES"} == {each["Type"] for each in handshake["Resources"]}
    assert 15 == (handshake["ExpirationTimestamp"] - handshake["RequestedTimestamp"]).days
    assert [handshake] == guest.list_handshakes_for_account()["Handshakes"]
    accepted = guest.accept_handshake(HandshakeId=handshake["Id"])["Handshake"]
    assert {**handshake, "State": "ACCEPTED"} == accepted
    shown = estate.organizations.describe_account(AccountId=INVITED)["Account"]
    assert "INVITED" == shown["JoinedMethod"]


def test_who_joins_gets_the_service_linked_role(estate, understudy, guest, keys):
    guest.accept_handshake(HandshakeId=invite(estate)["Id"])
    assert understudy.client("iam", as_=keys).get_role(RoleName="AWSServiceRoleForOrganizations")


def test_who_joins_is_bound_from_then_on(estate, understudy, guest, keys):
    iam = understudy.client("iam", as_=keys)
    estate.attach(estate.policy(deny("iam:ListUsers")), estate.root)
    assert iam.list_users()["Users"]
    guest.accept_handshake(HandshakeId=invite(estate)["Id"])
    with refused("AccessDenied"):
        iam.list_users()


def test_no_second_invitation_while_one_is_open(estate, guest):
    handshake = invite(estate)
    with refused("DuplicateHandshakeException"):
        invite(estate)
    guest.decline_handshake(HandshakeId=handshake["Id"])
    assert "OPEN" == invite(estate)["State"]


def test_members_are_not_invited(estate, guest):
    guest.accept_handshake(HandshakeId=invite(estate)["Id"])
    with refused(
        "HandshakeConstraintViolationException", "The account is already a member of an organization."
    ):
        invite(estate)


def test_who_has_joined_elsewhere_cannot_accept(estate, guest):
    handshake = invite(estate)
    guest.create_organization()
    with refused("HandshakeConstraintViolationException"):
        guest.accept_handshake(HandshakeId=handshake["Id"])


def test_only_the_invited_accept_and_only_the_inviting_cancel(estate, guest):
    handshake = invite(estate)
    with refused("AccessDeniedException"):
        estate.organizations.accept_handshake(HandshakeId=handshake["Id"])
    with refused("AccessDeniedException"):
        estate.organizations.decline_handshake(HandshakeId=handshake["Id"])
    with refused("AccessDeniedException"):
        guest.cancel_handshake(HandshakeId=handshake["Id"])


def test_nobody_else_sees_it(estate, understudy, guest):
    handshake = invite(estate)
    other = understudy.client("organizations", as_=understudy.account_administrator("222222222222"))
    for call in (other.describe_handshake, other.accept_handshake, other.cancel_handshake):
        with refused("HandshakeNotFoundException"):
            call(HandshakeId=handshake["Id"])
    assert [] == other.list_handshakes_for_account()["Handshakes"]


@pytest.mark.parametrize("ended", ["DECLINED", "CANCELED"])
def test_what_is_over_stays_over(estate, guest, ended):
    id = invite(estate)["Id"]
    end = guest.decline_handshake if ended == "DECLINED" else estate.organizations.cancel_handshake
    assert ended == end(HandshakeId=id)["Handshake"]["State"]
    with refused("HandshakeAlreadyInStateException"):
        end(HandshakeId=id)
    with refused("InvalidHandshakeTransitionException"):
        guest.accept_handshake(HandshakeId=id)


def test_it_expires(estate, understudy, guest):
    """User guide, Quotas: 15 days."""
    id = invite(estate)["Id"]
    understudy.clock.advance(15 * DAY + 1)
    assert "EXPIRED" == guest.describe_handshake(HandshakeId=id)["Handshake"]["State"]
    with refused("InvalidHandshakeTransitionException"):
        guest.accept_handshake(HandshakeId=id)
    assert "OPEN" == invite(estate)["State"]


def test_lists_tell_of_it_for_a_while_and_by_kind(estate, understudy, guest):
    handshake = invite(estate)
    organizations = estate.organizations
    listed = organizations.list_handshakes_for_organization(Filter={"ActionType": "INVITE"})["Handshakes"]
    assert [handshake["Id"]] == [each["Id"] for each in listed]
    other = organizations.list_handshakes_for_organization(Filter={"ActionType": "ENABLE_ALL_FEATURES"})
    assert [] == other["Handshakes"]
    understudy.clock.advance(46 * DAY)
    assert [] == guest.list_handshakes_for_account()["Handshakes"]


def test_an_organization_that_ends_takes_its_invitations_back(estate, guest):
    handshake = invite(estate)
    estate.organizations.delete_organization()
    assert "CANCELED" == guest.describe_handshake(HandshakeId=handshake["Id"])["Handshake"]["State"]
    with refused("InvalidHandshakeTransitionException"):
        guest.accept_handshake(HandshakeId=handshake["Id"])


def test_tags_given_with_it_are_the_accounts(estate, guest):
    tags = [{"Key": "team", "Value": "a"}]
    guest.accept_handshake(HandshakeId=invite(estate, Tags=tags)["Id"])
    assert tags == estate.organizations.list_tags_for_resource(ResourceId=INVITED)["Tags"]


def test_an_account_that_is_not_there_is_not_invited(estate):
    with refused("InvalidInputException", "You specified an account that doesn't exist."):
        invite(estate, "999999999999")


def test_an_account_is_invited_by_its_address(estate, guest):
    address = f"account-{INVITED}@example.com"
    handshake = estate.organizations.invite_account_to_organization(Target={"Type": "EMAIL", "Id": address})[
        "Handshake"
    ]
    assert {"Id": address, "Type": "EMAIL"} in handshake["Parties"]
    assert {"Value": address, "Type": "EMAIL"} in handshake["Resources"]
    guest.accept_handshake(HandshakeId=handshake["Id"])
    assert address == estate.organizations.describe_account(AccountId=INVITED)["Account"]["Email"]
    with refused("HandshakeConstraintViolationException"):
        estate.organizations.invite_account_to_organization(Target={"Type": "EMAIL", "Id": address})
    with refused("InvalidInputException"):
        estate.organizations.invite_account_to_organization(
            Target={"Type": "EMAIL", "Id": "nobody@example.com"}
        )
