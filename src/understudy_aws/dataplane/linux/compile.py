"""The wanted network as objects of the kernel, in parts, so that what did not change is neither made nor compared anew.

A part is a VPC without its interfaces, an interface, a peering, or what stands between the VPCs and the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv6Network, ip_address, ip_network
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.edge import API_ADDRESSES, PUBLIC_BLOCKS
from understudy_aws.dataplane.linux.expressions import (
    ACCEPT,
    DROP,
    connection_invalid,
    connection_tracked,
    interface_name,
    masquerade,
    output_link_is,
    verdict,
)
from understudy_aws.dataplane.linux.names import INTERNET, WORKLOAD_LINK, link_of
from understudy_aws.dataplane.linux.network_acls import interface_acls, network_acl_objects
from understudy_aws.dataplane.linux.objects import (
    Address,
    BaseChain,
    Chain,
    Element,
    Namespace,
    Object,
    Route,
    Rule,
    Veth,
)
from understudy_aws.dataplane.linux.packet_filter import (
    UPLINKS,
    interface_checks,
    packet_filter_objects,
)
from understudy_aws.dataplane.linux.routers import (
    INTERNET_SIDE,
    INTERNET_SIDE6,
    MTU,
    ROUTER_SIDE,
    ROUTER_SIDE6,
    interface_plumbing,
    main_rules,
    peering_addresses,
    resolvers,
    route_table_numbers,
    router_objects,
)
from understudy_aws.dataplane.linux.routing import MAIN_TABLE, UNREACHABLE
from understudy_aws.dataplane.linux.security_groups import (
    interface_filter,
    membership,
    referenced_groups,
    security_group_objects,
)
from understudy_aws.dataplane.wanted import Interface, Network, Peering, Subnet, Vpc

PartKey: TypeAlias = tuple[str, ...]
Parts: TypeAlias = Mapping[PartKey, frozenset[Object]]
Inputs: TypeAlias = tuple[object, ...]
Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Compiler:
    """Makes the parts of one network after another; a part whose inputs are the same is the same object."""

    def __init__(self) -> None:
        self._before: dict[PartKey, tuple[Inputs, frozenset[Object]]] = {}
        self._now: dict[PartKey, tuple[Inputs, frozenset[Object]]] = {}

    def parts(self, network: Network) -> Parts:
        """Return the objects that the kernel should have for each part of a network."""
        self._before, self._now = self._now, {}
        ends = peering_addresses({peering.id: peering for peering in network.peerings})
        prefix_lists = tuple(sorted(network.prefix_lists.items()))
        referring = _referring(network)
        for vpc in network.vpcs:
            peers = tuple(sorted(_peers(vpc, network.peerings, ends).items()))
            self._part(
                ("vpc", vpc.id), _vpc_part, _without_unneeded(vpc), peers, prefix_lists, _combinations(vpc)
            )
            facts = _facts(vpc)
            for interface in vpc.interfaces:
                inputs = _inputs(vpc, facts, interface, referring)
                self._part(("interface", interface.id), _interface_part, *inputs)
        for peering in network.peerings:
            self._part(("peering", peering.id), _peering, peering, ends[peering.id])
        if any(_has_uplink(vpc) for vpc in network.vpcs):
            self._part((INTERNET,), _internet)
        self._before = {}
        return {key: objects for key, (_, objects) in self._now.items()}

    def _part(self, key: PartKey, make: Callable[..., Iterable[Object]], *inputs: object) -> None:
        known = self._before.get(key)
        if known is None or known[0] != inputs:
            known = (inputs, frozenset(make(*inputs)))
        self._now[key] = known


def network_parts(network: Network) -> Parts:
    """Return the objects that the kernel should have for each part of a network."""
    return Compiler().parts(network)


def network_objects(network: Network) -> frozenset[Object]:
    """Return every object that the kernel should have for a network."""
    return frozenset().union(*network_parts(network).values())


def _without_unneeded(vpc: Vpc) -> Vpc:
    """Return a VPC with those interfaces alone that routes lead to."""
    targets = {route.target for table in vpc.route_tables for route in table.routes}
    targets |= {gateway.interface for gateway in vpc.nat_gateways}
    return replace(vpc, interfaces=tuple(each for each in vpc.interfaces if each.id in targets))


def _combinations(vpc: Vpc) -> tuple[tuple[str, ...], ...]:
    """Return the combinations of groups that interfaces of a VPC are in."""
    return tuple(sorted({tuple(sorted(each.groups)) for each in vpc.interfaces if each.filtered}))


def _vpc_part(
    vpc: Vpc,
    peers: Pairs,
    prefix_lists: tuple[tuple[str, tuple[str, ...]], ...],
    combinations: tuple[tuple[str, ...], ...],
) -> Iterator[Object]:
    yield from router_objects(vpc, dict(peers))
    yield from packet_filter_objects(vpc, resolvers(vpc))
    yield from security_group_objects(vpc, dict(prefix_lists), combinations)
    yield from network_acl_objects(vpc)
    yield from _from_internet(vpc)


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the objects of an interface depend on, besides itself and its subnet.

    `table` is the number of its table of routes. `memberships` are pairs of a group of it and a VPC whose rules refer
    to that. `forwards` is true of a NAT gateway's, `public6` where the internet reaches IPv6 addresses, and `uplink`
    in a VPC that has a way to the internet.
    """

    table: int
    memberships: Pairs
    forwards: bool
    public6: bool
    uplink: bool


