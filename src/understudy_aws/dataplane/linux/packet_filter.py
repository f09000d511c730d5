"""The chains that every packet of a VPC passes, in order.

| hook, priority | decides |
|---|---|
| prerouting -300 | a packet has an address of the interface it comes from (source check) |
| prerouting -150 | which table of routes it is looked up in |
| prerouting -100 | from the internet: which private address a public one is |
| forward -20 | a packet has an address of the interface it goes to (destination check) |
| forward -15 | the security groups of the interface it comes from |
| forward -10, -8 | the network ACLs of the subnets it leaves and enters |
| forward 10 | the security groups of the interface it goes to |
| forward 20 | to the internet: whether it has a public address |
| input 0 | nothing reaches the router but questions to its resolver and its clock |
| postrouting 100 | to the internet: its public address |

Acceptance ends only the chain that says so, so that a packet must be accepted by each.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux.expressions import interface_name
from understudy_aws.dataplane.linux.names import INTERNET, link_of
from understudy_aws.dataplane.linux.network_acls import IN_MAP, OUT_MAP
from understudy_aws.dataplane.linux.nftables import (
    INTERFACE_NAME,
    IPV4_ADDRESS,
    IPV6_ADDRESS,
    MARK,
    pair,
)
from understudy_aws.dataplane.linux.objects import BaseChain, Chain, Element, FilterSet, Object, Rule
from understudy_aws.dataplane.linux.security_groups import EGRESS_MAP, INGRESS_MAP
from understudy_aws.dataplane.linux.untracked import UNTRACKED, UNTRACKED_BEGUN, UNTRACKED_TAKEN
from understudy_aws.dataplane.wanted import Interface, Vpc

UPLINKS = "uplinks"
"""The links to the internet and to peered VPCs."""

ROUTE_TABLES = "route_tables"
"""From the link a packet comes in through to the mark of its table of routes."""

_SOURCES = {4: "sources4", 6: "sources6"}
_CHECKED = "checked"
_SERVICES = {4: "services4", 6: "services6"}
_PUBLIC, _TO_PUBLIC, _TO_PRIVATE = "public", "public_of", "private_of"
_PUBLIC6 = "public6"
_FAMILY = {4: x.NFPROTO_IPV4, 6: x.NFPROTO_IPV6}
_UDP, _TCP, _ICMPV6 = 17, 6, 58
_DNS, _NTP = 53, 123
_ROUTER_SOLICITATION, _REDIRECT = 133, 137

_ACCEPT, _DROP = x.verdict(x.ACCEPT), x.verdict(x.DROP)
_IPV4, _IPV6 = x.family_is(x.NFPROTO_IPV4), x.family_is(x.NFPROTO_IPV6)
_TRACKED = Rule("established accept", x.connection_tracked() + _ACCEPT)
_NEIGHBOURS = Rule(
    "neighbours accept",
    _IPV6 + x.protocol_is(_ICMPV6) + x.icmp_type_within(_ROUTER_SOLICITATION, _REDIRECT) + _ACCEPT,
)
# What of a connection passes without a look at the rules, by the mark of the end whose groups are asked.
_TRACKED_BY_ALL = Rule("tracked accept", x.connection_unmarked(UNTRACKED) + x.connection_tracked() + _ACCEPT)
_ERRORS = Rule("errors accept", x.connection_related() + _ACCEPT)


def _tracked_by(end: int, *, reply: bool) -> Rule:
    name = "answers" if reply else "beginner"
    return Rule(
        f"tracked {name} accept",
        x.connection_direction(reply=reply) + x.connection_unmarked(end) + x.connection_tracked() + _ACCEPT,
    )


def packet_filter_objects(vpc: Vpc, resolvers: tuple[str, ...]) -> Iterator[Object]:
    """Yield the chains of a VPC's router and the sets they look into.

    `resolvers` are the addresses of the router that answer DNS and NTP.
    """
    yield from _sets(vpc.id)
    yield from _chains(vpc.id)
    for resolver in resolvers:
        address = ip_address(resolver)
        yield Element(vpc.id, _SERVICES[address.version], address.packed)


def interface_checks(namespace: str, interface: Interface, *, public6: bool) -> Iterator[Element]:
    """Yield what the chains must know of an interface; the internet reaches its IPv6 addresses if `public6`."""
    link = interface_name(link_of(interface.id))
    if interface.source_dest_check:
        yield Element(namespace, _CHECKED, link)
    for given in interface.addresses:
        address = ip_address(given)
        yield Element(namespace, _SOURCES[address.version], link + address.packed)
    if public6:
        yield Element(namespace, _PUBLIC6, link)
    for private, public in interface.public:
        inside, outside = ip_address(private).packed, ip_address(public).packed
        yield Element(namespace, _PUBLIC, inside)
        yield Element(namespace, _TO_PUBLIC, inside, outside)
        yield Element(namespace, _TO_PRIVATE, outside, inside)


def _sets(namespace: str) -> Iterator[FilterSet]:
    yield FilterSet(namespace, UPLINKS, INTERFACE_NAME)
    yield FilterSet(namespace, ROUTE_TABLES, INTERFACE_NAME, MARK)
    yield FilterSet(namespace, _CHECKED, INTERFACE_NAME)
    yield FilterSet(namespace, _SOURCES[4], pair(INTERFACE_NAME, IPV4_ADDRESS))
    yield FilterSet(namespace, _SOURCES[6], pair(INTERFACE_NAME, IPV6_ADDRESS))
    yield FilterSet(namespace, _SERVICES[4], IPV4_ADDRESS)
    yield FilterSet(namespace, _SERVICES[6], IPV6_ADDRESS)
    yield FilterSet(namespace, _PUBLIC, IPV4_ADDRESS)
    yield FilterSet(namespace, _PUBLIC6, INTERFACE_NAME)
    yield FilterSet(namespace, _TO_PUBLIC, IPV4_ADDRESS, IPV4_ADDRESS)
    yield FilterSet(namespace, _TO_PRIVATE, IPV4_ADDRESS, IPV4_ADDRESS)


def _chains(namespace: str) -> Iterator[Chain]:
    yield from _arriving(namespace)
    yield from _forwarded(namespace)
    yield _for_the_router(namespace)
    yield _leaving(namespace)


def _base(namespace: str, name: str, hook: tuple[str, str, int], policy: int, *rules: Rule) -> Chain:
    return Chain(namespace, name, rules, BaseChain(*hook, policy))


def _arriving(namespace: str) -> Iterator[Chain]:
    yield _base(
        namespace, "source_check", ("filter", "prerouting", -300), x.ACCEPT,
        # They have the address of a link, and get no further than to the router.
        _NEIGHBOURS,
        *(
            Rule(
                f"ipv{version} not from the interface drop",
                x.family_is(family) + x.input_link_in(_CHECKED)
                + x.source_known(_SOURCES[version], family, inverted=True) + _DROP,
            )
            for version, family in _FAMILY.items()
        ),
    )  # fmt: skip
    yield _base(
        namespace, "table_of_routes", ("filter", "prerouting", -150), x.ACCEPT,
        Rule("mark", x.mark_by_input_link(ROUTE_TABLES)),
    )  # fmt: skip
    yield _base(
        namespace, "from_public", ("nat", "prerouting", -100), x.ACCEPT,
        Rule("to private", x.input_link_is(INTERNET) + _IPV4 + x.translate_destination(_TO_PRIVATE)),
    )  # fmt: skip


def _forwarded(namespace: str) -> Iterator[Chain]:
    yield _base(
        namespace, "destination_check", ("filter", "forward", -20), x.ACCEPT,
        *(
            Rule(
                f"ipv{version} not to the interface drop",
                x.family_is(family) + x.output_link_in(_CHECKED)
                + x.destination_known(_SOURCES[version], family, inverted=True) + _DROP,
            )
            for version, family in _FAMILY.items()
        ),
    )  # fmt: skip
    yield _base(
        namespace,
        "acl_out",
        ("filter", "forward", -10),
        x.ACCEPT,
        Rule("by link", x.verdict_by_input_link(OUT_MAP)),
    )
    yield _base(
        namespace,
        "acl_in",
        ("filter", "forward", -8),
        x.ACCEPT,
        Rule("by link", x.verdict_by_output_link(IN_MAP)),
    )
    yield _base(
        namespace, "groups_egress", ("filter", "forward", -15), x.DROP,
        _TRACKED_BY_ALL, _ERRORS,
        _tracked_by(UNTRACKED_BEGUN, reply=False), _tracked_by(UNTRACKED_TAKEN, reply=True),
        Rule("invalid drop", x.connection_invalid() + _DROP),
        Rule("by link", x.verdict_by_input_link(EGRESS_MAP)),
        Rule("from uplinks accept", x.input_link_in(UPLINKS) + _ACCEPT),
    )  # fmt: skip
    yield _base(
        namespace, "groups_ingress", ("filter", "forward", 10), x.DROP,
        _TRACKED_BY_ALL, _ERRORS,
        _tracked_by(UNTRACKED_TAKEN, reply=False), _tracked_by(UNTRACKED_BEGUN, reply=True),
        Rule("by link", x.verdict_by_output_link(INGRESS_MAP)),
        Rule("to uplinks accept", x.output_link_in(UPLINKS) + _ACCEPT),
    )  # fmt: skip
    yield _base(
        namespace, "internet", ("filter", "forward", 20), x.ACCEPT,
        _TRACKED,
        Rule(
            "ipv4 without a public address drop",
            x.output_link_is(INTERNET) + _IPV4
            + x.address_in(_PUBLIC, x.NFPROTO_IPV4, source=True, inverted=True) + _DROP,
        ),
        Rule(
            "ipv6 into a subnet without an internet gateway drop",
            x.input_link_is(INTERNET) + _IPV6 + x.output_link_in(_PUBLIC6, inverted=True) + _DROP,
        ),
    )  # fmt: skip


def _for_the_router(namespace: str) -> Chain:
    return _base(
        namespace, "router", ("filter", "input", 0), x.DROP,
        _TRACKED, Rule("itself accept", x.input_link_is("lo") + _ACCEPT),
        _NEIGHBOURS,
        # A VPC's resolver is its own: neither peers nor the internet reach it (vpc-dns.md 19.1).
        Rule("from uplinks drop", x.input_link_in(UPLINKS) + _DROP),
        *(
            Rule(
                f"ipv{version} {name} accept",
                x.family_is(family) + x.address_in(_SERVICES[version], family, source=False)
                + x.protocol_is(protocol) + x.port_within(port, port) + _ACCEPT,
            )
            for version, family in _FAMILY.items()
            for name, protocol, port in (("dns", _UDP, _DNS), ("dns over tcp", _TCP, _DNS), ("ntp", _UDP, _NTP))
        ),
    )  # fmt: skip


def _leaving(namespace: str) -> Chain:
    return _base(
        namespace, "to_public", ("nat", "postrouting", 100), x.ACCEPT,
        Rule("to public", x.output_link_is(INTERNET) + _IPV4 + x.translate_source(_TO_PUBLIC)),
    )  # fmt: skip
