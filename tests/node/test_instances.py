"""Instances of services in networks of their own, beside what every driver does (tests/contracts/test_runtime_driver.py)."""

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
    assert (status.starts, start_of(status.pid) != "") == (1, True)


def test_it_is_reached_at_its_interface_with_its_environment(running):
    running.want(network("web", "other"))
    want(running, instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "hello, world", "PORT": "1"}))
    until_healthy(running, "web")
    code = "import urllib.request as u; print(u.urlopen('http://10.0.1.10:8080/').read().decode())"
    # The group lets nobody in: it is reached from the interface itself alone.
    assert running.run("eni-web", PYTHON, "-c", code).stdout == "hello, world\n"


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


def test_what_one_waits_for_is_told_also_when_it_has_ended(running):
    """The server says which rule keeps it from there, such as from its database."""
    code = (
        "import socket\n"
        "waiting = socket.socket(); waiting.setblocking(False); waiting.connect_ex(('10.0.1.200', 5432))\n"
        "both = socket.socket(socket.AF_INET6); both.settimeout(3); both.connect(('::ffff:10.0.1.201', 6379))"
    )
    running.want(network("one"))
    want(running, instance("one", PYTHON, "-c", code))
    waited = {("10.0.1.200", 5432), ("10.0.1.201", 6379)}
    runs = until(running, "one", lambda status: len(status.unanswered) == 2)
    # The kernel tells of both at once, in an order of its own.
    assert (runs.state, set(runs.unanswered)) == ("starting", waited)
    ended = until(running, "one", lambda status: status.state == "ended")
    assert ended.unanswered == runs.unanswered
