"""API requests over a socket: Understudy with signatures, IAM and SQLite on, beside peers that do none of it.

Usage: benchmarks/run [--quick] [--only ROW] [--output FILE]

Each server is started alone, given the same resources through boto3, and asked the same signed requests by the
same load generator, one server after the other, in one run. Compare within a run, never across runs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent))
from load import measure

REGION = "us-east-1"
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


@dataclass
class Running:
    """A server under test."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    keys: tuple[str, str]
    first_answer: float
    state: str = ""
    subnet: str = ""

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
            config=Config(retries={"max_attempts": 0}),
        )

    def resident(self) -> float:
        """Resident memory in MiB, children included."""
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            if children.exists():
                pids += [int(child) for child in children.read_text().split()]
        total = 0
        for pid in pids:
            match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            total += int(match[1]) if match else 0
        return total / 1024


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


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


class StopCapture(Exception):
    """The request was captured and is not sent."""


@contextmanager
def understudy() -> Iterator[Running]:
    state = Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    port = free_port()
    command = [sys.executable, "-m", "understudy", "up", "--port", str(port), "--state", str(state)]

    def keys() -> tuple[str, str]:
        text = (state / "credentials").read_text()
        return re.search(r"aws_access_key_id\s*=\s*(\S+)", text)[1], re.search(
            r"aws_secret_access_key\s*=\s*(\S+)", text
        )[1]  # type: ignore[index]

    with serving("understudy", command, port, keys, {}) as running:
        running.state = str(state)
        yield running
    shutil.rmtree(state, ignore_errors=True)


@contextmanager
def ministack() -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "ministack"]
    environment = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    with serving("ministack", command, port, lambda: ("test", "test"), environment) as running:
        yield running


@contextmanager
def moto() -> Iterator[Running]:
    port = free_port()
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving("moto", command, port, lambda: ("test", "test"), {}) as running:
        yield running


