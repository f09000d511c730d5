"""Whether this machine lets this user make networks, and if not, what would change that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from understudy_aws.dataplane.linux import nftables, routing
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    unshare,
)

_SETTINGS = (
    # Ubuntu's restriction first: with it the others say yes.
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"),
    ("user/max_net_namespaces", "0", "sudo sysctl user.max_net_namespaces=15000"),
)


def obstacle() -> str:
    """Return what keeps this user from making networks, as a sentence with the remedy; empty when nothing does.

    The process that calls this must have one thread alone: it is forked, and the child tries.
    """
    if sys.platform != "linux":
        return "Networks are made of Linux namespaces, which this system does not have."
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _try(write)
    os.close(write)
    refused = os.read(read, 1024).decode(errors="replace")
    os.close(read)
    os.waitpid(child, 0)
    if not refused:
        return ""
    for setting, off, remedy in _SETTINGS:
        if _read(setting) == off:
            return (
                f"This machine lets no ordinary user make networks ({refused}); `{remedy}` would change that."
            )
    return f"This machine lets this user make no networks ({refused}), as in containers without the right to."


def _try(write: int) -> None:
    """Make what a network needs in this process, write what was refused, and end."""
    doing = "namespaces"
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
        doing = "links"
        NetlinkSocket(routing.NETLINK_ROUTE).request([routing.link_up(routing.LOOPBACK)])
        doing = "nftables"
        NetlinkSocket(nftables.NETLINK_NETFILTER).commit(
            nftables.begin(), [nftables.new_table("probe")], nftables.end()
        )
    except OSError as error:
        os.write(write, f"{doing}: {error.strerror}".encode())
    finally:
        os._exit(0)


def _read(setting: str) -> str:
    try:
        return Path("/proc/sys", setting).read_text().strip()
    except OSError:
        return ""
