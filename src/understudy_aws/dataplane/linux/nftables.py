"""nf_tables, the packet filter of the kernel: tables, chains, sets, elements and rules as netlink messages.

A rule is known by its comment, which `nft list ruleset` shows to people and a dump gives back: two rules with the same
comment in the same chain are taken for the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from understudy_aws.dataplane.linux.expressions import CONNECTION_TIMEOUT, number
from understudy_aws.dataplane.linux.netlink import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    Message,
    attribute,
    attribute_map,
    attributes,
    nested,
    text_of,
)

NETLINK_NETFILTER = 12
NFPROTO_INET = 1

_SUBSYSTEM = 10
_NEWTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _DELCHAIN = 0, 2, 3, 4, 5
_NEWRULE, _GETRULE, _DELRULE = 6, 7, 8
_NEWSET, _GETSET, _DELSET, _NEWSETELEM, _GETSETELEM, _DELSETELEM = 9, 10, 11, 12, 13, 14
_GETGEN = 16
_NEWOBJ, _GETOBJ, _DELOBJ = 18, 19, 20
# Which numbers of the protocols' own lists the time-outs have: established; not answered and answered twice.
_TIMEOUT_PLACES = {6: (3,), 17: (1, 2)}
_BATCH_BEGIN, _BATCH_END = 16, 17
_FAMILY = struct.Struct(">BBH")

_MAP = 0x8
# Elements have a timeout and are put in by rules.
_BY_RULES = 0x10 | 0x20
KEPT_MILLISECONDS = 20_000
"""How long an element that rules put into a set stays after the last packet."""

_COLLECTED = 5_000
_VERDICT_TYPE = 0xFFFFFF00
_COMMENT = 0
_EXPRESSION = 7
_KEY_ORDER, _VALUE_ORDER = 0, 1
_NATIVE, _BIG_ENDIAN = 1, 2
# An attribute ends at 65,535 bytes, so that elements are sent some hundreds at a time.
_ELEMENTS_PER_MESSAGE = 400

HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}


class KeyType(msgspec.Struct, frozen=True):
    """What a set's keys, or a map's values, are: the number by which `nft` shows them, and their length.

    `native` ones are in this machine's byte order, which `nft` must be told to show them rightly.
    """

    number: int
    length: int
    native: bool = False


INTERFACE_NAME = KeyType(41, 16, native=True)
IPV4_ADDRESS = KeyType(7, 4)
IPV6_ADDRESS = KeyType(8, 16)
MARK = KeyType(19, 4, native=True)
VERDICT = KeyType(_VERDICT_TYPE, 0)


def pair(first: KeyType, second: KeyType) -> KeyType:
    """Return the type of keys that consist of two."""
    return KeyType(first.number << 6 | second.number, first.length + second.length)


def begin() -> Message:
    """Return what begins a transaction."""
    return Message(_BATCH_BEGIN, 0, _FAMILY.pack(0, 0, _SUBSYSTEM))


def end() -> Message:
    """Return what ends a transaction."""
    return Message(_BATCH_END, 0, _FAMILY.pack(0, 0, _SUBSYSTEM))


def new_table(table: str) -> Message:
    """Make a table, or leave the one there is."""
    return _message(_NEWTABLE, NLM_F_CREATE, attribute(1, table))


def delete_table(table: str) -> Message:
    """Delete a table with everything in it."""
    return _message(_DELTABLE, 0, attribute(1, table))


def new_chain(table: str, chain: str) -> Message:
    """Make a chain that rules jump to, or leave the one there is."""
    return _message(_NEWCHAIN, NLM_F_CREATE, attribute(1, table), attribute(3, chain))


def new_base_chain(table: str, chain: str, *, kind: str, hook: str, priority: int, policy: int) -> Message:
    """Make a chain that packets pass at a hook; `kind` is filter or nat, `policy` the verdict at its end."""
    return _message(
        _NEWCHAIN,
        NLM_F_CREATE,
        attribute(1, table),
        attribute(3, chain),
        nested(4, attribute(1, number(HOOKS[hook])), attribute(2, struct.pack(">i", priority))),
        attribute(5, number(policy)),
        attribute(7, kind),
    )


def delete_chain(table: str, chain: str) -> Message:
    """Delete a chain that nothing jumps to."""
    return _message(_DELCHAIN, 0, attribute(1, table), attribute(3, chain))


def flush_chain(table: str, chain: str) -> Message:
    """Delete all rules of a chain."""
    return _message(_DELRULE, 0, attribute(1, table), attribute(2, chain))


def new_rule(table: str, chain: str, comment: str, expressions: bytes) -> Message:
    """Put a rule at the end of a chain."""
    text = comment.encode()[:250] + b"\0"
    userdata = bytes([_COMMENT, len(text)]) + text
    return _message(
        _NEWRULE,
        NLM_F_CREATE | NLM_F_APPEND,
        attribute(1, table),
        attribute(2, chain),
        nested(4, expressions),
        attribute(7, userdata),
    )


def is_new_rule(message: Message) -> bool:
    """Whether a message puts a rule into a chain."""
    return message.type == _SUBSYSTEM << 8 | _NEWRULE


def new_set(table: str, name: str, key: KeyType, value: KeyType | None, most: int = 0) -> Message:
    """Make a set, or a map when elements have values, or leave the one there is.

    With `most` it is one that rules put elements into, at most so many, which go when they were not seen for a while.
    """
    parts = [attribute(1, table), attribute(2, name)]
    flags = _MAP if value is not None else _BY_RULES if most else 0
    parts.append(attribute(3, number(flags)))
    parts += (attribute(4, number(key.number)), attribute(5, number(key.length)))
    if value is not None:
        parts.append(attribute(6, number(value.number)))
        if value.length:
            parts.append(attribute(7, number(value.length)))
    if most:
        parts.append(nested(9, attribute(1, number(most))))
        parts += (attribute(11, struct.pack(">Q", KEPT_MILLISECONDS)), attribute(12, number(_COLLECTED)))
    # An id that is unique in a transaction is asked for; a name never stands twice in one.
    parts.append(attribute(10, number(1)))
    orders = [(_KEY_ORDER, key), *([(_VALUE_ORDER, value)] if value is not None else [])]
    parts.append(attribute(13, b"".join(_byte_order(kind, each) for kind, each in orders)))
    return _message(_NEWSET, NLM_F_CREATE, *parts)


def _byte_order(kind: int, of: KeyType) -> bytes:
    return struct.pack("=BBI", kind, 4, _NATIVE if of.native else _BIG_ENDIAN)


def delete_set(table: str, name: str) -> Message:
    """Delete a set that no rule looks into."""
    return _message(_DELSET, 0, attribute(1, table), attribute(2, name))


def new_timeout(table: str, name: str, protocol: int, seconds: Sequence[int]) -> Message:
    """Make a time-out of connections, or leave the one there is."""
    places = _TIMEOUT_PLACES[protocol]
    data = (attribute(place, number(each)) for place, each in zip(places, seconds, strict=True))
    return _message(
        _NEWOBJ,
        NLM_F_CREATE,
        attribute(1, table),
        attribute(2, name),
        attribute(3, number(CONNECTION_TIMEOUT)),
        nested(
            4,
            attribute(1, struct.pack(">H", NFPROTO_INET)),
            attribute(2, bytes([protocol])),
            nested(3, *data),
        ),
    )


def delete_timeout(table: str, name: str) -> Message:
    """Delete a time-out that no rule gives."""
    return _message(
        _DELOBJ, 0, attribute(1, table), attribute(2, name), attribute(3, number(CONNECTION_TIMEOUT))
    )


def get_timeouts(table: str) -> Message:
    """Ask for the time-outs of connections in a table."""
    return _message(_GETOBJ, NLM_F_ACK, attribute(1, table), attribute(3, number(CONNECTION_TIMEOUT)))


def found_timeout(message: Message) -> tuple[int, tuple[int, ...]]:
    """Read protocol and seconds from the answer to `get_timeouts`."""
    data = attribute_map(attribute_map(message.body[_FAMILY.size :])[4])
    protocol, found = data[2][0], attribute_map(data.get(3, b""))
    places = _TIMEOUT_PLACES.get(protocol, ())
    return protocol, tuple(struct.unpack(">I", found[each])[0] for each in places if each in found)


def element(key: bytes, data: bytes = b"") -> bytes:
    """Return one element: its key and, of a map, `value_data` or `verdict_data`."""
    return nested(1, nested(1, attribute(1, key)), nested(2, data) if data else b"")


def new_elements(table: str, set_name: str, elements: Sequence[bytes]) -> Iterator[Message]:
    """Put elements into a set; those that are there stay."""
    return _elements(_NEWSETELEM, NLM_F_CREATE, table, set_name, elements)


def delete_elements(table: str, set_name: str, elements: Sequence[bytes]) -> Iterator[Message]:
    """Take elements out of a set. The kernel refuses the transaction when one is not there."""
    return _elements(_DELSETELEM, 0, table, set_name, elements)


def get_chains() -> Message:
    """Ask for the chains of all tables."""
    return _message(_GETCHAIN, NLM_F_ACK)


def get_rules(table: str) -> Message:
    """Ask for the rules of a table."""
    return _message(_GETRULE, NLM_F_ACK, attribute(1, table))


def get_sets(table: str) -> Message:
    """Ask for the sets of a table."""
    return _message(_GETSET, NLM_F_ACK, attribute(1, table))


def get_elements(table: str, set_name: str) -> Message:
    """Ask for the elements of a set."""
    return _message(_GETSETELEM, NLM_F_ACK, attribute(1, table), attribute(2, set_name))


def get_generation() -> Message:
    """Ask for the number of the state of all tables of a namespace."""
    return _message(_GETGEN, 0)


def found_generation(message: Message) -> int:
    """Read the number from the answer to `get_generation`; a transaction raises it by one."""
    found: int = struct.unpack(">I", attribute_map(message.body[_FAMILY.size :])[1])[0]
    return found


class FoundChain(msgspec.Struct, frozen=True):
    """A chain as a dump tells it; `hook` is None of one that rules jump to."""

    table: str
    name: str
    hook: int | None


def found_chain(message: Message) -> FoundChain:
    """Read a chain from the answer to `get_chains`."""
    found = attribute_map(message.body[_FAMILY.size :])
    hook = struct.unpack(">I", attribute_map(found[4])[1])[0] if 4 in found else None
    return FoundChain(text_of(found[1]), text_of(found[3]), hook)


def found_rule(message: Message) -> tuple[str, str]:
    """Read the chain and the comment of a rule from the answer to `get_rules`; without a comment it is empty."""
    found = attribute_map(message.body[_FAMILY.size :])
    return text_of(found[2]), _comment(found.get(7, b""))


def found_set(message: Message) -> str:
    """Read the name of a set from the answer to `get_sets`."""
    return text_of(attribute_map(message.body[_FAMILY.size :])[2])


def found_elements(message: Message) -> Iterator[tuple[bytes, bytes | str]]:
    """Yield the key of each element in an answer to `get_elements`, with its value or the chain it jumps to."""
    found = attribute_map(message.body[_FAMILY.size :])
    for _, each in attributes(found.get(3, b"")):
        parts = attribute_map(each)
        yield attribute_map(parts[1])[1], _element_value(parts.get(2, b""))


def found_counters(message: Message) -> Iterator[tuple[bytes, int, int]]:
    """Yield the key of each element in an answer to `get_elements`, with the packets and bytes it counts."""
    found = attribute_map(message.body[_FAMILY.size :])
    for _, each in attributes(found.get(3, b"")):
        parts = attribute_map(each)
        if _EXPRESSION in parts:
            counter = attribute_map(attribute_map(parts[_EXPRESSION])[2])
            yield attribute_map(parts[1])[1], *(struct.unpack(">Q", counter[which])[0] for which in (2, 1))


def _element_value(data: bytes) -> bytes | str:
    found = attribute_map(data)
    if 2 in found:
        jump = attribute_map(found[2])
        return text_of(jump[2]) if 2 in jump else str(struct.unpack(">i", jump[1])[0])
    return found.get(1, b"")


def _comment(userdata: bytes) -> str:
    at = 0
    while at + 2 <= len(userdata):
        kind, length = userdata[at], userdata[at + 1]
        if kind == _COMMENT:
            return text_of(userdata[at + 2 : at + 2 + length])
        at += 2 + length
    return ""


def _elements(
    type: int, flags: int, table: str, set_name: str, elements: Sequence[bytes]
) -> Iterator[Message]:
    for chunk in _chunks(elements):
        yield _message(type, flags, attribute(1, table), attribute(2, set_name), nested(3, *chunk))


def _chunks(elements: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (
        elements[start : start + _ELEMENTS_PER_MESSAGE]
        for start in range(0, len(elements), _ELEMENTS_PER_MESSAGE)
    )


def _message(type: int, flags: int, *parts: bytes) -> Message:
    return Message(_SUBSYSTEM << 8 | type, flags, _FAMILY.pack(NFPROTO_INET, 0, 0) + b"".join(parts))
