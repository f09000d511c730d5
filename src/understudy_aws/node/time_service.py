"""The time, as each VPC has it at an address of its router: this machine's, by SNTP (RFC 4330).

On AWS that is the Amazon Time Sync Service, which chrony of Amazon's images asks (EC2 User Guide, "Set the time
reference"). Programs here have the machine's clock already; what asks for the time all the same gets that.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, cast

import msgspec

from understudy_aws.core.clock import monotonic_seconds, unix_seconds
from understudy_aws.dataplane.link_local import NTP, TIME_SERVICE
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network
from understudy_aws.node.resolver.asking import Allowance

_SIZE = 48
_CLIENT, _SERVER = 3, 4
# A server of servers; its reference is a clock of the machine itself, which it knows to a millionth of a second.
_STRATUM, _REFERENCE, _PRECISION = 3, bytes([127, 127, 1, 1]), -20
_HEAD = struct.Struct(">BBbbII4s")
# Seconds from 1900, of NTP, to 1970.
_EPOCHS = 2_208_988_800


def answered(question: bytes, at: float) -> bytes | None:
    """Return the answer to a datagram that came at a time in seconds since 1970; None for what is no question."""
    if len(question) < _SIZE or question[0] & 7 != _CLIENT:
        return None
    version, poll = question[0] & 0x38, question[2]
    head = _HEAD.pack(version | _SERVER, _STRATUM, min(poll, 17), _PRECISION, 0, 0, _REFERENCE)
    seconds = int(at)
    now = struct.pack(">II", (seconds + _EPOCHS) & 0xFFFFFFFF, int((at - seconds) * 2**32))
    # When the clock was set, what the question says of its own time, when it came and when the answer leaves.
    return head + now + question[40:48] + now + now


class _Answers(asyncio.DatagramProtocol):
    """The datagrams of one socket; all sockets of a VPC share an allowance."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._transport is None or not self._allowance.takes(""):
            return
        answer = answered(data, unix_seconds())
        if answer is not None:
            self._transport.sendto(answer, addr)


class _Clock(msgspec.Struct):
    """The sockets of a VPC, and the namespace that they are in."""

    namespace: int
    transports: list[asyncio.DatagramTransport]


class TimeService:
    """Tells the time in each VPC."""

    name = "time"

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._running: dict[str, _Clock] = {}

    async def want(self, network: Network) -> None:
        """Tell the time in the VPCs of a network. Raises OSError for one where it can't be told."""
        wanted = {vpc.id for vpc in network.vpcs}
        for id in self._running.keys() - wanted:
            self._end(id)
        failed: OSError | None = None
        for id in sorted(wanted):
            try:
                await self._keep(id)
            except OSError as error:
                # The others have it, and this one at another time.
                failed = error
        if failed is not None:
            raise failed

    async def close(self) -> None:
        """Tell it no more."""
        for id in list(self._running):
            self._end(id)

    async def _keep(self, vpc: str) -> None:
        namespace = self._namespaces.identity(vpc)
        running = self._running.get(vpc)
        if running is not None and running.namespace == namespace:
            return
        if running is not None:
            self._end(vpc)
        sockets = await asyncio.to_thread(self._namespaces.inside, vpc, _sockets)
        allowance, loop = Allowance(monotonic_seconds), asyncio.get_running_loop()
        clock = self._running[vpc] = _Clock(namespace, [])
        for each in sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Answers(allowance), sock=each)
            clock.transports.append(transport)

    def _end(self, vpc: str) -> None:
        for transport in self._running.pop(vpc).transports:
            transport.close()


def _sockets() -> list[socket.socket]:
    made: list[socket.socket] = []
    try:
        for address in TIME_SERVICE:
            family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
            made.append(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC))
            made[-1].bind((address, NTP))
    except OSError:
        for each in made:
            with suppress(OSError):
                each.close()
        raise
    return made
