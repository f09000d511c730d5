"""Deleting a service-linked role: a task that asks the service what still uses the role, and fails if something does.

A task (service-linked-roles.md 1.5) is a durable operation: it goes on after a crash, as those do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    NotYetError,
    OperationKind,
    Step,
    StepFailedError,
    begin,
    durable_operations,
    under_way,
)
from understudy_aws.services.iam.linked_role_usage import LinkedRoleUsage
from understudy_aws.services.iam.role_records import Role, purge, roles
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

KIND = "iam:DeleteServiceLinkedRole"
# How long a service that does not know its usage yet is left alone.
_ASK_AGAIN_SECONDS = 5.0

_TASK = re.compile(
    r"task/aws-service-role/(?P<principal>[\w+=,.@-]+)/(?P<role>[\w+=,.@-]+)/"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.ASCII,
)

Usage = list[tuple[str, list[str]]]


class TaskName(NamedTuple):
    """What a task's id says."""

    principal: str
    role: str


class TaskStatus(NamedTuple):
    """How a task goes: AWS's status, and of a failed one the reason, and what used the role by region."""

    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    reason: str
    usage: Usage


def parse(id: str) -> TaskName | None:
    """Return the parts of a task id, or None."""
    found = _TASK.fullmatch(id)
    return TaskName(found["principal"], found["role"]) if found else None


def submit(call: Call, role: Role) -> str:
    """Begin to delete a role; answers the id of the task: that of the one under way, or a new one."""
    task = under_way(call.tx, KIND, role.id)
    if task is None:
        id = f"task/aws-service-role/{role.linked_service}/{role.name}/{call.ids.uuid()}"
        task = begin(
            call.tx,
            KIND,
            account=role.account,
            id=id,
            subject=role.id,
            details={"role": role.name.lower()},
            at=call.at,
            delay_seconds=call.latency.deletion_seconds(id),
        )
    return task.id


def status(tx: Transaction, account: str, id: str) -> TaskStatus | None:
    """Return how a task of an account goes, or None when there is no such task."""
    task = durable_operations.get(tx, account, KIND, id)
    if task is None:
        return None
    if task.ended is None:
        return TaskStatus("IN_PROGRESS", "", [])
    if task.state == "SUCCEEDED":
        return TaskStatus("SUCCEEDED", "", [])
    return TaskStatus("FAILED", task.error, task.details.get("usage", []))


def failure_of(tx: Transaction, role: Role) -> str:
    """Return why the latest attempt to delete a role failed; empty if it did not, or none was made."""
    tasks = [task for task in durable_operations.scan(tx, role.account, KIND) if task.subject == role.id]
    latest = max(tasks, key=lambda task: task.accepted, default=None)
    return latest.error if latest is not None and latest.state == "FAILED" else ""


def deletion(usage: LinkedRoleUsage) -> OperationKind:
    """Return the kind of operation that deletes a role. It runs until it succeeds or the role is found in use."""

    def delete_if_unused(
        tx: Transaction, task: DurableOperation, world: World, _result: object
    ) -> Mapping[str, Any] | None:
        """Ask and delete in one transaction, so that nothing begins to use the role in between."""
        role = roles.get(tx, task.account, task.details["role"])
        if role is None or role.id != task.subject:
            return None
        used = usage.of(tx, role, world.clock.now())
        if used is None:
            raise NotYetError("The service does not know yet what uses the role.", seconds=_ASK_AGAIN_SECONDS)
        if used:
            raise StepFailedError("RoleInUse", _in_use(role, used), {"usage": list(used.items())})
        purge(tx, role)
        return None

    return OperationKind(
        KIND, "deletion tasks", (Step("delete if unused", record=delete_if_unused),), attempts=None
    )


def _in_use(role: Role, usage: Mapping[str, list[str]]) -> str:
    """Return what uses the role as AWS writes it (service-linked-roles.md 1.5), in at most 1,000 characters."""
    used_by = ", ".join(
        f"RoleUsageType(Region={region}, Resources=[{', '.join(arns)}])" for region, arns in usage.items()
    )
    return f"SLR [{role.name}] is in use by other resources: [{used_by}]"[:1000]


# Tasks as they were kept before there were durable operations.


class OldDeletionTask(Record, frozen=True, kw_only=True):
    """One attempt to delete a role, in a state made by version 0.1.0 or earlier."""

    account: str
    id: str
    role: str
    role_id: str
    created: datetime
    due: datetime
    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"] = "IN_PROGRESS"
    reason: str = ""
    usage: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ended: datetime | None = None


old_deletion_tasks = Table("iam/deletion-task", OldDeletionTask, key=lambda task: (task.account, task.id))


def adopt_old_tasks(tx: Transaction) -> None:
    """Make durable operations of the tasks in an older state; those under way go on."""
    for old in list(old_deletion_tasks.scan(tx)):
        operation = DurableOperation(
            account=old.account,
            kind=KIND,
            id=old.id,
            subject=old.role_id,
            accepted=old.created,
            planned=old.created,
            next_try=old.due,
            details={"role": old.role, "usage": [[region, list(arns)] for region, arns in old.usage]},
            state="PENDING" if old.status == "IN_PROGRESS" else old.status,
            error_code="RoleInUse" if old.status == "FAILED" else "",
            error=old.reason,
            ended=old.ended,
        )
        durable_operations.put(tx, operation)
        old_deletion_tasks.delete(tx, old)
