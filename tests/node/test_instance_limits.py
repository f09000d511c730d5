"""Instances are held to their memory, processors, processes and files, where the system lets this user do that."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from instances import instance, network, output_of, statuses, until, want

from understudy_aws.dataplane.messages import GetInstances
from understudy_aws.dataplane.runtime.control_groups import ControlGroups, Tree, remove, trees

PYTHON = "/usr/bin/python3"
needs_bubblewrap = pytest.mark.skipif(
    not (shutil.which("bwrap") and Path(PYTHON).exists()), reason=f"bubblewrap or {PYTHON} is not installed"
)


@pytest.fixture
def limited(running):
    """A node that makes control groups."""
    running.want(network("web"))
    limits = running.client.ask(GetInstances()).limits
    if any("as a whole" in each for each in limits):
        pytest.skip(limits[0])
    return running


@needs_bubblewrap
def test_what_can_not_be_limited_is_said_with_the_remedy(running):
    limits = running.client.ask(GetInstances()).limits
    assert all(each.endswith("or as root.") for each in limits if "as a whole" in each)


@needs_bubblewrap
def test_a_program_that_takes_all_memory_is_ended_alone_and_the_reason_is_told(limited):
    code = "import time; kept = []\nwhile True: kept.append(bytearray(1 << 20))"
    want(limited, instance("web", PYTHON, "-c", code, memory=64))
    status = until(limited, "web", lambda status: status.state == "ended")
    assert "all memory of the instance was taken" in status.reason


@needs_bubblewrap
def test_a_fork_bomb_stays_inside_its_instance(limited):
    code = (
        "import os, time, errno\n"
        "made = 0\n"
        "try:\n"
        "  while made < 5000:\n"
        "    if os.fork() == 0: time.sleep(600)\n"
        "    made += 1\n"
        "except OSError as error: print(errno.errorcode[error.errno], made, flush=True)\n"
        "time.sleep(600)"
    )
    want(limited, instance("web", PYTHON, "-c", code))
    error, made = output_of(limited, 1)[0].text.split()
    assert (error, 900 < int(made) < 1024) == ("EAGAIN", True)
    pid = statuses(limited)["web"].pid
    want(limited)
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


@needs_bubblewrap
def test_a_program_gets_no_more_of_a_processor_than_it_should(limited):
    code = (
        "import time; begun = time.monotonic()\n"
        "while time.monotonic() - begun < 1.5: pass\n"
        "print(time.process_time(), flush=True); time.sleep(600)"
    )
    want(limited, instance("web", PYTHON, "-c", code, cpu=256))
    # A quarter, with the pieces that the kernel gives at once and what starting took.
    assert float(output_of(limited, 1)[0].text) < 0.75


@needs_bubblewrap
def test_files_of_an_instance_have_a_bound_and_end_with_it(running):
    code = (
        "import os, errno\n"
        "for place in ('/tmp', '/home/app', '/run', '/dev/shm', '/var/tmp'):\n"
        "  found = os.statvfs(place); print(place, found.f_blocks * found.f_frsize, flush=True)\n"
        "print(sorted(os.listdir('/tmp')), flush=True); open('/tmp/left', 'w').close()"
    )
    running.want(network("web"))
    want(running, instance("web", PYTHON, "-c", code))
    lines = [each.text for each in output_of(running, 12)]
    assert {each.split()[1] for each in lines[:5]} == {str(3 * 1024**3)}
    # The next start does not find what the first has left.
    assert lines[5] == lines[11] == "[]"


MOUNTS_1 = """
20 1 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw
21 20 0:21 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
22 20 0:22 /a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
23 20 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
""".strip()


def test_groups_of_the_first_version_are_made_below_the_own_one():
    """cgroups(7): of version 1, each kind has a hierarchy; what is mounted may begin below its root."""
    own = "3:memory:/a/b\n2:cpu,cpuacct:/c\n0::/d\n"
    assert list(trees(MOUNTS_1, own)) == [
        Tree(Path("/sys/fs/cgroup/cpu,cpuacct/c"), ("cpu",), 1),
        Tree(Path("/sys/fs/cgroup/memory/b"), ("memory",), 1),
    ]


def test_groups_of_the_second_version_are_made_beside_the_own_one(tmp_path):
    """cgroups(7): a group with processes can't hand kinds on ("no internal processes"), but the one above it can."""
    above = tmp_path / "user.slice"
    (above / "session.scope").mkdir(parents=True)
    (above / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (above / "cgroup.subtree_control").write_text("")
    mounts = f"30 1 0:30 / {tmp_path} rw - cgroup2 cgroup2 rw"
    groups = ControlGroups(tmp_path, mounts=mounts, own="0::/user.slice/session.scope\n")
    assert (groups.limits, groups.kinds) == ((), {"memory", "cpu", "pids"})
    assert (above / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    (made,) = groups.make("i-1", cpu=512, memory=1024)
    assert Path(made).parent.parent == above
    written = {each.name: each.read_text() for each in Path(made).iterdir()}
    assert written["memory.max"] == str(1024**3)
    assert written["cpu.max"] == "50000 100000"


def test_where_no_group_can_be_made_the_reason_is_told(tmp_path):
    mounts = f"30 1 0:30 / {tmp_path / 'none'} rw - cgroup2 cgroup2 rw"
    assert (
        ControlGroups(tmp_path, mounts=mounts, own="0::/\n")
        .limits[0]
        .startswith(
            "Instances are not held to their memory, processors, number of processes as a whole (no control groups"
        )
    )
    assert ControlGroups(tmp_path, mounts=mounts, own="0::/\n").make("i-1", cpu=512, memory=1024) == ()


def test_groups_that_are_gone_already_are_no_error(tmp_path):
    remove((str(tmp_path / "none"),))
