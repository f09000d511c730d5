"""How the owner gets into each account: by its administrator's keys, or by the role of the management account."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.admin.errors import NotFoundError
from understudy_aws.core.arn import iam
from understudy_aws.core.clock import Clock
from understudy_aws.core.ids import Ids
from understudy_aws.services import accounts
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.users import AccessKey, access_keys, users
from understudy_aws.services.organizations.organization_records import members, organizations
from understudy_aws.store.database import Transaction

_ADMINISTRATOR = accounts.ADMINISTRATOR.lower()


def listed(tx: Transaction) -> list[dict[str, Any]]:
    """Describe every account, the first one made first.

    `administrator` says whether it has a user Administrator, whose keys are kept for the owner. `role` is the ARN of
    the role by which the management account comes into an account that Organizations made.
    """
    return [
        {
            "id": account.id,
            "created": account.created,
            "administrator": users.get(tx, account.id, _ADMINISTRATOR) is not None,
            "management": _management_of(tx, account.id),
            "role": _role_of(tx, account.id),
        }
        for account in accounts.in_order(tx)
    ]


def rotate(tx: Transaction, account: str, *, ids: Ids, clock: Clock) -> accounts.Keys:
    """Give an account's administrator a new key in the place of all it has. Raises NotFoundError."""
    if accounts.accounts.get(tx, account) is None:
        known = ", ".join(each.id for each in accounts.in_order(tx))
        raise NotFoundError(f"There is no account {account}; there is {known or 'none yet'}.")
    if users.get(tx, account, _ADMINISTRATOR) is None:
        raise NotFoundError(f"Account {account} has no user {accounts.ADMINISTRATOR}.")
    for old in list(access_keys.where(tx, "by_user", (account, _ADMINISTRATOR))):
        access_keys.delete(tx, old)
    key = AccessKey(
        id=ids.access_key_id("AKIA", account),
        account=account,
        user=_ADMINISTRATOR,
        secret=ids.secret_access_key(),
        active=True,
        created=clock.now(),
    )
    access_keys.put(tx, key)
    return accounts.Keys(key.id, key.secret)


def _management_of(tx: Transaction, account: str) -> str | None:
    member = members.get(tx, account)
    organization = None if member is None else organizations.get(tx, member.organization)
    if organization is None or organization.management == account:
        return None
    return organization.management


def _role_of(tx: Transaction, account: str) -> str | None:
    """The administrator's role that trusts the management account, whatever it was named when it was made."""
    management = _management_of(tx, account)
    if management is None:
        return None
    trusted = json.dumps(iam(management, "root"))
    return next(
        (role.arn for role in roles.scan(tx, account) if trusted in role.trust and role.attached), None
    )
