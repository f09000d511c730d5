"""However a network and what runs in it come to their end, nothing is left on the host: `tests/support/traces.py` looks."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time

import boto3
import pytest
from nodes import refusal_for
from server_process import ServerProcess, clean_environment
from traces import Traces

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

# It leaves a daemon behind, which has a session of its own and ignores what may be ignored.
PROGRAM = (
    "sh",
    "-c",
    "setsid sh -c 'trap \"\" HUP TERM INT; sleep 300; sleep 300' & echo up; exec sleep 300",
)
# Takes what comes, and says of each connection that it was taken and, when asked, how many bytes have come.
TAKE = """
import socket, sys, threading
server = socket.create_server(("0.0.0.0", 5432)); counted = 0
def take(connection):
    global counted
    buffer = bytearray(1 << 18)
    while count := connection.recv_into(buffer): counted += count
def taken():
    while True: threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=taken, daemon=True).start()
print("up", flush=True)
for _ in sys.stdin: print(counted, flush=True)
"""
# Sends without end through some connections that stay, and says of each short one of its own that it was answered to.
FLOOD = """
import socket, sys, threading
place = (sys.argv[1], 5432)
def flood(connection):
    while True: connection.sendall(bytes(1 << 18))
for _ in range(3): threading.Thread(target=flood, args=(socket.create_connection(place),), daemon=True).start()
print("up", flush=True)
for _ in sys.stdin: socket.create_connection(place, 20).close(); print("connected", flush=True)
"""
# What a state is, and what a node leaves in it for the next; `api` is the server's, which may have been killed.
KEEPS = (
    r"^state$",
    r"^state/(?!node/)",
    r"^state/node(/(lock|node\.log|namespaces|api))?$",
    r"^tmp$",
    r"^\.cache",
)


class Place:
    """A server with its state and temporary files in a folder, and programs that are attached."""

    def __init__(self, folder, state: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.traces = Traces(folder, keeps=KEEPS)
        self._state, self._environment = state, clean_environment(folder, TMPDIR=str(self.temporary))
        self.start()

    def start(self) -> None:
        """Start a server, also where one was killed."""
        state, environment = self._state, self._environment
        self.server = ServerProcess("--json", "--lifeline", "--state", state, environment=environment)
        said = self.server.said
        self.environment = {
            **environment,
            "UNDERSTUDY_STATE": state,
            "UNDERSTUDY_PORT": said["endpoint"].rpartition(":")[2],
        }
        client = boto3.client(
            "ec2", endpoint_url=said["endpoint"], region_name="eu-west-1",
            aws_access_key_id=said["access_key_id"], aws_secret_access_key=said["secret_access_key"],
        )  # fmt: skip
        self.subnet = client.describe_subnets()["Subnets"][0]["SubnetId"]
        self.interfaces = lambda: client.describe_network_interfaces()["NetworkInterfaces"]

    def understudy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "understudy_aws", *words], capture_output=True, text=True,
            env=self.environment, timeout=120, check=False,
        )  # fmt: skip

    def attach(self, *program: str, **how) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "understudy_aws", "attach", "--subnet", self.subnet, "--"]
        return subprocess.Popen([*words, *(program or PROGRAM)], env=self.environment, text=True, **how)

    def attached(self, *program: str) -> subprocess.Popen[str]:
        """Attach a program, and wait until it runs."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = self.attach(*program, **(pipes if program else {**pipes, "stdin": None}))
        assert process.stdout.readline() == "up\n", process.stderr.read()
        return process

    def node(self) -> dict:
        return json.loads(self.understudy("status", "--json").stdout)["network"]

    def stop(self) -> None:
        stopped = self.understudy("stop")
        assert stopped.returncode == 0, stopped

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        self.server.close()


@pytest.fixture
def place(tmp_path):
    with Place(tmp_path, str(tmp_path / "state")) as made:
        yield made


@pytest.mark.parametrize(
    "killed", [(), ("server",), ("node",), ("holder",), ("node", "server"), ("holder", "node")]
)
def test_stop_leaves_nothing_whatever_was_killed_before(place, killed):
    programs = [place.attached(), place.attached()]
    place.traces.look()
    network = place.node()
    pids = {"server": place.server.process.pid, "node": network["pid"], "holder": network["holder"]}
    for each in killed:
        os.kill(pids[each], signal.SIGKILL)
    if "server" in killed:
        place.server.process.wait()
    place.stop()
    place.server.process.wait()
    for each in programs:
        _, errors = each.communicate(timeout=30)
        assert each.returncode == 128 + signal.SIGKILL
        assert "The network was taken down" in errors
    assert place.traces.left() == {}


