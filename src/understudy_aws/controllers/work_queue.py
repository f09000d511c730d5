"""Which key is worked on next: back-off, bounds and fairness between accounts. No clock, no tasks: plain decisions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from understudy_aws.controllers.failures import back_off
from understudy_aws.gateway.controller import Due, Key

_PAUSE = timedelta(seconds=1)


class Item(msgspec.Struct):
    """One key of one controller: due, scheduled, running or failing.

    `not_before` holds it back after a failure; `again` is when its last run asked for the next, and `scheduled` says
    that this is what it runs for. `ended` is when its last run ended, and `revision` what the database's was by then,
    but for what others have committed while it ran, which it may not have seen.
    """

    controller: str
    key: Key
    account: str
    since: datetime
    due: bool = True
    running: bool = False
    attempts: int = 0
    error: str = ""
    not_before: datetime | None = None
    again: datetime | None = None
    scheduled: bool = False
    ended: datetime | None = None
    revision: int | None = None

    @property
    def waits_since(self) -> datetime:
        """Since when it waits: from when it was due, or from its last run if that was later."""
        return self.since if self.ended is None else max(self.since, self.ended)


class _Account(msgspec.Struct):
    """An account's share: what of it waits in order, how much of it runs, and when it was last given a turn."""

    ready: deque[Item] = msgspec.field(default_factory=deque)
    running: int = 0
    last_turn: int = 0


class WorkQueue:
    """All keys of all controllers.

    At most `concurrency` keys run at a time, at most half of them of one account, each key at most once. Among the
    accounts with a key that may run, the one with the fewest running goes first, then the one that has waited
    longest for a turn; within an account the key that waits longest.
    """

    def __init__(self, concurrency: int = 16) -> None:
        self.running = 0
        self._concurrency = concurrency
        self._of_one_account = max(1, concurrency // 2)
        self._items: dict[str, dict[Key, Item]] = {}
        self._accounts: dict[str, _Account] = {}
        self._turns = 0
        self._now: datetime | None = None

    def items(self, controller: str) -> Iterator[Item]:
        """Every key known of a controller."""
        yield from self._items.get(controller, {}).values()

    def offer(self, controller: str, due: Iterable[Due]) -> None:
        """Say which keys of a controller are due: these and no others."""
        items = self._items.setdefault(controller, {})
        for item in items.values():
            item.due = False
        for key, account, since in due:
            known = items.setdefault(key, Item(controller, key, account, since))
            known.due, known.since = True, since
        for item in [each for each in items.values() if not each.due and not each.running]:
            if item.again is None:
                # Nothing is wanted of it any more; what it failed of has been done or dropped.
                del items[item.key]

    def fresh(self, now: datetime, revision: int) -> list[Item]:
        """Keys that run for the first time, or may run now and did not ask for that when they last ran."""
        return [
            item
            for items in self._items.values()
            for item in items.values()
            if (item.ended is None if item.running else item.again is None and _may_run(item, now, revision))
        ]

    def next_scheduled(self) -> datetime | None:
        """Return the first time for which a key waits whose last run has asked for another."""
        return min(
            (
                item.again
                for items in self._items.values()
                for item in items.values()
                if item.again is not None and not item.running
            ),
            default=None,
        )

    def arrange(self, now: datetime, revision: int) -> None:
        """Line up all keys that may run now, after every controller was asked.

        A key that ran well and is still due waits until others have committed something, since its run began, or a
        second has passed: running it at once would most likely do the same, and again.
        """
        self._notice_time(now)
        for account in self._accounts.values():
            account.ready.clear()
        ready = [
            item for items in self._items.values() for item in items.values() if _may_run(item, now, revision)
        ]
        ready.sort(key=lambda item: (item.waits_since, item.controller, item.key))
        for item in ready:
            self._accounts.setdefault(item.account, _Account()).ready.append(item)
        for name in [name for name, each in self._accounts.items() if not each.ready and not each.running]:
            del self._accounts[name]

    def take(self) -> Item | None:
        """The next key to run, marked as running; None when there is none or enough are running."""
        if self.running >= self._concurrency:
            return None
        waiting = [
            each for each in self._accounts.values() if each.ready and each.running < self._of_one_account
        ]
        if not waiting:
            return None
        account = min(waiting, key=lambda each: (each.running, each.last_turn))
        item = account.ready.popleft()
        self._turns += 1
        account.last_turn = self._turns
        account.running += 1
        self.running += 1
        item.running = True
        item.scheduled = not item.due
        item.again = None
        return item

    def finished(self, item: Item, again: datetime | None, now: datetime, revision: int) -> None:
        """A run ended well; `again` is when the next begins, None for when the key is due."""
        self._ended(item, now)
        item.attempts, item.error, item.not_before = 0, "", None
        item.again, item.revision = again, revision

    def failed(self, item: Item, error: str, now: datetime) -> None:
        """A run failed; the next waits, twice as long as the one before."""
        self._ended(item, now)
        item.attempts += 1
        item.error = error
        item.not_before = now + back_off(item.attempts)
        item.again, item.revision = item.not_before if item.scheduled else None, None

    def interrupted(self, item: Item, now: datetime) -> None:
        """A run was cancelled with everything else."""
        self._ended(item, now)

    def _ended(self, item: Item, now: datetime) -> None:
        item.running = False
        item.due = False
        item.ended = now
        self.running -= 1
        self._accounts[item.account].running -= 1

    def _notice_time(self, now: datetime) -> None:
        """When the clock went back, what is waited for moves back by as much."""
        if self._now is not None and now < self._now:
            gone_back = self._now - now
            for items in self._items.values():
                for item in items.values():
                    if item.not_before is not None:
                        item.not_before -= gone_back
                    if item.again is not None:
                        item.again -= gone_back
                    if item.ended is not None:
                        item.ended -= gone_back
        self._now = now


def _may_run(item: Item, now: datetime, revision: int) -> bool:
    if item.running or (item.not_before is not None and now < item.not_before):
        return False
    if item.again is not None and item.again <= now:
        return True
    if not item.due:
        return False
    return item.ended is None or item.revision != revision or now >= item.ended + _PAUSE
