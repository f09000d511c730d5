"""The accounts of an organization, where they stand and how they leave."""

from __future__ import annotations

import pytest
from estates import SCP, Estate, deny
from refusals import refused


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


def test_an_account_is_described(estate):
    account = estate.account("dev")
    shown = estate.organizations.describe_account(AccountId=account)["Account"]
    joined = shown.pop("JoinedTimestamp")
    assert abs((estate.understudy.clock.now() - joined).total_seconds()) < 60
    assert {
        "Id": account,
        "Arn": f"arn:aws:organizations::{estate.understudy.account}:account/{estate.id}/{account}",
        "Email": "dev@example.com",
        "Name": "dev",
        "Status": "ACTIVE",
        "JoinedMethod": "CREATED",
    }.items() <= shown.items()
    with refused("AccountNotFoundException", "You specified an account that doesn't exist."):
        estate.organizations.describe_account(AccountId="999999999999")


def test_an_account_elsewhere_is_not_found(estate):
    estate.understudy.account_administrator("111111111111")
    with refused("AccountNotFoundException"):
        estate.organizations.describe_account(AccountId="111111111111")


def test_lists_tell_who_is_below_whom(estate):
    unit = estate.unit("unit")
    below = estate.unit("below", unit)
    account, management = estate.account(), estate.understudy.account
    estate.move(account, unit)
    organizations = estate.organizations
    assert sorted([account, management]) == [each["Id"] for each in organizations.list_accounts()["Accounts"]]
    at_root = organizations.list_accounts_for_parent(ParentId=estate.root)["Accounts"]
    assert [management] == [each["Id"] for each in at_root]
    children = {
        kind: organizations.list_children(ParentId=unit, ChildType=kind)["Children"]
        for kind in ("ACCOUNT", "ORGANIZATIONAL_UNIT")
    }
    assert {
        "ACCOUNT": [{"Id": account, "Type": "ACCOUNT"}],
        "ORGANIZATIONAL_UNIT": [{"Id": below, "Type": "ORGANIZATIONAL_UNIT"}],
    } == children
    parents = [organizations.list_parents(ChildId=each)["Parents"] for each in (account, unit)]
    assert [
        [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}],
        [{"Id": estate.root, "Type": "ROOT"}],
    ] == parents


class TestMoving:
    def test_only_from_where_it_is(self, estate):
        """Seen by a client of 2019: an account not below the source is one that doesn't exist."""
        account, unit, other = estate.account(), estate.unit("unit"), estate.unit("other")
        with refused("AccountNotFoundException"):
            estate.organizations.move_account(
                AccountId=account, SourceParentId=unit, DestinationParentId=other
            )

    @pytest.mark.parametrize(
        ("member", "code"),
        [
            ("SourceParentId", "SourceParentNotFoundException"),
            ("DestinationParentId", "DestinationParentNotFoundException"),
        ],
    )
    def test_from_and_to_places_that_are_there(self, estate, member, code):
        places = {"SourceParentId": estate.root, "DestinationParentId": estate.unit("unit")}
        with refused(code):
            estate.organizations.move_account(
                AccountId=estate.account(), **{**places, member: "ou-none-12345678"}
            )

    def test_to_where_it_is_already(self, estate):
        with refused("DuplicateAccountException"):
            estate.organizations.move_account(
                AccountId=estate.account(), SourceParentId=estate.root, DestinationParentId=estate.root
            )


class TestLeaving:
    def test_the_management_account_stays(self, estate):
        with refused("MasterCannotLeaveOrganizationException", status=400):
            estate.organizations.leave_organization()
        with refused("MasterCannotLeaveOrganizationException"):
            estate.organizations.remove_account_from_organization(AccountId=estate.understudy.account)

    def test_a_member_leaves_by_itself(self, estate):
        account = estate.account()
        member = estate.understudy.client("organizations", as_=estate.administrator(account))
        member.leave_organization()
        with refused("AWSOrganizationsNotInUseException"):
            member.describe_organization()
        with refused("AccountNotFoundException"):
            estate.organizations.describe_account(AccountId=account)

    def test_a_policy_can_keep_members_in(self, estate):
        account = estate.account()
        guard = estate.policy(deny("organizations:LeaveOrganization"))
        estate.attach(guard, estate.root)
        member = estate.understudy.client("organizations", as_=estate.administrator(account))
        with refused("AccessDeniedException") as told:
            member.leave_organization()
        assert told.text.endswith(f"with an explicit deny in a service control policy: {estate.arn(guard)}")

    def test_who_has_left_is_bound_no_more(self, estate):
        account = estate.account()
        estate.attach(estate.policy(deny("iam:*")), account)
        iam = estate.understudy.client("iam", as_=estate.administrator(account))
        with refused("AccessDenied"):
            iam.list_users()
        estate.organizations.remove_account_from_organization(AccountId=account)
        assert [] == iam.list_users()["Users"]
