"""The chains that every packet of a VPC passes, in order.

| hook, priority | decides |
|---|---|
| prerouting -300 | which table of routes a packet is looked up in |
| prerouting -300 | it has an address of the interface it comes from (source check) |
| prerouting -100 | from the internet: which private address a public one is |
| forward -20 | a packet has an address of the interface it goes to (destination check) |
| forward -15 | the security groups of the interface it comes from |
| forward -10, -8 | the network ACLs of the subnets it leaves and enters |
| forward 10 | the security groups of the interface it goes to |
| forward 20 | to the internet: whether it has a public address |
| input 0 | nothing reaches the router but questions to its resolver and its clock |
| postrouting 100 | to the internet: its public address |

Acceptance ends only the chain that says so, so that a packet must be accepted by each.

Every packet pays for every chain and for every set it is looked up in. So a chain stands only in a VPC where it decides
something: without an internet gateway those for the internet do not, and those of network ACLs not where all let
everything pass. A packet whose address is known at its link is looked up once for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux.expressions import interface_name
from understudy_aws.dataplane.linux.names import INTERNET, link_of
from understudy_aws.dataplane.linux.network_acls import IN_MAP, OUT_MAP, filtered_versions
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


def packet_filter_objects(vpc: Vpc, services: tuple[str, ...]) -> Iterator[Object]:
    """Yield the chains of a VPC's router and the sets they look into.

    `services` are the addresses of the router that answer DNS and NTP.
    """
    yield from _sets(vpc.id)
    yield from _arriving(vpc)
    yield from _forwarded(vpc)
    yield _for_the_router(vpc.id)
    for service in services:
        address = ip_address(service)
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


def _base(namespace: str, name: str, hook: tuple[str, str, int], policy: int, *rules: Rule) -> Chain:
    return Chain(namespace, name, rules, BaseChain(*hook, policy))


def _arriving(vpc: Vpc) -> Iterator[Chain]:
    yield _base(
        vpc.id, "source_check", ("filter", "prerouting", -300), x.ACCEPT,
        Rule("table of routes", x.mark_by_input_link(ROUTE_TABLES)),
        # They have the address of a link, and get no further than to the router.
        _NEIGHBOURS,
        *(
            Rule(
                f"ipv{version} not from the interface drop",
                x.family_is(family) + x.source_known(_SOURCES[version], family, inverted=True)
                + x.input_link_in(_CHECKED) + _DROP,
            )
            for version, family in _FAMILY.items()
        ),
    )  # fmt: skip
    if vpc.internet_gateway:
        yield _base(
            vpc.id, "from_public", ("nat", "prerouting", -100), x.ACCEPT,
            Rule("to private", x.input_link_is(INTERNET) + _IPV4 + x.translate_destination(_TO_PRIVATE)),
        )  # fmt: skip
        yield _base(
            vpc.id, "to_public", ("nat", "postrouting", 100), x.ACCEPT,
            Rule("to public", x.output_link_is(INTERNET) + _IPV4 + x.translate_source(_TO_PUBLIC)),
        )  # fmt: skip


def _forwarded(vpc: Vpc) -> Iterator[Chain]:
    namespace = vpc.id
    yield _base(
        namespace, "destination_check", ("filter", "forward", -20), x.ACCEPT,
        *(
            Rule(
                f"ipv{version} not to the interface drop",
                x.family_is(family) + x.destination_known(_SOURCES[version], family, inverted=True)
                + x.output_link_in(_CHECKED) + _DROP,
            )
            for version, family in _FAMILY.items()
        ),
    )  # fmt: skip
    yield from _acl_chain(vpc, "acl_out", -10, x.verdict_by_input_link(OUT_MAP), outgoing=True)
    yield from _acl_chain(vpc, "acl_in", -8, x.verdict_by_output_link(IN_MAP), outgoing=False)
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
    if not (vpc.internet_gateway or vpc.egress_only_gateway):
        return
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


def _acl_chain(vpc: Vpc, name: str, priority: int, by_link: bytes, *, outgoing: bool) -> Iterator[Chain]:
    """Yield the chain that leads packets to network ACLs, of the versions of IP that one of them may drop."""
    versions = filtered_versions(vpc, outgoing=outgoing)
    if not versions:
        return
    rule = Rule("by link", by_link)
    if len(versions) == 1:
        rule = Rule(f"ipv{versions[0]} by link", x.family_is(_FAMILY[versions[0]]) + by_link)
    yield _base(vpc.id, name, ("filter", "forward", priority), x.ACCEPT, rule)


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
