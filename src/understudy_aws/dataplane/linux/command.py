"""Runs a command with an interface of a VPC as its only network.

The command is this user's, with this user's files and rights, but for the network: it sees the interface and a loopback
link of its own. It has no capability there, so that it can change neither its addresses nor any other's; and what the
node keeps is hidden from it, so that it can't ask the node. It ends with the holder, and with who runs it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from understudy_aws.dataplane.linux.holder import enter_holder, find_holder, namespaces_directory
from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    die_with_parent,
    drop_capabilities,
    mount,
    setns,
    unshare,
)

_NOT_FOUND, _CANNOT_RUN = 127, 126
_RESOLVER_FILE = "/etc/resolv.conf"
_SIGNALED = 128


class NoNodeError(Exception):
    """No node runs for the directory, or it has no such interface."""


def run_command(
    directory: Path,
    interface: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    resolver_file: Path,
) -> int:
    """Run a command at an interface and return its exit status, as a shell gives it.

    `resolver_file` is what the command finds as `/etc/resolv.conf`. Raises NoNodeError, and OSError. The process that
    calls this must have one thread alone, and is of no use for anything else afterwards.
    """
    holder = find_holder(directory)
    if holder is None:
        raise NoNodeError("No node runs here.")
    owner = (os.geteuid(), os.getegid())
    holder_fd = enter_holder(holder)
    try:
        network = os.open(namespaces_directory(directory) / interface, os.O_RDONLY | os.O_CLOEXEC)
        setns(network, CLONE_NEWNET)
    except OSError as error:
        raise NoNodeError(f"The node has no interface {interface}.") from error
    setns(holder_fd, CLONE_NEWPID)
    # Only now, since the kernel forgets it when a process changes who it is.
    die_with_parent()
    child = os.fork()
    if child == 0:
        _become(directory, command, environment, resolver_file, owner)
    # The terminal sends interrupts to the command as well: it decides what comes of them.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALED + os.WTERMSIG(status)


def _become(
    directory: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    resolver_file: Path,
    owner: tuple[int, int],
) -> NoReturn:
    """Become the command, in a user namespace that has no say in the one the network belongs to."""
    try:
        unshare(CLONE_NEWNS)
        mount("none", "/", "none", MS_REC | MS_PRIVATE)
        # The links that are seen there are those of the network in which it is mounted. Where the machine hides parts
        # of it, the kernel refuses that, and the host's names of links stay visible.
        with suppress(OSError):
            mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{owner[0]} 0 1")
        Path("/proc/self/gid_map").write_text(f"{owner[1]} 0 1")
        mount(str(resolver_file), _RESOLVER_FILE, "none", MS_BIND)
        mount("tmpfs", str(directory), "tmpfs", 0)
        drop_capabilities()
        die_with_parent()
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606 - a shell is the user's to name
    except FileNotFoundError:
        os.write(2, f"{command[0]}: not found\n".encode())
        os._exit(_NOT_FOUND)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
        os._exit(_CANNOT_RUN)
