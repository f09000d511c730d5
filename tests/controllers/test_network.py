"""The node is told what records ask for, and none runs while nobody asks."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from nodes import damage_network, refusal_for

from understudy_aws.admin.errors import ConflictError
from understudy_aws.admin.requests import Attach, Detach, ExplainRequest, ListTrail, Status
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


def test_the_trail_says_what_was_put_right_also_while_no_server_ran(tmp_path):
    state = tmp_path / "state"
    with Understudy(state=str(state)) as understudy:
        launcher = understudy.app.node
        vpc = understudy.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        node = Path(attach(understudy, subnet=subnet)["node"])
        understudy.settle()
    damage_network(node, vpc, "commit(nft.delete_table('vpc'))")
    with NodeClient(node) as client:
        until(lambda: client.ask(GetStatus()).untold > 0)
    with Understudy(state=str(state), account="222222222222") as understudy:
        understudy.settle()
        told = [
            entry for entry in understudy.app.gateway.trail.newest() if entry.operation == "RepairNetwork"
        ]
        [entry] = told
        assert (entry.account, entry.region) == ("000000000000", "us-east-1")
        assert entry.message.startswith(f"Put right in {vpc}: chain ")
        [listed] = understudy.app.admin.answer(ListTrail(service="understudy", limit=10))["entries"]
        assert (listed["call"].request_id, listed["refused"]) == (entry.request_id, False)
        explained = understudy.app.admin.answer(ExplainRequest(id=entry.request_id))
        assert explained["summary"] == entry.message
        with NodeClient(node) as client:
            assert client.ask(GetStatus()).untold == 0
        understudy.clock.advance(10)
        understudy.settle()
        assert (
            len([each for each in understudy.app.gateway.trail.newest() if each.operation == "RepairNetwork"])
            == 1
        )
        launcher.stop()


def test_an_interface_whose_network_cannot_be_made_is_attaching_until_it_can(understudy):
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    first = attach(understudy, subnet=subnet, command="first")
    understudy.settle()
    with NodeClient(Path(first["node"])) as client:
        node = client.ask(GetStatus()).pid
    before = resource.prlimit(node, resource.RLIMIT_NOFILE)
    resource.prlimit(node, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{node}/fd")), before[1]))  # noqa: PTH208
    second = attach(understudy, subnet=subnet, command="second")
    understudy.settle()

    def shown():
        interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
        return {
            each["NetworkInterfaceId"]: (each["Status"], each["Attachment"]["Status"]) for each in interfaces
        }

    assert shown()[second["interface"]] == ("in-use", "attaching")
    assert [
        each["NetworkInterfaceId"]
        for each in ec2.describe_network_interfaces(
            Filters=[{"Name": "attachment.status", "Values": ["attaching"]}]
        )["NetworkInterfaces"]
        if each["NetworkInterfaceId"] == second["interface"]
    ]
    failing = understudy.app.admin.answer(Status())
    [told] = [each for each in failing["not_attached"] if each["interface"] == second["interface"]]
    assert "Too many open files" in told["problem"]
    assert told["since"] is not None
    resource.prlimit(node, resource.RLIMIT_NOFILE, before)
    understudy.clock.advance(600)
    understudy.settle()
    assert shown() == {
        first["interface"]: ("in-use", "attached"),
        second["interface"]: ("in-use", "attached"),
    }
    assert understudy.app.admin.answer(Status())["not_attached"] == []


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_interface_is_detaching_until_its_network_was_taken_down(understudy):
    """As on AWS, where it stays in use meanwhile; and nothing else is attached to it (AttachmentStatus, EC2 API)."""
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    own = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    attach(understudy, subnet=subnet, command="stays")
    first = attach(understudy, interface=own, command="goes")
    understudy.settle()
    with NodeClient(Path(first["node"])) as client:
        node = client.ask(GetStatus()).pid
    stopped = resource.prlimit(node, resource.RLIMIT_FSIZE)
    resource.prlimit(node, resource.RLIMIT_FSIZE, (0, stopped[1]))

    def shown():
        [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=[own])["NetworkInterfaces"]
        return found["Status"], found.get("Attachment", {}).get("Status")

    understudy.app.admin.answer(Detach(interface=own, pid=os.getpid()))
    assert shown() == ("in-use", "detaching")
    understudy.settle()
    assert shown() == ("in-use", "detaching"), "the node can't keep that it is wanted no more"
    found = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.status", "Values": ["detaching"]}])
    assert [each["NetworkInterfaceId"] for each in found["NetworkInterfaces"]] == [own]
    with pytest.raises(ConflictError, match="currently in use"):
        attach(understudy, interface=own)
    with pytest.raises(ClientError, match="currently in use"):
        ec2.delete_network_interface(NetworkInterfaceId=own)
    resource.prlimit(node, resource.RLIMIT_FSIZE, stopped)
    understudy.clock.advance(600)
    understudy.settle()
    assert shown() == ("available", None)
    again = attach(understudy, interface=own, command="again")
    understudy.settle()
    assert (again["interface"], shown()) == (own, ("in-use", "attached"))


def test_what_ends_before_its_network_was_made_is_free_too(understudy):
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    own = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    node = Path(attach(understudy, interface=own)["node"])
    understudy.app.admin.answer(Detach(interface=own, pid=os.getpid()))
    understudy.settle()
    [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=[own])["NetworkInterfaces"]
    assert (found["Status"], "Attachment" in found) == ("available", False)
    assert not node.exists(), "no node was started for that"
