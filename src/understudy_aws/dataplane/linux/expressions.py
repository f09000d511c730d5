"""The instructions that rules of nftables consist of, as the kernel's little register machine takes them.

A rule loads parts of a packet or facts about it into registers, compares them, and ends in a verdict. Names and numbers
are those of `linux/netfilter/nf_tables.h`. Register 0 holds the verdict, registers 1 to 4 hold 16 bytes each.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network

from understudy_aws.dataplane.linux.netlink import attribute, nested

_REGISTER = 1
# The register after the 16 bytes of an interface's name, for a key of a name and an address.
_SECOND_REGISTER = 2

_META_MARK, _META_IIFNAME, _META_OIFNAME, _META_NFPROTO, _META_L4PROTO = 3, 6, 7, 15, 16
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_EQUAL, _NOT_EQUAL = 0, 1
_CT_STATE, _CT_DIRECTION, _CT_MARK = 0, 1, 3
_INVALID, _ESTABLISHED, _RELATED, _NEW = 1, 2, 4, 8
_SNAT, _DNAT = 0, 1
_INVERTED = 1

NFPROTO_IPV4, NFPROTO_IPV6 = 2, 10
_SOURCE_ADDRESS = {NFPROTO_IPV4: (12, 4), NFPROTO_IPV6: (8, 16)}
_DESTINATION_ADDRESS = {NFPROTO_IPV4: (16, 4), NFPROTO_IPV6: (24, 16)}

FIN, SYN, RST, ACK = 1, 2, 4, 16
"""Flags of TCP."""

_TCP, _TCP_FLAGS = 6, 13
# The first of sixteen registers of 4 bytes, which are the same as those of 16.
_WORDS = 8
_UPDATE = 1

CONNECTION_TIMEOUT = 7
"""The kind of objects that say when idle connections are forgotten."""

DROP, ACCEPT, JUMP, RETURN = 0, 1, -3, -5
INTERFACE_NAME_BYTES = 16


def number(value: int) -> bytes:
    """Return a number as nf_tables takes it: 32 bits, the most significant first."""
    return struct.pack(">I", value)


def interface_name(name: str) -> bytes:
    """Return the name of a link as a key of a set."""
    return name.encode().ljust(INTERFACE_NAME_BYTES, b"\0")


def verdict_data(code: int, chain: str = "") -> bytes:
    """Return a verdict, with the chain that a jump goes to."""
    target = attribute(2, chain) if chain else b""
    return nested(2, attribute(1, struct.pack(">i", code)), target)


def value_data(value: bytes) -> bytes:
    """Return a value."""
    return attribute(1, value)


def verdict(code: int, chain: str = "") -> bytes:
    """End the rule with a verdict."""
    return _expression("immediate", attribute(1, number(0)), nested(2, verdict_data(code, chain)))


def family_is(family: int) -> bytes:
    """Match packets of IPv4 or IPv6."""
    return _meta(_META_NFPROTO) + _compare(_EQUAL, bytes([family]))


def protocol_is(protocol: int) -> bytes:
    """Match packets of one protocol above IP."""
    return _meta(_META_L4PROTO) + _compare(_EQUAL, bytes([protocol]))


def input_link_is(name: str) -> bytes:
    """Match packets that came in through a link."""
    return _meta(_META_IIFNAME) + _compare(_EQUAL, interface_name(name))


def output_link_is(name: str) -> bytes:
    """Match packets that go out through a link."""
    return _meta(_META_OIFNAME) + _compare(_EQUAL, interface_name(name))


def input_link_in(set_name: str, *, inverted: bool = False) -> bytes:
    """Match packets that came in through a link of a set, or `inverted` through none of them."""
    return _meta(_META_IIFNAME) + _lookup(set_name, inverted=inverted)


def output_link_in(set_name: str, *, inverted: bool = False) -> bytes:
    """Match packets that go out through a link of a set, or `inverted` through none of them."""
    return _meta(_META_OIFNAME) + _lookup(set_name, inverted=inverted)


def verdict_by_input_link(map_name: str) -> bytes:
    """Do what a map says for the link that the packet came in through; go on when it says nothing."""
    return _meta(_META_IIFNAME) + _lookup(map_name, into=0)


def verdict_by_output_link(map_name: str) -> bytes:
    """Do what a map says for the link that the packet goes out through; go on when it says nothing."""
    return _meta(_META_OIFNAME) + _lookup(map_name, into=0)


def mark_by_input_link(map_name: str) -> bytes:
    """Give the packet the mark that a map says for the link it came in through."""
    return (
        _meta(_META_IIFNAME)
        + _lookup(map_name, into=_REGISTER)
        + _expression("meta", attribute(2, number(_META_MARK)), attribute(3, number(_REGISTER)))
    )


def source_known(set_name: str, family: int, *, inverted: bool = False) -> bytes:
    """Match packets whose incoming link and source address are in a set of pairs, or `inverted` are not."""
    return (
        _meta(_META_IIFNAME)
        + _payload(_NETWORK_HEADER, *_SOURCE_ADDRESS[family], into=_SECOND_REGISTER)
        + _lookup(set_name, inverted=inverted)
    )


def destination_known(set_name: str, family: int, *, inverted: bool = False) -> bytes:
    """Match packets whose outgoing link and destination address are in a set of pairs, or `inverted` are not."""
    return (
        _meta(_META_OIFNAME)
        + _payload(_NETWORK_HEADER, *_DESTINATION_ADDRESS[family], into=_SECOND_REGISTER)
        + _lookup(set_name, inverted=inverted)
    )


def address_in(set_name: str, family: int, *, source: bool, inverted: bool = False) -> bytes:
    """Match packets whose source or destination address is in a set, or `inverted` is not."""
    return _load_address(family, source) + _lookup(set_name, inverted=inverted)


def address_within(network: IPv4Network | IPv6Network, *, source: bool) -> bytes:
    """Match packets whose source or destination address is in a block."""
    family = NFPROTO_IPV4 if network.version == 4 else NFPROTO_IPV6
    if not network.prefixlen:
        return b""
    length = len(network.netmask.packed)
    masked = b""
    if network.prefixlen < length * 8:
        masked = _expression(
            "bitwise",
            attribute(1, number(_REGISTER)),
            attribute(2, number(_REGISTER)),
            attribute(3, number(length)),
            nested(4, value_data(network.netmask.packed)),
            nested(5, value_data(bytes(length))),
        )
    return _load_address(family, source) + masked + _compare(_EQUAL, network.network_address.packed)


def port_within(first: int, last: int) -> bytes:
    """Match packets to a range of ports; the protocol must have been matched."""
    return _payload(_TRANSPORT_HEADER, 2, 2) + _range(struct.pack(">H", first), struct.pack(">H", last))


def icmp_type_is(type: int, code: int | None) -> bytes:
    """Match ICMP packets of a type and, unless None, a code; the protocol must have been matched."""
    matched = _payload(_TRANSPORT_HEADER, 0, 1) + _compare(_EQUAL, bytes([type]))
    if code is not None:
        matched += _payload(_TRANSPORT_HEADER, 1, 1) + _compare(_EQUAL, bytes([code]))
    return matched


def icmp_type_within(first: int, last: int) -> bytes:
    """Match ICMP packets of a range of types; the protocol must have been matched."""
    return _payload(_TRANSPORT_HEADER, 0, 1) + _range(bytes([first]), bytes([last]))


def connection_tracked() -> bytes:
    """Match packets of connections that were let through before, and errors about them."""
    return _connection_state(_ESTABLISHED | _RELATED)


def connection_new() -> bytes:
    """Match packets of connections of which no answer was seen yet."""
    return _connection_state(_NEW)


def connection_related() -> bytes:
    """Match errors about connections that were let through before."""
    return _connection_state(_RELATED)


def connection_direction(*, reply: bool) -> bytes:
    """Match packets from who began a connection, or answers to it."""
    return _connection(_CT_DIRECTION) + _compare(_EQUAL, bytes([reply]))


def connection_unmarked(bits: int) -> bytes:
    """Match packets of connections that have none of some bits in their mark."""
    return _connection(_CT_MARK) + _bits(bits) + _compare(_EQUAL, bytes(4))


def mark_connection(bit: int) -> bytes:
    """Set a bit in the mark of the packet's connection."""
    return (
        _connection(_CT_MARK)
        + _bits(0xFFFFFFFF ^ bit, bit)
        + _expression("ct", attribute(2, number(_CT_MARK)), attribute(4, number(_REGISTER)))
    )


