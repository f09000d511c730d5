"""The wanted network as objects of the kernel, in parts, so that what did not change is neither made nor compared anew.

A part is a VPC without its interfaces and groups, an interface, a security group, a peering, or what stands between the
VPCs and the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Network, ip_address, ip_network
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.checks import check_references
from understudy_aws.dataplane.edge import API_ADDRESSES, PUBLIC_BLOCKS
from understudy_aws.dataplane.link_local import TIME_SERVICE, resolvers
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
from understudy_aws.dataplane.linux.flow_sets import FLOW_LINKS, flow_objects
from understudy_aws.dataplane.linux.idle_timeouts import idle_timeout_objects, interface_idle_timeouts
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
    peering_address6,
    peering_addresses,
    route_table_numbers,
    router_objects,
)
from understudy_aws.dataplane.linux.routing import MAIN_TABLE, UNREACHABLE
from understudy_aws.dataplane.linux.security_groups import (
    group_chains,
    interface_filter,
    membership,
    named_lists,
    referenced_groups,
    security_group_objects,
)
from understudy_aws.dataplane.linux.untracked import Combination, combinations_of, tracked_links
from understudy_aws.dataplane.wanted import (
    Dns,
    IdleTimeouts,
    Interface,
    Network,
    Peering,
    SecurityGroup,
    Subnet,
    Vpc,
)

PartKey: TypeAlias = tuple[str, ...]
Parts: TypeAlias = Mapping[PartKey, frozenset[Object]]
Inputs: TypeAlias = tuple[object, ...]
Pairs: TypeAlias = tuple[tuple[str, str], ...]

_NO_NAMES = Dns()


class _Around(msgspec.Struct, frozen=True, kw_only=True):
    """What the objects of a VPC depend on besides itself.

    `referring` are the VPCs in which rules refer to a group; a group's id is unique among all.
    """

    peers: Pairs
    prefix_lists: Mapping[str, tuple[str, ...]]
    referring: Mapping[str, tuple[str, ...]]


class _Made(msgspec.Struct):
    """What was made of a VPC: from what, and its parts with their inputs. `common` is what all interfaces share."""

    vpc: Vpc
    around: _Around
    referenced: tuple[str, ...]
    common: _VpcFacts
    interfaces: Mapping[str, Interface]
    inputs: dict[PartKey, Inputs]
    parts: dict[PartKey, frozenset[Object]]


class Compiler:
    """Makes the parts of one network after another; a part whose inputs are the same is the same object.

    What is the same object as before is not looked into: a change costs what it changes.
    """

    def __init__(self) -> None:
        self._vpcs: dict[str, _Made] = {}
        self._others: dict[PartKey, tuple[Inputs, frozenset[Object]]] = {}

    def parts(self, network: Network) -> Parts:
        """Return the objects that the kernel should have for each part of a network.

        Raises ValueError or LookupError for a value that is no network.
        """
        ends = peering_addresses({peering.id: peering for peering in network.peerings})
        referenced = {vpc.id: self._referenced(vpc) for vpc in network.vpcs}
        referring = _referring(referenced)
        vpcs = {}
        for vpc in network.vpcs:
            peers = tuple(sorted(_peers(vpc, network.peerings, ends).items()))
            around = _Around(peers=peers, prefix_lists=network.prefix_lists, referring=referring)
            vpcs[vpc.id] = self._vpc(vpc, around, referenced[vpc.id])
        others: dict[PartKey, tuple[Inputs, frozenset[Object]]] = {}
        for peering in network.peerings:
            self._other(others, ("peering", peering.id), _peering, peering, ends[peering.id])
        if any(_has_uplink(vpc) for vpc in network.vpcs):
            self._other(others, (INTERNET,), _internet)
        # Nothing was raised: what was made is remembered as a whole.
        self._vpcs, self._others = vpcs, others
        parts = {key: objects for key, (_, objects) in others.items()}
        for made in vpcs.values():
            parts.update(made.parts)
        return parts

    def _referenced(self, vpc: Vpc) -> tuple[str, ...]:
        """Return the groups that rules in a VPC refer to."""
        known = self._vpcs.get(vpc.id)
        if known is not None and known.vpc.security_groups is vpc.security_groups:
            return known.referenced
        return tuple(sorted(referenced_groups(vpc.security_groups)))

    def _vpc(self, vpc: Vpc, around: _Around, referenced: tuple[str, ...]) -> _Made:
        """Return what is made of a VPC and of what is around it."""
        known = self._vpcs.get(vpc.id)
        if known is not None and known.vpc is vpc and known.around == around:
            return known
        interfaces = {each.id: each for each in vpc.interfaces}
        common = _facts(vpc, around.referring)
        made = _Made(vpc, around, referenced, common, interfaces, {}, {})
        changed: Sequence[Interface] = vpc.interfaces
        if known is not None and known.common == common:
            # A step for each of thousands of interfaces would take longer than the change itself.
            _take_over(made, known)
            changed = [each for id, each in interfaces.items() if known.interfaces.get(id) is not each]
        own = (_without_unneeded(vpc), around.peers, referenced, _of_interfaces(vpc))
        _part(made, known, ("vpc", vpc.id), _vpc_part, *own)
        for group in vpc.security_groups:
            lists = tuple((id, around.prefix_lists.get(id, ())) for id in sorted(named_lists(group)))
            _part(made, known, ("group", vpc.id, group.id), _group_part, vpc.id, group, lists)
        for interface in changed:
            key = ("interface", interface.id)
            _part(made, known, key, _interface_part, *_inputs(vpc, common, interface))
        check_references(vpc, changed)
        return made

    def _other(
        self,
        made: dict[PartKey, tuple[Inputs, frozenset[Object]]],
        key: PartKey,
        make: Callable[..., Iterable[Object]],
        *inputs: object,
    ) -> None:
        known = self._others.get(key)
        made[key] = known if known is not None and known[0] == inputs else (inputs, frozenset(make(*inputs)))


def _take_over(made: _Made, known: _Made) -> None:
    """Take all parts of a VPC as it was before, but those of groups and interfaces that are gone."""
    groups = {each.id for each in made.vpc.security_groups}
    gone: list[PartKey] = [("interface", id) for id in known.interfaces.keys() - made.interfaces.keys()]
    gone += [("group", made.vpc.id, each.id) for each in known.vpc.security_groups if each.id not in groups]
    made.inputs.update(known.inputs)
    made.parts.update(known.parts)
    for key in gone:
        del made.inputs[key], made.parts[key]


def _part(
    made: _Made, known: _Made | None, key: PartKey, make: Callable[..., Iterable[Object]], *inputs: object
) -> None:
    same = known is not None and known.inputs.get(key) == inputs
    made.inputs[key] = inputs
    made.parts[key] = known.parts[key] if known is not None and same else frozenset(make(*inputs))


def network_parts(network: Network) -> Parts:
    """Return the objects that the kernel should have for each part of a network."""
    return Compiler().parts(network)


def network_objects(network: Network) -> frozenset[Object]:
    """Return every object that the kernel should have for a network."""
    return frozenset().union(*network_parts(network).values())


def _without_unneeded(vpc: Vpc) -> Vpc:
    """Return a VPC without its groups and names, and with those interfaces alone that routes lead to."""
    targets = {route.target for table in vpc.route_tables for route in table.routes}
    targets |= {gateway.interface for gateway in vpc.nat_gateways}
    needed = tuple(each for each in vpc.interfaces if each.id in targets)
    return replace(vpc, interfaces=needed, security_groups=(), dns=Dns())


class _OfInterfaces(msgspec.Struct, frozen=True):
    """What the objects of a VPC depend on of its interfaces.

    `combinations` are those of groups that interfaces are in, `idle_timeouts` what is set for any of them, and
    `recorded` is true where flows of any are.
    """

    combinations: tuple[Combination, ...]
    idle_timeouts: tuple[IdleTimeouts, ...]
    recorded: bool


def _of_interfaces(vpc: Vpc) -> _OfInterfaces:
    found = {each.groups for each in vpc.interfaces if each.filtered}
    return _OfInterfaces(
        combinations_of({tuple(sorted(groups)) for groups in found}, vpc.security_groups),
        # In the order of their first interfaces.
        tuple(dict.fromkeys(each.idle_timeouts for each in vpc.interfaces)),
        any(each.flow_intervals for each in vpc.interfaces),
    )


def _vpc_part(
    vpc: Vpc,
    peers: Pairs,
    referenced: tuple[str, ...],
    of_interfaces: _OfInterfaces,
) -> Iterator[Object]:
    yield from idle_timeout_objects(vpc.id, of_interfaces.idle_timeouts)
    yield from router_objects(vpc, dict(peers), recorded=of_interfaces.recorded)
    yield from packet_filter_objects(vpc, (*resolvers(vpc), *TIME_SERVICE))
    yield from security_group_objects(vpc.id, referenced, of_interfaces.combinations)
    yield from tracked_links(vpc)
    yield from network_acl_objects(vpc)
    if of_interfaces.recorded:
        yield from flow_objects(vpc.id)
    yield from _from_internet(vpc)


def _group_part(
    namespace: str, group: SecurityGroup, lists: tuple[tuple[str, tuple[str, ...]], ...]
) -> Iterator[Object]:
    yield from group_chains(namespace, group, dict(lists))


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
    """What the objects of a VPC's interfaces depend on besides themselves; `referring` is as in `_Around`."""

    subnets: Mapping[str, Subnet]
    tables: Mapping[str, int]
    translating: frozenset[str]
    public6: frozenset[str]
    referring: Mapping[str, tuple[str, ...]]
    uplink: bool


