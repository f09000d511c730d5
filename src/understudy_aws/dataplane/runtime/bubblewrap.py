"""The driver that runs each instance by bubblewrap, inside the namespace of its network interface.

An instance has namespaces of its own for users, processes, IPC, names of hosts and mounts, no capability, cannot gain
one, and runs under a filter of system calls. The first of its processes waits for the others as a system's does; what
it leaves running ends with it. All of them are in the holder's process namespace: they outlive the node, and end with
the holder.
"""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.processes import is_ending, start_of
from understudy_aws.dataplane.runtime import control_groups, process_trees, records
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.control_groups import ControlGroups
from understudy_aws.dataplane.runtime.driver import Observed, Place, PlaceGoneError, Running, StartError
from understudy_aws.dataplane.runtime.fork_server import ForkServer
from understudy_aws.dataplane.runtime.launcher import FILES, SEEN_BY_ALL, Launch
from understudy_aws.dataplane.runtime.planning import program_of
from understudy_aws.dataplane.runtime.sandbox import Sandbox, words_for
from understudy_aws.dataplane.runtime.seccomp import filter_program
from understudy_aws.dataplane.runtime.views import view_of
from understudy_aws.dataplane.wanted_services import Instance

NOT_INSTALLED = "bubblewrap, which runs services, is not installed (`sudo apt install bubblewrap`)"
"""Why no instance can run where its program is missing."""

NOT_FILTERED = (
    "System calls of instances are not filtered, since their numbers on this processor are not known."
)

LAYER_BYTES = 3 * 1024**3
"""What an instance may write to files."""

_START_SECONDS = 30.0
_ASK_SECONDS = 10.0
_MEGABYTE = 1024**2
_MOST_OF_USER = 4096
_PIECE = 65536


