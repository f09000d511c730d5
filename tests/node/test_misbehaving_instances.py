"""Instances that crash, multiply, take all memory, do not end or write without end: others go on, and it is said."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from instances import SERVER, instance, network, output_of, statuses, until, until_healthy, want
from nodes import node, refusal_for

from understudy_aws.dataplane.messages import GetInstances, Refused, WantServices
from understudy_aws.dataplane.runtime.process_trees import tree_of
from understudy_aws.dataplane.wanted_services import Services

PYTHON = "/usr/bin/python3"
pytestmark = pytest.mark.skipif(
    not (shutil.which("bwrap") and Path(PYTHON).exists()), reason=f"bubblewrap or {PYTHON} is not installed"
)
NEIGHBOUR = instance("web", PYTHON, "-c", SERVER)


@pytest.fixture
def beside(running):
    """A node with an instance that behaves well, and a place for one that does not; answers its process."""
    running.want(network("web", "bad"))
    want(running, NEIGHBOUR)
    return running, until_healthy(running, "web").pid


def run_beside(running, *command: str, **more) -> None:
    want(running, NEIGHBOUR, instance("bad", *command, **more))


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ends(pid: int) -> None:
    """Wait for the end of a process, however long that takes."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        select.select([process], [], [])
        os.close(process)


def test_a_crash_loop_is_started_ever_later_and_keeps_no_processor_busy(beside):
    """App Runner tells that the application stopped, with its exit code (apprunner-services.md 5.6)."""
    running, pid = beside
    run_beside(running, "/bin/sh", "-c", "echo no database >&2; exit 3")
    said = []
    for pause in (1, 2, 4):
        status = until(
            running, "bad",
            lambda each, pause=pause: each.pause == pause,
        )  # fmt: skip
        said.append((status.state, status.exit_status, status.starts))
        assert status.reason == "It ended with status 3. It said last: no database."
    assert [(state, code) for state, code, _ in said] == [("ended", 3)] * 3
    before, made = processor_seconds(running.status().pid), said[-1][2]
    after = until(running, "bad", lambda each: each.starts > made)
    assert after.starts == made + 1
    # Four seconds have passed, in which it was asked fifty times a second.
    assert processor_seconds(running.status().pid) - before < 2
    assert until_healthy(running, "web").pid == pid


def test_a_memory_hog_ends_alone_with_the_reason_or_it_is_said_that_it_would_not(beside):
    running, pid = beside
    code = "kept = []\nwhile True: kept.append(b'x' * (1 << 20))"
    run_beside(running, PYTHON, "-c", code, memory=64)
    status = until(running, "bad", lambda each: each.state == "ended" and each.starts >= 2)
    limits = running.client.ask(GetInstances()).limits
    if any("memory" in each and "as a whole" in each for each in limits):
        # Each process alone is held to it then.
        assert "MemoryError" in status.reason
    else:
        assert "all memory of the instance was taken" in status.reason
    assert statuses(running)["web"].pid == pid
    until_healthy(running, "web")


def test_a_fork_bomb_takes_nothing_from_others_or_it_is_said_that_it_would(beside):
    running, pid = beside
    limits = running.client.ask(GetInstances()).limits
    if any("as a whole" in each for each in limits):
        assert any("number of processes" in each for each in limits)
        pytest.skip("it would take what this machine has")
    code = "import os\nwhile True:\n  try: os.fork()\n  except OSError: print('full', flush=True)"
    run_beside(running, PYTHON, "-c", code, cpu=256, memory=512)
    assert output_of(running, 20, "instance/bad")[0].text == "full"
    bomb = statuses(running)["bad"].pid
    assert len(list(tree_of(bomb))) <= 1024
    health = "import urllib.request as u; print(u.urlopen('http://10.0.1.10:8080/', timeout=60).status)"
    assert running.run("eni-web", PYTHON, "-c", health).stdout == "200\n"
    want(running, NEIGHBOUR)
    ends(bomb)
    assert until_healthy(running, "web").pid == pid


@pytest.mark.parametrize("running", ["this-user"], indirect=True)
def test_one_that_ignores_sigterm_is_killed_also_by_the_next_node(beside):
    running, pid = beside
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('deaf', flush=True))\n"
        "print('up', flush=True)\nwhile True: time.sleep(1)"
    )
    run_beside(running, PYTHON, "-c", code)
    assert output_of(running, 1, "instance/bad")[0].text == "up"
    deaf = statuses(running)["bad"].pid
    members = list(tree_of(deaf))
    want(running, NEIGHBOUR)
    assert output_of(running, 2, "instance/bad")[1].text == "deaf"
    running.kill()
    running.start_again()
    for each in (deaf, *members):
        ends(each)
    assert until_healthy(running, "web").pid == pid


@pytest.fixture
def full_disk():
    """A node on a small disk, and what fills that and empties it again."""
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    if refused := refusal_for(None):
        pytest.skip(refused)
    place = Path(tempfile.mkdtemp())
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this machine lets nobody mount")
    others = place / "others"

    def fill() -> None:
        with others.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(1 << 16))
                except OSError:
                    return

    try:
        with node(place / "node") as running:
            yield running, fill, others.unlink
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def test_on_a_full_disk_lines_are_lost_and_instances_go_on(full_disk):
    running, fill, empty = full_disk
    code = (
        "import itertools, sys, threading, time\n"
        "def write():\n"
        "  for number in itertools.count():\n"
        "    try: print(str(number) * 2000, flush=True)\n"
        "    except OSError: pass\n"
        "    time.sleep(0.01)\n"
        f"threading.Thread(target=write, daemon=True).start()\n{SERVER}"
    )
    running.want(network("web", "late"))
    web = instance("web", PYTHON, "-c", code)
    want(running, web)
    pid = until_healthy(running, "web").pid
    written = len(output_of(running, 1))
    fill()
    # More than a page of the file, which has room already.
    until(running, "web", lambda each: each.state == "healthy")
    late = Services(instances=(instance("late", PYTHON, "-c", SERVER), web))
    refused = running.client.ask(WantServices(late))
    assert isinstance(refused, Refused)
    assert "No space left on device" in refused.reason
    assert until_healthy(running, "web").pid == pid
    empty()
    want(running, *late.instances)
    until_healthy(running, "late")
    assert until_healthy(running, "web").pid == pid
    assert len(output_of(running, written + 1)) > written


def test_a_flood_of_lines_keeps_the_newest_and_counts_the_others(beside):
    """What nobody fetches takes a bounded place on the disk."""
    running, pid = beside
    code = "import sys\nfor number in range(120): sys.stdout.write('x' * 262000 + '\\n')\nprint('last', flush=True)\nimport time; time.sleep(600)"
    run_beside(running, PYTHON, "-c", code)
    lines = output_of(running, 1, "instance/bad")
    place = running.directory / "output" / "bad" / "output"
    assert lines
    until(running, "bad", lambda _: place.stat().st_size >= 120 * 262001)
    until(running, "bad", lambda _: place.stat().st_blocks * 512 <= 17 * 1024**2)
    assert until_healthy(running, "web").pid == pid
