"""Reports of last access: who used which action when, read from the trail in the background (last-accessed.md 33.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

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
from understudy_aws.gateway.management_events import is_call
from understudy_aws.gateway.trail import TrailEntry, decode
from understudy_aws.policy import CompiledPolicy, compile_policy
from understudy_aws.services.iam import errors, reported_entities
from understudy_aws.services.iam.entities import CALLED
from understudy_aws.services.iam.granted_services import granted_services
from understudy_aws.store.database import Transaction

KIND = "iam:GenerateServiceLastAccessedDetails"
KIND_OF_ACCOUNTS = "iam:GenerateOrganizationsAccessReport"
TRACKING_PERIOD = timedelta(days=400)
# For how long a job can be asked about; AWS does not tell (docs/decisions/0049).
KEPT_FOR = timedelta(days=7)
_MOST_KEPT = 1_000
# Entries of the trail that are read at once, before others are answered.
_AT_ONCE = 500

Granularity = Literal["SERVICE_LEVEL", "ACTION_LEVEL"]


class Use(msgspec.Struct, frozen=True):
    """The last time a user, role or account, known by its id, used an action, and in which Region.

    `service` is the prefix of the service's actions, `api` the service's id in API descriptions. `action` is empty of
    an account's use.
    """

    by: str
    service: str
    api: str
    action: str
    at: datetime
    region: str


class ReportedEntity(msgspec.Struct, frozen=True):
    """A user or role that a report is about; or an account, whose path is that in its organization."""

    id: str
    kind: str
    path: str
    arn: str = ""
    name: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What a job was asked: the ARN of its subject, and by whom, who alone may read what it found."""

    arn: str
    granularity: Granularity
    asked_by: str


class AccountsAsked(msgspec.Struct, frozen=True):
    """What a job about accounts was asked: the policies of each level that binds them, and their paths by their ids."""

    levels: list[list[str]]
    accounts: dict[str, str]
    asked_by: str