class Bubblewrap:
    """The instances of a node's directory, with their interfaces' namespaces in `namespaces`."""

    name = "bubblewrap"
    shares_network = False

    def __init__(self, directory: Path, namespaces: Path, holder: int, fork_server: ForkServer) -> None:
        self._fork_server = fork_server
        self._directory = directory
        self._namespaces = namespaces
        self._holder = holder
        self._layer = directory / "layer"
        self._artifacts = Artifacts(directory)
        self._groups = ControlGroups(directory)

    @property
    def obstacle(self) -> str:
        """Return why no instance can run; bubblewrap may be installed at any time."""
        return "" if shutil.which("bwrap") else NOT_INSTALLED

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to."""
        return (*self._groups.limits, *(() if filter_program() else (NOT_FILTERED,)))

    def observe(self) -> Mapping[str, Observed]:
        """Return what was started, from the records."""
        return {found.record.id: found for found in records.all_observed(self._directory)}

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start an instance in its namespace, which ends with the holder."""
        program = shutil.which("bwrap")
        if program is None:
            raise StartError(NOT_INSTALLED)
        self._layer.mkdir(mode=0o700, exist_ok=True)
        launch = self._launch(instance, place, number, program)
        said, errors = self._launched(msgspec.json.encode(launch))
        try:
            record = msgspec.json.decode(said, type=Running)
        except msgspec.MsgspecError:
            lines = errors.decode(errors="replace").strip().splitlines()
            error = PlaceGoneError if is_ending(self._holder) else StartError
            raise error(f"It could not be started: {lines[-1] if lines else 'its launcher ended'}.") from None
        return Observed(record=record, runs=bool(record.started) and start_of(record.pid) == record.started)

    def _launched(self, told: bytes) -> tuple[bytes, bytes]:
        """Tell a launcher what to start, and return its output and its errors. Raises StartError and OSError."""
        forked = self._fork_server.start("launcher")
        with forked.stdin as given, forked.stdout as output, forked.stderr as errors, forked.status as status:
            # All of it is read before anything is said.
            with suppress(BrokenPipeError):
                given.sendall(told)
                given.shutdown(socket.SHUT_WR)
            with status.makefile("rb") as lines:
                number = int(lines.readline() or 0)
            if number < 0:
                raise OSError(-number, os.strerror(-number))
            said: dict[int, bytes] = {output.fileno(): b"", errors.fileno(): b""}
            if not _read_to_end(said, monotonic_seconds() + _START_SECONDS):
                if number:
                    process_trees.send(number, signal.SIGKILL)
                raise StartError(f"It could not be started within {_START_SECONDS:.0f} s.")
            return said[output.fileno()], said[errors.fileno()]

    def ask_to_end(self, found: Observed) -> None:
        """Send its signal to the program, which is the child of the first process of its namespace."""
        for first in process_trees.children_of(found.record.pid):
            for program in process_trees.children_of(first)[:1]:
                process_trees.send(program, found.record.stop_signal)

    def kill(self, found: Observed) -> None:
        """Kill bubblewrap, with which the first process of the namespace ends, and all others with that."""
        process_trees.send(found.record.pid, signal.SIGKILL)

    def forget(self, id: str) -> None:
        """Remove the record and the control groups."""
        found = records.observed(records.place_of(self._directory, id))
        if found is not None:
            control_groups.remove(found.record.groups)
        records.remove(self._directory, id)

    def why_ended(self, found: Observed) -> str:
        """Say what is known beside the status of how an instance ended."""
        if control_groups.killed_for_memory(found.record.groups):
            return "The kernel ended a process of it, since all memory of the instance was taken."
        return ""

    def let_go(self) -> None:
        """Remove the control groups if nothing runs any more; the holder may have ended, and all instances with it."""
        if not any(found.runs for found in records.all_observed(self._directory)):
            self._groups.end()

    def end_all(self) -> None:
        """Remove what is left; every process has ended with the holder."""
        self._groups.end()
        records.remove_all(self._directory)
        with suppress(OSError):
            self._layer.rmdir()

    def _launch(self, instance: Instance, place: Place, number: int, program: str) -> Launch:
        layer, run = self._layer, records.made_place(self._directory, instance.id)
        hostname = f"ip-{re.sub('[.:]', '-', place.address)}" if place.address else "localhost"
        view = view_of(instance.program, self._artifacts, layer, place, hostname)
        for name, text in view.files.items():
            records.write_private(run / name, text.encode())
            # So it is below `/etc` everywhere; nobody else comes into this directory.
            (run / name).chmod(0o644)
        groups = self._groups.make(instance.id, instance.cpu, instance.memory)
        # Another user does not come into this user's directories.
        seen, given = (Path(SEEN_BY_ALL), Path(SEEN_BY_ALL, FILES)) if view.is_root else (layer, run)
        sandbox = Sandbox(
            environment=(*view.environment.items(), ("PORT", str(instance.port))),
            directory=view.directory,
            hostname=hostname,
            files=tuple((name, str(given / name)) for name in view.files),
            private=tuple((target, str(seen / name)) for target, name in view.private),
            root=str(seen / Path(view.root).relative_to(layer)) if view.root else "",
            mounts=view.mounts,
            hidden=(str(self._directory),),
            user=view.user,
            group=view.group,
            groups=self._groups.shown(groups),
            forbids_namespaces=_can_forbid_namespaces(program),
            is_root=view.is_root,
        )
        return Launch(
            id=instance.id, program=program_of(instance), start=number, port=instance.port, place=str(run),
            spool=place.spool, network=str(self._namespaces / instance.interface), identity=place.network,
            holder=self._holder, bubblewrap=program, words=words_for(sandbox), command=view.command,
            layer=str(layer), layer_bytes=LAYER_BYTES, overlays=view.overlays, groups=groups,
            directories=(*view.directories, *(name for _, name in view.private)), root=view.root,
            made=view.made, stop_signal=view.stop_signal, points=(*view.points, *(("/sys",) if groups else ())),
            files=tuple(f"/etc/{name}" for name in view.files), is_root=view.is_root, group=view.group,
            is_one_user=view.is_one_user,
            copies=tuple(str(run / name) for name in view.files) if view.is_root else (),
            seccomp=filter_program().hex(), limits=self._process_limits(instance), token=str(self._directory),
        )  # fmt: skip

    def _process_limits(self, instance: Instance) -> tuple[tuple[int, int], ...]:
        """Return what the kernel holds each process to, where it does not hold all of them together."""
        limits = [(resource.RLIMIT_CORE, 0)]
        if "memory" not in self._groups.kinds:
            limits.append((resource.RLIMIT_DATA, instance.memory * _MEGABYTE))
        if "pids" not in self._groups.kinds:
            # Counted are the processes of this user in all instances.
            limits.append((resource.RLIMIT_NPROC, _MOST_OF_USER))
        return tuple(limits)


def _read_to_end(said: dict[int, bytes], until: float) -> bool:
    """Read what comes by descriptors until all of them have ended; returns whether that was in time."""
    waiting = select.poll()
    for descriptor in said:
        waiting.register(descriptor, select.POLLIN)
    left = len(said)
    while left:
        ready = waiting.poll(max(0.0, until - monotonic_seconds()) * 1000)
        if not ready:
            return False
        for descriptor, _ in ready:
            piece = os.read(descriptor, _PIECE)
            said[descriptor] += piece
            if not piece:
                waiting.unregister(descriptor)
                left -= 1
    return True


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
