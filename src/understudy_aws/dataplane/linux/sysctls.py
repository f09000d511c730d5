"""Settings of the kernel in a namespace (`man 5 proc`, `/proc/sys/net`): what they are kept at, and those that are not.

What is read and written here is of the namespace in which the calling thread is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.linux.idle_timeouts import UDP_STREAM_SECONDS
from understudy_aws.dataplane.linux.objects import Setting
from understudy_aws.dataplane.linux.routing import LINK_SETTINGS, LOOPBACK, FoundLink

ROUTER = "router"
"""What the loopback link of a router says of itself, so that whoever looks at it later knows what it is."""

_DIRECTORY = Path("/proc/sys/net")
_LONGEST = 128
_FORWARD, _FORWARD_BY_DEFAULT = "ipv4/ip_forward", "ipv4/conf/default/forwarding"
# Everybody may listen at every port and send echo requests: what listens has the network to itself.
_OF_ALL = {"ipv4/ip_unprivileged_port_start": "0", "ipv4/ping_group_range": "0 0"}
# The packet filter decides what is forwarded; a way back need not be the way there.
_OF_ROUTERS = {
    **_OF_ALL,
    _FORWARD: "1",
    "ipv6/conf/all/forwarding": "1",
    _FORWARD_BY_DEFAULT: "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "netfilter/nf_conntrack_udp_timeout_stream": str(UDP_STREAM_SECONDS),
}


def kept(*, router: bool) -> Mapping[str, str]:
    """Return the settings that are kept in a namespace, and at what."""
    return _OF_ROUTERS if router else _OF_ALL


def set_all(*, router: bool) -> None:
    """Set what is kept, as far as this machine allows.

    Where `/proc/sys` can't be written, links are told to forward one by one, and IPv6 is not forwarded.
    """
    for name, value in kept(router=router).items():
        with suppress(OSError):
            write(name, value)


def write(name: str, value: str) -> None:
    """Set one. Raises OSError."""
    (_DIRECTORY / name).write_text(value)


def values(*, router: bool) -> Mapping[str, str]:
    """Return what the settings are that are kept; those that this kernel does not have are left out."""
    found = {}
    for name in kept(router=router):
        with suppress(OSError):
            # Without what Python's own files do besides: a look at a network reads thousands.
            file = os.open(f"{_DIRECTORY}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                found[name] = b" ".join(os.read(file, _LONGEST).split()).decode()
            finally:
                os.close(file)
    return found


def changed(
    namespace: str, found: Mapping[str, str], links: Iterable[FoundLink], *, router: bool
) -> Iterator[Setting]:
    """Yield the settings that are not what they are kept at, but for those that can't be set here."""
    wanted = kept(router=router)
    stopped = False
    for name, value in found.items():
        if value != wanted[name] and os.access(_DIRECTORY / name, os.W_OK):
            stopped = stopped or name == _FORWARD
            if name != _FORWARD_BY_DEFAULT or not stopped:
                yield Setting(namespace, "", name, value, wanted[name])
    if not router:
        return
    for link in links:
        # One that is down is not yet configured.
        if link.index == LOOPBACK or not link.up:
            continue
        for name, (_, number) in LINK_SETTINGS.items():
            # Where nothing is forwarded no link forwards, and each does when that is put right; later ones, too.
            covered = name == "forwarding" and stopped
            if link.settings.get(name, number) != number and not covered:
                yield Setting(namespace, link.name, name, str(link.settings[name]), str(number))
