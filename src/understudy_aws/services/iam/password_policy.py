"""The password policy of an account (credentials.md 30.2)."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

_SHORTEST = 6


class PasswordPolicy(Record, frozen=True, kw_only=True):
    """What an account asks of passwords. What is None was not set, and is not shown."""

    account: str
    shortest: int = _SHORTEST
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    may_change: bool = False
    days: int | None = None
    remembered: int | None = None
    hard_expiry: bool | None = None


password_policies = Table("iam/password-policy", PasswordPolicy, key=lambda policy: (policy.account,))


def policy_of(tx: Transaction, account: str) -> PasswordPolicy | None:
    """Return an account's own password policy, or None."""
    return password_policies.get(tx, account)


def permission_by_policy(call: Call, action: str) -> NamedPolicy | None:
    """Return the permission that a password policy gives all users of the account, or None.

    With AllowUsersToChangePassword every user may change his own password and read the password policy. A Deny of
    another policy goes before it.
    """
    policy = policy_of(call.tx, call.account)
    if policy is None or not policy.may_change or call.caller.kind != "user":
        return None
    return NamedPolicy(
        "password policy of the account",
        compile_policy(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"' + action + '",'
            '"Principal":{"AWS":"' + call.caller.arn + '"},"Resource":"*"}]}',
            kind="resource",
        ),
    )


def _the_password_policy(call: Call, _params: Params) -> Sequence[Target]:
    return [Target(policy=permission_by_policy(call, "iam:GetAccountPasswordPolicy"))]


@operation("iam:GetAccountPasswordPolicy", on=_the_password_policy)
def get_account_password_policy(call: Call) -> Answer:
    """Describe the account's own password policy. Raises NoSuchEntity where there is none."""
    policy = policy_of(call.tx, call.account)
    if policy is None:
        raise ApiError(
            "NoSuchEntity", f"The Password Policy with domain name {call.account} cannot be found.", 404
        )
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": policy.shortest,
            "RequireSymbols": policy.symbols,
            "RequireNumbers": policy.numbers,
            "RequireUppercaseCharacters": policy.uppercase,
            "RequireLowercaseCharacters": policy.lowercase,
            "AllowUsersToChangePassword": policy.may_change,
            "ExpirePasswords": bool(policy.days),
            "MaxPasswordAge": policy.days,
            "PasswordReusePrevention": policy.remembered,
            "HardExpiry": policy.hard_expiry,
        }
    }


@operation("iam:UpdateAccountPasswordPolicy", on=all_resources)
def update_account_password_policy(
    call: Call,
    *,
    minimum_password_length: int | None = None,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int | None = None,
    password_reuse_prevention: int | None = None,
    hard_expiry: bool | None = None,
) -> None:
    """Replace the account's password policy. What is left out gets its default, whatever it was."""
    password_policies.put(
        call.tx,
        PasswordPolicy(
            account=call.account,
            shortest=minimum_password_length or _SHORTEST,
            symbols=require_symbols,
            numbers=require_numbers,
            uppercase=require_uppercase_characters,
            lowercase=require_lowercase_characters,
            may_change=allow_users_to_change_password,
            days=max_password_age,
            remembered=password_reuse_prevention,
            hard_expiry=hard_expiry,
        ),
    )


@operation("iam:DeleteAccountPasswordPolicy", on=all_resources)
def delete_account_password_policy(call: Call) -> None:
    """Go back to AWS's own password policy. Raises NoSuchEntity where there is no other."""
    policy = policy_of(call.tx, call.account)
    if policy is None:
        raise ApiError("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.", 404)
    password_policies.delete(call.tx, policy)
