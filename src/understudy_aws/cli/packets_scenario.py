"""The scenario's step with packets: a database that a program of the connector's group reaches once it is let in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import sleep
from typing import Any

from understudy_aws.admin.requests import Reach
from understudy_aws.cli.walk import Walk
from understudy_aws.core.clock import monotonic_seconds

_PORT = 5432
_PATIENCE = 20.0
# It ends with its input, and so with the demonstration, however that ends.
_DATABASE = f"""
import os, socket, sys, threading
listening = socket.create_server(("0.0.0.0", {_PORT}))
print("listening", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    connection, _ = listening.accept()
    connection.sendall(b"answered")
    connection.close()
"""
_CLIENT = f"""
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], {_PORT}), 1).recv(100).decode())
except OSError:
    print("dropped")
"""


def security_groups_on_packets(walk: Walk) -> None:
    """Two programs of our own stand for the database and the service, each with an interface in the VPC."""
    ec2 = walk.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=walk.known["subnets"])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="db", Description="the database")["GroupId"]
    with _attached(walk, group, _DATABASE) as database:
        assert database.stdout is not None, "stdout is a pipe"
        walk.expect(
            f"understudy attach --group {group} -- a database",
            "listening",
            database.stdout.readline().strip(),
        )
        (interface,) = interfaces_of(walk, group)
        address = interface["PrivateIpAddress"]
        walk.expect(
            "aws ec2 describe-network-interfaces: its interface",
            "in-use, attached",
            f"{interface['Status']}, {interface.get('Attachment', {}).get('Status')}",
        )
        connect = f"understudy attach --group {walk.known['group']} -- connect to {address}:{_PORT}"
        walk.expect(connect, "dropped", _connected(walk, address))
        asked = Reach(source=walk.known["connector"], target=address, port=_PORT)
        walk.expect(
            f"understudy reach CONNECTOR {address}:{_PORT}",
            f"refused at {group}; aws ec2 authorize-security-group-ingress",
            refused_at(walk.ask(asked)),
        )
        pair = {"UserIdGroupPairs": [{"GroupId": walk.known["group"]}]}
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": _PORT, "ToPort": _PORT, **pair}]
        )
        walk.expect(f"{connect}, once the group lets it in", "answered", _connected(walk, address))
        walk.expect(
            f"understudy reach CONNECTOR {address}:{_PORT}",
            "passes",
            "passes" if walk.ask(asked)["passes"] else "refused",
        )
    walk.expect(
        "aws ec2 describe-network-interfaces, afterwards", "no interface", until_none_is_left(walk, group)
    )


@contextmanager
def _attached(walk: Walk, group: str, program: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - ourselves
        _words(walk, group, program),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.communicate(timeout=_PATIENCE)


def _connected(walk: Walk, address: str) -> str:
    done = subprocess.run(  # noqa: S603 - ourselves
        _words(walk, walk.known["group"], _CLIENT, address),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip()


def _words(walk: Walk, group: str, program: str, *arguments: str) -> Sequence[str]:
    return (
        sys.executable, "-P", "-m", "understudy_aws", "attach", "--state", str(walk.started.files.server.parent),
        "--subnet", walk.known["subnets"][0], "--group", group,
        "--", sys.executable, "-I", "-c", program, *arguments,
    )  # fmt: skip


def interfaces_of(walk: Walk, group: str) -> list[dict[str, Any]]:
    """Return the interfaces that are in a group."""
    filters = [{"Name": "group-id", "Values": [group]}]
    found: list[dict[str, Any]] = walk.client("ec2").describe_network_interfaces(Filters=filters)[
        "NetworkInterfaces"
    ]
    return found


def refused_at(answer: dict[str, Any]) -> str:
    """Return which hop refuses, and the call that would change that."""
    for path in answer["paths"]:
        if not path["passes"]:
            called = path["changes"][0].partition(" --")[0] if path["changes"] else "nothing lets it pass"
            return f"refused at {path['hops'][-1]['at']}; {called}"
    return "passes"


def until_none_is_left(walk: Walk, group: str) -> str:
    """Wait until no interface is in a group, and say how many are."""
    deadline = monotonic_seconds() + _PATIENCE
    while (left := interfaces_of(walk, group)) and monotonic_seconds() < deadline:
        sleep(0.05)
    return f"{len(left)} interfaces" if left else "no interface"
