"""Preferences of an account: the version of the tokens of STS's global endpoint (credentials.md 30.8)."""

from __future__ import annotations

import msgspec

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.store.tables import Record, Table


class AccountPreferences(Record, frozen=True, kw_only=True):
    """What an account prefers. Without a record everything is as at first."""

    account: str
    token_version: int = 1


account_preferences = Table(
    "iam/account-preferences", AccountPreferences, key=lambda preferences: (preferences.account,)
)


def preferences_of(call: Call) -> AccountPreferences:
    """Return the preferences of the calling account."""
    return account_preferences.get(call.tx, call.account) or AccountPreferences(account=call.account)


@operation("iam:SetSecurityTokenServicePreferences", on=all_resources)
def set_security_token_service_preferences(call: Call, *, global_endpoint_token_version: str) -> None:
    """Choose the version of tokens that STS's global endpoint gives out; GetAccountSummary tells it.

    Tokens here are as those of regional endpoints, which are good in every Region.
    """
    version = int(global_endpoint_token_version[1])  # v1Token, v2Token
    account_preferences.put(call.tx, msgspec.structs.replace(preferences_of(call), token_version=version))
