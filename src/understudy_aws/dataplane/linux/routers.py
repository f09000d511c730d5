"""A VPC as a router: its links, addresses and routes.

Each VPC is a namespace that forwards. An interface is a pair of links, one here, one in a namespace of its own, and a
route to its addresses alone; there is no bridge, so that packets within a subnet are filtered too. The gateway of each
subnet and the resolver are addresses of the loopback link, which the kernel answers for on every link.

A table of routes is a table of the kernel's: packets are marked by the link they come in through. What a VPC reaches
itself is thrown out of the table, so that the main one decides; the longest prefix wins over both, as EC2 has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6
from sys import byteorder

from understudy_aws.dataplane.link_local import LINK_LOCAL, TIME_SERVICE, gateways, resolvers
from understudy_aws.dataplane.linux.expressions import interface_name
from understudy_aws.dataplane.linux.names import INTERNET, NOWHERE, WORKLOAD_LINK, link_of, numbered
from understudy_aws.dataplane.linux.objects import (
    Address,
    Element,
    MarkRule,
    Namespace,
    Object,
    Route,
    Veth,
)
from understudy_aws.dataplane.linux.packet_filter import ROUTE_TABLES, UPLINKS
from understudy_aws.dataplane.linux.routing import BLACKHOLE, MAIN_TABLE, THROW, UNREACHABLE
from understudy_aws.dataplane.wanted import Interface, Subnet, Vpc

MTU = 9001
"""What AWS's networks carry within a VPC."""

INTERNET_MTU = 1500
"""What AWS's internet gateways carry."""

_LARGEST_MTU = 65535

INTERNET_SIDE, ROUTER_SIDE = "169.254.0.1", "169.254.0.2"
"""The two ends of every router's link to the internet."""

INTERNET_SIDE6, ROUTER_SIDE6 = "fe80::1", "fe80::2"

_BEHIND_NOWHERE = f"{NOWHERE}0"
_GATEWAY6 = "fe80::1"
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_PEER_BLOCK = ip_network("169.254.64.0/18")


def router_objects(vpc: Vpc, peers: Mapping[str, str], *, recorded: bool) -> Iterator[Object]:
    """Yield the namespaces, links, addresses and routes of a VPC.

    `peers` gives, by peering connection, the address of the other router on the link between the two. Where packets are
    `recorded`, those that no route leads on are forwarded to a link that leads nowhere. Otherwise the kernel drops them
    before they are filtered, and nothing tells whether the interface was let to send them.
    """
    yield Namespace(vpc.id, router=True)
    yield from main_rules(vpc.id)
    for address in (*resolvers(vpc), *TIME_SERVICE, *gateways(vpc)):
        yield Address(vpc.id, "lo", f"{address}/{ip_address(address).max_prefixlen}")
    for everywhere in _EVERYWHERE.values():
        # EC2 drops silently what it has no route for.
        yield _lost(vpc.id, MAIN_TABLE, everywhere, recorded=recorded)
    if recorded:
        yield Veth(vpc.id, NOWHERE, vpc.id, _BEHIND_NOWHERE, "", _LARGEST_MTU, deaf=True)
    if vpc.internet_gateway or vpc.egress_only_gateway:
        yield from _uplink(vpc)
    yield from _routes(vpc, route_table_numbers(vpc), peers, recorded=recorded)


def main_rules(namespace: str) -> Iterator[MarkRule]:
    """Yield what the kernel puts into every namespace itself: all packets are looked up in the main table, last."""
    yield MarkRule(namespace, AF_INET, 0, MAIN_TABLE)
    yield MarkRule(namespace, AF_INET6, 0, MAIN_TABLE)


def route_table_numbers(vpc: Vpc) -> Mapping[str, int]:
    """Return the number of each table of routes, which is the mark of the packets looked up in it, too."""
    return numbered(table.id for table in vpc.route_tables)


