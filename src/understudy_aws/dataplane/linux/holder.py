"""The holder: a process that keeps namespaces and workloads alive when everything else of the data plane dies.

It is the first process of a process namespace, in a user namespace where this user is root and a mount namespace that
nobody else sees. Network namespaces are kept as mounts there. Whatever runs in the process namespace dies with the
holder, and with the last process in them the namespaces go, with every link, route and rule: nothing can be left over.

The holder itself only waits for children that nobody else waits for. A process finds it again by a file with its
number and the time it started, since numbers are used again. A holder whose file was never written ends by itself.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NOATIME,
    MS_NODEV,
    MS_NODIRATIME,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_RELATIME,
    MS_REMOUNT,
    mount,
    setns,
    unshare,
)
from understudy_aws.dataplane.linux.user_maps import enter_root_of
from understudy_aws.dataplane.processes import start_of

_RECORD = "holder.json"
_NAMESPACES = "namespaces"
_KNOWN = b"k"
_FILES = 1024
# Those that bubblewrap gives a program.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# What a mount has that its copy in another user namespace must keep, as statvfs(3) shows it and mount(2) takes it.
_KEPT = {
    os.ST_NOSUID: MS_NOSUID,
    os.ST_NOEXEC: MS_NOEXEC,
    os.ST_NOATIME: MS_NOATIME,
    os.ST_NODIRATIME: MS_NODIRATIME,
    os.ST_RELATIME: MS_RELATIME,
}


class Holder(msgspec.Struct, frozen=True):
    """A running holder: its process number, and what tells it from others of that number."""

    pid: int
    started: str


class HolderError(Exception):
    """This machine does not let this user make what a holder needs; the text says what was refused."""


def namespaces_directory(directory: Path) -> Path:
    """Return where network namespaces are kept; only who has entered the holder sees anything there."""
    return directory / _NAMESPACES


def find_holder(directory: Path) -> Holder | None:
    """Return the holder that runs for a directory, or None."""
    try:
        holder = msgspec.json.decode((directory / _RECORD).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
    return holder if holder.started and start_of(holder.pid) == holder.started else None


def forget_holder(directory: Path) -> None:
    """Remove what tells how the holder of a directory is found; called by who ends it."""
    (directory / _RECORD).unlink(missing_ok=True)


def start_holder(directory: Path, owner: int | None = None) -> Holder:
    """Start a holder for a directory, which this user must own. Raises HolderError.

    With `owner`, a descriptor of a process, the holder ends with that. The process that calls this must have one
    thread alone.
    """
    namespaces_directory(directory).mkdir(mode=0o700, exist_ok=True)
    read, write = os.pipe()
    known, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        _become_holder(directory, write, known, owner)
    os.close(write)
    os.close(known)
    try:
        answer = os.read(read, 1024).decode()
        os.waitpid(child, 0)
        if not answer.isdigit():
            raise HolderError(answer or "The holder ended before it said anything.")
        pid = int(answer)
        holder = Holder(pid, start_of(pid))
        record = directory / _RECORD
        unfinished = record.with_suffix(".new")
        unfinished.write_bytes(msgspec.json.encode(holder))
        unfinished.rename(record)
        os.write(tell, _KNOWN)
    finally:
        os.close(read)
        os.close(tell)
    return holder


def enter_holder(holder: Holder) -> int:
    """Enter the user and mount namespaces of a holder; returns a descriptor that tells when it ends.

    Raises ProcessLookupError for a holder that has ended. The kernel refuses it to a process with several threads.
    """
    fd = os.pidfd_open(holder.pid)
    if start_of(holder.pid) != holder.started:
        os.close(fd)
        raise ProcessLookupError(holder.pid)
    setns(fd, CLONE_NEWUSER | CLONE_NEWNS)
    return fd


def _become_holder(directory: Path, answers: int, known: int, owner: int | None) -> None:
    """Become, in a forked process, the parent of a holder, say its number, and end."""
    try:
        os.setsid()
        enter_root_of(os.geteuid(), os.getegid(), CLONE_NEWUSER | CLONE_NEWNS)
        mount("none", "/", "none", MS_REC | MS_PRIVATE)
        _protect_devices()
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        mount("tmpfs", str(namespaces_directory(directory)), "tmpfs", flags)
        unshare(CLONE_NEWPID)
        pid = os.fork()
    except OSError as error:
        os.write(answers, f"{error.filename or 'fork'}: {error.strerror}".encode())
        os._exit(1)
    if pid:
        os.write(answers, str(pid).encode())
        os._exit(0)
    # Whoever reads it must see the end of it when the process that would have answered was killed.
    os.close(answers)
    _hold(known, owner)


def _protect_devices() -> None:
    """Have the machine's devices that every program is given on mounts that can't be written.

    Reading and writing a device is not writing its file: what that keeps from is changing its mode and owner, which a
    program could otherwise that is root's, however little it may do.
    """
    for name in _DEVICES:
        path = f"/dev/{name}"
        # A machine need not have each, and where they are no root's nobody could.
        with suppress(OSError):
            mount(path, path, "none", MS_BIND)
            had = os.statvfs(path).f_flag
            kept = sum(flag for shown, flag in _KEPT.items() if had & shown)
            mount("none", path, "none", MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def map_root(user: int, group: int) -> None:
    """Let root of the user namespace that this process has just entered be a user outside. Raises OSError."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _hold(known: int, owner: int | None) -> None:
    """Wait for children for ever, or until the owner ends; not at all when nobody can find this process again."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    # Children that nobody waits for are taken away by the kernel itself when this is ignored.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.chdir("/")
    # The other end is closed when the process that writes the record ends.
    if os.read(known, 1) != _KNOWN:
        os._exit(1)
    if owner is not None:
        os.closerange(1, os.dup2(owner, 0) + _FILES)
        ended = select.poll()
        ended.register(0, select.POLLIN)
        ended.poll()
        os._exit(0)
    os.closerange(0, _FILES)
    while True:
        with suppress(OSError):
            signal.pause()
