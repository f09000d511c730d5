"""Processes and those they have started, as `/proc` tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PARENT = 1


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started, oldest first."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sorted(int(child) for task in tasks for child in (task / "children").read_text().split())
    except OSError:
        return sorted(each for each in all_numbers() if _parent_of(each) == pid)


def tree_of(pid: int) -> Iterator[int]:
    """Yield a process, and all that it and its children have started."""
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += children_of(each)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def all_numbers() -> Iterator[int]:
    """Yield the numbers of all processes; none where there is no `/proc`."""
    with suppress(OSError):
        for each in Path("/proc").iterdir():
            if each.name.isdigit():
                yield int(each.name)


def _parent_of(pid: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_PARENT])
    return 0
