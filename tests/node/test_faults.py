"""What goes wrong while an instance is started, and is no fault of its own.

A fault of ours is told, and the start is tried again after a pause; where the network has ended, it waits for another one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from drivers import with_namespaces
from instances import instance, network
from nodes import refusal_for

from understudy_aws.dataplane.linux.holder import find_holder
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWPID, setns
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.bubblewrap import Bubblewrap
from understudy_aws.dataplane.runtime.driver import Observed, Place, PlaceGoneError, Running, StartError
from understudy_aws.dataplane.runtime.fork_server import ForkServer
from understudy_aws.dataplane.runtime.planning import program_of
from understudy_aws.dataplane.wanted_services import HealthCheck, Instance, Services
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.health import Health
from understudy_aws.node.instances import Instances
from understudy_aws.node.spool import Spool

REFUSED = refusal_for(None) or ("" if shutil.which("bwrap") else "bubblewrap is not installed")


class Faulty:
    """A driver whose starts fail."""

    name, shares_network, obstacle, limits = "processes", True, "", ()

    def __init__(self, fault: Exception) -> None:
        self.starts, self._fault = 0, fault

    def observe(self):
        return {}

    def start(self, instance: Instance, place: Place, number: int):
        self.starts += 1
        raise self._fault

    def let_go(self) -> None: ...


class NoChecks:
    def begin(self, id: str, check: HealthCheck, endpoint: Endpoint) -> None: ...

    def end(self, id: str) -> None: ...

    def health(self, id: str) -> Health:
        raise AssertionError("nothing runs")

    def unanswered(self, id: str) -> tuple[tuple[str, int], ...]:
        raise AssertionError("nothing runs")


def test_a_fault_is_told_and_not_repeated_at_once(tmp_path):
    driver, faults = Faulty(TypeError("not what it should be")), []

    async def run():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: faults.append(context["exception"])
        )
        instances = Instances(tmp_path, driver, NoChecks(), lambda _: "", Spool(tmp_path))
        await instances.want(network("web"))
        await instances.want_services(Services(instances=(instance("web", "true"),)))
        async with asyncio.timeout(10):
            while instances.statuses()[0].state != "ended":
                await asyncio.sleep(0.005)
        # Without a pause there would be hundreds by then; the first pause is a second.
        await asyncio.sleep(0.3)
        [status] = instances.statuses()
        await instances.close()
        gc.collect()
        return status

    status = asyncio.run(run())
    assert driver.starts == 1
    assert status.reason.startswith("This node has failed: TypeError: not what it should be.")
    assert [type(each) for each in faults] == [TypeError], "where it came from is logged"


class SeenLate(Faulty):
    """A driver that tells of what runs as it was before the last start."""

    def __init__(self) -> None:
        super().__init__(AssertionError())
        self.begun: dict[str, Observed] = {}
        self.looks, self.may_start, self.started = threading.Event(), threading.Event(), threading.Event()

    def observe(self):
        seen = dict(self.begun)
        if self.starts == 1 and not self.started.is_set():
            self.looks.set()
            assert self.started.wait(10)
            # The start is noted before this is.
            time.sleep(0.1)
        return seen

    def start(self, instance: Instance, place: Place, number: int):
        self.starts += 1
        assert self.looks.wait(10)
        record = Running(
            id=instance.id, program=program_of(instance), pid=os.getpid(), started=start_of(os.getpid()), start=number,
            port=1, network=place.network,
        )  # fmt: skip
        self.begun[instance.id] = Observed(record=record, runs=True)
        self.started.set()
        return self.begun[instance.id]


class Begun(NoChecks):
    """Counts how often one is begun to be asked."""

    def __init__(self) -> None:
        self.times = 0

    def begin(self, id: str, check: HealthCheck, endpoint: Endpoint) -> None:
        self.times += 1

    def health(self, id: str) -> Health:
        return Health("healthy")

    def unanswered(self, id: str) -> tuple[tuple[str, int], ...]:
        return ()


def test_one_that_has_started_while_others_were_looked_at_is_not_taken_for_gone(tmp_path):
    """What was seen before its start says nothing of it: it is reached all the time, started once and asked on."""
    driver, checks = SeenLate(), Begun()

    async def run():
        instances = Instances(tmp_path, driver, checks, lambda _: "", Spool(tmp_path))
        await instances.want(network("web"))
        await instances.want_services(Services(instances=(instance("web", "true"),)))
        async with asyncio.timeout(10):
            while driver.starts == 0:
                await asyncio.sleep(0.005)
            # Something has the node look again while it starts.
            await instances.want_services(
                Services(instances=(instance("web", "true"), instance("other", "true")))
            )
            while checks.times == 0:
                await asyncio.sleep(0.005)
        reached = []
        for _ in range(100):
            reached.append(instances.endpoint("web") is not None)
            await asyncio.sleep(0.005)
        await instances.close()
        return reached

    reached = asyncio.run(run())
    assert (all(reached), driver.starts, checks.times) == (True, 1, 1)


def test_one_whose_network_ends_while_it_starts_waits_for_another(tmp_path):
    """The holder was killed: whoever deploys goes on waiting, and the instance does not count as one that failed."""
    driver = Faulty(PlaceGoneError("It could not be started."))

    async def run():
        instances = Instances(tmp_path, driver, NoChecks(), lambda _: "", Spool(tmp_path))
        await instances.want(network("web"))
        await instances.want_services(Services(instances=(instance("web", "true"),)))
        async with asyncio.timeout(10):
            while driver.starts == 0:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)
        [before] = instances.statuses()
        starts = driver.starts
        await instances.want(network("web"))
        async with asyncio.timeout(10):
            while driver.starts == starts:
                await asyncio.sleep(0.005)
        await instances.close()
        return before, starts

    before, starts = asyncio.run(run())
    assert (before.state, before.starts, starts) == ("waiting", 0, 1)


@pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "instances can run")
def test_a_start_that_fails_is_put_down_to_a_holder_that_ends():
    def test(namespaces: Path) -> None:
        holder = find_holder(namespaces.parent)
        driver = Bubblewrap(namespaces.parent, namespaces, holder.pid, ForkServer())
        place = Place(network="", address="10.0.1.10", resolver="", spool=str(namespaces.parent / "spool"))

        def fault() -> type[Exception]:
            # There is no namespace of its interface.
            with pytest.raises(StartError, match=r"It could not be started: .") as raised:
                driver.start(instance("web", "/bin/true"), place, 1)
            return raised.type

        assert fault() is StartError
        # The holder ends when all in its process namespace are gone, of which one waits for its parent, as launchers' do.
        setns(os.pidfd_open(holder.pid), CLONE_NEWPID)
        last = os.fork()
        if not last:
            signal.pause()
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, last, os.WEXITED | os.WNOWAIT)
        assert start_of(holder.pid)
        assert fault() is PlaceGoneError
        os.waitpid(last, 0)
        while start_of(holder.pid):
            time.sleep(0.01)
        assert fault() is PlaceGoneError

    with_namespaces(test)
