"""The trail's oldest lines go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from understudy.gateway.controller import Controller, Due, Key, World
from understudy.store.database import Database, Transaction

_KEY: Key = ("trail",)


def trail_trimming(database: Database, keep: int) -> Controller:
    """The controller that keeps the newest lines of the trail, and drops the others."""
    trimmed_at = [0]

    def newest() -> int:
        return next((entry.sequence for entry in database.store.entries(limit=1)), 0)

    def due(_tx: Transaction, now: datetime) -> Iterable[Due]:
        if newest() > max(keep, trimmed_at[0]):
            yield Due(_KEY, "", now)

    async def reconcile(_key: Key, world: World) -> None:
        trimmed_at[0] = newest()
        world.database.store.trim(keep)

    return Controller("trail", due, reconcile, poll_seconds=10.0)
