"""Connections into the namespaces of instances, and what is told of those that can't be made."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest
from networks import group, interface, vpc

from understudy_aws.dataplane.wanted import Network
from understudy_aws.node import dialer
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint

# What a node does, in a process that has entered the node's namespaces as the node has.
_AS_A_NODE = """
import asyncio, json, sys
from pathlib import Path
from understudy_aws.dataplane.linux import holder
from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.wanted_services import HealthCheck
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.health import HealthChecks

directory = Path(sys.argv[1])
holder.enter_holder(holder.find_holder(directory))
namespaces = Namespaces(holder.namespaces_directory(directory), NamespaceThread())

async def story():
    dialer = Dialer(namespaces)
    endpoint = Endpoint("eni-app", "10.0.1.10", int(sys.argv[2]))
    told = {}
    changed = asyncio.Event()
    checks = HealthChecks(dialer, lambda id: changed.set())
    checks.begin("one", HealthCheck(interval=1, timeout=1, unhealthy_threshold=1), endpoint)
    async with asyncio.timeout(20):
        await changed.wait()
    told["state"], told["reason"] = checks.health("one").state, checks.health("one").reason
    if told["state"] == "healthy":
        sock = await dialer.connect(endpoint, 5)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, b"ping")
        told["echo"] = (await loop.sock_recv(sock, 100)).decode()
        told["from"] = sock.getsockname()[0]
        sock.close()
    try:
        await dialer.connect(Endpoint("eni-none", "10.0.1.10", 80), 5)
    except FileNotFoundError:
        told["missing"] = True
    checks.close()
    dialer.close()
    print(json.dumps(told))

asyncio.run(story())
"""
_SERVER = """
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); print("listening", flush=True)
while True:
    c, _ = s.accept()
    while data := c.recv(100): c.sendall(data)
"""


def _told(running, port: int) -> dict:
    line = [running._python, "-c", _AS_A_NODE, str(running.directory), str(port)]
    asked = subprocess.run(
        line,
        check=False,
        env=running._environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        **running._identity,
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def _listening(running, address: str, port: int):
    app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
    running.want(Network(vpcs=(vpc("vpc-a", app, groups=(group("sg-app"),)),)))
    server = running.python("eni-app", _SERVER, address, str(port))
    assert server.line() == "listening"
    return server


def test_an_instance_is_reached_at_its_own_address(running):
    """No group lets anybody in: the connection comes from inside the namespace, as App Runner's does."""
    server = _listening(running, "0.0.0.0", 8080)
    told = _told(running, 8080)
    server.process.kill()
    server.process.communicate()
    assert told == {
        "state": "healthy", "reason": "", "echo": "ping", "from": "10.0.1.10", "missing": True,
    }  # fmt: skip


def test_one_that_listens_on_127_0_0_1_only_is_told_so(running):
    server = _listening(running, "127.0.0.1", 8080)
    told = _told(running, 8080)
    server.process.kill()
    server.process.communicate()
    assert told["state"] == "unhealthy"
    assert told["reason"] == (
        "It listens on port 8080 of 127.0.0.1 only, where no request arrives; it must listen on 0.0.0.0."
    )


def test_one_that_listens_on_another_port_is_told_which(running):
    server = _listening(running, "0.0.0.0", 3000)
    told = _told(running, 8080)
    server.process.kill()
    server.process.communicate()
    assert told["reason"] == "Nothing listens on port 8080; it listens on port 3000."


@contextmanager
def full_server():
    """A program that listens at an address and takes nobody, with as many waiting as the kernel keeps: no other is answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as others:
        for _ in range(3):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(server.getsockname())
        yield server


def test_a_program_whose_backlog_was_full_is_tried_again_before_the_kernel_does(monkeypatch):
    """The kernel makes its next attempt after a second (tcp(7): tcp_syn_retries)."""
    made = dialer._made
    attempts = []
    monkeypatch.setattr(dialer, "_made", lambda endpoint: attempts.append(endpoint) or made(endpoint))
    with full_server() as server:

        async def reached() -> None:
            dialing = asyncio.ensure_future(Dialer(None).connect(Endpoint(None, *server.getsockname()), 60))
            while len(attempts) < 2:
                await asyncio.sleep(0.01)
            assert not dialing.done()
            server.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
            (await dialing).close()

        asyncio.run(reached())


def test_a_program_that_never_answers_is_given_up_and_no_sooner_than_asked():
    with full_server() as server:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(Dialer(None).connect(Endpoint(None, *server.getsockname()), 0.5))
        assert time.monotonic() - began >= 0.5
