"""What counts packets by flow: sets that rules of a router put flows into, each with a counter.

Packets of the links in `FLOW_LINKS` are counted four times: when they leave an interface, when its groups and network
ACL let them, when they arrive at an interface, and when its groups and network ACL let them. What was counted before
and not behind was rejected. A set holds a bounded number of flows; what comes when it is full is counted by link alone.

The chains stand in a VPC where something is logged and nowhere else, so that other packets take no longer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise

import msgspec

from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux.names import RECORDED
from understudy_aws.dataplane.linux.nftables import (
    INTERFACE_NAME,
    IPV4_ADDRESS,
    IPV6_ADDRESS,
    MARK,
    KeyType,
)
from understudy_aws.dataplane.linux.objects import BaseChain, Chain, FilterSet, Object, Rule

FLOW_LINKS = "flow_links"
"""The links to the interfaces whose packets are logged."""

MOST_FLOWS = 16_384
"""How many flows a set holds."""

_MOST_LINKS = 4_096
_TCP, _UDP = 6, 17
_FAMILIES = {4: x.NFPROTO_IPV4, 6: x.NFPROTO_IPV6}
_ADDRESSES = {4: IPV4_ADDRESS, 6: IPV6_ADDRESS}
_LINK_BYTES = x.INTERFACE_NAME_BYTES
UNCOUNTED = f"{RECORDED}uncounted"
"""The packets, by link, that found a set full."""


class FlowSet(msgspec.Struct, frozen=True):
    """One place where packets are counted: of which direction, seen from the interface, and whether they were let."""

    incoming: bool
    passed: bool
    version: int

    @property
    def name(self) -> str:
        direction = "in" if self.incoming else "out"
        return f"{RECORDED}{direction}_{'passed' if self.passed else 'seen'}{self.version}"

    @property
    def chain(self) -> str:
        return f"record_{'in' if self.incoming else 'out'}_{'passed' if self.passed else 'seen'}"


class FlowKey(msgspec.Struct, frozen=True):
    """A flow at a link. Ports are 0 where the protocol has none; `flags` are those of TCP that the packets had."""

    link: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    flags: int = 0


# In the order in which they are read: what is seen before what of it has passed, so that no packet on its way between
# the two is taken for a rejected one.
FLOW_SETS = tuple(
    FlowSet(incoming, passed, version)
    for passed in (False, True)
    for incoming in (False, True)
    for version in (4, 6)
)
# Where the chains are entered: behind the destination check, between what decides of an interface's own packets and of
# those to it, and behind that.
_PLACES = (
    ("record_leaving", -19, (FlowSet(False, False, 4),)),
    ("record_between", -9, (FlowSet(False, True, 4), FlowSet(True, False, 4))),
    ("record_arrived", 15, (FlowSet(True, True, 4),)),
)


def flow_objects(namespace: str) -> Iterator[Object]:
    """Yield the sets and chains that count the packets of logged interfaces in a VPC."""
    yield FilterSet(namespace, FLOW_LINKS, INTERFACE_NAME)
    yield FilterSet(namespace, UNCOUNTED, INTERFACE_NAME, most=_MOST_LINKS)
    for each in FLOW_SETS:
        yield FilterSet(namespace, each.name, _key_type(each.version), most=MOST_FLOWS)
    for name, priority, sets in _PLACES:
        rules = tuple(
            Rule(
                f"{'to' if each.incoming else 'from'} a logged interface jump {each.chain}",
                (x.output_link_in if each.incoming else x.input_link_in)(FLOW_LINKS)
                + x.verdict(x.JUMP, each.chain),
            )
            for each in sets
        )
        yield Chain(namespace, name, rules, BaseChain("filter", "forward", priority, x.ACCEPT))
        for each in sets:
            yield _recording(namespace, each)


def _recording(namespace: str, of: FlowSet) -> Chain:
    rules = []
    for version, family in _FAMILIES.items():
        name = FlowSet(of.incoming, of.passed, version).name
        for text, protocol in (("tcp", _TCP), ("udp", _UDP), ("other", None)):
            matched = x.family_is(family) + (x.protocol_is(protocol) if protocol is not None else b"")
            recorded = x.record_flow(name, family, protocol, incoming=of.incoming)
            rules.append(Rule(f"ipv{version} {text} count", matched + recorded + x.verdict(x.RETURN)))
    if not of.passed:
        rules.append(Rule("uncounted", x.record_link(UNCOUNTED, incoming=of.incoming)))
    return Chain(namespace, of.chain, tuple(rules))


def _key_type(version: int) -> KeyType:
    number, length = 0, 0
    for part in (INTERFACE_NAME, _ADDRESSES[version], _ADDRESSES[version], MARK, MARK):
        number, length = number << 6 | part.number, length + part.length
    return KeyType(number, length)


def link_in(key: bytes) -> str:
    """Return the link that a key begins with."""
    return key[:_LINK_BYTES].rstrip(b"\0").decode(errors="replace")


def key_of(key: bytes, version: int) -> FlowKey:
    """Read the key of a flow."""
    size = _ADDRESSES[version].length
    places = (
        0,
        _LINK_BYTES,
        _LINK_BYTES + size,
        _LINK_BYTES + 2 * size,
        _LINK_BYTES + 2 * size + 4,
        len(key),
    )
    link, source, destination, ports, last = (key[start:end] for start, end in pairwise(places))
    first, second = struct.unpack(">HH", ports)
    flags, protocol = (last[0], _TCP) if last[1] == _TCP else (0, last[0])
    return FlowKey(
        link_in(link), str(ip_address(source)), str(ip_address(destination)), first, second, protocol, flags
    )
