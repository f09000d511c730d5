"""System calls that Python 3.11 has no function for: namespaces, mounts and capabilities.

Python has `os.unshare` and `os.setns` from 3.12 on; 3.11 is supported, so they are called through the C library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21
MNT_DETACH = 2

# The number is the same on all processors.
_MOUNT_SETATTR, _MOUNT_ATTR_RDONLY = 442, 1
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS = 28, 38
# Root gets no capabilities by being root (1), and nobody can change that (2).
_NO_ROOT_LOCKED = 1 | 2
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces of the kinds in `flags`. Raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kinds: int) -> None:
    """Move the calling thread into the namespace of a descriptor, or the `kinds` of a pidfd. Raises OSError."""
    _check(_libc.setns(fd, kinds), "setns")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount `source` on `target`; `options` are the file system's own. Raises OSError."""
    given = options.encode() or None
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, given), target)


def unmount(target: str) -> None:
    """Take a mount away as soon as nobody uses it any more. Raises OSError."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), target)


def make_read_only(target: str) -> None:
    """Keep a mount and all below it from being written to, and whatever else they forbid. Raises OSError."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    where = (
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_long(_AT_FDCWD),
        target.encode(),
        ctypes.c_long(_AT_RECURSIVE),
    )
    _check(_libc.syscall(*where, attributes, ctypes.c_long(len(attributes))), target)


def pivot_root() -> None:
    """Make the directory where this process is its root; the former root is mounted on it. Raises OSError."""
    _check(_libc.pivot_root(b".", b"."), "pivot_root")


def punch_hole(fd: int, start: int, length: int) -> None:
    """Give a part of a file back to the disk; it reads as zeros, and the file keeps its size. Raises OSError."""
    if not hasattr(_libc, "fallocate"):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    where = ctypes.c_long(start), ctypes.c_long(length)
    _check(_libc.fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, *where), "fallocate")


def drop_capabilities() -> None:
    """Give up every capability of this process, also those that a program of root's would get. Raises OSError."""
    _check(_libc.prctl(_PR_SET_SECUREBITS, _NO_ROOT_LOCKED, 0, 0, 0), "prctl")
    for capability in range(_LAST_CAPABILITY + 1):
        # One that this kernel does not know is refused, and of no account.
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def bound_capabilities(kept: Iterable[int]) -> None:
    """Keep this process's capabilities for its next program, which can hand on these alone. Raises OSError."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    found = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, found), "capget")
    words = list(struct.unpack("=6I", found.raw))
    # Effective, permitted and inheritable, of the lower and of the upper half.
    words[2], words[5] = words[1], words[4]
    _check(_libc.capset(header, struct.pack("=6I", *words)), "capset")
    for capability in set(range(_LAST_CAPABILITY + 1)).difference(kept):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def die_with_parent() -> None:
    """Have this process killed when its parent ends. Raises OSError."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def hide_memory() -> None:
    """Keep this process's memory and descriptors from its user's others until it becomes a program. Raises OSError."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def _check(result: int, about: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), about)
