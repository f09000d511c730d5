"""Processes that are known again: numbers are given to other processes later, beginnings are not."""

from __future__ import annotations

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


def start_by_ps(pid: int) -> str:
    """Return the same where there is no `/proc`, as on macOS: to the second, which `ps` tells everywhere."""
    asked = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return ""
    return "" if not said or said[0][0] in _ENDED else " ".join(said[1:])


@lru_cache(1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
