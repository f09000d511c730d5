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

from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, setns
from understudy_aws.node.endpoints import Endpoint

T = TypeVar("T")

# The kernel's table of sockets of the namespace that the reading thread is in.
_TABLES = ("/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6")
_LISTENING = "0A"


class Listening(msgspec.Struct, frozen=True):
    """A socket that takes connections."""

    address: str
    port: int


class Dialer:
    """Connects to instances. Without `namespaces` all of them are on this machine's loopback interface."""

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
        sock = await self._inside(endpoint.namespace, lambda: _made(endpoint))
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(sock, (endpoint.address, endpoint.port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def listening(self, namespace: str) -> tuple[Listening, ...]:
        """Return what listens in a namespace. Raises OSError where the kernel does not tell."""
        return await self._inside(namespace, _listening)

    async def _inside(self, namespace: str | None, function: Callable[[], T]) -> T:
        if namespace is None or self._namespaces is None:
            return function()
        namespaces = self._namespaces
        if self._thread is None:
            # Between two uses the thread waits in a namespace of its own: it would keep an instance's from ending.
            self._thread = NamespaceThread()
            self._home = self._thread.create(lambda: None)

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


def _listening() -> tuple[Listening, ...]:
    found = []
    for table in _TABLES:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            # This kernel has no IPv6.
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            if state == _LISTENING:
                digits, _, port = local.partition(":")
                found.append(Listening(_address(digits), int(port, 16)))
    return tuple(found)


def _address(digits: str) -> str:
    """Return the address of a row: words of 32 bits in this machine's order of bytes."""
    packed = bytes.fromhex(digits)
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return str(ipaddress.ip_address(b"".join(words)))
