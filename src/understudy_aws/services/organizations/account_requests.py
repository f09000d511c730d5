"""Making accounts: a durable operation that is answered at once and done in the background."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from understudy_aws.core.arn import iam
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    OperationKind,
    Step,
    StepFailedError,
    begin,
    durable_operations,
)
from understudy_aws.services import accounts
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.service_linked_roles import make_linked_role
from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations import membership_changes
from understudy_aws.services.organizations.organization_records import Organization, organizations
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

KIND = "organizations:CreateAccount"
ACCESS_ROLE = "OrganizationAccountAccessRole"
_ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
_EMAIL_TAKEN = "EMAIL_ALREADY_EXISTS"

AccountState = Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]


class AccountDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What a request for an account asks for, and `account`: the account's number, once one is chosen."""

    name: str
    email: str
    role: str
    tags: Tags = ()
    account: str = ""


def submit(call: Call, organization: Organization, details: AccountDetails) -> DurableOperation:
    """Accept a request for an account. An address that another account has fails it at once."""
    id = call.ids.organizations("car", 32)
    request = begin(
        call.tx,
        KIND,
        account=organization.management,
        id=id,
        subject=organization.id,
        # As the store gives them back: lists where there were tuples.
        details=msgspec.json.decode(msgspec.json.encode(details)),
        at=call.at,
        delay_seconds=call.latency.account_creation_seconds(id),
    )
    if not membership_changes.email_is_taken(call.tx, details.email):
        return request
    failed = msgspec.structs.replace(request, state="FAILED", error_code=_EMAIL_TAKEN, ended=call.at)
    return durable_operations.put(call.tx, failed)


def requests_of(tx: Transaction, organization: Organization) -> list[DurableOperation]:
    """Every request for an account of an organization, by id."""
    found = durable_operations.scan(tx, organization.management, KIND)
    return [request for request in found if request.subject == organization.id]


def request_of(tx: Transaction, organization: Organization, id: str) -> DurableOperation | None:
    """Return a request for an account by its id, or None."""
    request = durable_operations.get(tx, organization.management, KIND, id)
    return request if request is not None and request.subject == organization.id else None


def details_of(request: DurableOperation) -> AccountDetails:
    """Return what a request asks for, and what came of it."""
    return msgspec.convert(request.details, AccountDetails)


def state_of(request: DurableOperation) -> AccountState:
    """Return the state of a request. It is IN_PROGRESS while something is left to do or to undo."""
    if request.ended is None:
        return "IN_PROGRESS"
    return "SUCCEEDED" if request.state == "SUCCEEDED" else "FAILED"


def failure_of(request: DurableOperation) -> str:
    """Why a request failed, in Organizations' words; empty for one that did not."""
    if state_of(request) != "FAILED":
        return ""
    return _EMAIL_TAKEN if request.error_code == _EMAIL_TAKEN else "INTERNAL_FAILURE"


def under_way(tx: Transaction, organization: str) -> bool:
    """Return whether an organization has an account in the making."""
    return durable_operations.count_where(tx, "under_way", (KIND, organization)) > 0


# The steps, in order. Whatever they made is undone when a later one fails.


def _choose_number(
    tx: Transaction, request: DurableOperation, world: World, _result: object
) -> Mapping[str, Any]:
    """Take a number nobody has, so that each later step makes the same account, however often it is tried."""
    _check(tx, request)
    account = _unused_number(tx, world.ids)
    accounts.accounts.put(tx, accounts.Account(id=account, created=world.clock.now()))
    return {"account": account}


def _free_number(tx: Transaction, request: DurableOperation, _world: World, _result: object) -> None:
    taken = accounts.accounts.get(tx, details_of(request).account)
    if taken is not None:
        accounts.accounts.delete(tx, taken)


def _provision(tx: Transaction, request: DurableOperation, world: World, _result: object) -> None:
    """What AWS gives a new account: the default VPC of every region."""
    account = details_of(request).account
    accounts.provision(tx, account, ids=world.ids, at=world.clock.now())


def _remove_provisioned(tx: Transaction, request: DurableOperation, _world: World, _result: object) -> None:
    if account := details_of(request).account:
        accounts.remove_provisioned(tx, account)


def _make_roles(tx: Transaction, request: DurableOperation, world: World, _result: object) -> None:
    """The role through which the management account comes in, and the one of Organizations."""
    details, now = details_of(request), world.clock.now()
    roles.put(tx, _access_role(details.account, details.role, request.account, world.ids, now))
    make_linked_role(tx, details.account, membership_changes.PRINCIPAL, ids=world.ids, at=now)


def _remove_roles(tx: Transaction, request: DurableOperation, _world: World, _result: object) -> None:
    if account := details_of(request).account:
        for role in list(roles.scan(tx, account)):
            roles.delete(tx, role)


def _join(tx: Transaction, request: DurableOperation, world: World, _result: object) -> None:
    """Take the account into the organization: from here on it can be seen."""
    organization, details = _check(tx, request), details_of(request)
    membership_changes.join(
        tx,
        organization,
        details.account,
        name=details.name,
        email=details.email,
        method="CREATED",
        tags=details.tags,
        at=world.clock.now(),
    )


def _check(tx: Transaction, request: DurableOperation) -> Organization:
    """The organization. Raises StepFailedError when it is gone, or the address belongs to another account by now."""
    organization = organizations.get(tx, request.subject)
    if organization is None:
        raise StepFailedError("INTERNAL_FAILURE", "The organization is gone.")
    if membership_changes.email_is_taken(tx, details_of(request).email):
        # Two requests of one address may have been under way.
        raise StepFailedError(_EMAIL_TAKEN, "Another account has this address.")
    return organization


def _ended(tx: Transaction, request: DurableOperation, _world: World) -> None:
    """A request that failed tells of no account."""
    if request.state != "SUCCEEDED" and "account" in request.details:
        details = {name: value for name, value in request.details.items() if name != "account"}
        durable_operations.put(tx, msgspec.structs.replace(request, details=details))


ACCOUNT_CREATION = OperationKind(
    KIND,
    "account creation",
    (
        Step("choose a number", record=_choose_number, undo_record=_free_number),
        Step("provision default VPCs", record=_provision, undo_record=_remove_provisioned),
        Step("make roles", record=_make_roles, undo_record=_remove_roles),
        Step("join the organization", record=_join),
    ),
    ended=_ended,
)


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


# Requests as they were kept before there were durable operations.


class OldAccountRequest(Record, frozen=True, kw_only=True):
    """One CreateAccount, in a state made by version 0.1.0 or earlier."""

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


old_account_requests = Table(
    "organizations/account-request",
    OldAccountRequest,
    key=lambda request: (request.organization, request.id),
)


def adopt_old_requests(tx: Transaction) -> None:
    """Make durable operations of the requests in an older state; those of an organization that is gone are dropped."""
    for old in list(old_account_requests.scan(tx)):
        organization = organizations.get(tx, old.organization)
        if organization is not None:
            details = AccountDetails(
                name=old.name, email=old.email, role=old.role, tags=old.tags, account=old.account
            )
            operation = DurableOperation(
                account=organization.management,
                kind=KIND,
                id=old.id,
                subject=old.organization,
                accepted=old.requested,
                planned=old.requested,
                next_try=old.due,
                details=msgspec.json.decode(msgspec.json.encode(details)),
                state="PENDING" if old.state == "IN_PROGRESS" else old.state,
                error_code=old.failure,
                ended=old.completed,
            )
            durable_operations.put(tx, operation)
        old_account_requests.delete(tx, old)
