"""Instances of services run, are asked to end, and are started again, as this user and as an unprivileged one."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from instances import SERVER, instance, network, statuses, until, until_healthy, want

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.process_trees import tree_of

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

PYTHON = "/usr/bin/python3"
if not Path(PYTHON).exists():
    pytest.skip(f"there is no {PYTHON}", allow_module_level=True)


def test_an_instance_runs_once_its_interface_is_there(running):
    want(running, instance("web", PYTHON, "-c", SERVER))
    assert statuses(running)["web"].state == "waiting"
    running.want(network("web"))
    status = until_healthy(running, "web")
    assert (status.starts, start_of(status.pid) != "", status.memory > 0) == (1, True, True)


def test_it_is_reached_at_its_interface_with_its_environment(running):
    running.want(network("web", "other"))
    want(running, instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "hello, world", "PORT": "1"}))
    until_healthy(running, "web")
    code = "import urllib.request as u; print(u.urlopen('http://10.0.1.10:8080/').read().decode())"
    # The group lets nobody in: it is reached from the interface itself alone.
    assert running.run("eni-web", PYTHON, "-c", code).stdout == "hello, world\n"


def test_one_that_should_run_no_more_is_asked_to_end_and_leaves_nothing(running, tmp_path):
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", SERVER))
    pid = until_healthy(running, "web").pid
    want(running)
    _until_ended(pid)
    assert statuses(running) == {}


def test_one_that_ignores_the_signal_is_killed_with_all_that_it_started(running):
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); os.setsid();"
        "time.sleep(600)"
    )
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", code))
    pid = until(running, "web", lambda status: status.pid).pid
    # The namespace's processes are killed with its first one.
    members = _members(pid, 3)
    os.kill(pid, signal.SIGKILL)
    for each in members:
        _until_ended(each)


def test_one_that_ends_is_started_again_ever_later_and_says_why(running):
    running.want(network("web"))
    want(running, instance("web", "/bin/sh", "-c", "exit 3"))
    status = until(running, "web", lambda status: status.state == "ended" and status.starts >= 2)
    assert status.exit_status == 3
    assert status.reason.startswith("It ended with status 3.")
    # The third start comes two seconds after the second.
    time.sleep(0.5)
    assert statuses(running)["web"].starts == 2


def test_a_signal_that_ended_it_is_told(running):
    running.want(network("web"))
    want(running, instance("web", "/bin/sh", "-c", "kill -9 $$"))
    status = until(running, "web", lambda status: status.state == "ended")
    assert (status.exit_status, "signal 9" in status.reason) == (-9, True)


def test_another_node_goes_on_with_what_runs(running):
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", SERVER))
    before = until_healthy(running, "web")
    running.kill()
    assert start_of(before.pid) != ""
    running.start_again()
    after = until_healthy(running, "web")
    assert (after.pid, after.starts) == (before.pid, 1)


def test_all_is_gone_with_the_holder(running):
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", SERVER))
    members = _members(until_healthy(running, "web").pid, 3)
    os.kill(running.status().holder, signal.SIGKILL)
    for each in members:
        _until_ended(each)


def _members(pid: int, least: int) -> list[int]:
    until = time.monotonic() + 10
    while len(found := list(tree_of(pid))) < least:
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


def _until_ended(pid: int) -> None:
    until = time.monotonic() + 10
    while start_of(pid):
        assert time.monotonic() < until
        time.sleep(0.02)
