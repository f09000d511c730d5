"""Processes that are known again: numbers are given to other processes later, beginnings are not."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

# The field of /proc/PID/stat with the ticks since the machine started, counted after the name, which may hold spaces.
_START_TIME = 19
_ENDED = {"Z", "X"}


def start_of(pid: int) -> str:
    """Return what tells a process from others of its number, also after the machine was started anew.

    Empty when there is no such process or it has ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in _ENDED else f"{_boot()}:{fields[_START_TIME]}"


@lru_cache(1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
