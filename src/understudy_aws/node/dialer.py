"""Connections from this process into the namespaces of instances.

A socket belongs to the namespace it was made in. One thread enters namespaces and makes sockets there; the event loop
connects and uses them. A program that listens on 127.0.0.1 alone is not reached, as on AWS: connections go to the
interface's own address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, setns
from understudy_aws.node.endpoints import Endpoint

T = TypeVar("T")

# The kernel's table of sockets of the namespace that the reading thread is in.
_TABLES = ("/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6")
_LISTENING = "0A"
# A program whose backlog is full answers no attempt to connect, and the kernel makes the next one after a second. On
# this machine an answer takes no time: another attempt is made after so many seconds, and ever later.
_PATIENCE = 0.05
# Its first packet has been sent, and nothing has come back.
_CONNECTING = "02"


class Listening(msgspec.Struct, frozen=True):
    """A socket that takes connections."""

    address: str
    port: int


class _Row(msgspec.Struct, frozen=True):
    """A socket as the kernel tells of it: its own end, the other one, and its state."""

    local: tuple[str, int]
    remote: tuple[str, int]
    state: str


class Dialer:
    """Connects to instances. Without `namespaces` all of them are in this machine's own network."""

    def __init__(self, namespaces: Namespaces | None) -> None:
        self._namespaces = namespaces
        self._thread: NamespaceThread | None = None
        self._home = -1

    def close(self) -> None:
        """Let go of the thread; connections that were made stay."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None
            os.close(self._home)

    async def connect(self, endpoint: Endpoint, seconds: float) -> socket.socket:
        """Return a connection, which does not block. Raises OSError; TimeoutError, which is one, after `seconds`.

        FileNotFoundError says that the namespace is not there.
        """
        until, patience = monotonic_seconds() + seconds, _PATIENCE
        while True:
            sock = await self._inside(endpoint.namespace, lambda: _made(endpoint))
            try:
                async with asyncio.timeout(min(patience, until - monotonic_seconds())):
                    await asyncio.get_running_loop().sock_connect(sock, (endpoint.address, endpoint.port))
            except TimeoutError:
                sock.close()
                if monotonic_seconds() >= until:
                    raise
                patience *= 2
            except BaseException:
                sock.close()
                raise
            else:
                return sock

    async def listening(self, namespace: str) -> tuple[Listening, ...]:
        """Return what listens in a namespace. Raises OSError where the kernel does not tell."""
        rows = await self._inside(namespace, _rows)
        return tuple(Listening(*each.local) for each in rows if each.state == _LISTENING)

    async def connecting(self, namespace: str) -> tuple[tuple[str, int], ...]:
        """Return the addresses and ports to which connections are begun in a namespace and not answered yet.

        Raises OSError where the kernel does not tell.
        """
        rows = await self._inside(namespace, _rows)
        return tuple(each.remote for each in rows if each.state == _CONNECTING)

    async def _inside(self, namespace: str | None, function: Callable[[], T]) -> T:
        if namespace is None or self._namespaces is None:
            return function()
        namespaces = self._namespaces
        if self._thread is None:
            # Between two uses the thread waits in a namespace of its own: it would keep an instance's from ending.
            thread = NamespaceThread()
            try:
                self._home = thread.create(lambda: None)
            except OSError:
                thread.close()
                raise
            self._thread = thread

        def entered() -> T:
            with namespaces.opened(namespace) as fd:
                setns(fd, CLONE_NEWNET)
            try:
                return function()
            finally:
                setns(self._home, CLONE_NEWNET)

        return await asyncio.wrap_future(self._thread.submit(entered))


def _made(endpoint: Endpoint) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _rows() -> tuple[_Row, ...]:
    found = []
    for table in _TABLES:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            # This kernel has no IPv6.
            continue
        for line in lines:
            _, local, remote, state, *_ = line.split()
            if state in {_LISTENING, _CONNECTING}:
                found.append(_Row(_end(local), _end(remote), state))
    return tuple(found)


def _end(text: str) -> tuple[str, int]:
    digits, _, port = text.partition(":")
    return _address(digits), int(port, 16)


def _address(digits: str) -> str:
    """Return the address of a row: words of 32 bits in this machine's order of bytes."""
    packed = bytes.fromhex(digits)
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    address = ipaddress.ip_address(b"".join(words))
    # A socket of both versions has an IPv4 address in the table of IPv6.
    return str(getattr(address, "ipv4_mapped", None) or address)