@contextmanager
def serving(
    name: str, command: list[str], port: int, keys: Callable[[], tuple[str, str]], environment: dict[str, str]
) -> Iterator[Running]:
    """Start a server, wait for its first whole answer, stop it afterwards."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        question = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 43\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15"
        )
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.sendall(question)
                    if connection.recv(100).startswith(b"HTTP/1.1"):
                        break
            except OSError:
                if time.perf_counter() - started > 30 or process.poll() is not None:
                    raise SystemExit(f"{name} did not start") from None
                time.sleep(0.005)
        yield Running(name, port, process, keys(), time.perf_counter() - started)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def row_caller_identity(server: Running) -> list[bytes]:
    return raw_requests(server.client("sts"), "get_caller_identity", [{}])


def row_get_role_of_1(server: Running) -> list[bytes]:
    iam = server.client("iam")
    iam.create_role(RoleName="role-0000", AssumeRolePolicyDocument=TRUST)
    return raw_requests(iam, "get_role", [{"RoleName": "role-0000"}])


def row_get_role_of_1000(server: Running) -> list[bytes]:
    iam = server.client("iam")
    for number in range(1, 1000):
        iam.create_role(RoleName=f"role-{number:04d}", AssumeRolePolicyDocument=TRUST)
    return raw_requests(
        iam, "get_role", [{"RoleName": f"role-{number:04d}"} for number in range(0, 1000, 37)]
    )


def row_list_roles_of_1000(server: Running) -> list[bytes]:
    return raw_requests(server.client("iam"), "list_roles", [{"MaxItems": 1000}])


def row_describe_10(server: Running) -> list[bytes]:
    ec2 = server.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/16")["Subnet"]["SubnetId"]
    server.subnet = subnet
    for _ in range(10):
        ec2.create_network_interface(SubnetId=subnet)
    return raw_requests(ec2, "describe_network_interfaces", [{}])


def row_describe_1000(server: Running) -> list[bytes]:
    ec2 = server.client("ec2")
    for _ in range(990):
        ec2.create_network_interface(SubnetId=server.subnet)
    return raw_requests(ec2, "describe_network_interfaces", [{}])


def row_create_interface(server: Running) -> list[bytes]:
    ec2 = server.client("ec2")
    return raw_requests(
        ec2, "create_network_interface", [{"SubnetId": server.subnet} for _ in range(CREATED)]
    )


def row_create_connector(server: Running) -> list[bytes]:
    """Ten connectors are the quota of a region, so the requests go to many accounts in eleven regions."""
    if server.name != "understudy":
        return []
    made = []
    for number in range(ACCOUNTS):
        account = f"{700000000000 + number}"
        command = [
            sys.executable,
            "-m",
            "understudy",
            "--json",
            "--state",
            server.state,
            "account",
            "add",
            account,
        ]
        keys = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        owner = replace(server, keys=(keys["access_key_id"], keys["secret_access_key"]))
        for region in APP_RUNNER_REGIONS:
            subnet = owner.client("ec2", region).describe_subnets()["Subnets"][0]["SubnetId"]
            wanted = [{"VpcConnectorName": f"vpc-{name}", "Subnets": [subnet]} for name in range(10)]
            made += raw_requests(owner.client("apprunner", region), "create_vpc_connector", wanted)
    return made


ROWS: dict[str, tuple[Callable[[Running], list[bytes]], int]] = {
    "sts GetCallerIdentity": (row_caller_identity, 6000),
    "iam GetRole, 1 role": (row_get_role_of_1, 6000),
    "iam GetRole, 1,000 roles": (row_get_role_of_1000, 6000),
    "iam ListRoles, 1,000 roles": (row_list_roles_of_1000, 300),
    "ec2 DescribeNetworkInterfaces, 10": (row_describe_10, 4000),
    "ec2 DescribeNetworkInterfaces, 1,000": (row_describe_1000, 600),
    "ec2 CreateNetworkInterface": (row_create_interface, 4000),
    "apprunner CreateVpcConnector": (row_create_connector, 1100),
}
# Rows whose requests can be answered once only: each is sent once, half at either concurrency.
ONCE = {"ec2 CreateNetworkInterface", "apprunner CreateVpcConnector"}
CREATED = 4000
ACCOUNTS = 10
SERVERS = {"understudy": understudy, "ministack": ministack, "moto": moto}


def run(server: Running, only: str, quick: bool) -> dict[str, Any]:
    """All rows against one server."""
    figures: dict[str, Any] = {"start": server.first_answer, "idle": server.resident(), "rows": {}}
    for name, (prepare, count) in ROWS.items():
        requests = prepare(server)
        if not requests or only not in name:
            continue
        half = len(requests) // 2
        for place, concurrency in enumerate((1, 16)):
            asked = requests[place * half : (place + 1) * half] if name in ONCE else requests
            total = (
                len(asked)
                if name in ONCE
                else (count // 10 if quick else count) // (4 if concurrency == 1 else 1)
            )
            if name not in ONCE:
                measure(
                    "127.0.0.1",
                    server.port,
                    asked,
                    concurrency=concurrency,
                    total=max(16, total // 20),
                    seconds=1,
                )
            figures["rows"].setdefault(name, {})[concurrency] = measure(
                "127.0.0.1", server.port, asked, concurrency=concurrency, total=total, seconds=6
            )
    figures["after"] = server.resident()
    return figures


def table(results: dict[str, dict[str, Any]]) -> str:
    """The run as Markdown, ratios to the peers in the last columns."""
    names = list(results)
    lines = [
        "| operation | at once | " + " | ".join(f"{name} req/s (p50/p99 ms)" for name in names)
        + " | " + " | ".join(f"x {name}" for name in names[1:]) + " |",
        "|---|---|" + "---|" * (2 * len(names) - 1),
    ]  # fmt: skip
    for row in ROWS:
        for concurrency in (1, 16):
            cells, ratios, own = [], [], None
            for name in names:
                figure = results[name]["rows"].get(row, {}).get(concurrency)
                if figure is None:
                    cells.append("not served")
                    ratios.append("-")
                    continue
                failed = f", {figure.errors} FAILED" if figure.errors else ""
                cells.append(f"{figure.rate:,.0f} ({figure.p50 * 1000:.2f}/{figure.p99 * 1000:.2f}{failed})")
                own = figure.rate if own is None else own
                ratios.append(f"{own / figure.rate:.1f}")
            if any(cell != "not served" for cell in cells):
                lines.append(f"| {row} | {concurrency} | " + " | ".join(cells + ratios[1:]) + " |")
    for label, key, unit in (
        ("start to first answer", "start", "s"),
        ("idle memory", "idle", "MiB"),
        ("after the run", "after", "MiB"),
    ):
        cells = [f"{results[name][key]:.2f} {unit}" for name in names]
        ratios = [f"{results[names[0]][key] / results[name][key]:.2f}" for name in names[1:]]
        lines.append(f"| {label} | | " + " | ".join(cells + ratios) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--servers", default="understudy,ministack,moto")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    results = {}
    for name in given.servers.split(","):
        with SERVERS[name]() as server:
            results[name] = run(server, given.only, given.quick)
            print(f"{name}: done", file=sys.stderr)
    text = table(results)
    print(text)
    if given.output:
        given.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
