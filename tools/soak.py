"""Loads a server of its own for some minutes and fails when memory, files or rows climb.

Usage: scripts/soak MINUTES [SECONDS_BETWEEN_LOOKS]

Three clients make and delete what an account holds, so that the number of live records stays about the same. The
server listens on the loopback address alone and keeps its state in a directory that is removed at the end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_CLIENTS = 3
_TRAIL = 5_000
_MIB = 1024 * 1024
_LONGEST_LOG = 64 * _MIB
# Records that live for a set time after they were made, as AWS keeps them: they rise until that time has passed.
_OF_AN_AGE = frozenset({"gateway/client-token", "sts/session", "apprunner/vpc-connector"})
# What such a record may take of memory, and how far from level anything may be.
_BYTES_PER_RECORD = 4096
_TOLERANCE = 0.15


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the server found. Sizes are in bytes; `waited` is the slowest answer since the last look."""

    seconds: float
    memory: int
    file: int
    log: int
    trail: int
    records: Mapping[str, int]
    calls: int
    waited: float

    @property
    def aged(self) -> int:
        """Records that only time removes."""
        return sum(count for name, count in self.records.items() if name in _OF_AN_AGE)

    @property
    def live(self) -> int:
        """Records that calls make and delete."""
        return sum(self.records.values()) - self.aged


def faults(looks: Sequence[Look]) -> list[str]:
    """Return what climbed, a sentence each: the last third of the looks is held against the third before it."""
    third = max(1, len(looks) // 3)
    earlier, later = looks[-2 * third : -third], looks[-third:]
    found = []
    if max(look.log for look in looks) > _LONGEST_LOG:
        found.append(f"The write-ahead log grew to {max(look.log for look in looks) // _MIB} MiB.")
    if max(look.trail for look in looks) > _TRAIL * 1.05:
        found.append(f"The trail held {max(look.trail for look in looks)} entries instead of {_TRAIL}.")
    aged = max(0, later[-1].aged - earlier[0].aged) * _BYTES_PER_RECORD
    found += _climbed("Memory", lambda look: look.memory, earlier, later, allowed=aged + 8 * _MIB)
    found += _climbed("The file", lambda look: look.file, earlier, later, allowed=2 * aged + 4 * _MIB)
    found += _climbed("The number of records", lambda look: look.live, earlier, later, allowed=50)
    return found


def _climbed(
    name: str, value: Callable[[Look], int], earlier: Sequence[Look], later: Sequence[Look], *, allowed: int
) -> list[str]:
    before, after = (max(value(look) for look in looks) for looks in (earlier, later))
    if after <= before * (1 + _TOLERANCE) + allowed:
        return []
    return [f"{name} climbed from {before:,} to {after:,}."]


@dataclass(slots=True)
class _Load:
    """The clients, and what they count."""

    session: Any
    endpoint: str
    stop: threading.Event = field(default_factory=threading.Event)
    calls: list[int] = field(default_factory=lambda: [0] * _CLIENTS)
    slowest: list[float] = field(default_factory=lambda: [0.0] * _CLIENTS)
    errors: list[str] = field(default_factory=list)

    def work(self, number: int) -> None:
        """Make, look at and delete things until told to stop."""
        config = Config(retries={"max_attempts": 0})
        iam, ec2, sts, apprunner = (
            self.session.client(name, endpoint_url=self.endpoint, config=config)
            for name in ("iam", "ec2", "sts", "apprunner")
        )
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        turn = 0
        while not self.stop.is_set():
            turn += 1
            try:
                self._turn(number, turn, subnet, iam=iam, ec2=ec2, sts=sts, apprunner=apprunner)
            except Exception as error:  # noqa: BLE001 - told at the end
                self.errors.append(f"{type(error).__name__}: {error}")
                return

    def _turn(
        self, number: int, turn: int, subnet: str, *, iam: Any, ec2: Any, sts: Any, apprunner: Any
    ) -> None:
        name = f"soak-{number}-{turn}"
        self._call(number, iam.create_user, UserName=name)
        made = self._call(number, ec2.create_network_interface, SubnetId=subnet)["NetworkInterface"]
        self._call(number, ec2.describe_network_interfaces)
        self._call(number, iam.get_user, UserName=name)
        try:
            self._call(number, iam.get_role, RoleName="absent")
        except ClientError:
            self._call(number, sts.get_caller_identity)
        if turn % 10 == 0:
            connector = self._call(
                number, apprunner.create_vpc_connector, VpcConnectorName=f"soak-{number}", Subnets=[subnet]
            )["VpcConnector"]
            self._call(number, sts.get_session_token, DurationSeconds=900)
            self._call(number, apprunner.delete_vpc_connector, VpcConnectorArn=connector["VpcConnectorArn"])
        self._call(number, ec2.delete_network_interface, NetworkInterfaceId=made["NetworkInterfaceId"])
        self._call(number, iam.delete_user, UserName=name)

    def _call(self, number: int, operation: Callable[..., Any], **params: Any) -> Any:
        began = time.monotonic()
        try:
            return operation(**params)
        finally:
            self.calls[number] += 1
            self.slowest[number] = max(self.slowest[number], time.monotonic() - began)


def soak(minutes: float, every: float, show: Callable[[str], object] = print) -> list[str]:
    """Load a server for so many minutes; return what climbed or failed, a sentence each."""
    with tempfile.TemporaryDirectory(prefix="understudy-soak-") as folder:
        state = Path(folder)
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "understudy_aws",
                "up",
                "--json",
                "--show-keys",
                "--port",
                "0",
                "--state",
                folder,
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "UNDERSTUDY_TRAIL": str(_TRAIL)},
        )
        try:
            assert server.stdout is not None, "it is a pipe"
            said = json.loads(server.stdout.readline())
            return _soaked(server.pid, state, said, minutes, every, show)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
            assert server.stdout is not None, "it is a pipe"
            server.stdout.close()


