"""The process that forks tasks and starts of instances: one that was killed is replaced, and it ends with its node."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from instances import instance, network, output_of, until, want
from nodes import children_of
from repositories import commit, git
from tasks import build, fetch, reason_of, result_of

from understudy_aws.dataplane.messages import Done, ForgetTask, GetStatus, KeepArtifacts, StartTask
from understudy_aws.dataplane.processes import start_of

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None or shutil.which("git") is None, reason="bubblewrap or git is not installed"
)


@pytest.fixture
def code():
    """A repository that every user may read, as none below pytest's own directories need be."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    commit(place / "code", {"app.py": "pass\n"})
    yield place / "code"
    shutil.rmtree(place)


def test_one_that_was_killed_is_replaced(running, code):
    assert result_of(running, "1", fetch(code)).commit
    killed = fork_server_of(running)
    os.kill(killed, signal.SIGKILL)
    until_ended(killed)
    assert result_of(running, "2", fetch(code)).commit
    running.want(network("web"))
    want(running, instance("web", "/bin/sh", "-c", "sleep 600"))
    until(running, "web", lambda status: status.pid)
    assert fork_server_of(running) != killed
    another = fork_server_of(running)
    os.kill(another, signal.SIGKILL)
    until_ended(another)
    assert result_of(running, "3", fetch(code)).commit


def test_it_ends_with_its_node(running, code):
    """What it has forked for a task does too: nobody hears that any more."""
    known = result_of(running, "1", fetch(code)).commit
    running.client.ask(StartTask("2", build(code, known, "sleep 600")))
    server, tasks = fork_server_of(running), []
    end = time.monotonic() + 20
    while not tasks:
        assert time.monotonic() < end
        tasks = [int(each) for each in children_of(server)]
        time.sleep(0.02)
    status = running.client.ask(GetStatus())
    os.kill(status.pid, signal.SIGKILL)
    try:
        for each in (server, *tasks):
            until_ended(each)
    finally:
        # No node is left that would end it.
        os.kill(status.holder, signal.SIGKILL)


def test_it_is_told_how_a_task_ended_that_was_killed(running, code):
    known = result_of(running, "1", fetch(code)).commit
    running.client.ask(StartTask("2", build(code, known, "sleep 600")))
    end = time.monotonic() + 20
    while not children_of(fork_server_of(running)):
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(int(children_of(fork_server_of(running))[0]), signal.SIGKILL)
    assert reason_of(running, "2", build(code, known, "sleep 600")) == "The task's process ended with -9."


def test_nothing_is_left_of_what_it_has_forked(running, code):
    """Neither children nobody has waited for, nor descriptors: there and at the node."""
    for number in range(3):
        result_of(running, f"{number}", fetch(code))
    server, node = fork_server_of(running), running.client.ask(GetStatus()).pid
    before = [descriptors_of(each) for each in (server, node)]
    for number in range(3, 12):
        result_of(running, f"{number}", fetch(code))
    end = time.monotonic() + 10
    while children_of(server) or [descriptors_of(each) for each in (server, node)] > before:
        assert time.monotonic() < end, (children_of(server), before)
        time.sleep(0.02)


def test_many_at_once_leave_each_other_alone(running, code):
    """Descriptors of the node's are not closed for one another, nor the place taken away where one of them works."""
    ids = [f"web-{number}" for number in range(8)]
    running.want(network(*ids))
    want(running, *(instance(id, "/bin/sh", "-c", "sleep 600") for id in ids))
    tasks = [f"{number}" for number in range(60)]
    for id in tasks:
        running.client.ask(StartTask(id, fetch(code)))
    assert {result_of(running, id, fetch(code)).commit for id in tasks} == {git(code, "rev-parse", "HEAD")}
    # What could not be started at first would have been started again.
    assert {until(running, id, lambda status: status.pid).starts for id in ids} == {1}


def test_an_instance_may_open_as_many_files_as_the_node(running):
    running.want(network("web"))
    want(running, instance("web", "/bin/sh", "-c", "ulimit -n; sleep 600"))
    until(running, "web", lambda status: status.pid)
    lines = Path(f"/proc/{running.client.ask(GetStatus()).pid}/limits").read_text().splitlines()
    most = next(line.split()[3] for line in lines if line.startswith("Max open files"))
    assert output_of(running, 1)[0].text == most


def test_what_is_unneeded_is_deleted_while_instances_run(running, code):
    """An instance without a source tree, or without an image, needs none by the name of nothing."""
    known = result_of(running, "1", fetch(code)).commit
    source = result_of(running, "2", build(code, known, "true")).source
    running.want(network("web"))
    want(running, instance("web", "/bin/sh", "-c", "sleep 600"))
    until(running, "web", lambda status: status.pid)
    for each in ("1", "2"):
        running.client.ask(ForgetTask(each))
    assert running.client.ask(KeepArtifacts((), ())) == Done()
    assert not (running.directory / "sources" / source).exists()


def fork_server_of(running) -> int:
    """The child of the node that came last: the others it has forked before, or are nobody's by now."""
    return int(children_of(running.client.ask(GetStatus()).pid)[-1])


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def until_ended(pid: int) -> None:
    end = time.monotonic() + 20
    while start_of(pid):
        assert time.monotonic() < end, f"{pid} goes on"
        time.sleep(0.02)
