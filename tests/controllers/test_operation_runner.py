"""Durable operations: step by step, each noted with what it did, resumed after a crash, undone when they fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from crash_points import WatchedStore

from understudy_aws.controllers.controller_manager import ControllerManager
from understudy_aws.controllers.operation_runner import controllers_of
from understudy_aws.core.clock import SetClock
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import (
    NotYetError,
    OperationKind,
    Step,
    StepFailedError,
    begin,
    durable_operations,
    under_way,
)
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.tables import Record, Table

KIND = "test:CreateService"
STEPS = ("reserve", "make interface", "start", "announce")


class Service(Record, frozen=True, kw_only=True):
    name: str
    interface: str = ""
    announced: bool = False
    ended: str = ""


services = Table("service", Service, key=lambda service: (service.name,))


class Machine:
    """What a node would do: makes interfaces and starts workloads, each safe to be asked for twice.

    `fails` says what a step meets: an exception to raise instead, once or always.
    """

    def __init__(self) -> None:
        self.interfaces: set[str] = set()
        self.running: set[str] = set()
        self.asked: list[str] = []
        self.fails: dict[str, list[Exception]] = {}
        self.acted = lambda: None

    def outside(self):
        return self.interfaces, self.running

    async def do(self, what: str, change) -> None:
        await asyncio.sleep(0)
        self.asked.append(what)
        self.meet(what)
        change()
        self.acted()
        self.meet(f"after {what}")

    def meet(self, what: str) -> None:
        if self.fails.get(what):
            raise self.fails[what].pop(0)

    # The steps.

    def reserve(self, tx, operation, world, result):
        self.meet("reserve")
        services.put(tx, Service(name=operation.subject))

    def release(self, tx, operation, world, result):
        service = services.get(tx, operation.subject)
        if service is not None:
            services.delete(tx, service)

    async def make(self, operation, world):
        await self.do("make interface", lambda: self.interfaces.add(f"eni-{operation.subject}"))
        return f"eni-{operation.subject}"

    def made(self, tx, operation, world, interface):
        services.put(tx, Service(name=operation.subject, interface=interface))
        return {"interface": interface}

    async def unmake(self, operation, world):
        await self.do("delete interface", lambda: self.interfaces.discard(f"eni-{operation.subject}"))

    async def start(self, operation, world):
        assert operation.details["interface"] in self.interfaces
        await self.do("start", lambda: self.running.add(operation.subject))

    async def stop(self, operation, world):
        await self.do("stop", lambda: self.running.discard(operation.subject))

    def announce(self, tx, operation, world, result):
        self.meet("announce")
        service = services.get(tx, operation.subject)
        services.put(tx, Service(name=service.name, interface=service.interface, announced=True))

    def kind(self, **more) -> OperationKind:
        steps = (
            Step("reserve", record=self.reserve, undo_record=self.release),
            Step("make interface", act=self.make, record=self.made, undo_act=self.unmake),
            Step("start", act=self.start, undo_act=self.stop),
            Step("announce", record=self.announce),
        )
        return OperationKind(KIND, "creations", steps, **more)


class Place:
    """A machine, a store and the manager over both."""

    def __init__(self, store: MemoryStore | None = None, machine: Machine | None = None, **kind) -> None:
        self.machine = machine or Machine()
        self.store = store if store is not None else MemoryStore()
        self.clock = SetClock()
        self.database = Database(self.store, retry_seconds=0)
        self.world = World(self.database, self.clock, Ids(1), gateway=None)
        self.manager = ControllerManager(self.world, controllers_of(self.machine.kind(**kind)))

    def begin(self, id: str = "one", delay: float = 0.0) -> None:
        with self.database.transaction() as tx:
            begin(
                tx,
                KIND,
                account="a",
                id=id,
                subject="web",
                details={"asked": "this"},
                at=self.clock.now(),
                delay_seconds=delay,
            )
        self.database.flush()

    def operation(self, id: str = "one"):
        with self.database.transaction() as tx:
            return durable_operations.get(tx, "a", KIND, id)

    def service(self) -> Service | None:
        with self.database.transaction() as tx:
            return services.get(tx, "web")

    def settle_with_time(self) -> None:
        """Settle, and let back-offs pass, until the operation has ended."""
        for _ in range(200):
            self.manager.settle()
            if self.operation().ended is not None:
                return
            self.clock.advance(60)
        raise AssertionError(self.operation())


def test_the_steps_are_done_in_order_and_what_they_found_is_kept():
    place = Place()
    place.begin()
    assert "PENDING" == place.operation().state
    place.manager.settle()
    operation = place.operation()
    assert ("SUCCEEDED", "", 0) == (operation.state, operation.error, operation.attempts)
    assert {"asked": "this", "interface": "eni-web"} == operation.details
    assert Service(name="web", interface="eni-web", announced=True) == place.service()
    assert ["make interface", "start"] == place.machine.asked
    assert operation.accepted <= operation.started <= operation.ended


def test_it_begins_when_its_time_has_come():
    place = Place()
    place.begin(delay=30)
    place.manager.settle()
    assert ("PENDING", None) == (place.operation().state, place.operation().started)
    place.clock.advance(30)
    place.manager.settle()
    assert "SUCCEEDED" == place.operation().state


def test_after_the_clock_went_back_it_waits_no_longer_than_it_would_have():
    """A task accepted just before waited for the old time to come again."""
    place = Place()
    place.begin(delay=30)
    place.clock.advance(-7200)
    place.manager.settle()
    place.clock.advance(29)
    place.manager.settle()
    assert "PENDING" == place.operation().state
    place.clock.advance(1)
    place.manager.settle()
    assert "SUCCEEDED" == place.operation().state


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_for_a_while_is_tried_again_where_it_was(step):
    place = Place()
    place.machine.fails[step] = [RuntimeError("driver is away") for _ in range(3)]
    place.begin()
    place.manager.settle()
    waiting = place.operation()
    assert ("RUNNING", step, 1) == (waiting.state, waiting.step, waiting.attempts)
    assert ("RuntimeError: driver is away", "") == (waiting.last_error, waiting.error)
    (failing,) = place.manager.status()[0].failing
    assert (("a", KIND, "one"), 1) == (failing.key, failing.attempts)
    for seconds, attempts in ((0.5, 1), (0.5, 2), (1.9, 2), (0.1, 3), (3.9, 3)):
        place.clock.advance(seconds)
        place.manager.settle()
        assert attempts == place.operation().attempts
    place.clock.advance(0.1)
    place.manager.settle()
    assert ("SUCCEEDED", "") == (place.operation().state, place.operation().last_error)
    assert () == place.manager.status()[0].failing


@pytest.mark.parametrize("step", [*STEPS, "after make interface", "after start"])
def test_a_step_that_cannot_succeed_has_all_undone(step):
    place = Place()
    place.machine.fails[step] = [StepFailedError("NoCapacity", "There is no room.", {"found": "nothing"})]
    place.begin()
    place.manager.settle()
    operation = place.operation()
    assert ("FAILED", "NoCapacity", "There is no room.") == (
        operation.state,
        operation.error_code,
        operation.error,
    )
    assert "nothing" == operation.details["found"]
    assert None is place.service()
    assert (set(), set()) == place.machine.outside()


@pytest.mark.parametrize("step", [*STEPS, "after make interface", "after start"])
def test_a_step_that_never_succeeds_is_given_up_and_all_undone(step):
    """A step may have done its work, or a part, before it fails."""
    place = Place(attempts=4)
    place.machine.fails[step] = [RuntimeError("driver is away") for _ in range(99)]
    place.begin()
    place.settle_with_time()
    assert 95 == len(place.machine.fails[step])
    operation = place.operation()
    assert ("FAILED", "InternalFailure", "RuntimeError: driver is away") == (
        operation.state,
        operation.error_code,
        operation.error,
    )
    assert None is place.service()
    assert (set(), set()) == place.machine.outside()


def test_each_step_has_all_its_attempts():
    place = Place(attempts=4)
    place.machine.fails = {step: [RuntimeError("away")] * 3 for step in STEPS}
    place.begin()
    place.settle_with_time()
    assert "SUCCEEDED" == place.operation().state


def test_an_undo_that_fails_for_a_while_is_tried_again():
    place = Place()
    place.machine.fails = {
        "announce": [StepFailedError("No", "no")],
        "stop": [RuntimeError("away"), NotYetError("draining", seconds=2)],
    }
    place.begin()
    place.manager.settle()
    assert ("UNDOING", "start", "RuntimeError: away", "no") == (
        place.operation().state,
        place.operation().step,
        place.operation().last_error,
        place.operation().error,
    )
    place.settle_with_time()
    assert ("FAILED", "no") == (place.operation().state, place.operation().error)
    assert (set(), set()) == place.machine.outside()


def test_an_undo_that_never_succeeds_says_so():
    place = Place(attempts=2)
    place.machine.fails = {
        "announce": [StepFailedError("No", "no")],
        "delete interface": [RuntimeError("away")] * 2,
    }
    place.begin()
    place.settle_with_time()
    operation = place.operation()
    assert ("UNDO_FAILED", "make interface", "RuntimeError: away", "no") == (
        operation.state,
        operation.step,
        operation.last_error,
        operation.error,
    )


def test_to_wait_is_no_failure():
    place = Place()
    place.machine.fails["start"] = [NotYetError("the image is on its way", seconds=20)] * 30
    place.begin()
    place.manager.settle()
    waiting = place.operation()
    assert (0, "the image is on its way") == (waiting.attempts, waiting.last_error)
    assert place.clock.now() + timedelta(seconds=20) == waiting.next_try
    assert () == place.manager.status()[0].failing
    place.settle_with_time()
    assert "SUCCEEDED" == place.operation().state


def test_an_operation_that_a_reset_took_away_is_no_failure():
    place = Place()

    async def reset(operation, world):
        with place.database.transaction() as tx:
            tx.clear()

    place.machine.make = reset
    place.manager = ControllerManager(place.world, controllers_of(place.machine.kind()))
    place.begin()
    place.manager.settle()
    assert None is place.operation()
    assert () == place.manager.status()[0].failing


def test_one_under_way_is_found_by_its_subject_and_an_ended_is_not():
    place = Place()
    place.begin()
    with place.database.transaction() as tx:
        assert "one" == under_way(tx, KIND, "web").id
        assert None is under_way(tx, KIND, "other")
    place.manager.settle()
    with place.database.transaction() as tx:
        assert None is under_way(tx, KIND, "web")


def test_ended_operations_are_forgotten_by_age_and_by_number():
    place = Place(kept_for=timedelta(days=10), most_kept=3)
    for number in range(5):
        place.begin(str(number))
        place.manager.settle()
        place.clock.advance(1)
    place.manager.settle()
    assert [None, None, "2", "3", "4"] == [
        found and found.id for found in map(place.operation, map(str, range(5)))
    ]
    place.clock.advance(10 * 86400)
    place.manager.settle()
    assert [None] * 5 == [place.operation(str(number)) for number in range(5)]


def the_fates():
    """No failure, and each step failing for good: what must be true in the end, whenever the process was killed."""
    yield None, "SUCCEEDED"
    for step in (*STEPS, "after make interface", "after start"):
        yield step, "FAILED"


@pytest.mark.parametrize(("fails", "state"), list(the_fates()))
def test_killed_between_any_two_writes_or_just_after_a_driver_it_ends_as_if_nothing_had_happened(
    fails, state
):
    machine = Machine()
    store = WatchedStore(machine.outside)
    machine.acted = store.mark
    place = Place(store, machine)

    def failing(of: Machine) -> Machine:
        # Whatever makes the step fail is still there after a restart.
        of.fails = {fails: [StepFailedError("No", "no") for _ in range(9)]} if fails else {}
        return of

    failing(machine)
    place.begin()
    accepted = len(store.crash_points) - 1
    place.manager.settle()
    assert state == place.operation().state
    points = store.crash_points[accepted:]
    assert len(points) >= 4
    for left, (interfaces, running) in points:
        after = failing(Machine())
        after.interfaces, after.running = interfaces, running
        again = Place(left, after)
        again.manager.settle()
        assert state == again.operation().state
        assert place.service() == again.service()
        assert machine.outside() == after.outside()


class FailsAt(MemoryStore):
    """A store that refuses one write, the n-th from when it is told."""

    at = -1

    def write(self, *args, **more):
        self.at -= 1
        if self.at == 0:
            raise OSError(28, "No space left on device")
        super().write(*args, **more)


@pytest.mark.parametrize("write", range(1, 8))
def test_a_write_that_fails_at_any_step_is_made_up_for(write, caplog):
    store = FailsAt()
    place = Place(store)
    place.begin()
    store.at = write
    for _ in range(20):
        place.manager.settle()
        if place.operation().ended is not None:
            break
        place.clock.advance(60)
    # However the write ended, what is told is what the store holds.
    told, kept = place.operation(), Place(store).operation()
    assert told == kept
    assert "SUCCEEDED" == told.state
    assert (
        place.service() == Place(store).service() == Service(name="web", interface="eni-web", announced=True)
    )
    assert ({"eni-web"}, {"web"}) == place.machine.outside()
