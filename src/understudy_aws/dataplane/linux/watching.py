"""Namespaces in which nothing has happened, as the kernel tells: they need not be looked at again.

Two sockets in a namespace of their own hear of every change to links, addresses, routes, rules, packet filters and how
packets are forwarded in all namespaces that have a number there (netlink(7), `NETLINK_LISTEN_ALL_NSID`). So a look at
a network costs what has changed in it. Where the kernel grants no such socket, or has lost some of what there was to
tell, none counts as quiet.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress

from understudy_aws.dataplane.linux import nftables, routing
from understudy_aws.dataplane.linux.namespaces import NamespaceThread
from understudy_aws.dataplane.linux.netlink import NetlinkError, NetlinkSocket

_SOL_NETLINK = 270
_ADD_MEMBERSHIP, _LISTEN_ALL = 1, 8
_BUFFER = 1 << 20
_RECEIVE = 1 << 16
_MOST_EVENTS = 20_000
_NUMBER = struct.Struct("=i")
_CONTROL = socket.CMSG_SPACE(_NUMBER.size)
# The groups of events (linux/rtnetlink.h): links, and the addresses, routes, rules and settings of IPv4 and IPv6. Of
# other settings than forwarding and rp_filter nothing tells.
_PLUMBING = (1, 5, 7, 8, 9, 11, 19, 24, 25)
# linux/netfilter/nfnetlink.h: changes of nftables.
_FILTERS = (7,)


class Watch:
    """Which namespaces are quiet: found to hold what is wanted, and unchanged since. One caller at a time."""

    def __init__(self) -> None:
        self._thread: NamespaceThread | None = None
        self._events: list[socket.socket] = []
        self._requests: NetlinkSocket | None = None
        # The identity and the number of each namespace that is followed, and its name by its number.
        self._followed: dict[str, tuple[int, int]] = {}
        self._names: dict[int, str] = {}
        self._quiet: set[str] = set()
        self._last = 0

    def close(self) -> None:
        """Watch nothing any more."""
        for each in self._events:
            each.close()
        if self._requests is not None:
            self._requests.close()
        if self._thread is not None:
            self._thread.close()

    def follow(self, name: str, namespace: int) -> None:
        """Hear of what changes in the namespace of a descriptor from now on, if that can be had."""
        self._open()
        identity = os.fstat(namespace).st_ino
        known, _ = self._followed.get(name, (0, 0))
        if self._requests is None or known == identity:
            return
        self.forget(name)
        self._last += 1
        # It has a number already where it was followed by another name, which nobody gives it.
        with suppress(NetlinkError):
            self._requests.request([routing.number_namespace(namespace, self._last)])
            self._followed[name] = identity, self._last
            self._names[self._last] = name

    def is_as_wanted(self, name: str) -> None:
        """Note that a namespace was looked at after it was followed, and found to hold what is wanted."""
        if name in self._followed:
            self._quiet.add(name)

    def forget(self, name: str) -> None:
        """Follow a namespace no more; the kernel takes the number away when it ends."""
        self._quiet.discard(name)
        _, number = self._followed.pop(name, (0, 0))
        self._names.pop(number, None)

    def quiet(self, identities: Mapping[str, int]) -> frozenset[str]:
        """Return those of the namespaces there are that need not be looked at."""
        for each in self._events:
            self._hear(each)
        for name in [name for name, (known, _) in self._followed.items() if identities.get(name) != known]:
            self.forget(name)
        return frozenset(self._quiet)

    def _hear(self, events: socket.socket) -> None:
        for _ in range(_MOST_EVENTS):
            try:
                _, control, _, _ = events.recvmsg(_RECEIVE, _CONTROL)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # More has happened than the kernel could keep.
                break
            for number in _numbers(control):
                self._quiet.discard(self._names.get(number, ""))
        self._quiet.clear()

    def _open(self) -> None:
        if self._thread is not None:
            return
        thread = None
        try:
            thread = NamespaceThread()
            os.close(thread.create(self._listen))
        except OSError:
            # It is tried again with the next namespace that is followed; until then all are looked at.
            if thread is not None:
                thread.close()
            return
        self._thread = thread

    def _listen(self) -> None:
        """Make the sockets, in a namespace that has no other purpose and lives as long as they do."""
        events = []
        for family, groups in ((routing.NETLINK_ROUTE, _PLUMBING), (nftables.NETLINK_NETFILTER, _FILTERS)):
            each = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
            events.append(each)
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            each.bind((0, 0))
            each.setsockopt(_SOL_NETLINK, _LISTEN_ALL, 1)
            for group in groups:
                each.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._requests = NetlinkSocket(routing.NETLINK_ROUTE)
        self._events = events


def _numbers(control: Iterable[tuple[int, int, bytes]]) -> Iterable[int]:
    for level, kind, data in control:
        if (level, kind) == (_SOL_NETLINK, _LISTEN_ALL):
            yield _NUMBER.unpack(data[: _NUMBER.size])[0]
