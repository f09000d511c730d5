"""A node that is told what changed, and not the whole again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc
from nodes import environment, nodes_of, refusal_for

from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.deltas import NetworkDelta, delta_of
from understudy_aws.dataplane.launcher import NodeError, NodeLauncher
from understudy_aws.dataplane.messages import (
    Done,
    GetStatus,
    Probe,
    Probed,
    Refused,
    Want,
    WantChange,
    WantWhole,
    revision_of,
)
from understudy_aws.dataplane.wanted import Network

REFUSED = refusal_for(None)


def small(*rules, others: int = 0) -> Network:
    interfaces = (
        interface("app", "vpc-a-subnet-1", "10.0.1.10"),
        interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
        *(interface(f"more{number}", "vpc-a-subnet-1", f"10.0.1.{20 + number}") for number in range(others)),
    )
    return Network(vpcs=(vpc("vpc-a", *interfaces, groups=(GROUP, replace(DB, ingress=rules))),))


GROUP, DB = group("sg-app"), group("sg-db")
OPEN = rule(TCP, 80, group="sg-app")


def line(base: str, before: Network, after: Network) -> bytes:
    return msgspec.json.encode(WantChange(base, delta_of(before, after)))


def test_a_change_of_the_network_it_has_is_made_and_of_another_one_is_not(running):
    before, after = small(), small(OPEN, others=1)
    running.want(before)
    base = revision_of(msgspec.json.encode(Want(before)))
    change = line(base, before, after)
    assert running.client.ask_line(change) == Done()
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.status().interfaces == ("eni-app", "eni-db", "eni-more0")
    assert running.client.ask_line(change) == Done(), "its answer may have been lost"
    assert running.client.ask_line(line(base, before, small(others=2))) == WantWhole()
    assert running.client.ask_line(line("", before, small(others=2))) == WantWhole()
    assert len(running.status().interfaces) == 3
    # Without a difference the revision stays.
    assert running.client.ask_line(line(revision_of(change), after, after)) == Done()
    assert running.client.ask_line(line(revision_of(change), after, before)) == Done()
    assert not running.passes("eni-app", "10.0.2.10", 80)


def test_a_killed_node_goes_on_from_the_last_change(running):
    before, after, later = small(), small(OPEN), small(OPEN, others=1)
    running.want(before)
    first = line(revision_of(msgspec.json.encode(Want(before))), before, after)
    assert running.client.ask_line(first) == Done()
    running.kill()
    running.start_again()
    assert (running.status().converged, running.status().repaired) == (True, 0)
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.client.ask_line(line(revision_of(first), after, later)) == Done()
    assert "eni-more0" in running.status().interfaces


def test_a_change_to_what_is_no_network_is_refused_and_changes_nothing(running):
    before = small(OPEN)
    running.want(before)
    base = revision_of(msgspec.json.encode(Want(before)))
    bad = replace(before, vpcs=(replace(before.vpcs[0], cidrs=("10.0.0.0/99",)),))
    assert isinstance(running.client.ask_line(line(base, before, bad)), Refused)
    gone = msgspec.json.encode(WantChange(base, NetworkDelta(gone={"vpcs": ("vpc-other",)})))
    assert isinstance(running.client.ask_line(gone), Refused)
    assert running.status().converged
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.client.ask_line(line(base, before, small())) == Done()
    assert not running.passes("eni-app", "10.0.2.10", 80)


@pytest.fixture
def launcher(tmp_path):
    if REFUSED:
        pytest.skip(REFUSED)
    made = NodeLauncher(tmp_path / "node", tied=False)
    try:
        yield made
    finally:
        made.stop()


def passes(launcher: NodeLauncher, address: str) -> bool:
    answer = launcher.ask(Probe("eni-app", address, 80, 0.25))
    assert isinstance(answer, Probed)
    return answer.outcome != "silent"


def test_the_server_says_the_whole_once_and_then_what_changed(launcher, monkeypatch):
    said = []
    ask_line = NodeClient.ask_line
    monkeypatch.setattr(
        NodeClient, "ask_line", lambda client, asked: said.append(asked) or ask_line(client, asked)
    )
    for network in (small(), small(OPEN), small(OPEN), small()):
        launcher.want(network)
    kinds = [msgspec.json.decode(each)["type"] for each in said]
    assert kinds == ["want", "change", "change", "change"]
    assert max(map(len, said[1:])) < len(said[0]) / 2
    assert not passes(launcher, "10.0.2.10")


def test_another_server_and_another_node_are_told_the_whole(launcher):
    launcher.want(small())
    other = NodeLauncher(launcher.directory, tied=False)
    other.want(small(OPEN))
    other.close()
    assert passes(launcher, "10.0.2.10")
    launcher.want(small(others=1))
    assert not passes(launcher, "10.0.2.10")
    status = launcher.ask(GetStatus())
    # A node that has lost its file is told all of it again.
    (launcher.directory / "wanted.json").unlink()
    os.kill(status.pid, signal.SIGKILL)
    launcher.want(small(OPEN, others=1))
    assert passes(launcher, "10.0.2.10")
    assert len(launcher.ask(GetStatus()).interfaces) == 3


def test_what_was_refused_is_told_as_a_whole_the_next_time(launcher):
    launcher.want(small())
    with pytest.raises(NodeError, match=r"10\.0\.0\.0/99"):
        launcher.want(replace(small(), vpcs=(replace(small().vpcs[0], cidrs=("10.0.0.0/99",)),)))
    launcher.want(small(OPEN))
    assert passes(launcher, "10.0.2.10")


def test_a_node_that_a_killed_server_was_starting_is_stopped_too(launcher):
    """It answers nobody yet, and would have gone on with what was wanted."""
    launcher.want(small())
    os.kill(launcher.ask(GetStatus()).holder, signal.SIGKILL)
    launcher.close()
    _until(lambda: not nodes_of(launcher.directory))
    code = (
        "import sys; from pathlib import Path; from understudy_aws.dataplane.launcher import NodeLauncher;"
        "from understudy_aws.dataplane.messages import GetStatus;"
        "NodeLauncher(Path(sys.argv[1]), tied=False).ask(GetStatus())"
    )
    server = subprocess.Popen([sys.executable, "-c", code, launcher.directory], env=environment())
    _until(lambda: nodes_of(launcher.directory))
    server.kill()
    server.wait()
    assert launcher.stop()
    _until(lambda: not nodes_of(launcher.directory))


def test_what_a_node_has_left_that_ended_with_its_holder_is_removed(launcher):
    launcher.want(small())
    os.kill(launcher.ask(GetStatus()).holder, signal.SIGKILL)
    launcher.close()
    _until(lambda: not nodes_of(launcher.directory))
    launcher.stop()
    assert {each.name for each in launcher.directory.iterdir()} <= {"lock", "node.log", "namespaces"}


@pytest.mark.parametrize("tied", [False, True])
def test_a_server_that_ends_starts_no_node_any_more(tmp_path, tied):
    """A thread of its may ask while it ends, and would start one for a state that is gone."""
    if REFUSED:
        pytest.skip(REFUSED)
    directory = tmp_path / "node"
    ending = NodeLauncher(directory, tied=tied)
    ending.want(small())
    pid = ending.ask(GetStatus()).pid
    ending.end()
    with pytest.raises(NodeError, match="The server ends"):
        ending.want(small())
    if tied:
        assert not directory.exists()
    else:
        other = NodeLauncher(directory, tied=False)
        assert other.ask(GetStatus()).pid == pid
        other.stop()
    _until(lambda: not nodes_of(directory))


def _until(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)
