"""Instances are held to their memory, processors, processes and files, where the system lets this user do that."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from instances import instance, network, output_of, statuses, until, want

from understudy_aws.dataplane.messages import GetInstances
from understudy_aws.dataplane.runtime.control_groups import ControlGroups, Shown, Tree, remove, trees

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


READ_GROUPS = """
import os, time
def read(*places):
    for place in places:
        if os.path.exists(place):
            print(open(place).read().split()[0], flush=True)
G = "/sys/fs/cgroup/"
read(G + "memory.max", G + "memory/memory.limit_in_bytes")
read(G + "cpu.max", G + "cpu/cpu.cfs_quota_us")
read(G + "pids.max", G + "pids/pids.max")
time.sleep(600)
"""


@needs_bubblewrap
def test_a_program_reads_what_it_is_held_to_where_programs_look_for_it(limited):
    """As Node.js, the JVM and Go's automaxprocs do, by cgroups(7) and cgroup_namespaces(7)."""
    want(limited, instance("web", PYTHON, "-c", READ_GROUPS, memory=512, cpu=512))
    assert [each.text for each in output_of(limited, 3)] == [str(512 << 20), "50000", "1024"]


@needs_bubblewrap
@pytest.mark.skipif(not Path("/usr/bin/java").exists(), reason="there is no Java")
def test_java_sizes_itself_by_what_it_is_held_to(limited):
    want(limited, instance("web", "/usr/bin/java", "-Xlog:gc+init", "-version", memory=512, cpu=1024))
    told = " ".join(each.text for each in output_of(limited, 12))
    assert "1 available" in told
    assert "Memory: 512M" in told


def test_what_could_not_be_made_is_not_shown(tmp_path):
    mounts = f"30 1 0:30 / {tmp_path / 'none'} rw - cgroup2 cgroup2 rw"
    assert ControlGroups(tmp_path, mounts=mounts, own="0::/\n").shown(()) == Shown()


@pytest.mark.parametrize(
    ("mounts", "own", "seen", "links"),
    [
        ("30 1 0:30 / {0} rw - cgroup2 cgroup2 rw", "0::/a/b\n", {""}, ()),
        (
            "30 1 0:30 / {0}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 1 0:31 / {0} rw - cgroup2 cgroup2 rw",
            "2:cpu,cpuacct:/\n0::/a/b\n",
            {"/cpu,cpuacct", "/unified"},
            (("/sys/fs/cgroup/cpu", "cpu,cpuacct"), ("/sys/fs/cgroup/cpuacct", "cpu,cpuacct")),
        ),
        ("30 1 0:30 / {0}/memory rw - cgroup cgroup rw,memory", "2:memory:/\n", {"/memory"}, ()),
    ],
    ids=["second version", "both", "first version"],
)
def test_groups_are_shown_where_systems_mount_them(tmp_path, mounts, own, seen, links):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for each in (tmp_path, tmp_path / "a"):
        (each / "cgroup.controllers").write_text("memory pids\n")
        (each / "cgroup.subtree_control").write_text("")
    for each in ("memory", "cpu,cpuacct"):
        (tmp_path / each).mkdir()
    groups = ControlGroups(tmp_path / "a", mounts=mounts.format(tmp_path), own=own)
    made = groups.make("i-1", cpu=512, memory=1024)
    shown = groups.shown(made)
    assert {place.removeprefix("/sys/fs/cgroup") for place, _ in shown.directories} == seen
    assert {source for _, source in shown.directories} == set(made)
    assert shown.links == links


def test_a_group_that_takes_processes_only_with_processors_has_those_of_the_one_above(tmp_path):
    """cpuset(7): tasks can't be added to a cpuset without CPUs or memory nodes; a new one of version 1 has none."""
    for name, text in (("cpuset.cpus", "0-3\n"), ("cpuset.mems", "0\n")):
        (tmp_path / name).write_text(text)
    mounts = f"30 1 0:30 / {tmp_path} rw - cgroup cgroup rw,cpuset"
    groups = ControlGroups(tmp_path, mounts=mounts, own="2:cpuset:/\n")
    (made,) = groups.make("i-1", cpu=512, memory=1024)
    assert (Path(made, "cpuset.cpus").read_text(), Path(made, "cpuset.mems").read_text()) == ("0-3\n", "0\n")
    assert "as a whole" in groups.limits[0], "it limits nothing"


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
        Tree(Path("/sys/fs/cgroup/cpu,cpuacct/c"), ("cpu",), 1, "cpu,cpuacct"),
        Tree(Path("/sys/fs/cgroup/memory/b"), ("memory",), 1, "memory"),
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


def test_groups_are_ended_by_who_is_in_another_group(tmp_path):
    """As a node that was started in one session, was killed with its holder, and is stopped from another session."""
    mounts = f"30 1 0:30 / {tmp_path} rw - cgroup cgroup rw,memory\n31 1 0:31 / {tmp_path} rw - cgroup cgroup rw,pids"
    node = tmp_path / "node"
    for name in ("one", "other", "node"):
        (tmp_path / name).mkdir()
    before = set(tmp_path.rglob("*"))
    first = ControlGroups(node, mounts=mounts, own="3:memory:/one\n4:pids:/\n")
    assert set(tmp_path.rglob("*")) == before, "none is there before an instance needs it"
    for group in first.make("i-1", cpu=512, memory=1024):
        # The kernel takes the files of a group with it.
        for file in Path(group).iterdir():
            file.unlink()
    assert set(tmp_path.rglob("*")) > before
    ControlGroups(node, mounts=mounts, own="3:memory:/other\n4:pids:/\n").end()
    assert set(tmp_path.rglob("*")) == before


def test_groups_that_are_gone_already_are_no_error(tmp_path):
    remove((str(tmp_path / "none"),))
