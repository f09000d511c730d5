"""Finds out which process listens on a port, where the system tells it (`/proc`)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"
_TABLES = ("tcp", "tcp6")
_LONGEST = 80


def holder_of(port: int, proc: Path = Path("/proc")) -> str:
    """Describe who listens on a port: "process 12 (nginx -g daemon off;)", or an empty text when nobody can tell."""
    owners = dict(_listening_on(port, proc))
    if not owners:
        return ""
    wanted = {f"socket:[{inode}]" for inode in owners}
    for process in proc.iterdir():
        if process.name.isdecimal() and _holds(process, wanted):
            return f"process {process.name} ({_command_of(process)})"
    return f"a process of {_user_name(next(iter(owners.values())))}"


def _listening_on(port: int, proc: Path) -> Iterator[tuple[str, int]]:
    """The inode and the owner of each socket that listens on a port."""
    for table in _TABLES:
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9], int(fields[7])


def _holds(process: Path, wanted: set[str]) -> bool:
    """Whether a process has one of these sockets open. Other users' processes do not show what they have open."""
    try:
        opened = list((process / "fd").iterdir())
    except OSError:
        return False
    for each in opened:
        try:
            if os.readlink(each) in wanted:  # noqa: PTH115 - a Path would look for the socket in the file system
                return True
        except OSError:
            continue
    return False


def _command_of(process: Path) -> str:
    """Return a process's command line, short enough for a sentence and without control characters."""
    try:
        words = (process / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return "unknown"
    line = "".join(each if each.isprintable() else "?" for each in " ".join(words))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _user_name(number: int) -> str:
    try:
        return f"user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"