def forget_connection_after(timeout: str) -> bytes:
    """Give a new connection a time-out, of those that are there by name."""
    return _expression("objref", attribute(1, number(CONNECTION_TIMEOUT)), attribute(2, timeout))


def connection_invalid() -> bytes:
    """Match packets that belong to no connection and begin none."""
    return _connection_state(_INVALID)


def translate_source(map_name: str) -> bytes:
    """Give the IPv4 source address that a map says for it; go on when it says nothing."""
    return _translate(_SNAT, map_name, source=True)


def translate_destination(map_name: str) -> bytes:
    """Give the IPv4 destination address that a map says for it; go on when it says nothing."""
    return _translate(_DNAT, map_name, source=False)


def masquerade() -> bytes:
    """Give the packet the address of the link it goes out through as its source."""
    return _expression("masq")


def record_flow(set_name: str, family: int, protocol: int | None, *, incoming: bool) -> bytes:
    """Count the packet in a set, under its link and its flow; the rule ends here when the set is full.

    The key is the name of the link, the addresses, the ports (0 where the protocol has none), and a last word: of TCP
    the flags FIN, SYN, RST and ACK and the protocol, of others the protocol (`flow_sets.key_of` reads it).
    """
    size = _SOURCE_ADDRESS[family][1]
    source, destination = _WORDS + 4, _WORDS + 4 + size // 4
    ports, last = destination + size // 4, destination + size // 4 + 1
    loaded = _meta(_META_OIFNAME if incoming else _META_IIFNAME)
    loaded += _payload(_NETWORK_HEADER, *_SOURCE_ADDRESS[family], into=source)
    loaded += _payload(_NETWORK_HEADER, *_DESTINATION_ADDRESS[family], into=destination)
    if protocol is None:
        loaded += _expression("immediate", attribute(1, number(ports)), nested(2, value_data(bytes(4))))
    else:
        loaded += _payload(_TRANSPORT_HEADER, 0, 4, into=ports)
    if protocol == _TCP:
        loaded += _payload(_TRANSPORT_HEADER, _TCP_FLAGS, 1, into=last)
        loaded += _bitwise(last, bytes([FIN | SYN | RST | ACK, 0, 0, 0]), bytes([0, _TCP, 0, 0]))
    else:
        loaded += _meta(_META_L4PROTO, into=last)
    return loaded + _count_in(set_name)


