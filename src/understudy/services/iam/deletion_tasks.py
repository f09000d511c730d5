"""Deleting a service-linked role: a task that asks the service what still uses the role, and fails if something does.

Reference iam.md 1.5. A task is a record, so it survives a restart; finishing one may be repeated at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from understudy.data import service_linked_roles as catalogue
from understudy.gateway.call import Call
from understudy.services.iam.role_records import Role, forget, roles
from understudy.store.database import Transaction
from understudy.store.tables import Record, Table

# Per table named in a template's `kept_alive_by`: (region, ARN) of what is in use in an account.
UsageSources = Mapping[str, Callable[[Transaction, str], Iterable[tuple[str, str]]]]

_TASK = re.compile(
    r"task/aws-service-role/(?P<principal>[\w+=,.@-]+)/(?P<role>[\w+=,.@-]+)/"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.ASCII,
)


class DeletionTask(Record, frozen=True, kw_only=True):
    """One attempt to delete a role. `usage` is what kept it, by region."""

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


deletion_tasks = Table(
    "iam/deletion-task",
    DeletionTask,
    key=lambda task: (task.account, task.id),
    indexes={
        "under_way": lambda task: ("all",) if task.status == "IN_PROGRESS" else (),
        "of_role_under_way": lambda task: (task.role_id,) if task.status == "IN_PROGRESS" else (),
    },
)


class TaskName(NamedTuple):
    """What a task's id says."""

    principal: str
    role: str


def parse(id: str) -> TaskName | None:
    """The parts of a task id; None for anything that is none."""
    found = _TASK.fullmatch(id)
    return TaskName(found["principal"], found["role"]) if found else None


def submit(call: Call, role: Role) -> DeletionTask:
    """The task that deletes a role: the one under way, or a new one."""
    for under_way in deletion_tasks.where(call.tx, "of_role_under_way", role.id):
        return under_way
    id = f"task/aws-service-role/{role.linked_service}/{role.name}/{call.ids.uuid()}"
    task = DeletionTask(
        account=role.account,
        id=id,
        role=role.name.lower(),
        role_id=role.id,
        created=call.at,
        due=call.at + timedelta(seconds=call.latency.deletion_seconds(id)),
    )
    return deletion_tasks.put(call.tx, task)


def finish_due(tx: Transaction, now: datetime, sources: UsageSources) -> int:
    """End all tasks that are due: delete roles nothing uses, and say of the others what does."""
    due = [task for task in deletion_tasks.where(tx, "under_way", "all") if task.due <= now]
    for task in due:
        deletion_tasks.put(tx, _ended(tx, task, now, sources))
    return len(due)


def _ended(tx: Transaction, task: DeletionTask, now: datetime, sources: UsageSources) -> DeletionTask:
    role = roles.get(tx, task.account, task.role)
    if role is None or role.id != task.role_id:
        return msgspec.structs.replace(task, status="SUCCEEDED", ended=now)
    usage = _usage(tx, role, sources)
    if not usage:
        forget(tx, role)
        return msgspec.structs.replace(task, status="SUCCEEDED", ended=now)
    used_by = ", ".join(
        f"RoleUsageType(Region={region}, Resources=[{', '.join(arns)}])" for region, arns in usage.items()
    )
    return msgspec.structs.replace(
        task,
        status="FAILED",
        ended=now,
        # The sentence in which AWS's own clients print it (reference iam.md 1.5).
        reason=f"SLR [{role.name}] is in use by other resources: [{used_by}]"[:1000],
        usage=tuple((region, tuple(arns)) for region, arns in usage.items()),
    )


def _usage(tx: Transaction, role: Role, sources: UsageSources) -> dict[str, list[str]]:
    template = catalogue.find(role.linked_service)
    usage: dict[str, list[str]] = {}
    for table in template.kept_alive_by if template else ():
        source = sources.get(table)
        for region, arn in source(tx, role.account) if source else ():
            usage.setdefault(region, []).append(arn)
    return dict(sorted(usage.items()))