class Found(msgspec.Struct, frozen=True):
    """What a job found: the services that the subject gives access to, who could use it, and who did."""

    services: tuple[str, ...] = ()
    entities: tuple[ReportedEntity, ...] = ()
    uses: tuple[Use, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """A job and what it found, which is empty until it is completed."""

    operation: DurableOperation
    found: Found
    granularity: Granularity

    @property
    def status(self) -> Literal["IN_PROGRESS", "COMPLETED", "FAILED"]:
        """AWS's status."""
        if self.operation.ended is None:
            return "IN_PROGRESS"
        return "COMPLETED" if self.operation.state == "SUCCEEDED" else "FAILED"

    def uses(self) -> Mapping[str, Sequence[Use]]:
        """Return what was found by service, the latest use of each first."""
        by_service: dict[str, list[Use]] = {}
        for use in sorted(self.found.uses, key=lambda use: use.at, reverse=True):
            by_service.setdefault(use.service, []).append(use)
        return by_service

    def entities(self) -> Mapping[str, ReportedEntity]:
        """Return whom the report is about, by their ids."""
        return {each.id: each for each in self.found.entities}

    def shown(self) -> dict[str, Any]:
        """Return what all answers about a job have."""
        shown: dict[str, Any] = {
            "JobStatus": self.status,
            "JobCreationDate": self.operation.accepted,
            "JobCompletionDate": self.operation.ended,
        }
        if self.status == "FAILED":
            shown["Error"] = {"Code": self.operation.error_code, "Message": self.operation.error}
        return shown


def submit(call: Call, arn: str, granularity: Granularity) -> str:
    """Begin a report about a user, group, role or policy; answers the id of its job."""
    return _submit(call, KIND, arn, Asked(arn, granularity, call.caller.user_id))


def submit_for_accounts(call: Call, path: str, asked: AccountsAsked) -> str:
    """Begin a report about accounts of an organization; answers the id of its job."""
    return _submit(call, KIND_OF_ACCOUNTS, path, asked)


def _submit(call: Call, kind: str, subject: str, asked: Asked | AccountsAsked) -> str:
    id = call.ids.uuid()
    begin(
        call.tx,
        kind,
        account=call.account,
        id=id,
        subject=subject,
        details=msgspec.to_builtins({"asked": asked}),
        at=call.at,
        delay_seconds=call.latency.access_report_seconds(id),
    )
    return id


def job_of(call: Call, id: str) -> Job:
    """Return the job of that id. Raises NoSuchEntity, also for a job of another caller of the account."""
    return _job(call, KIND, id)


def organization_job_of(call: Call, id: str) -> Job:
    """Return the job about accounts of that id. Raises NoSuchEntity, as `job_of` does."""
    return _job(call, KIND_OF_ACCOUNTS, id)


def _job(call: Call, kind: str, id: str) -> Job:
    operation = durable_operations.get(call.tx, call.account, kind, id)
    if operation is None or operation.details["asked"]["asked_by"] != call.caller.user_id:
        raise errors.no_such_job(id)
    found = msgspec.convert(operation.details.get("found", {}), Found)
    return Job(operation, found, operation.details["asked"].get("granularity", "SERVICE_LEVEL"))


async def _read(operation: DurableOperation, world: World) -> Found:
    """Find out what the subject gives access to, and read the trail of the tracking period."""
    arn = msgspec.convert(operation.details["asked"], Asked).arn
    with world.database.transaction() as tx:
        subject = reported_entities.find(tx, arn)
        if subject is None:
            raise StepFailedError("NoSuchEntity", f"{arn} does not exist any more.")
        policies = [each.compiled for each in reported_entities.policies_of(tx, subject)]
        entities = {
            each.id: ReportedEntity(each.id, CALLED[type(each)].upper(), each.path, each.arn, each.name)
            for each in reported_entities.users_and_roles(tx, operation.account, subject)
        }
    services = await _granted([policies])
    latest: dict[tuple[str, str, str], Use] = {}
    async for use in _uses(world, operation.account, operation.accepted):
        if use.by in entities:
            latest.setdefault((use.by, use.service, use.action), use)
    return Found(services, tuple(entities.values()), tuple(latest.values()))


async def _read_accounts(operation: DurableOperation, world: World) -> Found:
    """Find out what the policies of the accounts allow, and read the trail of the tracking period."""
    asked = msgspec.convert(operation.details["asked"], AccountsAsked)
    services = await _granted(
        [[compile_policy(text, kind="scp") for text in level] for level in asked.levels]
    )
    latest: dict[tuple[str, str], Use] = {}
    for account in asked.accounts:
        async for use in _uses(world, account, operation.accepted):
            latest.setdefault((account, use.service), msgspec.structs.replace(use, by=account, action=""))
    entities = tuple(ReportedEntity(id, "ACCOUNT", path) for id, path in asked.accounts.items())
    return Found(services, entities, tuple(latest.values()))


async def _granted(levels: Sequence[Sequence[CompiledPolicy]]) -> tuple[str, ...]:
    """Return the services that the policies of every level give access to, answering others between them."""
    services = []
    for prefix, granted in granted_services(levels):
        await asyncio.sleep(0)
        if granted:
            services.append(prefix)
    return tuple(services)


async def _uses(world: World, account: str, until: datetime) -> AsyncIterator[Use]:
    """Yield what was done in an account within the tracking period, the latest first."""
    since = until - TRACKING_PERIOD
    before: int | None = None
    while True:
        rows = list(world.database.log(account=account, before=before, limit=_AT_ONCE))
        for row in rows:
            entry = decode(row.body)
            if entry.at < since:
                return
            if entry.at <= until and is_call(entry):
                yield _use(entry, world.gateway.registry.prefix_of(entry.service))
        if len(rows) < _AT_ONCE:
            return
        before = rows[-1].sequence
        await asyncio.sleep(0)


def _use(entry: TrailEntry, prefix: str) -> Use:
    caller = entry.caller
    by = caller.user_id.partition(":")[0] if caller.kind == "role-session" else caller.user_id
    return Use(by, prefix, entry.service, entry.operation, entry.at, entry.region)


def _keep(_tx: Transaction, _operation: DurableOperation, _world: World, found: Any) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode({"found": found}))
    return kept


ACCESS_REPORTS = tuple(
    OperationKind(
        kind, title, (Step("read the trail", act=act, record=_keep),), kept_for=KEPT_FOR, most_kept=_MOST_KEPT
    )
    for kind, title, act in (
        (KIND, "reports of last access", _read),
        (KIND_OF_ACCOUNTS, "reports of last access by accounts", _read_accounts),
    )
)
