"""Netlink: messages of attributes to the kernel and back (`man 7 netlink`).

A message is a header, a fixed part of its family and attributes; an attribute is a length, a type and bytes, which may
again. Numbers are in the byte order of the machine; those of nf_tables begin with their most significant byte.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

NLMSG_ERROR = 2
NLMSG_DONE = 3

NLA_F_NESTED = 0x8000
_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_READ_ATTRIBUTE = _ATTRIBUTE.unpack_from
_ERROR = struct.Struct("=i")
_LENGTH_AND_TYPE = struct.Struct("=IH").unpack_from
# The most that the kernel puts into one answer to a dump.
_RECEIVE = 1 << 16
_BUFFER = 1 << 21


class Message(msgspec.Struct, frozen=True):
    """One message: its type, its flags, and what follows the header."""

    type: int
    flags: int
    body: bytes


def attribute(type: int, value: bytes | int | str) -> bytes:
    """Return an attribute of bytes, of a 32-bit number of this machine's byte order, or of a text with its end."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, type) + value + b"\0" * (-length % 4)


def nested(type: int, *attributes: bytes) -> bytes:
    """Return an attribute that consists of attributes."""
    return attribute(type | NLA_F_NESTED, b"".join(attributes))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the bytes of each attribute."""
    at, end = 0, len(data) - _ATTRIBUTE.size
    while at <= end:
        length, type = _READ_ATTRIBUTE(data, at)
        yield type & _TYPE_MASK, data[at + 4 : at + length]
        at += (length + 3) & ~3


def attribute_map(data: bytes) -> Mapping[int, bytes]:
    """Return attributes by type, of which each appears once."""
    # As `attributes`, without a step for each: a look at a network reads tens of thousands.
    found = {}
    at, end = 0, len(data) - _ATTRIBUTE.size
    while at <= end:
        length, type = _READ_ATTRIBUTE(data, at)
        found[type & _TYPE_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def text_of(value: bytes) -> str:
    """Return the text of an attribute."""
    return value.rstrip(b"\0").decode(errors="replace")


class NetlinkError(OSError):
    """The kernel refused a message. `index` says which of those that were sent together."""

    def __init__(self, number: int, index: int) -> None:
        super().__init__(number, os.strerror(number))
        self.index = index


class NetlinkSocket:
    """A socket to one part of the kernel, in the network namespace where it was made."""

    def __init__(self, family: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.bind((0, 0))
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(self, messages: Sequence[Message], ignored: Collection[int] = ()) -> None:
        """Send messages in order, each of which is carried out by itself, and wait for all answers.

        Raises NetlinkError for the first one that was refused with a number that is not `ignored`; those after it
        may have been carried out.
        """
        refused: NetlinkError | None = None
        for chunk in _chunks(messages):
            numbers = self._send([(message, message.flags | NLM_F_ACK) for _, message in chunk])
            for number, code in self._acknowledged(numbers, len(chunk)):
                if code and -code not in ignored and refused is None:
                    refused = NetlinkError(-code, chunk[number][0])
        if refused is not None:
            raise refused

    def commit(self, begin: Message, messages: Sequence[Message], end: Message) -> None:
        """Send messages as one transaction between its begin and its end. Raises NetlinkError: nothing was done."""
        if not messages:
            return
        last = len(messages)
        sent = [(begin, begin.flags), *((message, message.flags) for message in messages), (end, end.flags)]
        sent[last] = (messages[-1], messages[-1].flags | NLM_F_ACK)
        numbers = self._send(sent)
        for number, code in self._acknowledged(numbers, 1):
            if code:
                raise NetlinkError(-code, number - 1)

    def ask(self, message: Message) -> Message:
        """Return the one object of the kernel that a message asks for. Raises NetlinkError, when it is not there."""
        [own] = self._send([(message, message.flags)])
        while True:
            for type, flags, number, body in _messages(self._socket.recv(_RECEIVE)):
                if number != own:
                    continue
                if type == NLMSG_ERROR:
                    raise NetlinkError(-_ERROR.unpack_from(body)[0], 0)
                return Message(type, flags, body)

    def dump(self, message: Message) -> Iterator[Message]:
        """Yield every object of the kernel that a message asks for."""
        [own] = self._send([(message, message.flags | NLM_F_DUMP)])
        while True:
            for type, flags, number, body in _messages(self._socket.recv(_RECEIVE)):
                # A transaction that failed may have left answers that nobody has read: one for each of its messages.
                if number != own:
                    continue
                if type == NLMSG_DONE:
                    return
                if type == NLMSG_ERROR:
                    raise NetlinkError(-_ERROR.unpack_from(body)[0], 0)
                yield Message(type, flags, body)

    def dump_bodies(self, message: Message) -> list[bytes]:
        """Return every object of the kernel that a message asks for, without headers."""
        self._send([(message, message.flags | NLM_F_DUMP)])
        bodies: list[bytes] = []
        while True:
            data = self._socket.recv(_RECEIVE)
            at, end = 0, len(data)
            while at < end:
                length, type = _LENGTH_AND_TYPE(data, at)
                if type == NLMSG_DONE:
                    return bodies
                if type == NLMSG_ERROR:
                    raise NetlinkError(-_ERROR.unpack_from(data, at + _HEADER.size)[0], 0)
                bodies.append(data[at + _HEADER.size : at + length])
                at += (length + 3) & ~3

    def _send(self, messages: Sequence[tuple[Message, int]]) -> range:
        first = 0
        parts = []
        for message, flags in messages:
            number = next(self._numbers)
            first = first or number
            parts.append(
                _HEADER.pack(_HEADER.size + len(message.body), message.type, flags | NLM_F_REQUEST, number, 0)
            )
            parts.append(message.body)
            parts.append(b"\0" * (-len(message.body) % 4))
        self._socket.send(b"".join(parts))
        return range(first, first + len(messages))

    def _acknowledged(self, numbers: range, count: int) -> Iterator[tuple[int, int]]:
        """Yield the place in `numbers` and the error code, 0 for none, of each answer, until `count` have come.

        An answer that is an error counts as the one that was asked for: a transaction has no other after it.
        """
        while count > 0:
            for type, _, number, body in _messages(self._socket.recv(_RECEIVE)):
                if type == NLMSG_ERROR and number in numbers:
                    count -= 1
                    yield number - numbers.start, _ERROR.unpack_from(body)[0]


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, type, flags, number, _ = _HEADER.unpack_from(data, at)
        yield type, flags, number, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _chunks(messages: Sequence[Message]) -> Iterator[list[tuple[int, Message]]]:
    """Yield messages with their places, as many at a time as the buffer for the answers surely holds."""
    for start in range(0, len(messages), 100):
        yield list(enumerate(messages[start : start + 100], start))
