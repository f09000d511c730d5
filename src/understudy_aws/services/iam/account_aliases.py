"""Account aliases. An account has at most one, and no two accounts have the same."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.listings import short_listing
from understudy_aws.store.tables import Record, Table


class AccountAlias(Record, frozen=True, kw_only=True):
    """The alias of an account."""

    account: str
    alias: str


account_aliases = Table(
    "iam/account-alias",
    AccountAlias,
    key=lambda record: (record.account,),
    indexes={"by_alias": lambda record: (record.alias,)},
)


@operation("iam:CreateAccountAlias", on=all_resources)
def create_account_alias(call: Call, *, account_alias: str) -> None:
    """Give the account an alias, which replaces the one it has. Raises EntityAlreadyExists for one in use."""
    if account_aliases.count_where(call.tx, "by_alias", account_alias):
        raise errors.exists(f"The account alias {account_alias} already exists.")
    account_aliases.put(call.tx, AccountAlias(account=call.account, alias=account_alias))


@operation("iam:ListAccountAliases", on=all_resources)
def list_account_aliases(call: Call, *, marker: str | None = None, max_items: int | None = None) -> Answer:
    """List the account's alias, if it has one."""
    known = account_aliases.get(call.tx, call.account)
    return short_listing(
        "AccountAliases",
        [known.alias] if known else [],
        str,
        scope="ListAccountAliases",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:DeleteAccountAlias", on=all_resources)
def delete_account_alias(call: Call, *, account_alias: str) -> None:
    """Remove the account's alias. Raises NoSuchEntity for one it does not have."""
    known = account_aliases.get(call.tx, call.account)
    if known is None or known.alias != account_alias:
        raise ApiError("NoSuchEntity", f"The account alias {account_alias} cannot be found.", 404)
    account_aliases.delete(call.tx, known)
