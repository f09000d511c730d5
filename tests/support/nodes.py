"""A node with a network of its own for a test, as this user or, where the tests are root, as nobody in particular."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from boxes import in_a_box
from restrictions import restricted

import understudy_aws
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import Done, GetStatus, Probe, Probed, Status, Stop, Want
from understudy_aws.dataplane.wanted import Network

UNPRIVILEGED = 65534
_START_SECONDS = 20.0
_RUN = """
import os, sys; from pathlib import Path
from understudy_aws.dataplane.linux.command import NetworkEndedError, run_command
directory, interface, *command = sys.argv[1:]
readable = os.environ.get("READABLE")
try: sys.exit(run_command(Path(directory), interface, command, os.environ, resolver="nameserver 10.0.0.2\\n", readable=readable))
except NetworkEndedError as ended: print(ended, file=sys.stderr); sys.exit(137)
"""

_DAMAGE = """
import os, sys; from ipaddress import ip_network; from pathlib import Path
from understudy_aws.dataplane.linux import holder, nftables as nft, routing as rt, syscalls
from understudy_aws.dataplane.linux.expressions import interface_name, verdict
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
directory = Path(sys.argv[1])
holder.enter_holder(holder.find_holder(directory))
syscalls.setns(os.open(holder.namespaces_directory(directory) / sys.argv[2], os.O_RDONLY), syscalls.CLONE_NEWNET)
routes, filters = NetlinkSocket(rt.NETLINK_ROUTE), NetlinkSocket(nft.NETLINK_NETFILTER)
def commit(*messages): filters.commit(nft.begin(), list(messages), nft.end())
def request(*messages): routes.request(list(messages))
exec(sys.argv[3])
"""

_ANSWER = """
import os, select, socket, sys; from pathlib import Path
from understudy_aws.dataplane.linux import holder, syscalls
directory, ports, *interfaces = sys.argv[1:]
directory = Path(directory)
holder.enter_holder(holder.find_holder(directory))
waiting = select.poll(); sockets = {}
for interface in interfaces:
    syscalls.setns(os.open(holder.namespaces_directory(directory) / interface, os.O_RDONLY), syscalls.CLONE_NEWNET)
    for port in map(int, ports.split(",")):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", port)); made.setblocking(False); waiting.register(made, select.POLLIN); sockets[made.fileno()] = made
print("up", flush=True)
while True:
    for ready, _ in waiting.poll():
        try: sockets[ready].sendto(*sockets[ready].recvfrom(2048))
        except OSError: pass
"""

_WITH_A_CLOCK = """
import runpy, sys; from datetime import timedelta; from pathlib import Path
from understudy_aws.core import clock
file, now, seconds = Path(sys.argv[1]), clock.SystemClock.now, clock.unix_seconds
def ahead():
    return float(file.read_text())
clock.SystemClock.now = lambda self: now(self) + timedelta(seconds=ahead())
clock.unix_seconds = lambda: seconds() + ahead()
sys.argv[:2] = ["understudy_aws.node"]
runpy.run_module("understudy_aws.node", run_name="__main__")
"""


def environment() -> dict[str, str]:
    """What another Python needs to find this Understudy and what it is built on."""
    source = str(Path(understudy_aws.__file__).parents[1])
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([source, *sys.path])}


def refusal_for(user: int | None) -> str:
    """Why a user can make no networks here; empty when nothing keeps it from that."""
    python = python_of(user)
    if python is None:
        return "the unprivileged user can run no Python that finds this Understudy"
    asked = subprocess.run(
        [python, "-c", "from understudy_aws.dataplane.linux.probe import obstacle; print(obstacle())"],
        env=environment(), cwd="/", capture_output=True, text=True, check=True, **identity(user),
    )  # fmt: skip
    return asked.stdout.strip()


def user_called(name: str) -> int | None:
    """The user of `this-user`, which is None, or of `unprivileged`; skips where that can make no networks."""
    user = None
    if name == "unprivileged":
        if os.geteuid() != 0:
            pytest.skip("the user of the tests is unprivileged already")
        user = UNPRIVILEGED
    refused = refusal_for(user)
    if refused:
        pytest.skip(refused)
    return user


def identity(user: int | None) -> dict:
    return {"user": user, "group": user, "extra_groups": []} if user is not None else {}


@contextmanager
def acting_as(user: int | None) -> Iterator[None]:
    """Be a user for as long as the block runs, as to files and sockets; this user for None."""
    # The whole process has one user: another thread must not do this at the same time.
    assert threading.current_thread() is threading.main_thread()
    own = os.geteuid()
    os.seteuid(own if user is None else user)
    try:
        yield
    finally:
        os.seteuid(own)


@cache
def python_of(user: int | None) -> str | None:
    """A Python that a user can run with this Understudy: the tests' own may stand in a home."""
    if user is None:
        return sys.executable
    candidates = [sys.executable, shutil.which("python3", path="/usr/bin:/bin")]
    for python in filter(None, candidates):
        try:
            tried = subprocess.run(
                [python, "-c", "import msgspec, understudy_aws.node"],
                env=environment(), cwd="/", capture_output=True, check=False, **identity(user),
            )  # fmt: skip
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    return None


