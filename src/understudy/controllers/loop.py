"""Wake, reconcile, back off, report: how background work gets done, the same for all of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from understudy.core.clock import Clock
from understudy.store.database import Database, Transaction

_LOG = logging.getLogger("understudy.controllers")
_PERIOD = 1.0
_KEEPING = "keeping"
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of background work: what it is called, and a function that does all of it that is due.

    The function takes no hint of what happened: it reads what is, does what is due by `now`, and may be
    repeated at any time, so that after a crash the usual path is also the way back. Answers how much it did.
    """

    name: str
    reconcile: Callable[[Transaction, datetime], int]


class Loop:
    """Does the work whenever something was remembered, and every second; one transaction per kind of work."""

    def __init__(self, database: Database, clock: Clock, works: Sequence[Work]) -> None:
        self._database = database
        self._clock = clock
        self._works = works
        self._failures = {work.name: 0 for work in works} | {_KEEPING: 0}
        self._seen = -1

    def settle(self) -> int:
        """Do everything due now, again until nothing is, and make it durable. Answers how much was done."""
        total = 0
        while done := self.once():
            total += done
        return total

    def once(self) -> int:
        """One round of all work; a kind that fails is logged and tried again later, the others go on."""
        total = 0
        for work in self._works:
            try:
                with self._database.transaction() as tx:
                    total += work.reconcile(tx, self._clock.now())
                self._failures[work.name] = 0
            except Exception:  # noqa: BLE001 - whatever it was, the other work goes on and this is tried again
                self._failures[work.name] += 1
                _LOG.exception("background work failed: %s", work.name)
        self._database.sync()
        self._seen = self._database.revision
        return total

    async def run(self) -> None:
        """Until cancelled: work when something changed or a second has passed; wait longer after failures."""
        waited = _PERIOD
        while True:
            changed = self._database.revision != self._seen
            if changed:
                await asyncio.sleep(_CALM)
            if waited >= self._wait() or (changed and not self._failures[_KEEPING]):
                self._try_once()
                waited = 0.0
            await asyncio.sleep(_TICK)
            waited += _TICK

    def _try_once(self) -> None:
        """A full disk stops no server: what could not be kept is undone, and tried again later."""
        try:
            self.once()
            self._failures[_KEEPING] = 0
        except Exception:  # noqa: BLE001 - whatever the store's reason is
            self._failures[_KEEPING] += 1
            _LOG.exception("background work could not be kept")

    def _wait(self) -> float:
        worst = max(self._failures.values(), default=0)
        return min(_LONGEST_WAIT, _PERIOD * 2.0**worst)


# How often a change is looked for, and how soon after it the work begins: late enough for a client to read
# IN_PROGRESS once, as it does from AWS (reference iam.md 1.5), and soon enough that nobody waits.
_TICK = 0.05
_CALM = 0.25
