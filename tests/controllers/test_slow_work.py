"""What takes long, or is much, holds up neither requests nor other work."""

from __future__ import annotations

import asyncio
import time

from understudy_aws.controllers.controller_manager import ControllerManager
from understudy_aws.controllers.operation_runner import controllers_of
from understudy_aws.core.clock import SetClock
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import OperationKind, Step, begin, durable_operations
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore

KIND = "test:Wait"


class Place:
    def __init__(self, act, **kind) -> None:
        self.clock = SetClock()
        self.database = Database(MemoryStore())
        world = World(self.database, self.clock, Ids(1), gateway=None)
        steps = (Step("wait", act=act),)
        self.manager = ControllerManager(world, controllers_of(OperationKind(KIND, "waits", steps, **kind)))

    def begin(self, *ids: str) -> None:
        with self.database.transaction() as tx:
            for id in ids:
                begin(
                    tx,
                    KIND,
                    account=id[0],
                    id=id,
                    subject=id,
                    details={},
                    at=self.clock.now(),
                    delay_seconds=0,
                )

    def operation(self, id: str):
        with self.database.transaction() as tx:
            return durable_operations.get(tx, id[0], KIND, id)


def test_a_step_that_hangs_is_cancelled_tried_again_and_given_up():
    cancelled = []

    async def hang(operation, world):
        if operation.id == "bad":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.append(operation.attempts)
                raise

    place = Place(hang, step_seconds=0.02, attempts=3)
    place.begin("bad", "good")
    for _ in range(4):
        place.manager.settle()
        place.clock.advance(60)
    assert [0, 1, 2] == cancelled
    assert ("FAILED", "It took too long.") == (place.operation("bad").state, place.operation("bad").error)
    assert "SUCCEEDED" == place.operation("good").state


def test_a_flood_of_work_holds_the_loop_for_moments_only():
    async def quick(operation, world):
        await asyncio.sleep(0)

    place = Place(quick)
    place.begin(*(f"{'ab'[number % 2]}{number}" for number in range(1000)))

    async def with_a_heart() -> float:
        longest, running = 0.0, asyncio.create_task(place.manager.drain())
        # What others take of the processor is not its own.
        last = time.thread_time()
        while not running.done():
            await asyncio.sleep(0)
            longest, last = max(longest, time.thread_time() - last), time.thread_time()
        assert 1000 == running.result()
        return longest

    assert asyncio.run(with_a_heart()) < 0.25
