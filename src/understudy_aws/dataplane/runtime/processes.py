"""The driver that runs instances as plain processes of this user, on this machine's network, where nothing better can.

Nothing keeps them from this user's files, from each other and from the network. Each is told a port of its own on the
loopback interface, where AWS's APIs are too, and the credentials of its role, for which it has a token. A shell waits
for the program and notes how it ended, since whoever started it may be gone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime import process_trees, records
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.authorities import authority_files, authority_variables
from understudy_aws.dataplane.runtime.driver import Observed, Place, Running, StartError
from understudy_aws.dataplane.runtime.loopback import LOOPBACK, LoopbackPorts, free_port, lead_to
from understudy_aws.dataplane.runtime.planning import program_of
from understudy_aws.dataplane.wanted_services import Instance

NOT_ISOLATED = (
    "Instances are not isolated on this machine: each is a process of this user, which reads this user's files and "
    "reaches this machine's network; their memory, processors and files have no limits, and whoever is this user reads "
    "their environment, with secrets and what gets the credentials of their roles."
)

_MARK = "UNDERSTUDY_INSTANCE"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Notes how the program ended in the file that it is called by.
_WAIT = """"$@"; printf '{"exit-code": %d}\\n' "$?" > "$0" """
_START_SECONDS = 30.0


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that becomes the instance is told."""

    record: Running
    place: str
    spool: str
    directory: str
    command: tuple[str, ...]
    environment: dict[str, str]


class Processes:
    """The instances of a node's directory."""

    name = "processes"
    shares_network = True
    obstacle = ""
    limits = (NOT_ISOLATED,)

    def __init__(self, directory: Path, ports: LoopbackPorts | None = None) -> None:
        """Prepare; `ports` are where the APIs and credentials are, if anybody answers there."""
        self._directory = directory
        self._ports = ports

    def observe(self) -> Mapping[str, Observed]:
        """Return what was started, from the records."""
        return {found.record.id: found for found in records.all_observed(self._directory)}

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start a program with a port of its own."""
        run = records.made_place(self._directory, instance.id)
        port = free_port()
        environment = {"PATH": os.environ.get("PATH", _SYSTEM_PATH), "HOME": str(run)}
        directory = str(run)
        if instance.program.source:
            try:
                source = Artifacts(self._directory).source(instance.program.source)
            except LookupError as error:
                raise StartError(str(error)) from error
            environment |= dict(source.environment)
            directory = source.working_directory
        environment |= self._trusting(instance, run) | dict(instance.program.environment)
        if self._ports is not None:
            lead_to(environment, instance, LOOPBACK, self._ports)
        environment |= {"PORT": str(port), _MARK: self._mark(instance.id)}
        record = Running(
            id=instance.id, program=program_of(instance), pid=0, started="", start=number, port=port,
            network=place.network,
        )  # fmt: skip
        start = _Start(
            record=record, place=str(run), spool=place.spool, directory=directory,
            command=instance.program.command, environment=environment,
        )  # fmt: skip
        try:
            launched = subprocess.run(
                [sys.executable, "-m", "understudy_aws.dataplane.runtime.processes"],
                input=msgspec.json.encode(start), capture_output=True, timeout=_START_SECONDS, check=False,
            )  # fmt: skip
            record = msgspec.json.decode(launched.stdout, type=Running)
        except (subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
            raise StartError("It could not be started: its launcher ended.") from error
        return Observed(record=record, runs=start_of(record.pid) == record.started)

    @staticmethod
    def _trusting(instance: Instance, run: Path) -> dict[str, str]:
        """Return the variables by which a program trusts the server's authority, whose files lie beside its record."""
        authority = instance.program.authority
        files = authority_files(authority)
        for name, text in files.items():
            records.write_private(run / name, text.encode())
        return dict(authority_variables(authority, run))

    def ask_to_end(self, found: Observed) -> None:
        """Send SIGTERM to the program, the child of the shell that waits for it."""
        for program in process_trees.children_of(found.record.pid):
            process_trees.send(program, signal.SIGTERM)

    def kill(self, found: Observed) -> None:
        """Kill the group of processes that it began as, and those that have left it and still have its mark."""
        with suppress(ProcessLookupError):
            os.killpg(found.record.pid, signal.SIGKILL)
        for pid in self._marked(found.record.id):
            process_trees.send(pid, signal.SIGKILL)

    def forget(self, id: str) -> None:
        """Kill what an instance has left running, and remove its record."""
        for pid in self._marked(id):
            process_trees.send(pid, signal.SIGKILL)
        records.remove(self._directory, id)

    def why_ended(self, found: Observed) -> str:  # noqa: ARG002 - as the other driver has it
        """Return nothing: nobody sees more than the status."""
        return ""

    def let_go(self) -> None:
        """Leave instances as they are."""

    def end_all(self) -> None:
        """Kill every instance."""
        for found in self.observe().values():
            if found.runs:
                self.kill(found)
            self.forget(found.record.id)
        records.remove_all(self._directory)

    def _mark(self, id: str) -> str:
        return f"{self._directory}:{id}"

    def _marked(self, id: str) -> Iterator[int]:
        mark = f"{_MARK}={self._mark(id)}".encode()
        for pid in process_trees.all_numbers():
            with suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    yield pid


def main() -> int:
    """Start what the input says, and print its record; one at a time for an instance."""
    start = msgspec.json.decode(sys.stdin.buffer.read(), type=_Start)
    place = Path(start.place)
    lock = os.open(place / records.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    found = records.observed(place)
    if found is not None and found.runs:
        os.write(1, msgspec.json.encode(found.record))
        return 0
    if os.fork() == 0:
        _become(start, place)
    # What prints the record goes on alone.
    return 0


def _become(start: _Start, place: Path) -> NoReturn:
    """Become the shell that waits for the program, once the start is noted."""
    os.setsid()
    spool = records.opened_spool(start.spool)
    (place / records.STATUS).unlink(missing_ok=True)
    pid = os.getpid()
    record = msgspec.structs.replace(
        start.record, pid=pid, started=start_of(pid), output_from=os.fstat(spool).st_size
    )
    records.write_record(place, record)
    # Whoever asked may have been killed meanwhile; the next node finds the record.
    with suppress(OSError):
        os.write(1, msgspec.json.encode(record))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(spool, 1)
    os.dup2(spool, 2)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(start.directory)
    shell = ["sh", "-c", _WAIT, str(place / records.STATUS), *start.command]
    os.execve("/bin/sh", shell, start.environment)  # noqa: S606 - every system has it


if __name__ == "__main__":
    sys.exit(main())
