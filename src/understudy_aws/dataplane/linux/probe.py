"""Whether this machine lets this user make networks, and if not, what would change that.

A forked child makes one of everything that a network needs, in namespaces that end with it.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from understudy_aws.core.deferred import deferred
from understudy_aws.dataplane.linux.probe_refusal import (
    LINKS,
    MOUNTS,
    NAMESPACES,
    NFTABLES,
    PROC,
    RULES,
    VETH,
    Refusal,
)

if TYPE_CHECKING:
    from understudy_aws.dataplane.linux import probe_steps
else:
    # The child alone imports what it tries; the parent goes on.
    probe_steps = deferred("understudy_aws.dataplane.linux.probe_steps")

MODULES = "veth nf_tables nft_ct nft_nat nft_masq nft_chain_nat"
"""The modules that a kernel needs which has them apart."""

_OF_CONTAINERS = (
    "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined …"
)
# What kernels say of a kind of link, a family of sockets or an expression whose module they lack.
_LACKING = {errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.ENOENT}
_SETTINGS = (
    # Ubuntu's restriction first: with it the others say yes.
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    *(
        (f"user/max_{kind}_namespaces", "0", f"user.max_{kind}_namespaces=15000")
        for kind in ("user", "mnt", "pid", "net")
    ),
)


class Attempt:
    """An attempt to make a network, under way in another process.

    The process that begins one must have one thread alone, since it is forked.
    """

    def __init__(self) -> None:
        self._child = 0
        if sys.platform == "linux":
            self._answer, write = os.pipe()
            self._child = os.fork()
            if self._child == 0:
                _try(write)
            os.close(write)

    def obstacle(self) -> str:
        """Return what keeps this user from making networks, with the remedy; empty when nothing does.

        Waits for the end of the attempt; to be asked once.
        """
        if not self._child:
            return (
                "Networks are made of Linux namespaces, which this system does not have; Understudy on Linux, "
                "also in a virtual machine, makes them."
            )
        answer = os.read(self._answer, 1024)
        os.close(self._answer)
        os.waitpid(self._child, 0)
        return _sentence(msgspec.json.decode(answer, type=Refusal)) if answer else ""


def obstacle() -> str:
    """Return what keeps this user from making networks, with the remedy; empty when nothing does.

    The process that calls this must have one thread alone.
    """
    return Attempt().obstacle()


def limits() -> tuple[str, ...]:
    """Return what networks can't do here, where they can be made at all, each with the remedy."""
    try:
        if not os.statvfs("/proc/sys").f_flag & os.ST_RDONLY:
            return ()
        why, remedy = "/proc/sys can't be written here", f"`{_OF_CONTAINERS}`"
    except OSError:
        # As with a `/proc` of processes alone.
        why, remedy = "/proc/sys is not there", f"`{_sudo()}mount -t proc proc /proc`"
    said = f"IPv6 is not forwarded, and programs can't listen at ports below 1024, since {why}"
    return (f"{said}; {remedy} would change that.",)


def _sentence(refused: Refusal) -> str:
    said = f"This machine lets this user make no networks ({refused.what}: {os.strerror(refused.number)})"
    remedy = _remedy(refused)
    return f"{said}; {remedy} would change that." if remedy else f"{said}."


def _remedy(refused: Refusal) -> str:
    """Return the one command that would change it; empty where none is known."""
    sudo = _sudo()
    if refused.what in {NAMESPACES, MOUNTS, LINKS}:
        for setting, off, remedy in _SETTINGS:
            if _read(f"/proc/sys/{setting}") == off:
                return f"`{sudo}sysctl {remedy}`"
        if "Seccomp:\t2" in _read("/proc/self/status"):
            return f"`{_OF_CONTAINERS}`, since what a container may do is restricted,"
    if refused.what == PROC:
        return f"`{sudo}mount -t proc proc /proc`"
    if refused.what in {VETH, NFTABLES, RULES} and refused.number in _LACKING:
        return f"`{sudo}modprobe -a {MODULES}`"
    return ""


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _try(write: int) -> NoReturn:
    """Make what a network needs in this process, write what was refused, and end."""
    try:
        refused = probe_steps.refused()
        if refused is not None:
            os.write(write, msgspec.json.encode(refused))
    finally:
        os._exit(0)


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""
