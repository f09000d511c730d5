"""Makes one of everything that a network needs, in a process that ends with it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from understudy_aws.dataplane.linux import nftables, routing
from understudy_aws.dataplane.linux.expressions import (
    ACCEPT,
    connection_tracked,
    masquerade,
    translate_source,
    verdict,
)
from understudy_aws.dataplane.linux.holder import map_root
from understudy_aws.dataplane.linux.netlink import Message, NetlinkSocket
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
from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_PRIVATE,
    MS_REC,
    mount,
    unshare,
)

_TABLE, _MAP, _MTU = "probe", "map", 1500


def refused() -> Refusal | None:
    """Make everything; return the first thing that was refused, None when nothing was.

    The process must have one thread alone, and is of no use for anything else afterwards.
    """
    for what, step in _steps(os.geteuid(), os.getegid()):
        try:
            step()
        except OSError as error:
            return Refusal(what, error.errno or errno.EIO)
    return None


def _user_namespace() -> None:
    unshare(CLONE_NEWUSER | CLONE_NEWNS)


def _mounts() -> None:
    mount("none", "/", "none", MS_REC | MS_PRIVATE)


def _network_namespace() -> None:
    unshare(CLONE_NEWPID | CLONE_NEWNET)


def _links() -> None:
    NetlinkSocket(routing.NETLINK_ROUTE).request([routing.link_up(routing.LOOPBACK)])


def _veth() -> None:
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    pair = routing.new_veth("probe0", _MTU, peer="probe1", peer_namespace=own, peer_mac="02:00:00:00:00:01")
    NetlinkSocket(routing.NETLINK_ROUTE).request([pair])


def _table() -> None:
    _commit([nftables.new_table(_TABLE)])


def _rules() -> None:
    _commit(list(_rule_messages()))


def _rule_messages() -> Iterator[Message]:
    address = nftables.IPV4_ADDRESS
    yield nftables.new_set(_TABLE, _MAP, address, address)
    for kind, hook, priority, expressions in (
        ("filter", "forward", 0, connection_tracked() + verdict(ACCEPT)),
        ("nat", "postrouting", 100, masquerade()),
        ("nat", "postrouting", 101, translate_source(_MAP)),
    ):
        chain = f"{kind}{priority}"
        yield nftables.new_base_chain(_TABLE, chain, kind=kind, hook=hook, priority=priority, policy=ACCEPT)
        yield nftables.new_rule(_TABLE, chain, "probe", expressions)


def _commit(messages: list[Message]) -> None:
    NetlinkSocket(nftables.NETLINK_NETFILTER).commit(nftables.begin(), messages, nftables.end())


def _steps(user: int, group: int) -> Iterator[tuple[str, Callable[[], None]]]:
    yield NAMESPACES, _user_namespace
    yield PROC, lambda: map_root(user, group)
    yield MOUNTS, _mounts
    yield NAMESPACES, _network_namespace
    yield LINKS, _links
    yield VETH, _veth
    yield NFTABLES, _table
    yield RULES, _rules
