"""The driver that runs each instance by bubblewrap, inside the namespace of its network interface.

An instance has namespaces of its own for users, processes, IPC, names of hosts and mounts, no capability, cannot gain
one, and runs under a filter of system calls. The first of its processes waits for the others as a system's does; what
it leaves running ends with it. All of them are in the holder's process namespace: they outlive the node, and end with
the holder.
"""

from __future__ import annotations

import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime import process_trees, records
from understudy_aws.dataplane.runtime.artifacts import Artifacts, SourceTree
from understudy_aws.dataplane.runtime.driver import Observed, Place, Running, StartError
from understudy_aws.dataplane.runtime.launcher import Launch, Overlay
from understudy_aws.dataplane.runtime.planning import program_of
from understudy_aws.dataplane.runtime.sandbox import HOME, SYSTEM_PATH, Mount, Sandbox, name_files, words_for
from understudy_aws.dataplane.runtime.seccomp import filter_program
from understudy_aws.dataplane.wanted_services import Instance

NOT_INSTALLED = "bubblewrap, which runs services, is not installed (`sudo apt install bubblewrap`)"
"""Why no instance can run where its program is missing."""

LAYER_BYTES = 3 * 1024**3
"""What an instance may write to files."""

_START_SECONDS = 30.0
_ASK_SECONDS = 10.0
_PRIVATE = {"/tmp": "tmp", "/var/tmp": "var-tmp", "/run": "run", "/dev/shm": "shm"}  # noqa: S108 - an instance's own


class Bubblewrap:
    """The instances of a node's directory, with their interfaces' namespaces in `namespaces`."""

    name = "bubblewrap"
    shares_network = False

    def __init__(self, directory: Path, namespaces: Path, holder: int) -> None:
        self._directory = directory
        self._namespaces = namespaces
        self._holder = holder
        self._layer = directory / "layer"
        self._artifacts = Artifacts(directory)

    @property
    def obstacle(self) -> str:
        """Return why no instance can run; bubblewrap may be installed at any time."""
        return "" if shutil.which("bwrap") else NOT_INSTALLED

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to."""
        if not filter_program():
            return (
                "System calls of instances are not filtered, since their numbers on this processor are not known.",
            )
        return ()

    def observe(self) -> Mapping[str, Observed]:
        """Return what was started, from the records."""
        return {found.record.id: found for found in records.all_observed(self._directory)}

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start an instance in its namespace."""
        program = shutil.which("bwrap")
        if program is None:
            raise StartError(NOT_INSTALLED)
        self._layer.mkdir(mode=0o700, exist_ok=True)
        launch = self._launch(instance, place, number, program)
        try:
            launched = subprocess.run(
                [sys.executable, "-m", "understudy_aws.dataplane.runtime.launcher"],
                input=msgspec.json.encode(launch), capture_output=True, timeout=_START_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StartError(f"It could not be started within {_START_SECONDS:.0f} s.") from None
        try:
            record = msgspec.json.decode(launched.stdout, type=Running)
        except msgspec.MsgspecError:
            said = launched.stderr.decode(errors="replace").strip().splitlines()
            raise StartError(
                f"It could not be started: {said[-1] if said else 'its launcher ended'}."
            ) from None
        return Observed(record=record, runs=bool(record.started) and start_of(record.pid) == record.started)

    def ask_to_end(self, found: Observed) -> None:
        """Send SIGTERM to the program, which is the child of the first process of its namespace."""
        for first in process_trees.children_of(found.record.pid):
            for program in process_trees.children_of(first)[:1]:
                process_trees.send(program, signal.SIGTERM)

    def kill(self, found: Observed) -> None:
        """Kill bubblewrap, with which the first process of the namespace ends, and all others with that."""
        process_trees.send(found.record.pid, signal.SIGKILL)

    def forget(self, id: str) -> None:
        """Remove the record."""
        records.remove(self._directory, id)

    def memory(self, found: Observed) -> int:
        """Return what the processes have in memory."""
        return process_trees.memory_of_tree(found.record.pid)

    def end_all(self) -> None:
        """Remove what is left; every process has ended with the holder."""
        records.remove_all(self._directory)
        with suppress(OSError):
            self._layer.rmdir()

    def _launch(self, instance: Instance, place: Place, number: int, program: str) -> Launch:
        layer, run = self._layer, records.made_place(self._directory, instance.id)
        directories, mounts = list(_PRIVATE.values()), list[Mount]()
        overlays: list[Overlay] = []
        environment, directory = {"PATH": SYSTEM_PATH, "HOME": HOME}, HOME
        files = []
        hostname = f"ip-{re.sub('[.:]', '-', place.address)}" if place.address else "localhost"
        for name, text in name_files(hostname, place.address, place.resolver).items():
            file = run / name
            records.write_private(file, text.encode())
            files.append((name, str(file)))
        if instance.program.source:
            source = _built(self._artifacts, instance.program.source)
            overlays.append(Overlay(str(self._artifacts.tree(source.id)), "app"))
            overlays.append(Overlay(str(self._artifacts.installed(source.id)), "installed"))
            mounts += [Mount(source=each, target=each) for each in source.machine]
            mounts.append(Mount(source=str(layer / "installed"), target=source.home, writable=True))
            mounts.append(Mount(source=str(layer / "app"), target=source.working_directory, writable=True))
            environment |= dict(source.environment)
            directory = source.working_directory
        else:
            directories.append("home")
            mounts.append(Mount(source=str(layer / "home"), target=HOME, writable=True))
        environment |= dict(instance.program.environment)
        environment["PORT"] = str(instance.port)
        sandbox = Sandbox(
            environment=tuple(environment.items()),
            directory=directory,
            hostname=hostname,
            files=tuple(files),
            private=tuple((target, str(layer / name)) for target, name in _PRIVATE.items()),
            mounts=tuple(mounts),
            hidden=(str(self._directory),),
            forbids_namespaces=_can_forbid_namespaces(program),
        )
        return Launch(
            id=instance.id, program=program_of(instance), start=number, port=instance.port, place=str(run),
            spool=place.spool, network=str(self._namespaces / instance.interface), identity=place.network,
            holder=self._holder,
            bubblewrap=program, words=words_for(sandbox), command=instance.program.command,
            layer=str(layer), layer_bytes=LAYER_BYTES,
            directories=tuple(directories), overlays=tuple(overlays), seccomp=filter_program().hex(),
            limits=((resource.RLIMIT_CORE, 0),), token=str(self._directory),
        )  # fmt: skip


def _built(artifacts: Artifacts, source_id: str) -> SourceTree:
    try:
        return artifacts.source(source_id)
    except LookupError as error:
        raise StartError(str(error)) from error


@cache
def _can_forbid_namespaces(program: str) -> bool:
    """Whether this bubblewrap keeps programs from making user namespaces, as 0.8 and later do."""
    try:
        said = subprocess.run(  # noqa: S603 - found by name
            [program, "--help"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "--disable-userns" in said.stdout + said.stderr
