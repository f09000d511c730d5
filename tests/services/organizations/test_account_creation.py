"""Accounts are made in the background, and are accounts."""

from __future__ import annotations

import json
import re

import pytest
from estates import Estate
from refusals import refused

from understudy_aws.services import accounts as accounts_module
from understudy_aws.services.organizations import account_requests, membership_changes
from understudy_aws.testing import Understudy


@pytest.fixture(autouse=True)
def until_settled(understudy, monkeypatch):
    """Tasks stay under way until `settle()`."""
    monkeypatch.setattr(understudy, "settles", False)


@pytest.fixture
def estate(understudy):
    return Estate(understudy)


def status(estate, id):
    return estate.organizations.describe_create_account_status(CreateAccountRequestId=id)[
        "CreateAccountStatus"
    ]


def test_a_request_is_in_progress_and_then_succeeded(estate):
    asked = estate.organizations.create_account(Email="dev@example.com", AccountName="dev")[
        "CreateAccountStatus"
    ]
    assert ("IN_PROGRESS", "dev") == (asked["State"], asked["AccountName"])
    assert re.fullmatch("car-[a-z0-9]{8,32}", asked["Id"])
    assert "AccountId" not in asked
    estate.understudy.settle()
    done = status(estate, asked["Id"])
    assert "SUCCEEDED" == done["State"]
    assert re.fullmatch("[0-9]{12}", done["AccountId"])
    assert done["CompletedTimestamp"] >= done["RequestedTimestamp"]


def test_it_takes_its_time_at_the_pace_of_aws():
    with Understudy(clock="aws") as understudy:
        understudy.clock.advance(60)
        estate = Estate(understudy)
        asked = estate.organizations.create_account(Email="dev@example.com", AccountName="dev")
        id = asked["CreateAccountStatus"]["Id"]
        understudy.settle()
        assert "IN_PROGRESS" == status(estate, id)["State"]
        understudy.clock.advance(90)
        understudy.settle()
        assert "SUCCEEDED" == status(estate, id)["State"]


def test_the_management_account_comes_in_by_the_access_role(estate):
    """User guide, "Accessing member accounts in an organization"."""
    account = estate.account()
    iam = estate.understudy.client("iam", as_=estate.administrator(account))
    names = sorted(role["RoleName"] for role in iam.list_roles()["Roles"])
    assert ["AWSServiceRoleForOrganizations", "OrganizationAccountAccessRole"] == names
    role = iam.get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    statement = role["AssumeRolePolicyDocument"]["Statement"]
    principal = {"AWS": f"arn:aws:iam::{estate.understudy.account}:root"}
    assert [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}] == statement
    assert [] == iam.list_users()["Users"]
    ec2 = estate.understudy.client("ec2", as_=estate.administrator(account))
    assert 1 == len(ec2.describe_vpcs()["Vpcs"])


def test_the_role_can_have_another_name(estate):
    asked = estate.organizations.create_account(Email="dev@example.com", AccountName="dev", RoleName="Way.In")
    estate.understudy.settle()
    account = status(estate, asked["CreateAccountStatus"]["Id"])["AccountId"]
    sts = estate.understudy.client("sts")
    assert sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/Way.In", RoleSessionName="in")


def test_the_role_does_not_take_a_services_name(estate):
    """InvalidInputException's reason INVALID_ROLE_NAME: no role name begins with AWSServiceRoleFor."""
    with refused("InvalidInputException"):
        estate.organizations.create_account(
            Email="dev@example.com", AccountName="dev", RoleName="AWSServiceRoleForOrganizations"
        )


def test_nobody_else_comes_in(estate):
    account = estate.account()
    other = estate.understudy.account_administrator("111111111111")
    with refused("AccessDenied"):
        estate.understudy.client("sts", as_=other).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="in"
        )


def test_an_address_is_used_once(estate):
    estate.account("dev")
    asked = estate.organizations.create_account(Email="DEV@example.com", AccountName="dev2")
    failed = asked["CreateAccountStatus"]
    assert ("FAILED", "EMAIL_ALREADY_EXISTS") == (failed["State"], failed["FailureReason"])