def test_traffic_goes_on_without_the_server_and_ends_with_the_holder(place):
    """Connections that stand and new ones; the next server finds them, and what is killed under load leaves nothing."""
    taking = place.attached(sys.executable, "-c", TAKE)
    [interface] = place.interfaces()
    flooding = place.attached(sys.executable, "-c", FLOOD, interface["PrivateIpAddress"])

    def ask(program: subprocess.Popen[str]) -> str:
        program.stdin.write("\n")
        program.stdin.flush()
        return program.stdout.readline().strip()

    def goes_on() -> None:
        before = int(ask(taking))
        until = time.monotonic() + 20
        while int(ask(taking)) < before + (16 << 20):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert ask(flooding) == "connected"

    goes_on()
    place.traces.look()
    network = place.node()
    place.server.close()
    for _ in range(3):
        goes_on()
    place.start()
    assert (place.node()["pid"], place.node()["holder"]) == (network["pid"], network["holder"])
    goes_on()
    os.kill(network["pid"], signal.SIGKILL)
    goes_on()
    os.kill(network["holder"], signal.SIGKILL)
    for each in (taking, flooding):
        each.communicate(timeout=30)
        assert each.returncode == 128 + signal.SIGKILL
    place.stop()
    place.server.process.wait()
    assert place.traces.left() == {}


def test_reset_takes_programs_and_their_network_along(place):
    program = place.attached()
    place.traces.look()
    assert place.understudy("reset", "--yes").returncode == 0
    _, errors = program.communicate(timeout=30)
    assert (program.returncode, "The network was taken down" in errors) == (137, True), errors
    place.stop()
    place.server.process.wait()
    assert place.traces.left() == {}


@pytest.mark.parametrize("how", ["interrupt", "hangup", "kill"])
def test_the_end_of_a_terminal_is_the_end_of_what_was_attached_in_it(place, how):
    """Also of the daemon that the program has left, which hears of none of it."""
    master, terminal = pty.openpty()
    process = place.attach(
        stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=lambda: _own_terminal(terminal)
    )
    os.close(terminal)
    said = b""
    while b"\nup" not in said and not said.startswith(b"up"):
        said += os.read(master, 4096)
    place.traces.look()
    if how == "interrupt":
        os.write(master, b"\x03")
    elif how == "kill":
        process.kill()
    else:
        os.close(master)
    code = process.wait(30)
    assert code == {"interrupt": 130, "hangup": 129, "kill": -9}[how]
    if how != "hangup":
        os.close(master)
    until = time.monotonic() + 20
    while place.interfaces():
        assert time.monotonic() < until
        time.sleep(0.1)
    place.stop()
    place.server.process.wait()
    assert place.traces.left() == {}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("before", ["", "node"])
def test_a_state_in_memory_takes_everything_along(tmp_path, how, before):
    place = Place(tmp_path, "memory:")
    program = place.attached()
    place.traces.look()
    if before:
        os.kill(place.node()["pid"], signal.SIGKILL)
    place.server.end(how)
    program.communicate(timeout=30)
    assert program.returncode == 137
    if how == signal.SIGKILL:
        # A server that was killed says no more; the next one in memory takes the name of its files.
        for each in place.temporary.glob(f"understudy-{os.getuid()}/memory-*"):
            each.unlink()
    if before and how == signal.SIGKILL:
        # Nobody was left to remove it; there is nothing in it but what it was asked for.
        for each in place.temporary.glob("understudy-node-*"):
            assert {file.name for file in each.iterdir()} <= {"lock", "node.log", "namespaces", "socket", "wanted.json", "holder.json", "api"}  # fmt: skip
        return
    left = place.traces.left()
    assert [each for each in left.pop("files", []) if f"/understudy-{os.getuid()}" not in each] == []
    assert left == {}


def _own_terminal(terminal: int) -> None:
    import fcntl  # noqa: PLC0415 - the process is another one
    import termios  # noqa: PLC0415

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    # Tests that run in the background of a shell were started to ignore it, and so would the program be.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
