"""A machine that makes no networks: the node remembers one, says why, and answers what packets would do."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import pytest
from networks import TCP, group, interface, rule, vpc
from nodes import Node, environment, node, refusal_for
from restrictions import refusal_of, restricted

from understudy_aws.dataplane.messages import Refused, Want
from understudy_aws.dataplane.wanted import Network

RESTRICTIONS = {
    "no-unshare": ("namespaces: Operation not permitted", "docker run --security-opt seccomp=unconfined"),
    "no-user-namespaces": ("namespaces: No space left on device", "sysctl user.max_user_namespaces=15000`"),
    "no-network-namespaces": ("namespaces: No space left on device", "sysctl user.max_net_namespaces=15000`"),
    "no-nftables": ("nftables: Protocol not supported", "modprobe -a veth nf_tables"),
    "hidden-proc": ("/proc: No such file or directory", "mount -t proc proc /proc`"),
}


def small(*rules) -> Network:
    app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
    db = interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",))
    return Network(vpcs=(vpc("vpc-a", app, db, groups=(group("sg-app"), group("sg-db", *rules))),))


def obstacle_under(kind: str) -> str:
    if refused := refusal_of(kind):
        pytest.skip(refused)
    asked = "from understudy_aws.dataplane.linux.probe import obstacle; print(obstacle())"
    done = subprocess.run(
        restricted(kind, sys.executable, "-c", asked), env=environment(), capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize("kind", RESTRICTIONS)
def test_what_is_refused_is_said_with_the_one_command_that_changes_it(kind):
    said = obstacle_under(kind)
    refused, remedy = RESTRICTIONS[kind]
    assert said.startswith("This machine lets this user make no networks"), said
    assert refused in said
    assert remedy in said
    assert ("`sudo " in said) == (os.geteuid() != 0 and "docker" not in said), "root needs no sudo"


@pytest.fixture
def restricted_node(tmp_path):
    if refused := refusal_of("no-unshare"):
        pytest.skip(refused)
    with node(tmp_path / "node", restriction="no-unshare") as started:
        yield started


def test_a_node_without_namespaces_remembers_the_network_and_says_why(restricted_node: Node):
    restricted_node.want(small(rule(TCP, 80, group="sg-app")))
    status = restricted_node.status()
    assert (status.driver, status.holder, status.converged) == ("memory", 0, True)
    assert "docker run" in status.obstacle
    assert status.interfaces == ("eni-app", "eni-db")
    assert restricted_node.passes("eni-app", "10.0.2.10", 80)
    assert not restricted_node.passes("eni-app", "10.0.2.10", 81)


def test_the_next_one_goes_on_with_what_was_wanted(restricted_node: Node):
    restricted_node.want(small(rule(TCP, 80, group="sg-app")))
    restricted_node.kill()
    restricted_node.start_again()
    assert restricted_node.status().converged
    assert restricted_node.passes("eni-app", "10.0.2.10", 80)


def test_it_refuses_what_is_no_network_and_ends_when_told(restricted_node: Node):
    restricted_node.want(small())
    answer = restricted_node.client.ask(
        Want(Network(vpcs=(vpc("vpc-a", groups=(), cidrs=("10.0.0.0/99",)),)))
    )
    assert isinstance(answer, Refused)
    assert "10.0.0.0/99" in answer.reason
    assert restricted_node.status().converged
    restricted_node.stop()
    assert restricted_node.process.returncode == 0
    assert not (restricted_node.directory / "wanted.json").exists()


def test_it_ends_with_its_owner(tmp_path):
    if refused := refusal_of("no-unshare"):
        pytest.skip(refused)
    owner = subprocess.Popen(["sleep", "100"])
    try:
        with node(tmp_path / "node", restriction="no-unshare", owner=owner.pid) as started:
            started.want(small())
            owner.kill()
            owner.wait()
            assert started.process.wait(20) == 0
    finally:
        owner.kill()
        owner.wait()


def test_where_settings_cannot_be_written_it_says_what_that_takes_away(tmp_path):
    if refused := refusal_of("read-only-sysctls") or refusal_for(None):
        pytest.skip(refused)
    with node(tmp_path / "node", restriction="read-only-sysctls") as started:
        started.want(small(rule(TCP, 80, group="sg-app")))
        status = started.status()
        assert (status.driver, status.converged) == ("linux", True)
        [limit] = status.limits
        assert "IPv6 is not forwarded" in limit
        assert "systempaths=unconfined" in limit
        assert started.passes("eni-app", "10.0.2.10", 80)
        assert started.drops("eni-app", "10.0.2.10", 81)
        time.sleep(1)
        assert started.status().repaired == 0, "what was never set has been changed by nobody"


def test_doctor_says_so_too(tmp_path):
    if refused := refusal_of("read-only-sysctls") or refusal_for(None):
        pytest.skip(refused)
    doctor = (
        sys.executable,
        "-m",
        "understudy_aws",
        "doctor",
        "--json",
        "--port",
        "0",
        "--state",
        str(tmp_path),
    )
    done = subprocess.run(
        restricted("read-only-sysctls", *doctor), env={**environment(), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    [packets] = [each for each in json.loads(done.stdout)["findings"] if each["name"] == "packets"]
    assert packets["verdict"] == "note"
    assert "IPv6 is not forwarded" in packets["sentence"]


def test_a_full_disk_refuses_a_change_and_leaves_the_network_until_there_is_room(tmp_path):
    if refused := refusal_for(None):
        pytest.skip(refused)
    with node(tmp_path / "node") as started:
        assert started.status().limits == ()
        started.want(small(rule(TCP, 80, group="sg-app")))
        before = resource.prlimit(started.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(started.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
        answer = started.client.ask(Want(small()))
        assert isinstance(answer, Refused)
        assert "File too large" in answer.reason
        assert started.passes("eni-app", "10.0.2.10", 80), "what could not be kept is not made"
        resource.prlimit(started.process.pid, resource.RLIMIT_FSIZE, before)
        started.want(small())
        assert started.drops("eni-app", "10.0.2.10", 80)


def test_a_limit_of_namespaces_that_is_lifted_is_recovered_from(tmp_path, monkeypatch):
    monkeypatch.setenv("LIFTED", str(tmp_path / "lifted"))
    if refused := refusal_of("few-network-namespaces") or refusal_for(None):
        pytest.skip(refused)
    with node(
        tmp_path / "node",
        restriction="few-network-namespaces",
        variables={"LIFTED": str(tmp_path / "lifted")},
    ) as started:
        answer = started.client.ask(Want(small(rule(TCP, 80, group="sg-app"))))
        assert isinstance(answer, Refused)
        status = started.status()
        assert not status.converged
        assert "sysctl user.max_net_namespaces" in status.error
        assert status.failing_since is not None
        assert "eni-db" in status.missing
        (tmp_path / "lifted").touch()
        until = time.monotonic() + 20
        while not started.status().converged:
            assert time.monotonic() < until, started.status()
            time.sleep(0.05)
        assert (started.status().error, started.status().missing) == ("", ())
        assert started.passes("eni-app", "10.0.2.10", 80)
        assert started.drops("eni-app", "10.0.2.10", 81)
