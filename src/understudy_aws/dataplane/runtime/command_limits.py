"""What the commands of a task may take of the machine: memory, processors and processes.

All commands of a task are in one control group, where this user may make one. Elsewhere each process is held to the
memory, and this user to a number of processes.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime import control_groups
from understudy_aws.dataplane.runtime.control_groups import ControlGroups, processes_of

MEMORY_BYTES = 4 * 1024**3
"""The memory of a build, where the machine has as much to give."""

_CPU_UNITS = 2048
# The rest is for whoever uses the machine, its services and this one among them.
_PART_OF_MACHINE = 0.75
_MOST_OF_USER = 4096
_MEGABYTE = 1024**2


class CommandLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of commands: their control groups, and what the kernel holds each process to. `memory` is in bytes.

    `missing` says what they are not held to together, and why.
    """

    memory: int
    groups: tuple[str, ...] = ()
    of_process: tuple[tuple[int, int], ...] = ()
    missing: str = ""

    def enter(self) -> None:
        """Have this process and what it starts held to the limits."""
        for file in processes_of(self.groups):
            Path(file).write_text("0")
        for kind, most in self.of_process:
            resource.setrlimit(kind, (most, most))

    def killed_for_memory(self) -> bool:
        """Whether the kernel has ended a process because the memory was taken."""
        return control_groups.killed_for_memory(self.groups)


@contextmanager
def command_limits(directory: Path, memory: int = MEMORY_BYTES) -> Iterator[CommandLimits]:
    """Have limits for the commands of this process, which works for the node of a directory."""
    memory = min(memory, int(_memory_of_machine() * _PART_OF_MACHINE))
    made = ControlGroups(directory)
    of_process = []
    if "memory" not in made.kinds:
        of_process.append((resource.RLIMIT_DATA, memory))
    if "pids" not in made.kinds:
        of_process.append((resource.RLIMIT_NPROC, _MOST_OF_USER))
    groups = made.make(f"{control_groups.TASK}{os.getpid()}", _CPU_UNITS, memory // _MEGABYTE)
    try:
        yield CommandLimits(
            memory=memory,
            groups=groups,
            of_process=tuple(of_process),
            missing=made.missing("The commands are not held to"),
        )
    finally:
        control_groups.remove(groups)
        made.end_if_unused()


def _memory_of_machine() -> int:
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return MEMORY_BYTES
