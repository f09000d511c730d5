"""rtnetlink: links, addresses, routes and policy rules as netlink messages (`man 7 rtnetlink`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
)
from socket import AF_INET, AF_INET6, AF_UNSPEC

import msgspec

from understudy_aws.dataplane.linux.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    attribute,
    attribute_map,
    nested,
    text_of,
)

NETLINK_ROUTE = 0

_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_NEWRULE, _DELRULE, _GETRULE = 32, 33, 34
_IFLA_GSO_IPV4_MAX_SIZE, _IFLA_GRO_IPV4_MAX_SIZE = 63, 64
# What the kernel calls GSO_MAX_SIZE.
_LARGEST = 8 * 65535
_NEWNSID, _NETNSA_NSID, _NETNSA_FD = 88, 1, 3
_SETNEIGHTBL = 67

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_RULE = struct.Struct("=BBBBBxxBI")

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO = 1, 3, 4, 18
_IFLA_IFALIAS, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 20, 26, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET_CONF, _FORWARDING, _RP_FILTER, _PROMOTE_SECONDARIES = 1, 1, 8, 20
_IFLA_INET6_ADDR_GEN_MODE, _NO_GENERATED_ADDRESSES = 8, 1
_IFLA_EXT_MASK, _SKIP_STATISTICS = 29, 0x8
_IFF_UP, _IFF_RUNNING, _IFF_NOARP, _IFF_LOWER_UP = 0x1, 0x40, 0x80, 0x10000
_BOTH_UP = _IFF_UP | _IFF_LOWER_UP
_NDTA_NAME, _NDTA_PARMS = 1, 6
_NDTPA_IFINDEX, _NDTPA_RETRANS_TIME, _NDTPA_MCAST_PROBES = 1, 5, 11
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_NODAD, _IFA_F_NOPREFIXROUTE = 0x2, 0x200
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_FRA_PRIORITY, _FRA_FWMARK, _FRA_TABLE, _FRA_FWMASK, _FRA_PROTOCOL = 6, 10, 15, 16, 21
_RTPROT_KERNEL, _RTPROT_STATIC = 2, 4
_ROUTE_PROTOCOL = 5
_ONLINK = 4
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_ANY = 0, 253, 255
_TO_TABLE = 1
MAIN_TABLE = 254
_TABLES_OF_THE_KERNEL = {253, 255}
# The lower is asked first; the kernel itself gives the rule for the main table its place.
_BEFORE_MAIN, _LAST = 1000, 32766
LOOPBACK = 1
"""The number of the loopback link of every namespace."""

LINK_SETTINGS = {"forwarding": (_FORWARDING, 1), "rp_filter": (_RP_FILTER, 0)}
"""The settings of a router's links in IPv4, by name: their places (linux/ip.h) and what they are kept at."""

UNICAST, BLACKHOLE, UNREACHABLE, THROW = 1, 6, 7, 9
ADD, REPLACE, DELETE = range(3)
_LOCAL_TABLE = 255
# Local, broadcast, anycast and multicast.
_LOCAL_KINDS = {2, 3, 4, 5}

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


def family_of(address: Address | Interface | Network) -> int:
    """Return the address family of an address or a block."""
    return AF_INET if address.version == 4 else AF_INET6


