"""A new account on a server in a process of its own, for other people's tools to work in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
from nodes import identity, python_of
from server_process import ServerProcess, environment_of

FILES = Path(__file__).parent.parent / "clients"
REGION = "us-east-1"
# Where scripts/try-tools puts what the tests do not bring with them.
TOOLS = Path(__file__).parent.parent.parent / ".tools"
# What to ask for each kind of resource, and where it stands in the answer.
KINDS = {
    "describe_addresses": "Addresses",
    "describe_dhcp_options": "DhcpOptions",
    "describe_egress_only_internet_gateways": "EgressOnlyInternetGateways",
    "describe_internet_gateways": "InternetGateways",
    "describe_nat_gateways": "NatGateways",
    "describe_network_acls": "NetworkAcls",
    "describe_network_interfaces": "NetworkInterfaces",
    "describe_route_tables": "RouteTables",
    "describe_security_group_rules": "SecurityGroupRules",
    "describe_security_groups": "SecurityGroups",
    "describe_subnets": "Subnets",
    "describe_vpcs": "Vpcs",
}


class ServedAccount:
    """A server, the environment of commands that use it, and clients of the administrator's.

    `user` runs the server and commands of its, or this user for None.
    """

    def __init__(self, home: Path, *, state: str = "memory:", user: int | None = None) -> None:
        self._state, self._user = state, user
        mine = None if user is None else environment_of(user, home, TMPDIR=str(home))
        self.server = ServerProcess("--json", "--lifeline", "--state", state, environment=mine, user=user)
        said = self.server.said
        self.environment = environment_of(
            user,
            home,
            AWS_ENDPOINT_URL=said["endpoint"],
            AWS_ACCESS_KEY_ID=said["access_key_id"],
            AWS_SECRET_ACCESS_KEY=said["secret_access_key"],
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
        )
        self.ec2 = self.client("ec2")

    def client(self, service: str) -> Any:
        said = self.server.said
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=said["endpoint"],
            aws_access_key_id=said["access_key_id"],
            aws_secret_access_key=said["secret_access_key"],
        )

    def understudy(self, *arguments: str) -> str:
        """What the command says of the server, which must have a state that the command finds."""
        done = subprocess.run(
            [python_of(self._user), "-m", "understudy_aws", *arguments, "--state", self._state],
            env=self.environment,
            cwd=None if self._user is None else "/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **identity(self._user),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def aws(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the AWS CLI that this Python has."""
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def remove_default_vpc(self) -> None:
        for vpc in self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
            here = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
            for subnet in self.ec2.describe_subnets(Filters=here)["Subnets"]:
                self.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
            attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
            for gateway in self.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
                known = {"InternetGatewayId": gateway["InternetGatewayId"]}
                self.ec2.detach_internet_gateway(VpcId=vpc["VpcId"], **known)
                self.ec2.delete_internet_gateway(**known)
            self.ec2.delete_vpc(VpcId=vpc["VpcId"])

    def left(self) -> dict[str, int]:
        """How many there are of each kind, without the default VPC and the default DHCP options."""
        self.remove_default_vpc()
        found = {}
        for operation, name in KINDS.items():
            there = [each for each in getattr(self.ec2, operation)()[name] if each.get("State") != "deleted"]
            found[name] = len(there) - (name == "DhcpOptions")
        return {name: count for name, count in found.items() if count}

    def close(self) -> None:
        self.server.close()
