"""The servers under test: started alone, asked until they answer, stopped afterwards."""

from __future__ import annotations

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
HERE = Path(__file__).parents[1]
# Every server answers it at once, and whoever checks signatures answers that there is none.
UNSIGNED = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 43\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15"
)


@dataclass
class Running:
    """A server under test; `first_answer` is in seconds of waiting, `first_answer_cpu` in seconds of CPU."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    keys: tuple[str, str]
    first_answer: float
    first_answer_cpu: float
    environment: dict[str, str]
    state: str = ""
    package: str = ""  # what it is started by, when it is ours
    subnet: str = ""

    @property
    def is_ours(self) -> bool:
        return bool(self.state)

    def client(self, service: str, region: str = REGION) -> Any:
        return client(service, self.port, self.keys, region)

    def resident(self) -> float:
        """Resident memory in MiB, children included."""
        total = 0
        for pid in _with_children(self.process.pid):
            match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            total += int(match[1]) if match else 0
        return total / 1024

    def cpu(self) -> float:
        """CPU seconds used so far by all threads, children included; exact to the nanosecond."""
        return cpu_of(self.process.pid)


def client(service: str, port: int, keys: tuple[str, str], region: str = REGION) -> Any:
    """A boto3 client of a server on this machine."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(retries={"max_attempts": 0}),
    )


def cpu_of(pid: int) -> float:
    """CPU seconds of a process that runs, by the scheduler's own count."""
    total = 0
    for each in _with_children(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while it is being read
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _with_children(pid: int) -> list[int]:
    pids = [pid]
    for each in pids:
        children = Path(f"/proc/{each}/task/{each}/children")
        if children.exists():
            pids += [int(child) for child in children.read_text().split()]
    return pids


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def package_of(checkout: Path) -> str:
    """Return the name of the package in a checkout: it was `understudy` before it could be installed beside another."""
    return "understudy_aws" if (checkout / "src" / "understudy_aws").is_dir() else "understudy"


def compile_sources(checkout: Path) -> None:
    """Write the bytecode of a checkout, as pip does for what it installs."""
    sources = checkout / "src" / package_of(checkout)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(sources)], check=True)


@contextmanager
def understudy(
    checkout: Path = HERE, *, state: Path | None = None, port: int = 0, question: bytes = UNSIGNED
) -> Iterator[Running]:
    """Understudy from the sources of a checkout, with a state directory of its own unless one is given."""
    directory = state or Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    port = port or free_port()
    package = package_of(checkout)
    command = [sys.executable, "-m", package, "up", "--port", str(port), "--state", str(directory)]
    environment = {"PYTHONPATH": str(checkout / "src")}

    with serving("understudy", command, port, lambda: keys_in(directory), environment, question) as running:
        running.state, running.package = str(directory), package
        yield running
    if state is None:
        shutil.rmtree(directory, ignore_errors=True)


def keys_in(state: Path, account: str = "") -> tuple[str, str]:
    """The administrator's keys of an account or of the first, as the server left them with its state."""
    text = (state / "credentials").read_text().partition(f"[{account}" if account else "[")[2]
    found = [
        re.search(rf"{name}\s*=\s*(\S+)", text) for name in ("aws_access_key_id", "aws_secret_access_key")
    ]
    assert found[0], "the server wrote its keys"
    assert found[1], "the server wrote its keys"
    return found[0][1], found[1][1]


@contextmanager
def ministack(*, port: int = 0, question: bytes = UNSIGNED) -> Iterator[Running]:
    port = port or free_port()
    command = [sys.executable, "-m", "ministack"]
    environment = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    with serving("ministack", command, port, lambda: ("test", "test"), environment, question) as running:
        yield running


@contextmanager
def moto(*, port: int = 0, question: bytes = UNSIGNED) -> Iterator[Running]:
    port = port or free_port()
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving("moto", command, port, lambda: ("test", "test"), {}, question) as running:
        yield running


SERVERS = {"understudy": understudy, "ministack": ministack, "moto": moto}


@contextmanager
def serving(
    name: str,
    command: list[str],
    port: int,
    keys: Callable[[], tuple[str, str]],
    environment: dict[str, str],
    question: bytes,
) -> Iterator[Running]:
    """Start a server, wait for its first whole answer, stop it afterwards."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    expected = b"HTTP/1.1 " if question is UNSIGNED else b"HTTP/1.1 200"
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**inherited, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.sendall(question)
                    if connection.recv(100).startswith(expected):
                        break
            except OSError:
                if time.perf_counter() - started > 30 or process.poll() is not None:
                    raise SystemExit(f"{name} did not start") from None
                time.sleep(0.002)
        waited, used = time.perf_counter() - started, cpu_of(process.pid)
        yield Running(name, port, process, keys(), waited, used, environment)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