def new_veth(name: str, mtu: int, *, peer: str, peer_namespace: int, peer_mac: str) -> Message:
    """Make a pair of links that are down, one here, the other in the namespace of a descriptor."""
    other = _LINK.pack(AF_UNSPEC, 0, 0, 0, 0)
    other += (
        attribute(_IFLA_IFNAME, peer) + attribute(_IFLA_NET_NS_FD, peer_namespace) + attribute(_IFLA_MTU, mtu)
    )
    if peer_mac:
        other += attribute(_IFLA_ADDRESS, bytes.fromhex(peer_mac.replace(":", "")))
    body = _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name) + attribute(_IFLA_MTU, mtu)
    body += nested(
        _IFLA_LINKINFO,
        attribute(_IFLA_INFO_KIND, b"veth"),
        nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, other)),
    )
    return Message(_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def configure_link(index: int, alias: str) -> Message:
    """Let a link forward, give it no addresses of the kernel's, and note at it what `alias` says.

    An address that goes takes no other one of its block with it. All is set here, since `/proc/sys` can't be written
    everywhere, and what a link begins with is this machine's choice.
    """
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0)
    if alias:
        body += attribute(_IFLA_IFALIAS, alias.encode())
    body += nested(
        _IFLA_AF_SPEC,
        nested(
            AF_INET,
            nested(
                _IFLA_INET_CONF,
                *(attribute(place, value) for place, value in LINK_SETTINGS.values()),
                attribute(_PROMOTE_SECONDARIES, 1),
            ),
        ),
        nested(AF_INET6, attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_NO_GENERATED_ADDRESSES]))),
    )
    return Message(_NEWLINK, 0, body)


def name_link(index: int, alias: str) -> Message:
    """Note at a link what `alias` says."""
    return Message(
        _NEWLINK, 0, _LINK.pack(AF_UNSPEC, 0, index, 0, 0) + attribute(_IFLA_IFALIAS, alias.encode())
    )


def restore_link(index: int, name: str) -> Message:
    """Set one of `LINK_SETTINGS` of a link to what it is kept at."""
    setting = attribute(*LINK_SETTINGS[name])
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0)
    body += nested(_IFLA_AF_SPEC, nested(AF_INET, nested(_IFLA_INET_CONF, setting)))
    return Message(_NEWLINK, 0, body)


def ask_neighbours_again(index: int, milliseconds: int, times: int) -> list[Message]:
    """Ask for neighbours behind a link again so soon and so often, where the kernel waits for a second.

    A first question may come before the other end is there to answer it, and the first packet waits for the second one.
    """
    parameters = nested(
        _NDTA_PARMS,
        attribute(_NDTPA_IFINDEX, index),
        attribute(_NDTPA_RETRANS_TIME, struct.pack("=Q", milliseconds)),
        attribute(_NDTPA_MCAST_PROBES, times),
    )
    return [
        Message(_SETNEIGHTBL, 0, struct.pack("=Bxxx", family) + attribute(_NDTA_NAME, name) + parameters)
        for family, name in ((AF_INET, "arp_cache"), (AF_INET6, "ndisc_cache"))
    ]


def link_up(index: int) -> Message:
    """Bring a link up."""
    return Message(_NEWLINK, 0, _LINK.pack(AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP))


def ask_no_neighbours(index: int) -> Message:
    """Let a link ask nobody who has an address: what it sends has its own MAC address, which its peer does not take."""
    return Message(_NEWLINK, 0, _LINK.pack(AF_UNSPEC, 0, index, _IFF_NOARP, _IFF_NOARP))


def take_large_packets(index: int) -> Message:
    """Let a link take packets of IPv4 that a sender has not cut yet of up to 512 KiB, eight times the default.

    They are cut where they leave for a link that takes smaller ones alone. Kernels before 6.3 do not know it; others
    call it BIG TCP.
    """
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0)
    body += attribute(_IFLA_GSO_IPV4_MAX_SIZE, _LARGEST) + attribute(_IFLA_GRO_IPV4_MAX_SIZE, _LARGEST)
    return Message(_NEWLINK, 0, body)


def delete_link(name: str) -> Message:
    """Delete a link and its peer."""
    return Message(_DELLINK, 0, _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name))


def get_links() -> Message:
    """Ask for all links, without the numbers of packets they have carried."""
    body = _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_EXT_MASK, _SKIP_STATISTICS)
    return Message(_GETLINK, 0, body)


