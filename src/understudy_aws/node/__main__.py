"""Runs the node of a directory: `python -m understudy_aws.node DIRECTORY [SECONDS]`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from pathlib import Path

from understudy_aws.dataplane.linux.holder import (
    HolderError,
    enter_holder,
    find_holder,
    namespaces_directory,
    start_holder,
)
from understudy_aws.node.fabric import Fabric
from understudy_aws.node.service import NodeService

_LOCK = "lock"
_PERIOD = 5.0


def main(directory: Path, period: float = _PERIOD) -> int:
    """Run until told to stop, and look every `period` seconds whether the network is as wanted.

    Returns 0, 1 when this machine can't, 3 when another node has the directory.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    try:
        holder = find_holder(directory) or start_holder(directory)
        holder_fd = enter_holder(holder)
    except (HolderError, OSError) as error:
        sys.stderr.write(f"understudy node: {error}\n")
        return 1
    # Threads may start only now: the kernel lets a process with several not enter a user namespace.
    fabric = Fabric(directory, namespaces_directory(directory))
    try:
        asyncio.run(NodeService(directory, fabric, holder, holder_fd, period).run())
    finally:
        fabric.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(float, sys.argv[2:])))
