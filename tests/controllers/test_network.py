"""The node is told what records ask for, and none runs while nobody asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nodes import refusal_for

from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import GetStatus
from understudy_aws.testing import Understudy

REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")


@pytest.fixture
def understudy():
    with Understudy() as made:
        yield made


def attach(understudy, **place):
    return understudy.app.admin.answer(Attach(pid=os.getpid(), **place))


def test_a_node_runs_as_long_as_a_program_is_attached(understudy):
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    understudy.settle()
    attached = attach(understudy, subnet=subnet)
    node = Path(attached["node"])
    with pytest.raises(NodeLostError):
        NodeClient(node)
    understudy.settle()
    with NodeClient(node) as client:
        status = client.ask(GetStatus())
    assert (status.interfaces, status.converged) == ((attached["interface"],), True)
    understudy.app.admin.answer(Detach(interface=attached["interface"], pid=os.getpid()))
    understudy.settle()
    with pytest.raises(NodeLostError):
        NodeClient(node)
    assert not node.exists(), "a state in memory leaves nothing"


def test_the_network_of_a_state_in_memory_ends_with_it():
    with Understudy() as understudy:
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        node = Path(attach(understudy, subnet=subnet)["node"])
        understudy.settle()
        with NodeClient(node) as client:
            holder = client.ask(GetStatus()).holder
    assert not node.exists()
    assert not Path(f"/proc/{holder}").exists() or "Z" in Path(f"/proc/{holder}/stat").read_text().split()[2]


def test_a_killed_node_is_started_anew(understudy):
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    node = Path(attach(understudy, subnet=subnet)["node"])
    understudy.settle()
    with NodeClient(node) as client:
        before = client.ask(GetStatus())
    os.kill(before.pid, 9)
    understudy.clock.advance(10)
    understudy.settle()
    with NodeClient(node) as client:
        after = client.ask(GetStatus())
    assert after.pid != before.pid
    assert (after.holder, after.interfaces) == (before.holder, before.interfaces)
