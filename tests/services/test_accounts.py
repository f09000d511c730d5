"""What a new account has."""

from __future__ import annotations

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.data.regions import REGIONS


def test_its_administrator_may_do_everything(understudy):
    keys = understudy.account_administrator("111111111111")
    iam = understudy.client("iam", as_=keys)
    (user,) = iam.list_users()["Users"]
    assert user["Arn"] == "arn:aws:iam::111111111111:user/Administrator"
    (policy,) = iam.list_attached_user_policies(UserName="Administrator")["AttachedPolicies"]
    assert policy["PolicyArn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert iam.list_roles()["Roles"] == []


@pytest.mark.parametrize("region", [min(REGIONS), max(REGIONS)])
def test_every_region_has_a_default_vpc(understudy, region):
    keys = understudy.account_administrator("111111111111")
    (vpc,) = understudy.client("ec2", region=region, as_=keys).describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"]


def test_an_account_is_made_once(understudy):
    with pytest.raises(UserError, match="exists already"):
        understudy.account_administrator(understudy.account)


def test_accounts_see_nothing_of_each_other(understudy):
    keys = understudy.account_administrator("111111111111")
    understudy.client("iam").create_user(UserName="alice")
    names = {user["UserName"] for user in understudy.client("iam", as_=keys).list_users()["Users"]}
    assert names == {"Administrator"}


def test_secrets_are_not_in_what_is_printed(understudy):
    keys = understudy.app.make_account("111111111111")
    assert keys.secret_access_key not in repr(keys)
