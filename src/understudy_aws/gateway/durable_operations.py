"""Durable operations: work in several steps that is accepted at once, done later, and resumed after a crash.

A service begins one with `begin`; what its steps do is an `OperationKind`, run by `controllers/operation_runner.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from understudy_aws.core.clock import Clock
from understudy_aws.gateway.controller import World
from understudy_aws.store.database import Database, Transaction
from understudy_aws.store.tables import Record, Table

State = Literal["PENDING", "RUNNING", "UNDOING", "SUCCEEDED", "FAILED", "UNDO_FAILED"]


class DurableOperation(Record, frozen=True, kw_only=True):
    """One operation: what is done (`kind`), on whom (`subject`, such as a unique id), and how far it is.

    `account` asked for it. `details` are JSON values of the kind's own: what was asked, and what steps found out.
    `step` names the step to do next, or while UNDOING the step to undo next; empty before the first.
    `attempts` counts how often in a row that step failed, and `last_error` says why it last did or what it waits for.
    `next_try` is when the step may run, and `planned` when that was decided. `error_code` and `error` say why the
    operation failed; they are set when undoing begins.
    """

    account: str
    kind: str
    id: str
    subject: str
    accepted: datetime
    planned: datetime
    next_try: datetime
    details: dict[str, Any] = {}
    state: State = "PENDING"
    step: str = ""
    attempts: int = 0
    last_error: str = ""
    error_code: str = ""
    error: str = ""
    started: datetime | None = None
    ended: datetime | None = None


def _unended(operation: DurableOperation, at: datetime) -> tuple[str, datetime] | None:
    return (operation.kind, at) if operation.ended is None else None


durable_operations = Table(
    "gateway/durable-operation",
    DurableOperation,
    key=lambda operation: (operation.account, operation.kind, operation.id),
    indexes={
        "under_way": lambda operation: (
            ((operation.kind, operation.subject),) if operation.ended is None else ()
        ),
        "failing": lambda operation: (
            (operation.kind,) if operation.attempts and operation.ended is None else ()
        ),
        "by_subject": lambda operation: (operation.subject,),
    },
    ordered={
        "due": lambda operation: _unended(operation, operation.next_try),
        "planned": lambda operation: _unended(operation, operation.planned),
        "ended": lambda operation: None if operation.ended is None else (operation.kind, operation.ended),
    },
)


class StepFailedError(Exception):
    """A step cannot succeed however often it is tried: the operation fails, and what it did is undone.

    `details` are added to the operation's.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}


class NotYetError(Exception):
    """A step has to wait for something and is tried again after some seconds. This is no failure."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


Act = Callable[[DurableOperation, World], Awaitable[Any]]
RecordResult = Callable[[Transaction, DurableOperation, World, Any], Mapping[str, Any] | None]


class Step(msgspec.Struct, frozen=True):
    """One step of an operation.

    `act` is awaited first, outside any transaction; it may take long, and after a crash it runs again, so it must
    be safe to repeat. `record` then runs in the very transaction that notes the step as done, so it happens once;
    it is given what `act` answered, and answers details to add to the operation's. A step has one of them or both.

    `undo_act` and `undo_record` take back what the two did. They also run for the step that failed, which may have
    done nothing or a part, and must be safe to repeat.

    Each may raise StepFailedError and NotYetError; any other exception has the step tried again with back-off.
    """

    name: str
    act: Act | None = None
    record: RecordResult | None = None
    undo_act: Act | None = None
    undo_record: RecordResult | None = None


def _nothing(_tx: Transaction, _operation: DurableOperation, _world: World) -> None:
    return None


class OperationKind(msgspec.Struct, frozen=True):
    """What operations of one kind do: their steps, in order.

    `name` is AWS's name of the operation, kept in the records; `title` is for people. An `act` that takes longer than
    `step_seconds` is cancelled, and has failed. A step that failed `attempts` times in a row fails the operation with
    the code `InternalFailure`; None tries for ever.
    `ended` runs in the transaction that ends an operation, whether it succeeded or not.
    A `prompt` one begins, and goes on, as soon as it may, and takes so long that no answer waits for it.
    An ended operation is forgotten after `kept_for`, and the oldest before when there are more than `most_kept`.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    attempts: int | None = 10
    step_seconds: float = 300.0
    ended: Callable[[Transaction, DurableOperation, World], None] = _nothing
    kept_for: timedelta = timedelta(days=30)
    most_kept: int = 10_000
    prompt: bool = False


def begin(
    tx: Transaction,
    kind: str,
    *,
    account: str,
    id: str,
    subject: str,
    details: Mapping[str, Any],
    at: datetime,
    delay_seconds: float = 0.0,
) -> DurableOperation:
    """Accept an operation, in the transaction of the request that asks for it; its first step waits `delay_seconds`."""
    operation = DurableOperation(
        account=account,
        kind=kind,
        id=id,
        subject=subject,
        accepted=at,
        planned=at,
        next_try=at + timedelta(seconds=delay_seconds),
        details=dict(details),
    )
    return durable_operations.put(tx, operation)


def again_soon(began: datetime, now: datetime) -> float:
    """Return in how many seconds to look again at what began then: a twentieth of what it has taken until now."""
    return min(1.0, max(0.05, (now - began).total_seconds() / 20))


def any_due(database: Database, clock: Clock, *, but: Container[str] = ()) -> bool:
    """Whether an operation may go on now, of other kinds than some. Costs next to nothing while none is under way."""
    known = database.caches.get(durable_operations.name)
    if known is None or not known.orders["due"]:
        return False
    now = clock.now()
    with database.transaction() as tx:
        found = durable_operations.in_order(tx, "due")
        return any(operation.next_try <= now and operation.kind not in but for operation in found)


def under_way(tx: Transaction, kind: str, subject: str) -> DurableOperation | None:
    """The operation of that kind on that subject that has not ended, if there is one."""
    return next(iter(durable_operations.where(tx, "under_way", (kind, subject))), None)
