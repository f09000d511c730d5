"""Programs that are attached, as far as it takes no network: whose subnet it must be."""

from __future__ import annotations

import os

import pytest

from understudy_aws.admin.errors import ConflictError, NotFoundError
from understudy_aws.admin.requests import AddAccount, Attach
from understudy_aws.testing import Understudy

FIRST, SECOND = "000000000000", "111122223333"


@pytest.fixture
def understudy():
    with Understudy() as made:
        made.app.admin.answer(AddAccount(id=SECOND))
        yield made


def test_who_has_an_interface_is_told(understudy):
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    asked = Attach(pid=os.getpid(), command="sleep 100", subnet=subnet)
    interface = understudy.app.admin.answer(asked)["interface"]
    with pytest.raises(ConflictError, match=f"is currently in use, by process {os.getpid()}: sleep 100$"):
        understudy.app.admin.answer(Attach(pid=os.getpid(), interface=interface))


def test_an_account_that_is_named_must_have_the_subnet(understudy):
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]

    def attached(account: str):
        return understudy.app.admin.answer(Attach(pid=os.getpid(), subnet=subnet, account=account))

    assert attached("")["account"] == attached(FIRST)["account"] == FIRST
    with pytest.raises(NotFoundError, match=f"{subnet} is account {FIRST}'s, and not {SECOND}'s"):
        attached(SECOND)
    with pytest.raises(NotFoundError, match=f"There is no account 999999999999; there is {FIRST}, {SECOND}"):
        attached("999999999999")
