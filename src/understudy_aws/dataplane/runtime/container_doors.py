"""Where the program of one container finds AWS's APIs and the credentials of its role.

Containers are on a network of the engine's whose gateway, an address of this machine's, is 169.254.170.2: from there
SDKs take credentials without TLS, as from the loopback interface, which a container has for itself. Ports are taken at
that address for each container, by the process that stands for it, and for nobody else: the sockets belong to the
network's bridge, where this machine's neighbours and other networks do not come in, and of all connections only those
from the container's address are joined to the server, which nobody else has: not this machine, so none of its users.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.edge import ANY_INTERFACE, CREDENTIALS_ADDRESS, Arrival
from understudy_aws.dataplane.joins import PIECE, Joins
from understudy_aws.dataplane.runtime.loopback import LoopbackPorts

NETWORK, SUBNET = "understudy", "169.254.170.0/23"
"""The engine's network, which all nodes of this machine share."""

_BACKLOG = 16
# Numbers of Linux that Python does not name: an engine makes the address with the first container.
_IP_FREEBIND = 15
_SIOCGIFADDR = 0x8915
_NAME_BYTES, _ADDRESS_AT = 16, 20


class ContainerDoors:
    """Two ports at the network's gateway. Raises OSError where this machine has no such sockets."""

    def __init__(self, directory: Path) -> None:
        """Take the ports; `directory` is the node's, to whose server connections are joined."""
        self._directory = directory
        self._apis, self._credentials = _bound(), _bound()
        self.ports = LoopbackPorts(self._apis.getsockname()[1], self._credentials.getsockname()[1])

    def open(self, container: str) -> bool:
        """Take connections from the address of a container; answers whether this machine is its gateway."""
        device = _device_of(CREDENTIALS_ADDRESS)
        if not device or not container:
            self._apis.close()
            self._credentials.close()
            return False
        for each in (self._apis, self._credentials):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            each.listen(_BACKLOG)
        threading.Thread(target=lambda: asyncio.run(self._serve(container)), daemon=True).start()
        return True

    async def _serve(self, container: str) -> None:
        joins = Joins(self._directory)

        async def to_apis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await joins.accepted(lambda source: arrival(source, ""), reader, writer)

        async def to_credentials(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await joins.accepted(lambda source: arrival(source, ANY_INTERFACE), reader, writer)

        def arrival(source: str, interface: str) -> Arrival | None:
            return Arrival(source, "", "", interface) if source == container else None

        for take, sock in ((to_apis, self._apis), (to_credentials, self._credentials)):
            await asyncio.start_server(take, sock=sock, limit=PIECE)
        await asyncio.Event().wait()


def _bound() -> socket.socket:
    sock = socket.socket()
    try:
        sock.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        sock.bind((CREDENTIALS_ADDRESS, 0))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _device_of(address: str) -> str:
    """Return the name of the interface of this machine that has an address; empty when none has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            asked = struct.pack(f"{_NAME_BYTES}s240x", name.encode()[: _NAME_BYTES - 1])
            with suppress(OSError):
                told = fcntl.ioctl(sock, _SIOCGIFADDR, asked)
                if socket.inet_ntoa(told[_ADDRESS_AT : _ADDRESS_AT + 4]) == address:
                    return name
    return ""
