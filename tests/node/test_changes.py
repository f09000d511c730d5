"""What changes of tasks and instances is told as it happens, to who waits for it."""

from __future__ import annotations

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import SERVER, instance, network, until, want

from understudy_aws.dataplane.messages import AwaitChanges, Changes, StartTask
from understudy_aws.dataplane.tasks import FetchSource
from understudy_aws.node.changes import ChangeLog

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
PYTHON = "/usr/bin/python3"


class Waiter:
    """Hears of changes; begins with what there is."""

    def __init__(self, running) -> None:
        self.connection = running.connect()
        self.known = self.connection.ask(AwaitChanges())
        assert (self.known.all, self.known.ids) == (True, ())

    def next(self, seconds: float = 20.0) -> Changes:
        self.known = self.connection.ask(AwaitChanges(self.known.node, self.known.last, seconds))
        return self.known

    def hears_of(self, id: str) -> bool:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if id in self.next(end - time.monotonic()).ids:
                return True
        return False


@pytest.fixture
def waiter(running):
    made = Waiter(running)
    yield made
    made.connection.close()


def test_a_task_that_ends_is_told_of(running, waiter):
    running.client.ask(StartTask("1-fetch", FetchSource(url="file:///nonexistent", branch="main")))
    assert waiter.hears_of("1-fetch")


def test_an_instance_is_told_of_when_it_is_healthy_when_it_ends_and_when_it_is_gone(running, waiter):
    running.want(network("web", "bad"))
    want(running, instance("web", PYTHON, "-c", SERVER))
    assert waiter.hears_of("web")
    assert until(running, "web", lambda status: True).state == "healthy", "it was told of when it was"
    want(running, instance("web", PYTHON, "-c", SERVER), instance("bad", "/bin/sh", "-c", "exit 3"))
    assert waiter.hears_of("bad")
    assert until(running, "bad", lambda status: True).state == "ended"
    want(running)
    assert waiter.hears_of("web")


def test_where_nothing_changes_that_is_said_in_time_and_others_are_answered_meanwhile(running, waiter):
    began = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(waiter.next, 1.0)
        for _ in range(3):
            assert running.status().converged
        assert not waits.done()
        assert (waits.result().ids, waits.result().all) == ((), False)
    assert 1.0 <= time.monotonic() - began < 10


def test_who_asks_a_node_for_changes_of_another_is_told_that_all_may_have_changed(waiter):
    assert waiter.connection.ask(AwaitChanges("another", waiter.known.last)).all
    assert waiter.connection.ask(AwaitChanges(waiter.known.node, waiter.known.last + 1)).all


@given(
    st.lists(st.one_of(st.lists(st.sampled_from("abc"), max_size=3), st.integers(0, 3)), max_size=40),
    st.integers(1, 3),
)
def test_no_change_is_missed_whenever_it_happens_and_whoever_asks(turns, askers):
    """Changes fall before a question, while it waits, after its answer and before the next one."""

    async def heard_of() -> None:
        log = ChangeLog()
        answer = log.answers[AwaitChanges]
        heard: list[list[str]] = [[] for _ in range(askers)]
        noted: list[str] = []

        async def hear(mine: list[str]) -> None:
            known = await answer(AwaitChanges())
            while True:
                known = await answer(AwaitChanges(known.node, known.last, 60.0))
                assert not known.all
                mine += known.ids
                for _ in range(len(mine) % 3):
                    await asyncio.sleep(0)

        tasks = [asyncio.create_task(hear(mine)) for mine in heard]
        await asyncio.sleep(0)
        for turn in turns:
            if isinstance(turn, int):
                for _ in range(turn):
                    await asyncio.sleep(0)
            else:
                for each in turn:
                    noted.append(f"{each}{len(noted)}")
                    log.note(noted[-1])
        for _ in range(3 * len(noted) + 10):
            await asyncio.sleep(0)
        for task in tasks:
            assert not task.done()
            task.cancel()
        assert heard == [noted] * askers

    asyncio.run(heard_of())
