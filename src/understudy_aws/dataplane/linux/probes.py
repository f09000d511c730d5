"""Real packets that tell what the network does with a connection: of TCP, UDP, ICMP and every other protocol.

Nothing needs to listen. A host answers a connection of TCP that nothing takes, and a datagram to a closed port; where
it keeps silent, a look into the namespace of the destination says whether the packet got there. That is all that can
be told of protocols that Linux does not answer by itself.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_address
from itertools import count

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.link_local import NTP
from understudy_aws.dataplane.linux.names import WORKLOAD_LINK
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.messages import Probe
from understudy_aws.dataplane.packets import ECHO, ICMP, TCP, UDP

CONNECTED, REFUSED, ARRIVED, SILENT = "connected", "refused", "arrived", "silent"
_EVERY_PROTOCOL = 0x0003
_LONGEST = 2048
# Of echo requests: one that was sent before would still be let through as part of what was let through then.
_identifiers = count(os.getpid())
_LAST_PROTOCOL = 255
# What stands before the content: GRE (RFC 2784: no options, IPv4 within), ESP (RFC 4303: which connection, a number).
_HEADS = {"47": struct.pack("!HH", 0, 0x0800), "50": struct.pack("!II", 0x1000, 1)}
# Of what UDP carries: a client's question of version 4 (RFC 4330), for a server of the time answers nothing else.
_QUESTIONS = {NTP: bytes([0x23]) + bytes(47)}
# What has arrived is answered soon, if at all.
_ANSWER_WITHIN = 0.5


def probe(namespaces: Namespaces, asked: Probe) -> str:
    """Send a packet; return `connected`, `refused`, `arrived` for one that nobody answers, or `silent`.

    Raises FileNotFoundError when there is no such interface, ValueError for what is no number of a protocol.
    """
    if asked.protocol == TCP:
        return _connect(namespaces, asked)
    with ExitStack() as stack:
        watching = None
        if asked.arrives_at:
            watching = stack.enter_context(namespaces.inside(asked.arrives_at, _watcher))
        if asked.protocol == UDP:
            return _datagram(
                stack.enter_context(namespaces.inside(asked.interface, _opener(asked))), watching, asked
            )
        send = _echo if asked.protocol in ECHO else _other
        return send(stack.enter_context(namespaces.inside(asked.interface, _opener(asked))), watching, asked)


def _opener(asked: Probe) -> Callable[[], socket.socket]:
    family = socket.AF_INET if ip_address(asked.address).version == 4 else socket.AF_INET6
    kinds = {TCP: socket.SOCK_STREAM, UDP: socket.SOCK_DGRAM}
    number = 0 if asked.protocol in kinds else int(asked.protocol)
    if not 0 <= number <= _LAST_PROTOCOL:
        raise ValueError(f"{number} is not the number of a protocol.")
    return lambda: socket.socket(family, kinds.get(asked.protocol, socket.SOCK_RAW), number)


def _watcher() -> socket.socket:
    """Return a socket that sees what arrives at the interface of a namespace."""
    watching = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PROTOCOL))
    watching.bind((WORKLOAD_LINK, _EVERY_PROTOCOL))
    return watching


def _connect(namespaces: Namespaces, asked: Probe) -> str:
    with namespaces.inside(asked.interface, _opener(asked)) as connection:
        connection.settimeout(asked.timeout)
        try:
            connection.connect((asked.address, asked.port))
        except ConnectionRefusedError:
            return REFUSED
        except OSError:
            return SILENT
    return CONNECTED


def _datagram(sending: socket.socket, watching: socket.socket | None, asked: Probe) -> str:
    try:
        sending.connect((asked.address, asked.port))
        token = f"understudy probe {asked.interface} {sending.getsockname()[1]}".encode()
        sending.send(_QUESTIONS.get(asked.port, b"") + token)
        return _outcome(sending, watching, token, asked.timeout, lambda _: True)
    except ConnectionRefusedError:
        return REFUSED
    except OSError:
        return SILENT


def _echo(sending: socket.socket, watching: socket.socket | None, asked: Probe) -> str:
    request, reply = ECHO[asked.protocol]
    identifier = next(_identifiers) & 0xFFFF
    token = f"understudy probe {asked.interface} {identifier}".encode()
    head = struct.pack("!BBHHH", request, 0, 0, identifier, 1)
    if asked.protocol == ICMP:
        head = struct.pack("!BBHHH", request, 0, _checksum(head + token), identifier, 1)

    def is_reply(packet: bytes) -> bool:
        # Of ICMP the kernel hands over the IP header too.
        begin = (packet[0] & 0x0F) * 4 if asked.protocol == ICMP else 0
        return packet[begin] == reply and token in packet

    try:
        sending.sendto(head + token, (asked.address, 0))
        return _outcome(sending, watching, token, asked.timeout, is_reply)
    except OSError:
        return SILENT


def _other(sending: socket.socket, watching: socket.socket | None, asked: Probe) -> str:
    identifier = next(_identifiers)
    token = f"understudy probe {asked.interface} {identifier}".encode()
    try:
        sending.sendto(_HEADS.get(asked.protocol, b"") + token, (asked.address, 0))
        return _outcome(sending, watching, token, asked.timeout, lambda _: False)
    except OSError:
        return SILENT


def _outcome(
    sending: socket.socket,
    watching: socket.socket | None,
    token: bytes,
    timeout: float,
    is_answer: Callable[[bytes], bool],
) -> str:
    """Wait for an answer, or for the packet at its destination. Raises OSError for an answer that refuses."""
    until = monotonic_seconds() + timeout
    outcome = SILENT
    poll = select.poll()
    poll.register(sending, select.POLLIN)
    if watching is not None:
        poll.register(watching, select.POLLIN)
    while (left := until - monotonic_seconds()) > 0:
        for ready, _ in poll.poll(left * 1000):
            if ready == sending.fileno():
                if is_answer(sending.recv(_LONGEST)):
                    return CONNECTED
            elif watching is not None and _is_inward(watching, token) and outcome == SILENT:
                outcome = ARRIVED
                until = min(until, monotonic_seconds() + _ANSWER_WITHIN)
    return outcome


def _is_inward(watching: socket.socket, token: bytes) -> bool:
    packet, address = watching.recvfrom(_LONGEST)
    return token in packet and address[2] != socket.PACKET_OUTGOING


def _checksum(data: bytes) -> int:
    """Return the checksum of the internet (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)
