"""The processes that a node has to do with: who connects to it, and with whom it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from understudy_aws.dataplane.processes import start_of

_CREDENTIALS = struct.Struct("3i")
# What BSD and macOS answer instead: a version and the user, first among other things (unix(4), `LOCAL_PEERCRED`).
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED = 0, 1, struct.Struct("2I68x")
_SECONDS = 1.0


def is_of_this_user(connection: socket.socket) -> bool:
    """Whether the process at the other end of a Unix socket belongs to the user of this one."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user: int = _CREDENTIALS.unpack(credentials)[1]
    else:
        user = _XUCRED.unpack(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))[1]
    return user == os.geteuid()


def when_ended(pid: int, function: Callable[[], None]) -> None:
    """Call a function of the running event loop once a process has ended.

    Where the system tells nobody, as other systems than Linux and some containers, it is looked for each second.
    """
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(os.pidfd_open(pid), function)
    except ProcessLookupError:
        loop.call_soon(function)
    except (AttributeError, OSError):
        _look_for(pid, start_of(pid), function)


def _look_for(pid: int, started: str, function: Callable[[], None]) -> None:
    if start_of(pid) != started or not started:
        function()
        return
    asyncio.get_running_loop().call_later(_SECONDS, _look_for, pid, started, function)
