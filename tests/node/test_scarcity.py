"""A machine without room on the disk, without processes, or that forgets what it had to tell: each is said, and passes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc
from nodes import environment, findings, identity, node, python_of, user_called

from understudy_aws.dataplane.messages import Refused, Want
from understudy_aws.dataplane.wanted import Network


def small(*rules) -> Network:
    app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
    db = interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",))
    return Network(vpcs=(vpc("vpc-a", app, db, groups=(group("sg-app"), group("sg-db", *rules))),))


def larger(*rules) -> Network:
    first = small(*rules)
    new = interface("new", "vpc-a-subnet-1", "10.0.1.30")
    return Network(vpcs=(*first.vpcs, replace(first.vpcs[0], id="vpc-b", interfaces=(new,))))


WITHOUT_A_ROUTE = "request(rt.route(ip_network('0.0.0.0/0'), rt.MAIN_TABLE, change=rt.DELETE))"


@pytest.fixture(params=["this-user", "unprivileged"])
def small_disk(request):
    """A node whose directory is on a disk of 256 KiB, and the file that takes the rest of it."""
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    disk = place / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        os.chown(disk, user or 0, user or 0)
        with node(disk / "node", user) as started:
            yield started, disk / "others"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()
        place.rmdir()


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as others:
        try:
            while True:
                others.write(b"x" * 4096)
        except OSError:
            pass


def test_on_a_full_disk_the_network_stays_as_it_was_kept_and_repaired(small_disk):
    running, others = small_disk
    running.want(small(rule(TCP, 80, group="sg-app")))
    fill(others)
    answer = running.client.ask(Want(larger()))
    assert isinstance(answer, Refused)
    assert answer.reason.endswith(
        "node can't be written: No space left on device; more space on the disk would change that"
    )
    assert running.status().error == answer.reason
    if running.user is None:
        # It answers its own user alone.
        assert f"It is not as it should be: {answer.reason}." in findings(running)["network"]
    running.damage("eni-app", WITHOUT_A_ROUTE)
    _until(lambda: running.status().repaired)
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.drops("eni-app", "10.0.2.10", 81)
    running.kill()
    running.start_again()
    assert running.status().interfaces == ("eni-app", "eni-db")
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert isinstance(running.client.ask(Want(larger())), Refused)
    others.unlink()
    # The server asks again by itself.
    running.want(larger())
    assert (running.status().error, running.status().converged) == ("", True)
    assert running.drops("eni-app", "10.0.2.10", 80)


def test_where_no_process_can_be_started_the_node_goes_on_and_makes_what_is_wanted(running):
    if running.user is None and os.geteuid() == 0:
        pytest.skip("the kernel counts no processes of root")
    pid = running.process.pid
    running.limit("NPROC", 1)
    answers = [running.client.ask(Want(larger(rule(TCP, 80, group="sg-app")))) for _ in range(2)]
    for answer in answers:
        assert not isinstance(answer, Refused) or "processes" in answer.reason, answer
    running.limit("NPROC", None)
    _until(lambda: running.status().converged)
    running.limit("NPROC", 1)
    for _ in range(3):
        assert running.passes("eni-app", "10.0.2.10", 80)
        assert running.drops("eni-app", "10.0.2.10", 81)
    repaired = running.status().repaired
    running.damage("eni-app", WITHOUT_A_ROUTE)
    _until(lambda: running.status().repaired > repaired)
    running.want(small())
    assert running.drops("eni-app", "10.0.2.10", 80)
    assert (running.process.poll(), running.status().pid) == (None, pid)
    running.limit("NPROC", None)
    _until(lambda: running.status().converged and not running.status().services)
    assert running.status().error == ""


def test_more_changes_than_the_kernel_keeps_hide_none(running):
    """5,000 routes come and go in one namespace, and right after them somebody deletes one of another."""
    running.want(small(rule(TCP, 80, group="sg-app")))
    repaired = running.status().repaired
    burst = (
        "from contextlib import suppress\n"
        "many = [ip_network(f'198.51.{n // 250}.{n % 250}/32') for n in range(2500)]\n"
        "for change in (rt.ADD, rt.DELETE):\n"
        # The node may have taken them away already.
        "    with suppress(OSError): request(*(rt.route(each, rt.MAIN_TABLE, index=rt.LOOPBACK, change=change) for each in many))\n"
        "place = os.open(holder.namespaces_directory(directory) / 'eni-app', os.O_RDONLY)\n"
        "syscalls.setns(place, syscalls.CLONE_NEWNET)\n"
        "routes = NetlinkSocket(rt.NETLINK_ROUTE)\n"
        f"{WITHOUT_A_ROUTE}\n"
    )
    running.damage("eni-db", burst)
    _until(lambda: running.status().repaired > repaired)
    # What was put right first may be a part of what came before it.
    _until(lambda: running.passes("eni-app", "10.0.2.10", 80))
    _until(lambda: running.status().converged)


LAUNCH = """
import os, resource, sys; from pathlib import Path
from understudy_aws.dataplane.launcher import NodeError, NodeLauncher
from understudy_aws.dataplane.messages import GetStatus
from understudy_aws.dataplane.wanted import Network
place, kind = Path(sys.argv[1]), sys.argv[2]
launcher, limit = NodeLauncher(place / "node", tied=False), getattr(resource, "RLIMIT_" + kind, None)
if limit is None: place.chmod(0o500)
else:
    before = resource.getrlimit(limit)
    resource.setrlimit(limit, ({"FSIZE": 0, "NOFILE": 6, "NPROC": 0}[kind], before[1]))
