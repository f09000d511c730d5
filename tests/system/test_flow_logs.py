"""VPC flow logs from packets to CloudWatch Logs: programs at interfaces, a role that delivers, and what it is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from nodes import refusal_for
from server_process import ServerProcess, clean_environment

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

REGION = "us-east-1"
GROUP = "/vpc/flows"
SERVE = """
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 5432)); s.listen()
print("listening", flush=True)
while True: s.accept()[0].sendall(b"the database")
"""
FETCH = """
import socket, sys
for port in sys.argv[2:]:
    try: print(socket.create_connection((sys.argv[1], int(port)), 0.5).recv(100).decode())
    except TimeoutError: print("dropped")
"""
DELIVER = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:CreateLogGroup"],
    "Resource": f"arn:aws:logs:{REGION}:*:log-group:{GROUP}:*",
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Site:
    """A server with a VPC of one subnet, a database in it that groups let nobody but `app` to, and a delivering role."""

    def __init__(self, server: ServerProcess, environment: dict[str, str]) -> None:
        said = server.said
        self.environment = {
            **environment,
            "UNDERSTUDY_STATE": said["state"],
            "UNDERSTUDY_PORT": str(said["endpoint"].rpartition(":")[2]),
            "AWS_ENDPOINT_URL": said["endpoint"],
            "AWS_ACCESS_KEY_ID": said["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": said["secret_access_key"],
            "AWS_DEFAULT_REGION": REGION,
        }
        self.ec2, self.logs, self.iam = (self.client(name) for name in ("ec2", "logs", "iam"))
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        self.app, self.database = (
            self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            for name in ("app", "database")
        )
        self.ec2.authorize_security_group_ingress(
            GroupId=self.database,
            IpPermissions=[
                {
                    "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                    "UserIdGroupPairs": [{"GroupId": self.app}],
                }
            ],
        )  # fmt: skip
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        self.role = self.iam.create_role(RoleName="deliver", AssumeRolePolicyDocument=policy(trust))["Role"][
            "Arn"
        ]

    def client(self, name: str) -> Any:
        return boto3.client(
            name,
            region_name=REGION,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def may_deliver(self, *statements: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName="deliver", PolicyName="deliver", PolicyDocument=policy(*statements))

    def log(self, **given: Any) -> str:
        """Make a flow log of the VPC."""
        asked = {
            "ResourceIds": [self.vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": GROUP,
            "DeliverLogsPermissionArn": self.role, "MaxAggregationInterval": 60, **given,
        }  # fmt: skip
        made = self.ec2.create_flow_logs(**asked)
        assert not made["Unsuccessful"], made
        return made["FlowLogIds"][0]

    def described(self, id: str) -> dict[str, Any]:
        return self.ec2.describe_flow_logs(FlowLogIds=[id])["FlowLogs"][0]

    def attach(self, group: str, *command: str) -> list[str]:
        words = [
            sys.executable,
            "-m",
            "understudy_aws",
            "attach",
            "--subnet",
            self.subnet,
            "--group",
            group,
            "--",
        ]
        return [*words, sys.executable, "-c", *command]

    @contextmanager
    def attached(self, group: str, *command: str):
        process = subprocess.Popen(
            self.attach(group, *command), env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "listening", process.communicate()
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)

    def run(self, group: str, *command: str) -> list[str]:
        done = subprocess.run(
            self.attach(group, *command), env=self.environment, text=True, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[:-1]

    def address_in(self, group: str) -> tuple[str, str]:
        """The interface in a group, and its address."""
        (found,) = self.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])[
            "NetworkInterfaces"
        ]
        return found["NetworkInterfaceId"], found["PrivateIpAddress"]

    def lines(self, wanted: int, *, interface: str = "", status: str = "OK") -> list[list[str]]:
        """The records of an interface, once there are so many."""
        until = time.monotonic() + 30
        while True:
            found = self.lines_now(interface, status)
            if len(found) >= wanted or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def lines_now(self, interface: str = "", status: str = "OK") -> list[list[str]]:
        try:
            pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
            texts = [each["message"].split(" ") for page in pages for each in page["events"]]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [line for line in texts if line[-1] == status and (not interface or interface in line)]


@pytest.fixture
def site(tmp_path):
    server = ServerProcess("--json", "--lifeline", "--state", str(tmp_path / "state"))
    try:
        yield Site(server, clean_environment(tmp_path))
    finally:
        server.close()


def test_what_passed_and_what_was_dropped_is_in_the_log_group(site):
    """The default format: both directions of what passed, and the refused port as REJECT where it was refused."""
    site.may_deliver(DELIVER)
    id = site.log()
    with site.attached(site.database, SERVE):
        interface, address = site.address_in(site.database)
        assert ["the database", "dropped"] == site.run(site.app, FETCH, address, "5432", "5433")
        lines = site.lines(3, interface=interface)
        (passed,) = [line for line in lines if line[6] == "5432"]
        (answered,) = [line for line in lines if line[5] == "5432"]
        rejected = [line for line in lines if line[6] == "5433"]
        assert ["2", "000000000000", interface] == passed[:3]
        assert address == passed[4] == answered[3] == rejected[0][4]
        assert passed[3] == answered[4] == rejected[0][3], "the other program's address"
        assert passed[3].startswith("10.7.1.")
        assert ("6", "ACCEPT", "OK") == (passed[7], *passed[-2:]) == (answered[7], *answered[-2:])
        assert {"REJECT"} == {line[12] for line in rejected}
        assert int(passed[8]) >= 3
        assert int(passed[9]) > 40 * int(passed[8])
        now = time.time()
        assert now - 120 < int(passed[10]) <= int(passed[11]) <= now + 5
        streams = site.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
        assert f"{interface}-all" in [each["logStreamName"] for each in streams]
        assert ("SUCCESS", None) == (
            site.described(id)["DeliverLogsStatus"], site.described(id).get("DeliverLogsErrorMessage"),
        )  # fmt: skip


def test_the_last_packets_of_a_program_are_delivered_after_it_has_gone(site):
    """With the only program the node ends too, and nobody else can say what it has seen."""
    site.may_deliver(DELIVER)
    site.log(
        TrafficType="ACCEPT",
        LogFormat="${interface-id} ${dstport} ${flow-direction} ${tcp-flags} ${log-status}",
    )
    with site.attached(site.database, SERVE):
        interface, address = site.address_in(site.database)
        assert ["dropped"] == site.run(site.app, FETCH, address, "9")
    # The program that asked is gone with its interface, and so are the database, the network and the node.
    (line,) = site.lines(1)
    assert interface != line[0]
    assert ["9", "egress", "2", "OK"] == line[1:]


def test_a_role_that_may_not_deliver_is_told_of_and_then_delivers(site):
    """flow-logs.md 13.2: `Access error`; the trail has the refused call of the role."""
    id = site.log(TrafficType="REJECT")
    with site.attached(site.database, SERVE):
        _, address = site.address_in(site.database)
        assert ["dropped"] == site.run(site.app, FETCH, address, "5433")
        until = time.monotonic() + 30
        while "DeliverLogsErrorMessage" not in site.described(id) and time.monotonic() < until:
            time.sleep(0.2)
        assert ("FAILED", "Access error") == (
            site.described(id)["DeliverLogsStatus"], site.described(id)["DeliverLogsErrorMessage"],
        )  # fmt: skip
        explained = subprocess.run(
            [sys.executable, "-m", "understudy_aws", "explain"], env=site.environment, text=True,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert "logs:PutLogEvents" in explained.stdout, explained.stderr
        assert f"assumed-role/deliver/{id}" in explained.stdout
        site.may_deliver(DELIVER)
        assert ["dropped"] == site.run(site.app, FETCH, address, "5433")
        assert {"REJECT"} == {line[12] for line in site.lines(1)}
        assert "SUCCESS" == site.described(id)["DeliverLogsStatus"]


def test_flows_are_shown_on_demand_without_a_flow_log(site):
    def flows(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "understudy_aws", "flows", *words],
            env=site.environment, text=True, capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    none = flows("--seconds", "1")
    assert (none.returncode, "No network is made now" in none.stderr) == (2, True)
    with site.attached(site.database, SERVE):
        interface, address = site.address_in(site.database)
        watching = subprocess.Popen(
            [sys.executable, "-m", "understudy_aws", "flows", interface, "-f"],
            env=site.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            seen = ""
            while "rejected  tcp" not in seen or "accepted  tcp" not in seen:
                # Until it counts, packets go by unseen.
                assert site.run(site.app, FETCH, address, "5432", "5433") == ["the database", "dropped"]
                seen += watching.stdout.readline()
                assert watching.poll() is None, watching.communicate()
        finally:
            watching.terminate()
            watching.communicate(timeout=30)
        assert all(interface in line for line in seen.splitlines())
        assert f"-> {address}:5432  " in seen
        quiet = flows("eni-00000000000000000", "--seconds", "1")
        assert (quiet.returncode, quiet.stdout) == (
            0,
            "No packet was seen at eni-00000000000000000 in 1 second. Nothing is attached at eni-00000000000000000 now.\n",
        )
