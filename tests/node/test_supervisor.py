"""A node that was killed is replaced at once, by a process that asks nobody; and what ends the one ends the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from networks import group, interface, vpc
from nodes import children_of, environment, nodes_of, refusal_for

from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.messages import GetStatus, Probe, Probed, Status
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.wanted import Network

NETWORK = Network(
    vpcs=(
        vpc(
            "vpc-a",
            interface("app", "vpc-a-subnet-1", "10.0.1.10"),
            interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
            groups=(group("sg-app"), group("sg-db")),
        ),
    )
)
REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")


@pytest.fixture
def launcher(tmp_path):
    made = NodeLauncher(tmp_path / "node", tied=False)
    try:
        made.want(NETWORK)
        yield made
    finally:
        made.stop()


def test_a_killed_node_is_replaced_while_no_server_runs(launcher):
    """Nobody here starts a node: a `NodeClient` only asks one that is there."""
    first = status_of(launcher.directory)
    launcher.close()
    for _ in range(3):
        before = status_of(launcher.directory)
        os.kill(before.pid, signal.SIGKILL)
        now = until(lambda killed=before.pid: _another(launcher.directory, killed))
        assert (now.holder, now.interfaces, now.error) == (first.holder, first.interfaces, "")
        with NodeClient(launcher.directory) as client:
            answer = client.ask(Probe("eni-app", "10.0.2.10", 80, 0.25))
        assert answer == Probed("silent")
    assert until(lambda: status_of(launcher.directory).converged)


def test_a_server_that_misses_its_node_finds_the_successor_and_starts_none(launcher):
    before = launcher.ask(GetStatus())
    supervisor = supervisor_of(before.pid)
    os.kill(before.pid, signal.SIGKILL)
    now = launcher.ask(GetStatus())
    assert now.pid != before.pid
    assert supervisor_of(now.pid) == supervisor
    # The holder and what forks processes were forked from a node, and are called as that was.
    others = {str(now.holder), *children_of(now.pid)}
    assert {*nodes_of(launcher.directory)} == {str(supervisor), str(now.pid), *others}


@pytest.mark.parametrize("killed", [("supervisor",), ("supervisor", "node"), ("node", "supervisor")])
def test_a_killed_supervisor_is_not_missed(launcher, killed):
    before = launcher.ask(GetStatus())
    pids = {"node": before.pid, "supervisor": supervisor_of(before.pid)}
    for each in killed:
        os.kill(pids[each], signal.SIGKILL)
    now = launcher.ask(GetStatus())
    assert (now.holder, now.interfaces) == (before.holder, before.interfaces)
    assert (now.pid == before.pid) == ("node" not in killed)
    assert launcher.stop()
    assert until(lambda: not nodes_of(launcher.directory))


@pytest.mark.parametrize("killed", [("holder",), ("holder", "node"), ("node", "holder")])
def test_nothing_comes_back_without_a_holder(launcher, killed):
    before = launcher.ask(GetStatus())
    pids = {"node": before.pid, "holder": before.holder}
    launcher.close()
    for each in killed:
        os.kill(pids[each], signal.SIGKILL)
    assert until(lambda: not nodes_of(launcher.directory))
    assert not start_of(before.holder)


@pytest.mark.parametrize("told", ["supervisor", "node"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_ends_both_and_leaves_the_network_to_the_next(launcher, told, number):
    before = launcher.ask(GetStatus())
    os.kill(before.pid if told == "node" else supervisor_of(before.pid), number)
    assert until(lambda: nodes_of(launcher.directory) == [str(before.holder)])
    now = launcher.ask(GetStatus())
    assert (now.holder, now.interfaces) == (before.holder, before.interfaces)


SUPERVISED = """
import os, sys; from pathlib import Path
from understudy_aws.node.supervisor import supervise
directory, what = Path(sys.argv[1]), sys.argv[2]
def node(is_successor):
    with (directory / "lives").open("a") as lives: lives.write("again\\n" if is_successor else "first\\n")
    return eval(what)
sys.exit(supervise(directory, node))
"""


def supervised(directory: Path, what: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """Run an expression as a node, for a holder that runs: this process."""
    started = "from understudy_aws.dataplane.processes import start_of"
    code = (
        f"import msgspec; {started}; from understudy_aws.dataplane.linux.holder import Holder;"
        f"print(msgspec.json.encode(Holder({os.getpid()}, start_of({os.getpid()}))).decode())"
    )
    record = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    (directory / "holder.json").write_bytes(record.stdout)
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISED, str(directory), what],
        env=environment(), capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return done, (directory / "lives").read_text().split()


def test_a_node_that_is_killed_by_what_it_does_is_given_up(tmp_path):
    done, lives = supervised(tmp_path, "os.kill(os.getpid(), 11)")
    assert done.returncode == 128 + signal.SIGSEGV
    assert lives == ["first", *["again"] * 4]


@pytest.mark.parametrize(("what", "code"), [("0", 0), ("3", 3), ("1/0", 1)])
def test_a_node_that_ends_by_itself_is_not_replaced(tmp_path, what, code):
    done, lives = supervised(tmp_path, what)
    assert (done.returncode, lives) == (code, ["first"])
    assert ("ZeroDivisionError" in done.stderr) == (what == "1/0")


def status_of(directory: Path) -> Status:
    with NodeClient(directory) as client:
        status = client.ask(GetStatus())
    assert isinstance(status, Status)
    return status


def supervisor_of(pid: int) -> int:
    """The parent of a node."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _another(directory: Path, killed: int) -> Status | None:
    try:
        status = status_of(directory)
    except NodeLostError:
        return None
    return status if status.pid != killed else None


def until(condition):
    """Wait for a condition to be true of something, and return that."""
    end = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.002)
    return found
