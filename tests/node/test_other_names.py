"""Names that are no VPC's: asked of the machine's resolver where the VPC has a way out (decision 0021)."""

from __future__ import annotations

import time

import dns.message
import pytest
from askers import a_vpc, names
from msgspec.structs import replace
from name_servers import everything_is, name_server
from nodes import memory_of

from understudy_aws.dataplane.wanted import Network

ANSWER = everything_is("192.0.2.7", 100)


def behaviour(query: dns.message.Message) -> bytes | None:
    return None if query.question[0].name.to_text().startswith("silent") else ANSWER(query)


@pytest.fixture
def server():
    with name_server(behaviour) as started:
        yield started


@pytest.fixture
def node_options(server):
    return {"name_server": server.address}


def with_gateway(id: str, *addresses: str):
    return replace(a_vpc(id, names(forwards=True), *addresses), internet_gateway="igw-1")


def test_they_are_asked_where_there_is_a_way_out_and_private_ones_never(running, asker, server):
    isolated = a_vpc("vpc-b", names(), "10.0.1.10")
    running.want(
        Network(
            vpcs=(with_gateway("vpc-a", "10.0.1.10"), isolated),
            names={"sts.amazonaws.com": ("198.51.100.7",)},
        )
    )
    ask, from_isolated = asker("eni-vpc-a-0"), asker("eni-vpc-b-0")
    assert "192.0.2.7" in ask("Example.com", protocol="tcp")
    assert ask("example.com") == "NOERROR", "too long for a datagram, so that libraries ask by TCP"
    assert server.asked == [("Example.com.", "tcp"), ("example.com.", "udp")]
    assert ask("ip-10-0-1-99.ec2.internal") == ask("99.1.0.10.in-addr.arpa", "PTR") == "NXDOMAIN"
    assert ask("sts.amazonaws.com") == "NOERROR 198.51.100.7"
    assert from_isolated("example.com") == from_isolated("example.com", protocol="tcp") == "REFUSED"
    assert len(server.asked) == 2


def test_a_resolver_that_says_nothing_is_an_error_soon_and_nobody_else_waits(running, asker):
    running.want(Network(vpcs=(with_gateway("vpc-a", "10.0.1.10", "10.0.1.11"),)))
    waiting, other = asker("eni-vpc-a-0", 20.0), asker("eni-vpc-a-1")
    began = time.monotonic()
    waiting.send("silent.example.com")
    waiting.send("silent.example.com", protocol="tcp")
    assert other("ip-10-0-1-10.ec2.internal") == "NOERROR 10.0.1.10"
    assert time.monotonic() - began < 5
    assert (waiting.receive(), waiting.receive()) == ("SERVFAIL", "SERVFAIL")


FLOOD = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("10.0.0.2", 53)); s.settimeout(0.05)
query, until = bytes.fromhex(sys.argv[1]), time.monotonic() + 1.5
while time.monotonic() < until:
    for _ in range(50): s.send(query)
    try:
        while True: s.recv(4096)
    except OSError: pass
idle = [socket.create_connection(("10.0.0.2", 53)) for _ in range(200)]
print("done", flush=True); sys.stdin.read()
"""


def test_questions_nobody_answers_and_idle_connections_are_bounded(running, asker):
    """No more than 64 of a VPC are under way; of more than 64 connections the rest is closed at once."""
    running.want(Network(vpcs=(with_gateway("vpc-a", "10.0.1.10", "10.0.1.11"),)))
    ask = asker("eni-vpc-a-1", 1.0)
    assert ask("ip-10-0-1-10.ec2.internal") == "NOERROR 10.0.1.10"
    before, open_before = memory_of(running.process.pid), running.descriptors()
    flooding = running.python(
        "eni-vpc-a-0", FLOOD, dns.message.make_query("silent.example.com", "A").to_wire().hex()
    )
    assert flooding.line() == "done"
    assert any(ask("ip-10-0-1-10.ec2.internal") == "NOERROR 10.0.1.10" for _ in range(10))
    assert running.descriptors() - open_before <= 64 + 64
    assert memory_of(running.process.pid) - before < 8 * 1024, "KiB"
    flooding.process.kill()
    flooding.finish()
