"""App Runner's own network, and the address at which each instance asks for its credentials, with real packets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nodes import Node

from understudy_aws.dataplane.client import short_path
from understudy_aws.dataplane.edge import (
    API_ADDRESSES,
    API_SOCKET,
    ARRIVAL_LENGTH,
    CREDENTIALS_ADDRESS,
    OWN_NETWORK_ADDRESS,
    Arrival,
    length_in,
    read_arrival,
)
from understudy_aws.dataplane.wanted import Network
from understudy_aws.services.apprunner.instances import own_network
from understudy_aws.services.apprunner.service_records import ServiceInstance

FIRST, SECOND = (
    ServiceInstance(
        account="000000000000", region="us-east-1", service="arn", id=f"{number}" * 32, version="1",
        created=datetime(2024, 1, 1, tzinfo=UTC), address=f"100.64.128.{number + 4}",
    )
    for number in (0, 1)
)  # fmt: skip
HEAR = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3) as sock:
    print(sock.makefile().readline().strip())
"""


@pytest.fixture
def place(running) -> Node:
    vpc = own_network.network([FIRST, SECOND])
    assert vpc is not None
    running.want(Network(vpcs=(vpc,)))
    return running


@contextmanager
def server(directory: Path) -> Iterator[list[Arrival]]:
    """Takes what the node passes on in the place of a server, and tells each what it was."""
    arrivals: list[Arrival] = []
    with short_path(directory) as short, socket.socket(socket.AF_UNIX) as listening:
        (directory / API_SOCKET).unlink(missing_ok=True)
        listening.bind(str(short / API_SOCKET))
        (directory / API_SOCKET).chmod(0o777)
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                with sock, sock.makefile("rb") as file:
                    arrivals.append(read_arrival(file.read(length_in(file.read(ARRIVAL_LENGTH)))))
                    sock.sendall(b"here\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield arrivals
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_instance_is_known_by_its_interface_where_it_asks_for_credentials(place):
    with server(place.directory) as arrivals:
        for each in (FIRST, SECOND):
            done = place.python(own_network.interface_of(each), HEAR, CREDENTIALS_ADDRESS, "80").finish(20)
            assert done.stdout == "here\n", done.stderr
    assert [each.interface for each in arrivals] == [
        own_network.interface_of(each) for each in (FIRST, SECOND)
    ]


def test_instances_reach_the_apis_with_app_runners_address(place):
    with server(place.directory) as arrivals:
        done = place.python(own_network.interface_of(FIRST), HEAR, API_ADDRESSES[4], "443").finish(20)
        assert done.stdout == "here\n", done.stderr
    assert arrivals == [Arrival(OWN_NETWORK_ADDRESS)]


def test_instances_do_not_reach_each_other(place):
    assert place.drops(own_network.interface_of(FIRST), SECOND.address)
