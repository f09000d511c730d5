"""The records of instances: a directory for each, below the node's, in which its start is noted.

The record is written by the process that becomes the instance, so that a node that is killed at any moment, or its
successor, finds every process there is.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.driver import Observed, Running

LOCK = "lock"
RECORD = "running.json"
STATUS = "status.json"
"""What bubblewrap writes of how its program has ended."""

_SIGNALED = 128
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")


class _Ended(msgspec.Struct, rename="kebab"):
    exit_code: int | None = None


def runs_directory(directory: Path) -> Path:
    """Return where the records of a node's instances are."""
    return directory / "runs"


def place_of(directory: Path, id: str) -> Path:
    """Return the directory of an instance. Raises ValueError for an id that is no name of one."""
    if not _NAME.fullmatch(id):
        raise ValueError(f"{id!r} is no id of an instance.")
    return runs_directory(directory) / id


def made_place(directory: Path, id: str) -> Path:
    """Return the directory of an instance, which is made, for its owner alone."""
    place = place_of(directory, id)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def write_record(place: Path, record: Running) -> None:
    """Note a start."""
    write_private(place / RECORD, msgspec.json.encode(record))


def write_private(path: Path, data: bytes) -> None:
    """Write a file at once, for its owner alone."""
    unfinished = path.with_suffix(".new")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
    unfinished.rename(path)


def opened_spool(path: str) -> int:
    """Return a descriptor that appends to a file of output, in which a line begins."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        os.write(fd, b"\n")
    return fd


def observed(place: Path) -> Observed | None:
    """Return how the instance of a directory is; None when none was started."""
    try:
        record = msgspec.json.decode((place / RECORD).read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
    runs = bool(record.started) and start_of(record.pid) == record.started
    return Observed(record=record, runs=runs, exit_status=None if runs else _exit_status(place))


def all_observed(directory: Path) -> Iterator[Observed]:
    """Yield every instance that has a record."""
    with suppress(FileNotFoundError):
        for place in runs_directory(directory).iterdir():
            found = observed(place)
            if found is not None:
                yield found


def remove(directory: Path, id: str) -> None:
    """Remove the record of an instance."""
    shutil.rmtree(place_of(directory, id), ignore_errors=True)


def remove_all(directory: Path) -> None:
    """Remove every record."""
    shutil.rmtree(runs_directory(directory), ignore_errors=True)


def _exit_status(place: Path) -> int | None:
    """Return how a program has ended, as Python's subprocess says it; None when nobody saw it."""
    with suppress(OSError):
        for line in (place / STATUS).read_bytes().splitlines():
            with suppress(msgspec.MsgspecError):
                code = msgspec.json.decode(line, type=_Ended).exit_code
                if code is not None:
                    return _SIGNALED - code if code > _SIGNALED else code
    return None
