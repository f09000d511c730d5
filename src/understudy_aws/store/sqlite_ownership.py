"""Takes a state directory for one process: made if need be, kept from others, locked."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from understudy_aws.core.errors import UserError
from understudy_aws.store.directory_safety import danger_in

LOCK = "lock"


def own(directory: Path) -> int:
    """Make a directory, see that others cannot write to it, and lock it; return the lock, which closing releases.

    Raises UserError when the directory cannot be used, others may write to it, or another process has it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if danger := danger_in(directory):
            raise UserError(danger)
        lock = os.open(directory / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UserError(f"The state directory {directory} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        who = f"Process {holder}" if holder.isdecimal() else "Another understudy"
        raise UserError(f"{who} already uses the state directory {directory}.") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