def _soaked(  # noqa: PLR0917 - what the server said, and what was asked
    pid: int,
    state: Path,
    said: Mapping[str, Any],
    minutes: float,
    every: float,
    show: Callable[[str], object],
) -> list[str]:
    session = boto3.Session(said["access_key_id"], said["secret_access_key"], region_name="us-east-1")
    load = _Load(session, said["endpoint"])
    threads = [threading.Thread(target=load.work, args=(number,)) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    token = json.loads((state / "server.json").read_text())["token"]
    looks: list[Look] = []
    while not (all(load.calls) or load.errors):
        time.sleep(0.05)
    began = time.monotonic()
    show("seconds  calls  memory MiB  file MiB  log MiB  trail  live  aged  slowest ms")
    try:
        while time.monotonic() - began < minutes * 60 and not load.errors:
            time.sleep(every)
            look = _look(pid, state, said["endpoint"], token, time.monotonic() - began, load)
            looks.append(look)
            show(
                f"{look.seconds:7.0f} {look.calls:6d} {look.memory / _MIB:11.1f} {look.file / _MIB:9.1f} "
                f"{look.log / _MIB:8.1f} {look.trail:6d} {look.live:5d} {look.aged:5d} {look.waited * 1000:11.0f}"
            )
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    return [*load.errors, *faults(looks)]


def _look(pid: int, state: Path, endpoint: str, token: str, seconds: float, load: _Load) -> Look:  # noqa: PLR0917
    status = _asked(endpoint, "status", token)
    newest = _asked(endpoint, "trail?limit=1", token)["entries"][0]["number"]
    oldest = _oldest(endpoint, token, newest)
    waited, load.slowest = max(load.slowest), [0.0] * _CLIENTS
    return Look(
        seconds=seconds,
        memory=_memory(pid),
        file=(state / "understudy.db").stat().st_size,
        log=(state / "understudy.db-wal").stat().st_size,
        trail=newest - oldest + 1,
        records=status["records"],
        calls=sum(load.calls),
        waited=waited,
    )


def _oldest(endpoint: str, token: str, newest: int) -> int:
    """Return the number of the oldest entry that the trail still holds."""
    low, high = 1, newest
    while low < high:
        middle = (low + high) // 2
        found = _asked(endpoint, f"trail?limit=1&before={middle + 1}", token)["entries"]
        low, high = (low, middle) if found else (middle + 1, high)
    return low


def _asked(endpoint: str, path: str, token: str) -> Any:
    request = Request(f"{endpoint}/_understudy/{path}", headers={"x-understudy-token": token})
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def _memory(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"process {pid} tells of no memory")


def main() -> int:
    if len(sys.argv) not in {2, 3}:
        print(__doc__, file=sys.stderr)
        return 2
    minutes = float(sys.argv[1])
    every = float(sys.argv[2]) if len(sys.argv) == 3 else max(2.0, minutes * 60 / 30)
    found = soak(minutes, every)
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