def test_of_two_requests_of_one_address_under_way_one_fails(estate):
    ids = [
        estate.organizations.create_account(Email="dev@example.com", AccountName=name)["CreateAccountStatus"][
            "Id"
        ]
        for name in ("one", "two")
    ]
    estate.understudy.settle()
    assert {"SUCCEEDED", "FAILED"} == {status(estate, id)["State"] for id in ids}


def everybody(understudy) -> set[str]:
    """Every account that a record of any kind belongs to."""
    store = understudy.app.database.store
    bodies = [json.loads(body) for table in store.tables() for _, body in store.load(table)]
    return {body["account"] for body in bodies if "account" in body}


def test_what_was_made_for_one_that_failed_is_undone(estate):
    for name in ("one", "two"):
        estate.organizations.create_account(Email="dev@example.com", AccountName=name)
    estate.understudy.settle()
    listed = {each["Id"] for each in estate.organizations.list_accounts()["Accounts"]}
    assert 2 == len(listed)
    assert listed == everybody(estate.understudy)


@pytest.mark.parametrize("broken", ["join", "make_linked_role", "provision"])
def test_one_that_never_succeeds_fails_and_leaves_nothing(estate, monkeypatch, caplog, broken):
    """INTERNAL_FAILURE is what Organizations calls it."""

    def fails(*args, **kwargs):
        raise RuntimeError("broken")

    owner = {
        "join": membership_changes,
        "make_linked_role": account_requests,
        "provision": accounts_module,
    }
    monkeypatch.setattr(owner[broken], broken, fails)
    asked = estate.organizations.create_account(Email="dev@example.com", AccountName="dev")
    id = asked["CreateAccountStatus"]["Id"]
    for _ in range(10):
        estate.understudy.settle()
        assert "IN_PROGRESS" == status(estate, id)["State"] or _ == 9
        estate.understudy.clock.advance(61)
    failed = status(estate, id)
    assert ("FAILED", "INTERNAL_FAILURE") == (failed["State"], failed["FailureReason"])
    assert "AccountId" not in failed
    assert {estate.understudy.account} == everybody(estate.understudy)
    estate.organizations.delete_organization()


def test_requests_are_listed_by_state(estate):
    estate.account("dev")
    estate.organizations.create_account(Email="test@example.com", AccountName="test")

    def names(**asked):
        found = estate.organizations.list_create_account_status(**asked)["CreateAccountStatuses"]
        return {each["AccountName"] for each in found}

    assert {"dev", "test"} == names()
    assert {"test"} == names(States=["IN_PROGRESS"])
    assert {"dev"} == names(States=["SUCCEEDED", "FAILED"])


def test_tags_given_at_the_start_are_the_accounts(estate):
    tags = [{"Key": "team", "Value": "a"}]
    asked = estate.organizations.create_account(Email="dev@example.com", AccountName="dev", Tags=tags)
    estate.understudy.settle()
    account = status(estate, asked["CreateAccountStatus"]["Id"])["AccountId"]
    assert tags == estate.organizations.list_tags_for_resource(ResourceId=account)["Tags"]


def test_an_unknown_request_is_not_found(estate):
    with refused("CreateAccountStatusNotFoundException"):
        status(estate, "car-12345678")


@pytest.mark.parametrize("email", ["nobody", "a b@c.de", "a@b"])
def test_what_is_no_address_is_refused(estate, email):
    with refused("InvalidInputException"):
        estate.organizations.create_account(Email=email, AccountName="dev")


def test_members_make_no_accounts(estate):
    member = estate.understudy.client("organizations", as_=estate.administrator(estate.account()))
    with refused("AccessDeniedException", "You don't have permissions to access this resource."):
        member.create_account(Email="more@example.com", AccountName="more")


def test_an_account_survives_a_restart(tmp_path):
    with Understudy(state=str(tmp_path)) as understudy:
        estate = Estate(understudy)
        account = estate.account()
        found = [each["Id"] for each in estate.organizations.list_accounts()["Accounts"]]
        administrator = understudy.administrator
    assert account in found
    with Understudy(state=str(tmp_path), account="222222222222") as again:
        organizations = again.client("organizations", as_=administrator)
        assert found == [each["Id"] for each in organizations.list_accounts()["Accounts"]]
