"""What the node has is asked for again and again and put where it belongs: flow logs, and what services write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record

_KEY: Key = ("delivery",)


class Cursor(Record, frozen=True, kw_only=True):
    """How far what a node has is delivered."""

    node: str = ""
    after: int = 0


class Delivery:
    """Delivers in rounds, one at a time, as long as there may be something.

    `is_due` tells whether the node is to be asked; `deliver_some` asks it and delivers, and answers whether there may
    be more at once.
    """

    def __init__(
        self,
        name: str,
        period_seconds: float,
        *,
        is_due: Callable[[Transaction], bool],
        deliver_some: Callable[[World], Awaitable[bool]],
    ) -> None:
        self._name = name
        self._period_seconds = period_seconds
        self._is_due = is_due
        self._deliver_some = deliver_some
        self._asked: datetime | None = None
        self._delivering = asyncio.Lock()

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller(self._name, self._due, self._reconcile, poll_seconds=self._period_seconds)

    async def deliver(self, world: World) -> None:
        """Deliver all that there is."""
        async with self._delivering:
            while await self._deliver_some(world):
                pass

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        if not self._is_due(tx):
            return
        if self._asked is None or not 0 <= (now - self._asked).total_seconds() < self._period_seconds:
            yield Due(_KEY, "", now)

    async def _reconcile(self, _key: Key, world: World) -> datetime | None:
        self._asked = world.clock.now()
        await self.deliver(world)
        return None