def memory_of(pid: int) -> int:
    """The memory of a process in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def damage_network(directory: Path, namespace: str, code: str) -> None:
    """Run a piece of Python as root of the namespaces of a node of this user, in one of its network."""
    subprocess.run(
        [sys.executable, "-c", _DAMAGE, str(directory), namespace, code], env=environment(), cwd="/", check=True
    )  # fmt: skip


def nodes_of(directory: Path) -> list[str]:
    """The processes of nodes for a directory, supervisors among them."""
    found = []
    for each in Path("/proc").iterdir():
        with suppress(OSError):
            words = (each / "cmdline").read_bytes().split(b"\0")
            if b"understudy_aws.node" in words and str(directory).encode() in words:
                found.append(each.name)
    return found


def children_of(pid: int) -> list[str]:
    """The children of a process's first thread."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Node:
    """A running node.

    `user` is who it runs as, or None for the user of the tests; `restriction` is one of `restrictions.py` that it runs
    under, and `owner` a process with which it ends. `boxed`, it has a machine of its own with a world around it. It asks
    `name_server` for names that are no VPC's, or else those of this machine. Its machine's clock is ahead by the seconds
    in the file `clock`.
    """

    def __init__(
        self,
        directory: Path,
        user: int | None = None,
        *,
        boxed: bool = False,
        outside: str = "none",
        restriction: str = "",
        owner: int | None = None,
        variables: dict[str, str] | None = None,
        name_server: tuple[str, int] | None = None,
        clock: Path | None = None,
    ) -> None:
        self.directory = directory
        self._clock = clock
        self.user = user
        self._boxed = boxed
        self._outside = outside
        self._restriction = restriction
        self._name_server = name_server
        self._owner = owner
        # What gives a user further ids becomes that user itself.
        self._identity = identity(None if restriction == "further-ids" else user)
        self._python = python_of(user)
        self._environment = {**environment(), **(variables or {})}
        self.process = self._start()
        self.client = self._connect()

    def _start(self) -> subprocess.Popen[bytes]:
        program = (
            ["-m", "understudy_aws.node"] if self._clock is None else ["-c", _WITH_A_CLOCK, str(self._clock)]
        )
        words = [*program, str(self.directory), "--period", "0.3"]
        # What is around this machine is none of the tests' business: only in a box there is a way out.
        words = [*words, "--outside", self._outside]
        if self._name_server is not None:
            words += ["--name-server", "{}:{}".format(*self._name_server)]
        if self._owner is not None:
            words += ["--with", str(self._owner)]
        words = [self._python, *(in_a_box(words) if self._boxed else words)]
        if self._restriction:
            words = restricted(self._restriction, *words)
        return subprocess.Popen(
            words, env=self._environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", **self._identity,
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
        with acting_as(self.user):
            return NodeClient(self.directory)

    def kill(self) -> None:
        """Kill the node, and nothing but the node."""
        self.process.kill()
        sys.stderr.write(self.process.communicate()[1].decode())
        self.client.close()

    def start_again(self) -> None:
        """Start it anew on the same directory."""
        self.process = self._start()
        self.client = self._connect()

    def limit(self, resource: str, most: int | None) -> None:
        """Let the node have so much of a resource (as `NPROC`) and no more; None lifts that again."""
        code = (
            "import resource as r, sys; what = getattr(r, 'RLIMIT_' + sys.argv[2]); pid = int(sys.argv[1])\n"
        )
        code += "soft, hard = r.prlimit(pid, what); r.prlimit(pid, what, (int(sys.argv[3] or hard), hard))"
        words = [self._python, "-c", code, str(self.process.pid), resource, "" if most is None else str(most)]
        subprocess.run(words, cwd="/", check=True, **self._identity)

    def descriptors(self) -> int:
        """How many descriptors the node has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def want(self, network: Network) -> None:
        answer = self.client.ask(Want(network))
        assert answer == Done(), answer

    def status(self) -> Status:
        answer = self.client.ask(GetStatus())
        assert isinstance(answer, Status)
        return answer

    def passes(self, interface: str, address: str, port: int = 80, timeout: float = 5.0) -> bool:
        """Whether a packet of TCP gets from an interface to an address. Nothing need listen there.

        It takes the whole timeout to find that none does, which `drops` says sooner.
        """
        answer = self.client.ask(Probe(interface, address, port, timeout))
        assert isinstance(answer, Probed), answer
        return answer.outcome != "silent"

    def drops(self, interface: str, address: str, port: int = 80) -> bool:
        """Whether no packet of TCP gets from an interface to an address."""
        return not self.passes(interface, address, port, timeout=0.25)

    def run(self, interface: str, *command: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        """Run a command at an interface."""
        return self.start(interface, *command).finish(timeout)

    def start(self, interface: str, *command: str) -> Command:
        return Command(self.command_line(interface, *command), self._environment, self._identity)

    def run_apart(
        self, interface: str, readable: str, *command: str, timeout: float = 20
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with a root of its own, in which a directory can be read."""
        variables = {**self._environment, "READABLE": readable}
        return Command(self.command_line(interface, *command), variables, self._identity).finish(timeout)

    def command_line(self, interface: str, *command: str) -> list[str]:
        return [self._python, "-c", _RUN, str(self.directory), interface, *command]

    def damage(self, namespace: str, code: str) -> None:
        """Run a piece of Python as root of the node's own namespaces, in one of the network."""
        damaging = self.start_damage(namespace, code)
        assert damaging.wait(60) == 0

    def start_damage(self, namespace: str, code: str) -> subprocess.Popen[bytes]:
        """Start such a piece of Python."""
        return subprocess.Popen(
            [self._python, "-c", _DAMAGE, str(self.directory), namespace, code],
            env=self._environment, cwd="/", **self._identity,
        )  # fmt: skip

    def answer_datagrams(self, *interfaces: str, ports: tuple[int, ...]) -> Command:
        """Start a process that sends back each datagram that comes to ports of interfaces."""
        words = [str(self.directory), ",".join(map(str, ports)), *interfaces]
        started = Command([self._python, "-c", _ANSWER, *words], self._environment, self._identity)
        assert started.line() == "up", started.finish().stderr
        return started

    def python(self, interface: str, code: str, *arguments: str) -> Command:
        return self.start(interface, self._python, "-c", code, *arguments)

    def stop(self) -> None:
        with suppress(NodeLostError):
            self.client.ask(Stop())
        self.client.close()
        # What it said of its end is shown where a test fails.
        sys.stderr.write(self.process.communicate(timeout=20)[1].decode())


def findings(running: Node) -> dict[str, str]:
    """What `understudy doctor` says of the state whose node this is."""
    done = subprocess.run(
        [sys.executable, "-m", "understudy_aws", "doctor", "--json", "--port", "0",
         "--state", str(running.directory.parent)],
        env={**environment(), "HOME": str(running.directory.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {each["name"]: each["sentence"] for each in json.loads(done.stdout)["findings"]}


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
def node(directory: Path, user: int | None = None, **more) -> Iterator[Node]:
    """Run a node for as long as the block runs; the rest is as `Node` takes it."""
    directory.mkdir(mode=0o700)
    if user is not None:
        os.chown(directory, user, user)
    running = Node(directory, user, **more)
    try:
        yield running
    finally:
        running.stop()
