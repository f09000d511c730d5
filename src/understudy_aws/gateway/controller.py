"""What a controller is: background work that makes the world agree with the records, one key at a time.

A service describes its controllers with these types; `controllers/controller_manager.py` runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec

from understudy_aws.core.clock import Clock
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.driver_threads import in_thread
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.store.database import Database, Transaction

P = ParamSpec("P")
T = TypeVar("T")

Key = tuple[str, ...]


class Due(NamedTuple):
    """One key of a controller that has work: whose account it is done for, and since when it is due."""

    key: Key
    account: str
    since: datetime


class Failing(msgspec.Struct, frozen=True):
    """One key whose last run failed: how many runs failed in a row, why the last did, and when the next begins."""

    key: Key
    attempts: int
    error: str
    next_try: datetime


class World(msgspec.Struct, frozen=True):
    """What a controller works with: the records, the time, and the gateway to call services through.

    A transaction is never held across an `await`: read and write in short ones, and wait between them.
    """

    database: Database
    clock: Clock
    ids: Ids
    gateway: Gateway

    async def durable(self) -> None:
        """Wait until everything committed so far outlives a crash. Raises the store's error if it was lost."""
        await self.database.durability()

    @staticmethod
    async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await a blocking function, such as a driver's, in another thread. It must not touch the database."""
        return await in_thread(function, *args, **kwargs)


def _none_failing(_tx: Transaction) -> Iterable[Failing]:
    return ()


class Controller(msgspec.Struct, frozen=True):
    """One kind of background work.

    `due` answers every key that has work at a time. It reads an index, so that asking costs little when nothing is
    due, and it needs no hint of what happened: after a crash the usual path is also the way back.

    `reconcile` does the work of one key, in short transactions, and may be repeated at any time. It answers when to
    run for this key again, or None for "when it is due again". An exception is a failure: the key is tried again
    with exponential back-off, and no other key waits for it.

    `poll_seconds` is the least time between two questions of a server what is due. A `prompt` one is asked as soon as
    something was committed, the others a little later, so that a client reads IN_PROGRESS once. With the clock at
    `instant` answers wait for what is due of an `awaited` one. A run longer than `run_seconds` (None: any time) is
    cancelled and counts as failed. `failing` reports failures that the controller keeps in records of its own.
    """

    name: str
    due: Callable[[Transaction, datetime], Iterable[Due]]
    reconcile: Callable[[Key, World], Awaitable[datetime | None]]
    poll_seconds: float = 0.0
    run_seconds: float | None = 300.0
    prompt: bool = False
    awaited: bool = True
    failing: Callable[[Transaction], Iterable[Failing]] = _none_failing


class ControllerStatus(msgspec.Struct, frozen=True):
    """How one controller does: how many keys wait or run, since when the oldest is due, and which keys fail.

    `error` says why the controller could not be asked what is due; empty when it could.
    """

    name: str
    queued: int
    running: int
    oldest_due: datetime | None
    failing: tuple[Failing, ...]
    error: str = ""
