"""CloseAccount: who was in the account is out, and nobody comes in (organizations.md 32.2)."""

from __future__ import annotations

import pytest
from estates import Estate
from refusals import refused

from understudy_aws.testing import Understudy


@pytest.fixture
def estate(understudy):
    return Estate(understudy)


def status(estate, account):
    return estate.organizations.describe_account(AccountId=account)["Account"]["Status"]


def test_a_closed_account_is_suspended_and_stays_in_the_lists(estate):
    dev = estate.account("dev")
    estate.organizations.close_account(AccountId=dev)
    assert "SUSPENDED" == status(estate, dev)
    assert dev in [each["Id"] for each in estate.organizations.list_accounts()["Accounts"]]
    with refused(
        "AccountAlreadyClosedException", "You attempted to close an account that is already closed."
    ):
        estate.organizations.close_account(AccountId=dev)


def test_nobody_acts_in_a_closed_account_any_more(understudy, estate):
    dev = estate.account("dev")
    administrator = estate.administrator(dev)
    iam = understudy.client("iam", as_=administrator)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = type(administrator)(key["AccessKeyId"], key["SecretAccessKey"])
    understudy.client("sts", as_=ann).get_caller_identity()
    estate.organizations.close_account(AccountId=dev)
    for who in (ann, administrator):
        with refused("InvalidClientTokenId"):
            understudy.client("sts", as_=who).get_caller_identity()
    with refused("AccessDenied"):
        estate.administrator(dev)


def test_what_cannot_be_closed(estate):
    with refused("ConstraintViolationException", "You attempted to close the management account."):
        estate.organizations.close_account(AccountId="000000000000")
    with refused("AccountNotFoundException", "You specified an account that doesn't exist."):
        estate.organizations.close_account(AccountId="999999999999")


def test_ten_accounts_can_be_closed_in_thirty_days(understudy, estate):
    accounts = [estate.account(f"dev{number}") for number in range(11)]
    for account in accounts[:10]:
        estate.organizations.close_account(AccountId=account)
    with refused(
        "ConstraintViolationException", "You have exceeded close account quota for the past 30 days."
    ):
        estate.organizations.close_account(AccountId=accounts[10])
    understudy.clock.advance(31 * 86400)
    estate.organizations.close_account(AccountId=accounts[10])


def test_a_closed_account_is_no_delegated_administrator(estate):
    dev = estate.account("dev")
    estate.organizations.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    estate.organizations.close_account(AccountId=dev)
    with refused("ConstraintViolationException"):
        estate.organizations.register_delegated_administrator(
            AccountId=dev, ServicePrincipal="sso.amazonaws.com"
        )


def test_closing_takes_a_while_with_the_clock_of_aws():
    with Understudy(clock="aws") as understudy:
        organizations = understudy.client("organizations")
        organizations.create_organization()
        organizations.create_account(Email="dev@example.com", AccountName="dev")
        understudy.clock.advance(100)
        understudy.settle()
        dev = next(each["Id"] for each in organizations.list_accounts()["Accounts"] if each["Name"] == "dev")
        organizations.close_account(AccountId=dev)
        assert "PENDING_CLOSURE" == organizations.describe_account(AccountId=dev)["Account"]["Status"]
        understudy.clock.advance(100)
        assert "SUSPENDED" == organizations.describe_account(AccountId=dev)["Account"]["Status"]