def address(index: int, given: Interface, *, delete: bool = False) -> Message:
    """Give a link an address, or take it away; no route comes with it."""
    flags = _IFA_F_NOPREFIXROUTE | (_IFA_F_NODAD if given.version == 6 else 0)
    body = _ADDRESS.pack(family_of(given), given.network.prefixlen, 0, 0, index)
    body += attribute(_IFA_LOCAL, given.packed) + attribute(_IFA_ADDRESS, given.packed)
    if delete:
        return Message(_DELADDR, 0, body)
    return Message(_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body + attribute(_IFA_FLAGS, flags))


def get_link(name: str) -> Message:
    """Ask for one link."""
    return Message(_GETLINK, 0, _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name))


def number_namespace(namespace: int, number: int) -> Message:
    """Give the namespace of a descriptor a number in the namespace of the socket."""
    return Message(_NEWNSID, 0, bytes(4) + attribute(_NETNSA_NSID, number) + attribute(_NETNSA_FD, namespace))


def get_addresses() -> Message:
    """Ask for all addresses."""
    return Message(_GETADDR, 0, _ADDRESS.pack(AF_UNSPEC, 0, 0, 0, 0))


def route(
    destination: Network,
    table: int,
    *,
    index: int = 0,
    gateway: Address | None = None,
    kind: int = UNICAST,
    change: int = ADD,
) -> Message:
    """Make, replace or delete a route; its gateway need not be in a block that the link is known to reach."""
    scope = _SCOPE_LINK if index and gateway is None and destination.version == 4 else _SCOPE_UNIVERSE
    protocol = _RTPROT_STATIC
    if change == DELETE:
        # Whoever made it.
        scope, protocol = _SCOPE_ANY, 0
    body = _ROUTE.pack(
        family_of(destination),
        destination.prefixlen,
        0,
        0,
        0,
        protocol,
        scope,
        kind,
        _ONLINK if gateway else 0,
    )
    body += attribute(_RTA_TABLE, table)
    if destination.prefixlen:
        body += attribute(_RTA_DST, destination.network_address.packed)
    if index:
        body += attribute(_RTA_OIF, index)
    if gateway is not None:
        body += attribute(_RTA_GATEWAY, gateway.packed)
    flags = {ADD: NLM_F_CREATE | NLM_F_EXCL, REPLACE: NLM_F_CREATE | NLM_F_REPLACE, DELETE: 0}[change]
    return Message(_DELROUTE if change == DELETE else _NEWROUTE, flags, body)


def get_routes(family: int) -> Message:
    """Ask for the routes of all tables; of every family, also of ones that are not IP, for AF_UNSPEC."""
    return Message(_GETROUTE, 0, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))


def mark_rule(family: int, mark: int, table: int, *, delete: bool = False) -> Message:
    """Look packets with a mark up in a table of routes first, or no longer; mark 0 means all packets, last."""
    body = _RULE.pack(family, 0, 0, 0, 0, _TO_TABLE, 0)
    body += attribute(_FRA_TABLE, table)
    if mark:
        body += attribute(_FRA_FWMARK, mark) + attribute(_FRA_FWMASK, 0xFFFFFFFF)
    else:
        # As the kernel's own, or it would count as another one beside that.
        body += attribute(_FRA_PROTOCOL, bytes([_RTPROT_KERNEL]))
    body += attribute(_FRA_PRIORITY, _BEFORE_MAIN if mark else _LAST)
    return Message(_DELRULE if delete else _NEWRULE, 0 if delete else NLM_F_CREATE | NLM_F_EXCL, body)


def get_rules(family: int) -> Message:
    """Ask for the policy rules of a family."""
    return Message(_GETRULE, 0, _RULE.pack(family, 0, 0, 0, 0, 0, 0))


class FoundLink(msgspec.Struct, frozen=True):
    """A link as a dump tells it. `address` is its MAC address, `alias` the text it was made with.

    One that is `up` carries packets only once it is `running`. `both_up` is true of one of a pair whose other one is
    up too, and `deaf` of one that asks for no neighbours. `settings` are those of `LINK_SETTINGS`.
    """

    index: int
    name: str
    alias: str
    address: str
    mtu: int
    up: bool
    running: bool
    both_up: bool
    deaf: bool
    settings: Mapping[str, int]


