"""Runs durable operations: one step after the other, each noted in the transaction that did it.

What a crash interrupts is found by the same index as what is new, and goes on at the step that was not noted as done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from understudy_aws.controllers.expiry import expiry_controller
from understudy_aws.controllers.failures import back_off, sentence
from understudy_aws.gateway.controller import Controller, Due, Failing, Key, World
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    NotYetError,
    OperationKind,
    Step,
    StepFailedError,
    durable_operations,
)
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.database import Transaction

_INTERNAL_FAILURE = "InternalFailure"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def controllers_of(kind: OperationKind) -> list[Controller]:
    """The controllers of one kind of operation: one that runs them, one that forgets the ended."""
    forgetting = Expiry(
        f"ended {kind.title}",
        durable_operations,
        "ended",
        kept_for=kind.kept_for,
        most=kind.most_kept,
        prefix=(kind.name,),
    )
    return [_Runner(kind).controller(), expiry_controller(forgetting)]


class _Runner(msgspec.Struct, frozen=True):
    """Runs the operations of one kind."""

    kind: OperationKind

    def controller(self) -> Controller:
        # Each step has its own limit of time, and so the operation needs none.
        return Controller(
            self.kind.title,
            self._due,
            self._reconcile,
            run_seconds=None,
            prompt=self.kind.prompt,
            awaited=not self.kind.prompt,
            failing=self._failing,
        )

    def _due(self, tx: Transaction, now: datetime) -> Iterable[Due]:
        """The operations whose next try has come; and those planned in the future, after the clock went back."""
        name = self.kind.name
        for operation in durable_operations.in_order(tx, "due", first=(name,), last=(name, now)):
            yield Due(durable_operations.key(operation), operation.account, operation.next_try)
        just_after = now + timedelta(microseconds=1)
        last = (name, _END_OF_TIME)
        for operation in durable_operations.in_order(tx, "planned", first=(name, just_after), last=last):
            if operation.next_try > now:
                yield Due(durable_operations.key(operation), operation.account, now)

    def _failing(self, tx: Transaction) -> Iterable[Failing]:
        for operation in durable_operations.where(tx, "failing", self.kind.name):
            key = durable_operations.key(operation)
            yield Failing(key, operation.attempts, operation.last_error, operation.next_try)

    async def _reconcile(self, key: Key, world: World) -> datetime | None:
        """Do step after step until the operation ends or has to wait."""
        while True:
            operation = self._begun(key, world)
            if operation is None:
                return None
            now = world.clock.now()
            if operation.next_try > now:
                return operation.next_try
            # Whoever looks from outside must not see more than a crash would leave.
            await world.durable()
            step = self._step(operation)
            undoing = operation.state == "UNDOING"
            act, record = (step.undo_act, step.undo_record) if undoing else (step.act, step.record)
            try:
                async with asyncio.timeout(self.kind.step_seconds):
                    result = await act(operation, world) if act is not None else None
                with world.database.transaction() as tx:
                    current = durable_operations.get(tx, *key)
                    if current is None:
                        # A reset took it away meanwhile.
                        return None
                    details = record(tx, current, world, result) if record is not None else None
                    self._advance(tx, current, details or {}, world)
            except NotYetError as wait:
                self._postpone(key, wait, world)
            except StepFailedError as failure:
                self._fail(key, failure.code, failure.message, failure.details, world)
            except Exception as error:  # noqa: BLE001 - whatever it was, the step is tried again, or undone
                self._retry(key, sentence(error), world)

    # Each of these is one transaction.

    def _begun(self, key: Key, world: World) -> DurableOperation | None:
        """The operation, begun if it was not; None when it is gone or has ended."""
        now = world.clock.now()
        with world.database.transaction() as tx:
            operation = durable_operations.get(tx, *key)
            if operation is None or operation.ended is not None:
                return None
            if operation.planned > now:
                # The clock went back: what was to be waited from then is waited from now.
                wait = operation.next_try - operation.planned
                operation = _changed(tx, operation, planned=now, next_try=now + wait)
            if operation.state == "PENDING" and operation.next_try <= now:
                operation = _changed(
                    tx, operation, state="RUNNING", step=self.kind.steps[0].name, started=now
                )
            return operation

    def _advance(
        self, tx: Transaction, operation: DurableOperation, details: Mapping[str, Any], world: World
    ) -> None:
        """Note a step as done (or undone), and go on to the next, or end."""
        now = world.clock.now()
        names = [step.name for step in self.kind.steps]
        place = names.index(operation.step)
        operation = _changed(
            tx,
            operation,
            details={**operation.details, **details},
            attempts=0,
            last_error="",
            planned=now,
            next_try=now,
        )
        if operation.state == "UNDOING":
            if place > 0:
                _changed(tx, operation, step=names[place - 1])
            else:
                self._end(tx, operation, "FAILED", world)
        elif place + 1 < len(names):
            _changed(tx, operation, step=names[place + 1])
        else:
            self._end(tx, operation, "SUCCEEDED", world)

    def _end(self, tx: Transaction, operation: DurableOperation, state: str, world: World) -> None:
        operation = _changed(tx, operation, state=state, ended=world.clock.now())
        self.kind.ended(tx, operation, world)

    def _postpone(self, key: Key, wait: NotYetError, world: World) -> None:
        now = world.clock.now()
        with world.database.transaction() as tx:
            if (operation := durable_operations.get(tx, *key)) is not None:
                next_try = now + timedelta(seconds=wait.seconds)
                _changed(tx, operation, attempts=0, last_error=str(wait), planned=now, next_try=next_try)

    def _fail(self, key: Key, code: str, message: str, details: Mapping[str, Any], world: World) -> None:
        """A step failed for good: undo it and those before it, latest first; an undo that failed ends it all."""
        now = world.clock.now()
        with world.database.transaction() as tx:
            operation = durable_operations.get(tx, *key)
            if operation is None:
                return
            undoing = operation.state == "UNDOING"
            operation = _changed(
                tx,
                operation,
                state="UNDOING",
                details={**operation.details, **details},
                attempts=0,
                last_error=message,
                # What made the operation fail, and not what then failed of undoing it.
                error_code=operation.error_code if undoing else code,
                error=operation.error if undoing else message,
                planned=now,
                next_try=now,
            )
            if undoing:
                self._end(tx, operation, "UNDO_FAILED", world)

    def _retry(self, key: Key, error: str, world: World) -> None:
        """A step failed in a way that may pass: try it again later, or give up after so many attempts."""
        now = world.clock.now()
        with world.database.transaction() as tx:
            operation = durable_operations.get(tx, *key)
            if operation is None:
                return
            attempts = operation.attempts + 1
            if self.kind.attempts is None or attempts < self.kind.attempts:
                _changed(
                    tx,
                    operation,
                    attempts=attempts,
                    last_error=error,
                    planned=now,
                    next_try=now + back_off(attempts),
                )
                return
        self._fail(key, _INTERNAL_FAILURE, error, {}, world)

    def _step(self, operation: DurableOperation) -> Step:
        for step in self.kind.steps:
            if step.name == operation.step:
                return step
        raise LookupError(f"{self.kind.name} has no step {operation.step!r}.")


def _changed(tx: Transaction, operation: DurableOperation, **changes: Any) -> DurableOperation:
    return durable_operations.put(tx, msgspec.structs.replace(operation, **changes))
