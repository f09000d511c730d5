"""Deletes records that are old: in small pieces, found by an ordered index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record

# Records deleted in one transaction: a few milliseconds' work, so that no request waits for it.
_PIECE = 200
_KEY: Key = ("all",)


def expiry_controller(expiry: Expiry) -> Controller:
    """The controller that deletes what an expiry describes."""
    deleter = _Deleter(expiry)
    return Controller(expiry.name, deleter.due, deleter.reconcile, poll_seconds=1.0)


class _Deleter(msgspec.Struct, frozen=True):
    expiry: Expiry

    def due(self, tx: Transaction, now: datetime) -> Iterable[Due]:
        if self._going(tx, now, 1):
            yield Due(_KEY, "", now)

    async def reconcile(self, _key: Key, world: World) -> datetime | None:
        """Delete one piece; the next follows at once if there is more."""
        now = world.clock.now()
        with world.database.transaction() as tx:
            going = self._going(tx, now, _PIECE)
            for record in going:
                self.expiry.table.delete(tx, record)
        return now if len(going) == _PIECE else None

    def _going(self, tx: Transaction, now: datetime, most: int) -> list[Record]:
        """Up to so many records that go now: those that are too old, or the oldest when there are too many."""
        expired = list(islice(self._until(tx, now - self.expiry.kept_for), most))
        if expired or self.expiry.most is None:
            return expired
        past = self.expiry.table.count_in_order(tx, self.expiry.index, **self._bounds(now))
        return list(islice(self._until(tx, now), max(0, min(past - self.expiry.most, most))))

    def _until(self, tx: Transaction, last: datetime) -> Iterator[Record]:
        return self.expiry.table.in_order(tx, self.expiry.index, **self._bounds(last))

    def _bounds(self, last: datetime) -> dict[str, Any]:
        prefix = self.expiry.prefix
        return {"first": prefix, "last": (*prefix, last)} if prefix else {"last": last}