try: launcher.want(Network())
except NodeError as error: print(error)
if limit is None: place.chmod(0o700)
else: resource.setrlimit(limit, before)
launcher.want(Network())
print(launcher.ask(GetStatus()).converged, launcher.stop(), sorted(each.name for each in (place / "node").iterdir()))
"""


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("directory", "Permission denied: {}; permission for this user to write there would change that"),
        ("FSIZE", "File too large; a larger limit (`ulimit -f unlimited` before the server is started)"),
        ("NOFILE", "Too many open files; more open files (`ulimit -n 4096` before the server is started)"),
        ("NPROC", "Resource temporarily unavailable; more processes (`ulimit -u 4096` before the server"),
    ],
)
def test_what_keeps_a_node_from_being_started_is_said_and_passes(tmp_path, kind, why):
    user = user_called("unprivileged" if os.geteuid() == 0 else "this-user")
    place = Path(tempfile.mkdtemp())
    if user is not None:
        os.chown(place, user, user)
    done = subprocess.run(
        [python_of(user), "-c", LAUNCH, str(place), kind],
        env=environment(), cwd="/", capture_output=True, text=True, check=False, **identity(user),
    )  # fmt: skip
    directory = place / "node"
    said, after = done.stdout.splitlines()
    assert said.startswith(f"The node can't be started in {directory}: {why.format(directory)}"), done.stderr
    assert json.loads(after.partition("[")[0].split()[0].lower()) is True, after
    assert "socket" not in after
    assert "wanted.json" not in after
    assert "holder.json" not in after


@pytest.mark.parametrize("kind", ["proc-of-own-processes", "proc-of-processes-alone"])
def test_with_another_proc_packets_are_filtered_all_the_same(tmp_path, kind):
    if os.geteuid() != 0:
        pytest.skip("another /proc can only be mounted by root")
    with node(tmp_path / "node", restriction=kind) as started:
        started.want(small(rule(TCP, 80, group="sg-app")))
        assert (started.status().driver, started.status().converged) == ("linux", True)
        limits = " ".join(started.status().limits)
        assert ("IPv6 is not forwarded" in limits) == (kind == "proc-of-processes-alone")
        assert ("/proc/sys is not there; `mount -t proc proc /proc`" in limits) == ("alone" in kind)
        assert started.passes("eni-app", "10.0.2.10", 80)
        assert started.drops("eni-app", "10.0.2.10", 81)
        holder = started.status().holder
        started.kill()
        started.start_again()
        assert started.status().holder == holder


def _until(condition, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
