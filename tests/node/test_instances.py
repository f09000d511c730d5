"""Instances of services run, are asked to end, and are started again, as this user and as an unprivileged one."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from instances import SERVER, instance, network, output_of, statuses, until, until_healthy, want

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


def test_with_its_first_process_ends_all_that_it_started(running):
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


def test_what_it_writes_is_told_line_by_line_and_last_with_why_it_ended(running):
    running.want(network("web"))
    want(
        running,
        instance("web", "/bin/sh", "-c", "echo to output; echo to errors >&2; printf 'no end'; exit 1"),
    )
    status = until(running, "web", lambda status: status.state == "ended")
    assert "It said last: to output / to errors / no end. It is started" in status.reason
    lines = output_of(running, 2)
    assert [(each.stream, each.text) for each in lines[:2]] == [
        ("instance/web", "to output"),
        ("instance/web", "to errors"),
    ]
    # The line without an end is one when the next start writes behind it.
    assert [each.text for each in output_of(running, 4)[2:4]] == ["no end", "to output"]


def test_what_is_written_while_no_node_runs_is_told_by_the_next(running):
    code = "import itertools, time; [(print(at, flush=True), time.sleep(0.01)) for at in itertools.count()]"
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", code))
    told = output_of(running, 3)
    running.kill()
    time.sleep(0.3)
    running.start_again()
    again = output_of(running, len(told) + 20)
    assert [each.text for each in again[: len(told) + 20]] == [str(at) for at in range(len(told) + 20)]


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