def record_link(set_name: str, *, incoming: bool) -> bytes:
    """Count the packet in a set, under the name of its link alone."""
    return _meta(_META_OIFNAME if incoming else _META_IIFNAME) + _count_in(set_name)


def _count_in(set_name: str) -> bytes:
    counter = attribute(1, "counter") + nested(2)
    return _expression(
        "dynset",
        attribute(1, set_name),
        attribute(3, number(_UPDATE)),
        attribute(4, number(_REGISTER)),
        nested(7, counter),
    )


def _bitwise(register: int, mask: bytes, inverted: bytes) -> bytes:
    return _expression(
        "bitwise",
        attribute(1, number(register)),
        attribute(2, number(register)),
        attribute(3, number(len(mask))),
        nested(4, value_data(mask)),
        nested(5, value_data(inverted)),
    )


def _expression(name: str, *data: bytes) -> bytes:
    return nested(1, attribute(1, name), nested(2, *data))


def _meta(key: int, into: int = _REGISTER) -> bytes:
    return _expression("meta", attribute(2, number(key)), attribute(1, number(into)))


def _payload(base: int, offset: int, length: int, into: int = _REGISTER) -> bytes:
    return _expression(
        "payload",
        attribute(1, number(into)),
        attribute(2, number(base)),
        attribute(3, number(offset)),
        attribute(4, number(length)),
    )


def _load_address(family: int, source: bool) -> bytes:
    places = _SOURCE_ADDRESS if source else _DESTINATION_ADDRESS
    return _payload(_NETWORK_HEADER, *places[family])


def _compare(operator: int, value: bytes) -> bytes:
    return _expression(
        "cmp", attribute(1, number(_REGISTER)), attribute(2, number(operator)), nested(3, value_data(value))
    )


def _range(first: bytes, last: bytes) -> bytes:
    if first == last:
        return _compare(_EQUAL, first)
    return _expression(
        "range",
        attribute(1, number(_REGISTER)),
        attribute(2, number(_EQUAL)),
        nested(3, value_data(first)),
        nested(4, value_data(last)),
    )


def _lookup(set_name: str, *, into: int | None = None, inverted: bool = False) -> bytes:
    result = attribute(3, number(into)) if into is not None else b""
    flags = attribute(5, number(_INVERTED)) if inverted else b""
    return _expression("lookup", attribute(1, set_name), attribute(2, number(_REGISTER)), result, flags)


def _connection_state(states: int) -> bytes:
    return _connection(_CT_STATE) + _bits(states) + _compare(_NOT_EQUAL, bytes(4))


def _connection(key: int) -> bytes:
    return _expression("ct", attribute(1, number(_REGISTER)), attribute(2, number(key)))


def _bits(kept: int, changed: int = 0) -> bytes:
    """Keep some bits of the register, and change some; facts of connections are in this machine's byte order."""
    return _expression(
        "bitwise",
        attribute(1, number(_REGISTER)),
        attribute(2, number(_REGISTER)),
        attribute(3, number(4)),
        nested(4, value_data(struct.pack("=I", kept))),
        nested(5, value_data(struct.pack("=I", changed))),
    )


def _translate(kind: int, map_name: str, *, source: bool) -> bytes:
    return (
        _load_address(NFPROTO_IPV4, source)
        + _lookup(map_name, into=_REGISTER)
        + _expression(
            "nat",
            attribute(1, number(kind)),
            attribute(2, number(NFPROTO_IPV4)),
            attribute(3, number(_REGISTER)),
        )
    )
