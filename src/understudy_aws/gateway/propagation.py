"""Propagation: with the clock at `aws`, what changed in IAM is known to others some seconds later (iam.md 2.10).

IAM answers its own reads from the records as they are. Whoever decides by them, at the gateway and in STS, asks here
how they are known by now: a change counts from the end of its own delay, or from that of a later change that is known
sooner. What is not known yet is kept in memory alone: after a restart everything is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec

from understudy_aws.core.clock import Clock
from understudy_aws.core.simulated_latency import SimulatedLatency
from understudy_aws.store.database import Transaction

Place = tuple[str, tuple[str, ...]]


class UnknownChange(msgspec.Struct, frozen=True):
    """A change of a record that is not known everywhere yet, or was not some seconds ago.

    `before` is the record before it, or None; `known` is when it is known, and `account` owns the record.
    """

    place: Place
    account: str
    what: str
    at: datetime
    known: datetime
    before: Any


class Propagation:
    """Keeps the changes of the last seconds in some tables; for the clock at `aws` alone."""

    def __init__(self, latency: SimulatedLatency, clock: Clock, tables: Collection[str]) -> None:
        self._latency = latency
        self._clock = clock
        self._tables = frozenset(tables)
        self._changes: dict[Place, list[UnknownChange]] = {}
        # How often each record was changed, so that each change has a delay of its own by the seed.
        self._counted: dict[Place, int] = {}
        self._everything_is_known = False

    def note(self, tx: Transaction) -> None:
        """Take in what a transaction changed, at its end. What no call did, as making an account, is known at once."""
        if any(step[0] is None for step in tx.undo_steps):
            self._changes.clear()
            self._counted.clear()
            return
        if not tx.entries:
            return
        at = self._clock.now()
        self._forget(at)
        noted: set[Place] = set()
        for cache, key, before, (table, _), _ in tx.undo_steps:
            place = (table, key)
            if table in self._tables and place not in noted:
                noted.add(place)
                self._changes.setdefault(place, []).append(
                    self._change(place, before, cache.records.get(key), at)
                )

    def seen(self, tx: Transaction, table: Any, key: tuple[str, ...]) -> Any:
        """Return a record as it is known by now, or None."""
        changes = self._changes.get((table.name, key)) if not self._everything_is_known else None
        if changes is None:
            return table.get(tx, *key)
        now = self._clock.now()
        if now >= changes[-1].known:
            return table.get(tx, *key)
        for earlier, later in zip(reversed(changes[:-1]), reversed(changes), strict=False):
            if now >= earlier.known:
                return later.before
        return changes[0].before

    def unknown(self, accounts: Collection[str]) -> Sequence[UnknownChange]:
        """Return the changes in some accounts that are not known by now, the first one first."""
        now = self._clock.now()
        found = [each for changes in self._changes.values() for each in changes if now < each.known]
        return sorted((each for each in found if each.account in accounts), key=lambda each: each.at)

    @property
    def is_passed_over(self) -> bool:
        """Whether all changes count as known now, so that what is found out is for this moment alone."""
        return self._everything_is_known

    @contextmanager
    def everything_known(self) -> Iterator[None]:
        """Answer meanwhile as if all changes were known."""
        self._everything_is_known = True
        try:
            yield
        finally:
            self._everything_is_known = False

    def _change(self, place: Place, before: Any, after: Any, at: datetime) -> UnknownChange:
        record = after if after is not None else before
        if before is None and after is not None:
            # By its id, as `understudy explain` asks for it later.
            at, name = record.created, record.id
        else:
            count = self._counted[place] = self._counted.get(place, 0) + 1
            name = f"{'/'.join((place[0], *place[1]))}:{count}"
        kind = place[0].rpartition("/")[2].replace("-", " ")
        done = "new" if before is None else "deleted" if after is None else "changed"
        return UnknownChange(
            place=place,
            account=record.account,
            what=f"{kind} {getattr(record, 'name', record.id)} was {done}",
            at=at,
            known=at + timedelta(seconds=self._latency.propagation_seconds(name)),
            before=before,
        )

    def _forget(self, now: datetime) -> None:
        """Drop the changes of records that are known with all their changes."""
        known = [
            place for place, changes in self._changes.items() if all(now >= each.known for each in changes)
        ]
        for place in known:
            del self._changes[place]