def interface_plumbing(
    namespace: str, interface: Interface, subnet: Subnet, table: int, *, forwards: bool
) -> Iterator[Object]:
    """Yield the namespace, the links, the addresses and the routes of an interface; `forwards` if it is a gateway's.

    `table` is the number of the table of routes that its packets are looked up in.
    """
    link = link_of(interface.id)
    yield Namespace(interface.id, router=forwards)
    yield from main_rules(interface.id)
    yield Veth(namespace, link, interface.id, WORKLOAD_LINK, interface.mac, MTU)
    yield Element(namespace, ROUTE_TABLES, interface_name(link), table.to_bytes(4, byteorder))
    blocks = [ip_network(cidr) for cidr in subnet.cidrs]
    versions = set()
    for given in interface.addresses:
        address = ip_address(given)
        yield Route(namespace, MAIN_TABLE, f"{given}/{address.max_prefixlen}", link)
        block = next((each for each in blocks if address in each), None)
        length = block.prefixlen if block is not None and address.version == 4 else address.max_prefixlen
        yield Address(interface.id, WORKLOAD_LINK, f"{given}/{length}")
        versions.add(address.version)
        if isinstance(block, IPv4Network):
            gateway = str(block.network_address + 1)
            yield Route(interface.id, MAIN_TABLE, f"{gateway}/32", WORKLOAD_LINK)
            yield Route(interface.id, MAIN_TABLE, _EVERYWHERE[4], WORKLOAD_LINK, gateway)
    for local in interface.local:
        yield Address(interface.id, "lo", f"{local}/{ip_address(local).max_prefixlen}")
    if 6 in versions:
        yield Address(namespace, link, f"{_GATEWAY6}/64")
        yield Route(interface.id, MAIN_TABLE, _EVERYWHERE[6], WORKLOAD_LINK, _GATEWAY6)


def peering_addresses(peerings: Mapping[str, object]) -> Mapping[str, tuple[str, str]]:
    """Return the addresses of both ends of the link of each peering: the requester's and the accepter's."""
    places = numbered(peerings, 0, _PEER_BLOCK.num_addresses // 2 - 1)
    return {
        id: (str(_PEER_BLOCK[2 * place]), str(_PEER_BLOCK[2 * place + 1])) for id, place in places.items()
    }


def peering_address6(address: str) -> str:
    """Return the IPv6 address of the end of a peering's link that has an IPv4 address; it is the link's own."""
    return "fe80::2" if int(ip_address(address)) % 2 else "fe80::1"


def _uplink(vpc: Vpc) -> Iterator[Object]:
    yield Veth(vpc.id, INTERNET, INTERNET, link_of(vpc.id), "", INTERNET_MTU)
    yield Address(vpc.id, INTERNET, f"{ROUTER_SIDE}/32")
    yield Address(vpc.id, INTERNET, f"{ROUTER_SIDE6}/64")
    yield Element(vpc.id, UPLINKS, interface_name(INTERNET))


def _lost(namespace: str, table: int, destination: str, *, recorded: bool) -> Route:
    if recorded:
        return Route(namespace, table, destination, NOWHERE)
    return Route(namespace, table, destination, kind=BLACKHOLE)


def _routes(
    vpc: Vpc, tables: Mapping[str, int], peers: Mapping[str, str], *, recorded: bool
) -> Iterator[Object]:
    targets = {route.target for table in vpc.route_tables for route in table.routes}
    targets |= {gateway.interface for gateway in vpc.nat_gateways}
    interfaces = {each.id: each for each in vpc.interfaces if each.id in targets}
    through = {gateway.id: gateway.interface for gateway in vpc.nat_gateways}
    for table in vpc.route_tables:
        place = tables[table.id]
        for family in (AF_INET, AF_INET6):
            yield MarkRule(vpc.id, family, place, place)
        wanted: dict[IPv4Network | IPv6Network, Route] = {}
        for cidr in vpc.cidrs:
            wanted[ip_network(cidr)] = Route(vpc.id, place, cidr, kind=THROW)
        for route in table.routes:
            block = ip_network(route.destination)
            link, gateway = _next_hop(
                vpc, interfaces, peers, through.get(route.target, route.target), block.version
            )
            if link:
                wanted[block] = Route(vpc.id, place, route.destination, link, gateway)
            elif route.target.startswith("vpce-"):
                # What is behind a gateway endpoint nobody serves here: that is said at once, and not waited for.
                wanted[block] = Route(vpc.id, place, route.destination, kind=UNREACHABLE)
            else:
                wanted[block] = _lost(vpc.id, place, route.destination, recorded=recorded)
        # The ends of this router's links are of that block, and whatever a route says they are nobody's to reach.
        wanted[ip_network(LINK_LOCAL)] = _lost(vpc.id, place, LINK_LOCAL, recorded=recorded)
        yield from wanted.values()


def _next_hop(
    vpc: Vpc, interfaces: Mapping[str, Interface], peers: Mapping[str, str], target: str, version: int
) -> tuple[str, str]:
    """Return the link that a route leads to and the address behind it; nothing when the target is not there."""
    if target and target in {vpc.internet_gateway, vpc.egress_only_gateway}:
        return INTERNET, INTERNET_SIDE if version == 4 else INTERNET_SIDE6
    if target in peers:
        return link_of(target), peers[target] if version == 4 else peering_address6(peers[target])
    interface = interfaces.get(target)
    if interface is not None:
        address = next((each for each in interface.addresses if ip_address(each).version == version), "")
        # A NAT gateway has no IPv6 address, and translates none.
        return (link_of(target), address) if address else ("", "")
    return "", ""
