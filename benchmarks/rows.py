"""What is asked: for each row, what a server must hold first and the signed requests as bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from servers import Running, keys_in

APP_RUNNER_REGIONS = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-east-2",
    "us-west-2",
]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `prepare` is called once for a server, in the order of the rows; `requests` makes so many signed requests.
    Where `once` is set each of them can be answered a single time; others are sent again and again. `total` is how
    many are sent with sixteen at once.
    """

    name: str
    prepare: Callable[[Running], object]
    requests: Callable[[Running, int], list[bytes]]
    total: int
    once: bool = False


class StopCapture(Exception):
    """The request was captured and is not sent."""


def raw_requests(client: Any, operation: str, many: list[dict[str, Any]]) -> list[bytes]:
    """Signed HTTP requests as bytes, as this client would send them."""
    made: list[bytes] = []

    def capture(request: AWSRequest, **_: Any) -> Any:
        url = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        headers["Host"] = url.netloc
        headers["Content-Length"] = str(len(body))
        lines = [f"{request.method} {url.path or '/'}{'?' + url.query if url.query else ''} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        made.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        raise StopCapture

    client.meta.events.register("before-send", capture)
    for params in many:
        with suppress(StopCapture):
            getattr(client, operation)(**params)
    client.meta.events.unregister("before-send", capture)
    return made


def nothing(_server: Running) -> None:
    """What a row needs is there already."""


def make_roles(first: int, after: int) -> Callable[[Running], None]:
    def make(server: Running) -> None:
        iam = server.client("iam")
        for number in range(first, after):
            iam.create_role(RoleName=f"role-{number:04d}", AssumeRolePolicyDocument=TRUST)

    return make


def make_interfaces(wanted: int) -> Callable[[Running], None]:
    def make(server: Running) -> None:
        ec2 = server.client("ec2")
        if not server.subnet:
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            server.subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/16")["Subnet"]["SubnetId"]
        for _ in range(wanted):
            ec2.create_network_interface(SubnetId=server.subnet)

    return make


def ask(service: str, operation: str, **params: Any) -> Callable[[Running, int], list[bytes]]:
    """The same request always."""

    def requests(server: Running, _count: int) -> list[bytes]:
        return raw_requests(server.client(service), operation, [params])

    return requests


def get_roles(server: Running, _count: int) -> list[bytes]:
    wanted = [{"RoleName": f"role-{number:04d}"} for number in range(0, 1000, 37)]
    return raw_requests(server.client("iam"), "get_role", wanted)


def create_interfaces(server: Running, count: int) -> list[bytes]:
    wanted = [{"SubnetId": server.subnet} for _ in range(count)]
    return raw_requests(server.client("ec2"), "create_network_interface", wanted)


def create_connectors(server: Running, count: int) -> list[bytes]:
    """Ten connectors are the quota of a region, so the requests go to many accounts in eleven regions."""
    if not server.is_ours:
        return []
    made: list[bytes] = []
    while len(made) < count:
        owner = another_account(server)
        for region in APP_RUNNER_REGIONS:
            subnet = owner.client("ec2", region).describe_subnets()["Subnets"][0]["SubnetId"]
            wanted = [{"VpcConnectorName": f"vpc-{name}", "Subnets": [subnet]} for name in range(10)]
            made += raw_requests(owner.client("apprunner", region), "create_vpc_connector", wanted)
    return made[:count]


def another_account(server: Running) -> Running:
    """The same server of ours, asked by the administrator of a new account."""
    account = f"{700000000000 + _next_account(server)}"
    command = [sys.executable, "-m", server.package, "--json", "--state", server.state]
    subprocess.run(
        [*command, "account", "add", account],
        check=True,
        capture_output=True,
        env={**os.environ, **server.environment},
    )
    return replace(server, keys=keys_in(Path(server.state), account))


def _next_account(server: Running) -> int:
    _ACCOUNTS[server.state] = _ACCOUNTS.get(server.state, -1) + 1
    return _ACCOUNTS[server.state]


_ACCOUNTS: dict[str, int] = {}

ROWS = (
    Row("sts GetCallerIdentity", nothing, ask("sts", "get_caller_identity"), 6000),
    Row("iam GetRole, 1 role", make_roles(0, 1), ask("iam", "get_role", RoleName="role-0000"), 6000),
    Row("iam GetRole, 1,000 roles", make_roles(1, 1000), get_roles, 6000),
    Row("iam ListRoles, 1,000 roles", nothing, ask("iam", "list_roles", MaxItems=1000), 300),
    Row("iam ListRoles, 100 of 1,000", nothing, ask("iam", "list_roles", MaxItems=100), 1000),
    Row(
        "iam GetAccountAuthorizationDetails, 100 of 1,000 roles",
        nothing,
        ask("iam", "get_account_authorization_details", Filter=["Role"], MaxItems=100),
        1000,
    ),
    Row(
        "ec2 DescribeNetworkInterfaces, 10",
        make_interfaces(10),
        ask("ec2", "describe_network_interfaces"),
        4000,
    ),
    Row(
        "ec2 DescribeNetworkInterfaces, 1,000",
        make_interfaces(990),
        ask("ec2", "describe_network_interfaces"),
        600,
    ),
    Row("ec2 CreateNetworkInterface", nothing, create_interfaces, 2000, once=True),
    Row("apprunner CreateVpcConnector", nothing, create_connectors, 550, once=True),
)
