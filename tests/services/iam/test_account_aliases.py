"""Account aliases."""

from __future__ import annotations


def test_an_account_has_one_at_most(iam):
    assert [] == iam.list_account_aliases()["AccountAliases"]
    iam.create_account_alias(AccountAlias="first")
    iam.create_account_alias(AccountAlias="second")
    assert ["second"] == iam.list_account_aliases()["AccountAliases"]
    iam.delete_account_alias(AccountAlias="second")
    assert [] == iam.list_account_aliases()["AccountAliases"]


def test_no_two_accounts_have_the_same(iam, understudy, refused):
    other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
    iam.create_account_alias(AccountAlias="ours")
    with refused("EntityAlreadyExists", "The account alias ours already exists.", 409):
        other.create_account_alias(AccountAlias="ours")
    iam.create_account_alias(AccountAlias="renamed")
    other.create_account_alias(AccountAlias="ours")
    assert ["renamed"] == iam.list_account_aliases()["AccountAliases"]


def test_another_alias_cannot_be_deleted(iam, refused):
    iam.create_account_alias(AccountAlias="ours")
    with refused("NoSuchEntity", status=404):
        iam.delete_account_alias(AccountAlias="theirs")
    assert ["ours"] == iam.list_account_aliases()["AccountAliases"]


def test_an_alias_is_lower_case_without_double_dashes(iam, refused):
    for alias in ("Ours", "a--b", "-ab", "ab"):
        if alias == "ab":
            with refused("ValidationError"):
                iam.create_account_alias(AccountAlias="a" * 64)
            continue
        with refused("ValidationError"):
            iam.create_account_alias(AccountAlias=alias)