def _facts(vpc: Vpc, referring: Mapping[str, tuple[str, ...]]) -> _VpcFacts:
    return _VpcFacts(
        referring=referring,
        uplink=_has_uplink(vpc),
        subnets={subnet.id: subnet for subnet in vpc.subnets},
        tables=route_table_numbers(vpc),
        translating=frozenset(gateway.interface for gateway in vpc.nat_gateways),
        public6=frozenset(
            table.id
            for table in vpc.route_tables
            if any(":" in route.destination and route.target.startswith("igw-") for route in table.routes)
        ),
    )


def _inputs(vpc: Vpc, facts: _VpcFacts, interface: Interface) -> tuple[str, Interface, Subnet, _Facts]:
    subnet = facts.subnets[interface.subnet]
    own = _Facts(
        table=facts.tables[subnet.route_table],
        memberships=tuple(
            (group, each) for group in interface.groups for each in facts.referring.get(group, ())
        ),
        forwards=interface.id in facts.translating,
        public6=subnet.route_table in facts.public6,
        uplink=facts.uplink,
    )
    return vpc.id, interface, subnet, own


def _interface_part(namespace: str, interface: Interface, subnet: Subnet, facts: _Facts) -> Iterator[Object]:
    yield from interface_plumbing(namespace, interface, subnet, facts.table, forwards=facts.forwards)
    yield from interface_checks(namespace, interface, public6=facts.public6)
    yield from interface_filter(namespace, interface)
    yield from interface_acls(namespace, interface)
    yield from interface_idle_timeouts(namespace, interface)
    if interface.flow_intervals:
        yield Element(namespace, FLOW_LINKS, interface_name(link_of(interface.id)))
    for group, referring in facts.memberships:
        yield from membership(referring, group, interface)
    if facts.forwards:
        yield from _nat_gateway(interface.id)
    if facts.uplink:
        for _, public in interface.public:
            yield Route(INTERNET, MAIN_TABLE, f"{public}/32", link_of(namespace), ROUTER_SIDE)


def _referring(referenced: Mapping[str, Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return, of the groups that each VPC's rules refer to, the VPCs by group."""
    found: dict[str, tuple[str, ...]] = {}
    for vpc, groups in referenced.items():
        for group in groups:
            found[group] = (*found.get(group, ()), vpc)
    return found


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
        yield Address(vpc, link, f"{peering_address6(address)}/64")
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