class _VpcFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for all interfaces of a VPC."""

    subnets: Mapping[str, Subnet]
    tables: Mapping[str, int]
    translating: frozenset[str]
    public6: frozenset[str]


def _facts(vpc: Vpc) -> _VpcFacts:
    return _VpcFacts(
        subnets={subnet.id: subnet for subnet in vpc.subnets},
        tables=route_table_numbers(vpc),
        translating=frozenset(gateway.interface for gateway in vpc.nat_gateways),
        public6=frozenset(
            table.id
            for table in vpc.route_tables
            if any(":" in route.destination and route.target.startswith("igw-") for route in table.routes)
        ),
    )


def _inputs(
    vpc: Vpc, facts: _VpcFacts, interface: Interface, referring: Mapping[str, tuple[str, ...]]
) -> tuple[str, Interface, Subnet, _Facts]:
    subnet = facts.subnets[interface.subnet]
    own = _Facts(
        table=facts.tables[subnet.route_table],
        memberships=tuple((group, each) for group in interface.groups for each in referring.get(group, ())),
        forwards=interface.id in facts.translating,
        public6=subnet.route_table in facts.public6,
        uplink=_has_uplink(vpc),
    )
    return vpc.id, interface, subnet, own


def _interface_part(namespace: str, interface: Interface, subnet: Subnet, facts: _Facts) -> Iterator[Object]:
    yield from interface_plumbing(namespace, interface, subnet, facts.table, forwards=facts.forwards)
    yield from interface_checks(namespace, interface, public6=facts.public6)
    yield from interface_filter(namespace, interface)
    yield from interface_acls(namespace, interface)
    for group, referring in facts.memberships:
        yield from membership(referring, group, interface)
    if facts.forwards:
        yield from _nat_gateway(interface.id)
    if facts.uplink:
        for _, public in interface.public:
            yield Route(INTERNET, MAIN_TABLE, f"{public}/32", link_of(namespace), ROUTER_SIDE)


def _referring(network: Network) -> Mapping[str, tuple[str, ...]]:
    """Return the VPCs in which rules refer to each group; a group's id is unique among all."""
    found: dict[str, list[str]] = {}
    for vpc in network.vpcs:
        for group in sorted(referenced_groups(vpc)):
            found.setdefault(group, []).append(vpc.id)
    return {group: tuple(vpcs) for group, vpcs in found.items()}


def _has_uplink(vpc: Vpc) -> bool:
    return bool(vpc.internet_gateway or vpc.egress_only_gateway)


def _peers(vpc: Vpc, peerings: tuple[Peering, ...], ends: Mapping[str, tuple[str, str]]) -> Mapping[str, str]:
    """Return the address of the other router for each peering of a VPC."""
    return {
        peering.id: ends[peering.id][1 if peering.requester == vpc.id else 0]
        for peering in peerings
        if vpc.id in {peering.requester, peering.accepter}
    }


def _peering(peering: Peering, ends: tuple[str, str]) -> Iterator[Object]:
    link = link_of(peering.id)
    yield Veth(peering.requester, link, peering.accepter, link, "", MTU)
    for vpc, address in zip((peering.requester, peering.accepter), ends, strict=True):
        yield Address(vpc, link, f"{address}/32")
        yield Element(vpc, UPLINKS, interface_name(link))


def _nat_gateway(namespace: str) -> Iterator[Chain]:
    """Yield what makes the namespace of a NAT gateway's interface translate, and answer nobody itself."""
    yield Chain(
        namespace,
        "itself",
        (Rule("established accept", connection_tracked() + verdict(ACCEPT)),),
        BaseChain("filter", "input", 0, DROP),
    )
    # An answer to a packet that came by another way is of no connection it knows.
    yield Chain(
        namespace,
        "through",
        (Rule("invalid drop", connection_invalid() + verdict(DROP)),),
        BaseChain("filter", "forward", 0, ACCEPT),
    )
    yield Chain(
        namespace,
        "to_own_address",
        (Rule("masquerade", output_link_is(WORKLOAD_LINK) + masquerade()),),
        BaseChain("nat", "postrouting", 100, ACCEPT),
    )


def _internet() -> Iterator[Object]:
    """Yield what stands between the VPCs and the world: it knows the public addresses, and says of the rest no.

    A way to the world, where there is one, wins over that (`outside.py`), but not for public addresses of this machine
    that nobody has.
    """
    yield Namespace(INTERNET, router=True)
    yield from main_rules(INTERNET)
    yield Address(INTERNET, "lo", f"{INTERNET_SIDE}/32")
    for address in API_ADDRESSES.values():
        yield Address(INTERNET, "lo", f"{address}/{ip_address(address).max_prefixlen}")
    for nowhere in ("0.0.0.0/0", "::/0", *PUBLIC_BLOCKS):
        yield Route(INTERNET, MAIN_TABLE, nowhere, kind=UNREACHABLE)


def _from_internet(vpc: Vpc) -> Iterator[Object]:
    """Yield what leads from the internet to a VPC, but for the public addresses of its interfaces."""
    if not _has_uplink(vpc):
        return
    link = link_of(vpc.id)
    yield Address(INTERNET, link, f"{INTERNET_SIDE6}/64")
    for cidr in vpc.cidrs:
        if isinstance(ip_network(cidr), IPv6Network):
            yield Route(INTERNET, MAIN_TABLE, cidr, link, ROUTER_SIDE6)
