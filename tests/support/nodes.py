"""A node with a network of its own for a test, as this user or, where the tests are root, as nobody in particular."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import understudy_aws
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import Done, GetStatus, Probe, Probed, Status, Stop, Want
from understudy_aws.dataplane.wanted import Network

UNPRIVILEGED = 65534
_START_SECONDS = 20.0
_RUN = (
    "import os, sys; from pathlib import Path\n"
    "from understudy_aws.dataplane.linux.command import run_command\n"
    "sys.exit(run_command(Path(sys.argv[1]), sys.argv[2], sys.argv[4:], os.environ, Path(sys.argv[3])))"
)

_DAMAGE = """
import os, sys; from pathlib import Path
from understudy_aws.dataplane.linux import holder, syscalls
directory = Path(sys.argv[1])
holder.enter_holder(holder.find_holder(directory))
syscalls.setns(os.open(holder.namespaces_directory(directory) / sys.argv[2], os.O_RDONLY), syscalls.CLONE_NEWNET)
os.execvp("sh", ["sh", "-c", sys.argv[3]])
"""


class Node:
    """A running node. `user` is who it runs as, or None for the user of the tests."""

    def __init__(self, directory: Path, user: int | None = None) -> None:
        self.directory = directory
        self._identity = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        # A python that an unprivileged user can run: the tests' own may stand in a home.
        self._python = sys.executable if user is None else shutil.which("python3", path="/usr/bin:/bin")
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(Path(understudy_aws.__file__).parents[1]), *sys.path]),
        }
        self.process = self._start()
        self.client = self._connect()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._python, "-m", "understudy_aws.node", str(self.directory), "--period", "0.3"],
            env=self._environment, stderr=subprocess.PIPE, cwd="/", **self._identity,
        )  # fmt: skip

    def _connect(self) -> NodeClient:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self.connect()
            except NodeLostError:
                if self.process.poll() is not None or time.monotonic() > until:
                    error = self.process.communicate()[1].decode()
                    raise RuntimeError(f"the node ended with {self.process.returncode}: {error}") from None
                time.sleep(0.005)

    def connect(self) -> NodeClient:
        """Connect as its user, whom alone it answers."""
        with self._as_its_user():
            return NodeClient(self.directory)

    @contextmanager
    def _as_its_user(self) -> Iterator[None]:
        # The whole process has one user: another thread must not do this at the same time.
        assert threading.current_thread() is threading.main_thread()
        own = os.geteuid()
        os.seteuid(self._identity.get("user", own))
        try:
            yield
        finally:
            os.seteuid(own)

    def kill(self) -> None:
        """Kill the node, and nothing but the node."""
        self.process.kill()
        self.process.communicate()
        self.client.close()

    def start_again(self) -> None:
        """Start it anew on the same directory."""
        self.process = self._start()
        self.client = self._connect()

    def want(self, network: Network) -> None:
        answer = self.client.ask(Want(network))
        assert answer == Done(), answer

    def status(self) -> Status:
        answer = self.client.ask(GetStatus())
        assert isinstance(answer, Status)
        return answer

    def passes(self, interface: str, address: str, port: int = 80, timeout: float = 0.25) -> bool:
        """Whether a packet of TCP gets from an interface to an address. Nothing need listen there."""
        answer = self.client.ask(Probe(interface, address, port, timeout))
        assert isinstance(answer, Probed), answer
        return answer.outcome != "silent"

    def run(self, interface: str, *command: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        """Run a command at an interface."""
        return self.start(interface, *command).finish(timeout)

    def start(self, interface: str, *command: str) -> Command:
        return Command(self.command_line(interface, *command), self._environment, self._identity)

    def command_line(self, interface: str, *command: str) -> list[str]:
        resolver = self.directory.parent / "resolv.conf"
        resolver.write_text("nameserver 10.0.0.2\n")
        return [self._python, "-c", _RUN, str(self.directory), interface, str(resolver), *command]

    def damage(self, namespace: str, command: str) -> None:
        """Run a command as root of the node's own namespaces, in one of the network."""
        subprocess.run(
            [self._python, "-c", _DAMAGE, str(self.directory), namespace, command],
            env=self._environment, cwd="/", check=True, **self._identity,
        )  # fmt: skip

    def python(self, interface: str, code: str, *arguments: str) -> Command:
        return self.start(interface, self._python, "-c", code, *arguments)

    def stop(self) -> None:
        with suppress(NodeLostError):
            self.client.ask(Stop())
        self.client.close()
        self.process.communicate(timeout=20)


class Command:
    """A command that runs at an interface."""

    def __init__(self, line: list[str], environment: dict[str, str], identity: dict) -> None:
        self.process = subprocess.Popen(
            line, env=environment, cwd="/", text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **identity,
        )  # fmt: skip

    def line(self) -> str:
        """Wait for a line of output."""
        return self.process.stdout.readline().strip()

    def finish(self, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        output, errors = self.process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, output, errors)


@contextmanager
def node(directory: Path, user: int | None = None) -> Iterator[Node]:
    """Run a node for as long as the block runs."""
    directory.mkdir(mode=0o700)
    if user is not None:
        os.chown(directory, user, user)
    running = Node(directory, user)
    try:
        yield running
    finally:
        running.stop()