def link_index(body: bytes) -> int:
    """Read the number alone of a link from the body of an answer to `get_links`."""
    index: int = _LINK.unpack_from(body)[2]
    return index


def found_link(body: bytes) -> FoundLink:
    """Read a link from the body of an answer to `get_links`."""
    _, _, index, flags, _ = _LINK.unpack_from(body)
    found = attribute_map(body[_LINK.size :])
    return FoundLink(
        index=index,
        name=text_of(found[_IFLA_IFNAME]),
        alias=text_of(found.get(_IFLA_IFALIAS, b"")),
        address=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=_native(found[_IFLA_MTU]),
        up=bool(flags & _IFF_UP),
        running=bool(flags & _IFF_RUNNING),
        both_up=flags & _BOTH_UP == _BOTH_UP,
        deaf=bool(flags & _IFF_NOARP),
        settings=_link_settings(found.get(_IFLA_AF_SPEC, b"")),
    )


def _link_settings(families: bytes) -> Mapping[str, int]:
    """Read the settings of a link from what it says of each family; none where IPv4 is not set up on it."""
    values = attribute_map(attribute_map(families).get(AF_INET, b"")).get(_IFLA_INET_CONF, b"")
    return {
        name: _native(values[4 * (place - 1) :])
        for name, (place, _) in LINK_SETTINGS.items()
        if len(values) >= 4 * place
    }


class FoundAddress(msgspec.Struct, frozen=True):
    """An address as a dump tells it: the number of its link, and the address with the length of its block."""

    index: int
    address: str


def found_address(body: bytes) -> FoundAddress:
    """Read an address from the body of an answer to `get_addresses`."""
    _, length, _, _, index = _ADDRESS.unpack_from(body)
    found = attribute_map(body[_ADDRESS.size :])
    value = found.get(_IFA_LOCAL) or found[_IFA_ADDRESS]
    return FoundAddress(index, f"{ip_address(value)}/{length}")


class FoundRoute(msgspec.Struct, frozen=True):
    """A route as a dump tells it."""

    destination: str
    table: int
    index: int
    gateway: str
    kind: int

    @property
    def is_here(self) -> bool:
        """Whether packets there are this machine's own, or everybody's on a link: a broadcast or a multicast."""
        return self.table == _LOCAL_TABLE and self.kind in _LOCAL_KINDS


def is_of_the_kernel(body: bytes) -> bool:
    """Whether the body of an answer to `get_routes` is of a route that the kernel has made itself."""
    return body[_ROUTE_PROTOCOL] == _RTPROT_KERNEL


def found_route(body: bytes) -> FoundRoute:
    """Read a route from the body of an answer to `get_routes`."""
    family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    found = attribute_map(body[_ROUTE.size :])
    destination = found.get(_RTA_DST, bytes(4 if family == AF_INET else 16))
    gateway = found.get(_RTA_GATEWAY)
    return FoundRoute(
        destination=f"{ip_address(destination)}/{length}",
        table=_native(found[_RTA_TABLE]) if _RTA_TABLE in found else table,
        index=_native(found[_RTA_OIF]) if _RTA_OIF in found else 0,
        gateway=str(ip_address(gateway)) if gateway is not None else "",
        kind=kind,
    )


def found_mark_rule(body: bytes) -> tuple[int, int, int] | None:
    """Read family, mark and table of a policy rule from the body of an answer to `get_rules`.

    None of the rules for the kernel's tables of local addresses and of nothing.
    """
    family = body[0]
    found = attribute_map(body[_RULE.size :])
    table = _native(found[_FRA_TABLE]) if _FRA_TABLE in found else 0
    if table in _TABLES_OF_THE_KERNEL:
        return None
    return family, _native(found[_FRA_FWMARK]) if _FRA_FWMARK in found else 0, table


def _native(value: bytes) -> int:
    number: int = struct.unpack("=I", value[:4])[0]
    return number
