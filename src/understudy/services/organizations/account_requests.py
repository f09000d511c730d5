"""Making accounts: a request that is answered at once and done in the background."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

import msgspec

from understudy.core.arn import iam
from understudy.core.ids import Ids
from understudy.services import accounts
from understudy.services.iam.role_records import Role, roles
from understudy.services.iam.service_linked_roles import make_linked_role
from understudy.services.iam.tags import Tags
from understudy.services.organizations import membership_changes
from understudy.services.organizations.organization_records import organizations
from understudy.store.database import Transaction
from understudy.store.tables import Record, Table

ACCESS_ROLE = "OrganizationAccountAccessRole"
_ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


class AccountRequest(Record, frozen=True, kw_only=True):
    """One CreateAccount. `account` is the number of the account, once it is made."""

    organization: str
    id: str
    name: str
    email: str
    role: str
    requested: datetime
    due: datetime
    state: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"] = "IN_PROGRESS"
    completed: datetime | None = None
    account: str = ""
    failure: str = ""
    tags: Tags = ()


account_requests = Table(
    "organizations/account-request",
    AccountRequest,
    key=lambda request: (request.organization, request.id),
    indexes={
        "under_way": lambda request: ("all",) if request.state == "IN_PROGRESS" else (),
        "of_organization_under_way": lambda request: (
            (request.organization,) if request.state == "IN_PROGRESS" else ()
        ),
    },
)


def finish_due(tx: Transaction, now: datetime, ids: Ids) -> int:
    """Make every account whose request is due."""
    due = [each for each in account_requests.where(tx, "under_way", "all") if each.due <= now]
    for request in due:
        account_requests.put(tx, _ended(tx, request, now, ids))
    return len(due)


def _ended(tx: Transaction, request: AccountRequest, now: datetime, ids: Ids) -> AccountRequest:
    organization = organizations.get(tx, request.organization)
    if organization is None:
        return msgspec.structs.replace(request, state="FAILED", failure="INTERNAL_FAILURE", completed=now)
    if membership_changes.email_is_taken(tx, request.email):
        # Two requests of one address may have been under way.
        return msgspec.structs.replace(request, state="FAILED", failure="EMAIL_ALREADY_EXISTS", completed=now)
    account = _unused_number(tx, ids)
    accounts.lay_out_account(tx, account, ids=ids, at=now)
    roles.put(tx, _access_role(account, request.role, organization.management, ids, now))
    membership_changes.join(
        tx,
        organization,
        account,
        name=request.name,
        email=request.email,
        method="CREATED",
        tags=request.tags,
        at=now,
    )
    make_linked_role(tx, account, membership_changes.PRINCIPAL, ids=ids, at=now)
    return msgspec.structs.replace(request, state="SUCCEEDED", account=account, completed=now)


def _unused_number(tx: Transaction, ids: Ids) -> str:
    while accounts.accounts.get(tx, account := ids.account()) is not None:
        pass
    return account


def _access_role(account: str, name: str, management: str, ids: Ids, at: datetime) -> Role:
    """The administrator's role through which the management account comes in (user guide, Accessing accounts)."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": iam(management, "root")},
        "Action": "sts:AssumeRole",
    }
    return Role(
        account=account,
        name=name,
        id=ids.iam("AROA"),
        created=at,
        trust=json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")),
        attached=(_ADMINISTRATOR_ACCESS,),
    )


def under_way(tx: Transaction, organization: str) -> bool:
    """Whether an organization has an account in the making."""
    return account_requests.count_where(tx, "of_organization_under_way", organization) > 0
