"""Runs the controllers: asks what is due, starts what may run, backs off from what fails, reports."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime

import msgspec

from understudy_aws.controllers.failures import back_off, sentence
from understudy_aws.controllers.work_queue import Item, WorkQueue
from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.gateway.controller import Controller, ControllerStatus, Failing, Key, World
from understudy_aws.store.durability import Durability
from understudy_aws.store.protocol import StoreError

_LOG = logging.getLogger("understudy_aws.controllers")
# How soon after a change the work begins that is not prompt: late enough for a client to read IN_PROGRESS once, as it
# does from AWS (service-linked-roles.md 1.5), and soon enough that nobody waits.
_CALM = 0.25
# Between two questions what is due at least so much passes, and so many times what the last one took: while many things
# change at once, asking takes a bounded part of the time.
_LEAST_PAUSE, _TIMES_ASKING = 0.005, 4.0
# Where nothing ends a wait early, it is no longer than this.
_TICK = 0.05
# What is due only because time has passed is looked for this often.
_PERIOD = 1.0
# An answer waits no longer for the work that it asked for.
_LONGEST_WAIT = 2.0

Sleep = Callable[[float], Awaitable[object]]


class _Commits(msgspec.Struct):
    """How often a run of a key has committed something."""

    count: int = 0


_own_commits: ContextVar[_Commits | None] = ContextVar("_own_commits", default=None)


class _Asking(msgspec.Struct):
    """A controller, and how asking it what is due went: failures in a row, the last error, when to ask again."""

    controller: Controller
    attempts: int = 0
    error: str = ""
    last_try: datetime | None = None
    next_try: datetime | None = None
    waited: float = math.inf

    def must_wait(self, now: datetime) -> bool:
        """Whether it failed to answer a moment ago. A clock that went back makes nobody wait."""
        if self.last_try is None or self.next_try is None:
            return False
        return self.last_try <= now < self.next_try


class ControllerManager:
    """All background work of a server.

    A server awaits `run`; a test calls `settle`. The time comes from the world's clock; given `sleep`, `run` waits
    through that alone, so that a test of back-off waits for nothing.
    """

    def __init__(self, world: World, controllers: Sequence[Controller], *, concurrency: int = 16) -> None:
        self.world = world
        self._asked = [_Asking(controller) for controller in controllers]
        self._by_name = {controller.name: controller for controller in controllers}
        assert len(self._by_name) == len(controllers), "every controller has a name of its own"
        self._queue = WorkQueue(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0
        self._stopping = False
        self._running = False
        self._waiting: set[asyncio.Task[None]] = set()
        # Set when there may be something to do before the time that is waited for.
        self._stirred = asyncio.Event()
        self._asking_took = 0.0
        # A run that ended has not seen what others committed meanwhile: its controller is asked again at once.
        self._overtaken = False
        world.database.on_commit = self._committed

    def settle(self) -> int:
        """Do everything due now, again until nothing is, and make it durable. Answers how many keys were worked on.

        Keys that wait after a failure stay for when the clock has moved on. Raises RuntimeError inside a running
        event loop: await `drain` there.
        """
        if _running_loop() is not None:
            raise RuntimeError("settle() cannot wait inside a running event loop: await drain() there.")
        return asyncio.run(self.drain())

    async def drain(self) -> int:
        """Do everything due now, again until nothing is. Answers how many keys were worked on."""
        before = self._started
        await self.world.durable()
        while True:
            self._collect()
            self._start()
            if not self._tasks:
                return self._started - before
            while self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def run(self, sleep: Sleep | None = None) -> None:
        """Work until cancelled: at once or soon after something was committed, and every second."""
        waited, calm, seen, told = _PERIOD, 0.0, -1, -1
        database = self.world.database
        self._running = True
        try:
            while True:
                revision = database.revision
                if calm >= _CALM if revision != seen else waited >= _PERIOD:
                    seen = told = revision
                    self._collect(since_last=waited)
                    self._start()
                    waited = calm = 0.0
                elif revision != told or self._overtaken:
                    told = revision
                    self._overtaken = False
                    self._collect(prompt_only=True)
                    self._start()
                passed = await self._wait(_CALM - calm if revision != seen else _PERIOD - waited, sleep)
                self._go_on()
                waited += passed
                calm = calm + passed if revision != seen else 0.0
        finally:
            self._stopping, self._running = True, False
            unfinished = [*self._waiting, *self._tasks]
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            self._stopping = False

    async def _wait(self, longest: float, sleep: Sleep | None) -> float:
        """Wait until something was committed, a run has ended or is to begin, at most so long; returns how long."""
        now = self.world.clock.now()
        scheduled = self._queue.next_scheduled()
        if scheduled is not None:
            longest = min(longest, (scheduled - now).total_seconds())
        longest = max(longest, _LEAST_PAUSE)
        if sleep is not None:
            await sleep(min(longest, _TICK))
            return min(longest, _TICK)
        began = monotonic_seconds()
        pause = max(_LEAST_PAUSE, _TIMES_ASKING * self._asking_took)
        await asyncio.sleep(pause)
        if pause < longest:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(longest - pause):
                    await self._stirred.wait()
        self._stirred.clear()
        return monotonic_seconds() - began

    def after_due_work(self, wanted: Durability) -> Durability:
        """Return an outcome that is known when `wanted` is and all that is due now was worked on.

        Whoever waits for it, waits no longer than two seconds for the work. While `run` does not, nobody waits.
        """
        if not self._running:
            return wanted
        outcome = Durability()
        task = asyncio.create_task(self._work_on_due())
        self._waiting.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._waiting.discard(task)
            wanted.add_done_callback(lambda known: outcome.finish(known.error))

        task.add_done_callback(done)
        return outcome

    async def _work_on_due(self) -> None:
        """Work on every key of an awaited controller that has fresh work, and on those that get some by it, each once.

        What waits for something, such as the end of a build, is not waited for.
        """
        worked_on: set[tuple[str, Key]] = set()
        with contextlib.suppress(TimeoutError, StoreError):
            async with asyncio.timeout(_LONGEST_WAIT):
                await self.world.durable()
                while True:
                    self._collect()
                    found = self._queue.fresh(self.world.clock.now(), self.world.database.revision)
                    fresh = [
                        (item, item.ended)
                        for item in found
                        if self._by_name[item.controller].awaited
                        and (item.controller, item.key) not in worked_on
                    ]
                    if not fresh:
                        return
                    worked_on |= {(item.controller, item.key) for item, _ in fresh}
                    self._start()
                    while self._tasks and any(
                        item.running or (item.due and item.ended == before) for item, before in fresh
                    ):
                        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def status(self) -> list[ControllerStatus]:
        """How each controller does, by name."""
        self._collect()
        with self.world.database.transaction() as tx:
            of_their_own = {each.controller.name: each.controller.failing(tx) for each in self._asked}
            failing = {name: list(found) for name, found in of_their_own.items()}
        return [self._status(each, failing[each.controller.name]) for each in self._asked]

    def _status(self, asked: _Asking, failing: list[Failing]) -> ControllerStatus:
        name = asked.controller.name
        items = list(self._queue.items(name))
        waiting = [item for item in items if item.due or item.running or item.attempts]
        failing += [
            Failing(item.key, item.attempts, item.error, item.not_before)
            for item in items
            if item.attempts and item.not_before is not None
        ]
        return ControllerStatus(
            name=name,
            queued=sum(1 for item in waiting if not item.running),
            running=sum(1 for item in waiting if item.running),
            oldest_due=min((item.since for item in waiting), default=None),
            failing=tuple(sorted(failing, key=lambda each: each.key)),
            error=asked.error,
        )

    # Asking, starting, ending.

    def _collect(self, *, since_last: float = math.inf, prompt_only: bool = False) -> None:
        """Ask every controller what is due, and line it up. One that cannot answer is asked again later.

        Only those are asked whose `poll_seconds` have passed; `since_last` are the seconds since the last time.
        """
        now, began = self.world.clock.now(), monotonic_seconds()
        for asked in self._asked:
            if prompt_only and not asked.controller.prompt:
                continue
            asked.waited += since_last
            if asked.waited < asked.controller.poll_seconds:
                continue
            if asked.must_wait(now):
                continue
            asked.waited, asked.last_try = 0.0, now
            try:
                with self.world.database.transaction() as tx:
                    self._queue.offer(asked.controller.name, list(asked.controller.due(tx, now)))
            except Exception as error:  # noqa: BLE001 - whatever it was, the others are asked
                asked.attempts += 1
                asked.error = sentence(error)
                asked.next_try = now + back_off(asked.attempts)
                _log(asked.controller.name, "asking what is due", asked.attempts, error)
            else:
                asked.attempts, asked.error, asked.next_try = 0, "", None
        self._queue.arrange(now, self.world.database.revision)
        self._asking_took = monotonic_seconds() - began

    def _go_on(self) -> None:
        """Start what has asked to be run again by now. Nobody needs to be asked what is due for that."""
        now = self.world.clock.now()
        scheduled = self._queue.next_scheduled()
        if scheduled is not None and scheduled <= now:
            self._queue.arrange(now, self.world.database.revision)
            self._start()

    def _start(self) -> None:
        """Start what is lined up, as far as there is room; what waits starts as soon as something has ended."""
        while not self._stopping and (item := self._queue.take()) is not None:
            self._started += 1
            task = asyncio.create_task(self._run(item))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._start()
        self._stirred.set()

    async def _run(self, item: Item) -> None:
        """One run of one key, and what follows from it."""
        controller, database = self._by_name[item.controller], self.world.database
        revision, own = database.revision, _Commits()
        # This is a task of its own, and so are those that it begins: what they commit is its own.
        _own_commits.set(own)
        try:
            async with asyncio.timeout(controller.run_seconds):
                again = await controller.reconcile(item.key, self.world)
                await self.world.durable()
        except asyncio.CancelledError:
            self._queue.interrupted(item, self.world.clock.now())
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the other keys go on and this one is tried again
            self._queue.failed(item, sentence(error), self.world.clock.now())
            _log(item.controller, "/".join(item.key), item.attempts, error)
        else:
            seen = revision + own.count
            self._queue.finished(item, again, self.world.clock.now(), seen)
            self._overtaken = self._overtaken or (controller.prompt and seen != database.revision)

    def _committed(self) -> None:
        own = _own_commits.get()
        if own is not None:
            own.count += 1
        self._stirred.set()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _log(controller: str, what: str, attempts: int, error: Exception) -> None:
    """One line a failure; where it came from only the first time."""
    wait = back_off(attempts).total_seconds()
    _LOG.error(
        "%s: %s failed (%d in a row, next try in %g s): %s",
        controller,
        what,
        attempts,
        wait,
        sentence(error),
        exc_info=error if attempts == 1 else None,
    )
