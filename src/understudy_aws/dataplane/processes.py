"""Processes that are known again: numbers are given to other processes later, beginnings are not."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    import subprocess
else:
    subprocess = deferred("subprocess")

# The field of /proc/PID/stat with the ticks since the machine started, counted after the name, which may hold spaces.
_START_TIME = 19
_ENDED = {"Z", "X"}
# The field after it with the kernel's flags of the process, and the one of a process that ends (proc_pid_stat(5)).
_FLAGS, _EXITING = 6, 0x4
# The field of /proc/PID/statm with the pages that are in memory.
_RESIDENT = 1
_PROC = Path("/proc/self/stat")


def start_of(pid: int) -> str:
    """Return what tells a process from others of its number, also after the machine was started anew.

    Empty when there is no such process or it has ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if _PROC.exists() else start_by_ps(pid)
    return "" if fields[0] in _ENDED else f"{_boot()}:{fields[_START_TIME]}"


def is_ending(pid: int) -> bool:
    """Return whether a process has ended or is about to; for Linux.

    The first one of a process namespace takes all others along, and is there until the last of them is gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[0] in _ENDED or bool(int(fields[_FLAGS]) & _EXITING)


def start_by_ps(pid: int) -> str:
    """Return the same where there is no `/proc`, as on macOS: to the second, which `ps` tells everywhere."""
    asked = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return ""
    return "" if not said or said[0][0] in _ENDED else " ".join(said[1:])


def own_memory() -> int:
    """Return the bytes that this process has in memory; 0 where there is no `/proc`."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[_RESIDENT])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@lru_cache(1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
