"""The network that the records of EC2 ask for on this machine.

Wanted are the interfaces that programs of this machine and instances of services are attached to, with everything of
their VPCs that decides about their packets: subnets, groups, network ACLs, routes and gateways. A VPC without such an
interface costs nothing. What is made of a record alone is kept as long as the record is, so that what did not change is
the same object.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from understudy_aws.dataplane import wanted
from understudy_aws.dataplane.edge import CREDENTIALS_ADDRESS
from understudy_aws.services.ec2.api_names import api_names
from understudy_aws.services.ec2.attached_programs import running_programs
from understudy_aws.services.ec2.cidr_blocks.associations import staying
from understudy_aws.services.ec2.egress_only_internet_gateways import egress_only_gateways
from understudy_aws.services.ec2.flow_logs.coverage import wanted_flows
from understudy_aws.services.ec2.internet_gateways import internet_gateways
from understudy_aws.services.ec2.nat_gateway_records import NatGateway, nat_gateways
from understudy_aws.services.ec2.network_acls import Entry, NetworkAcl, network_acls
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.peering.records import vpc_peering_connections
from understudy_aws.services.ec2.prefix_lists.records import entries_of, prefix_list, version_of
from understudy_aws.services.ec2.route_tables import ACTIVE, LOCAL, RouteTable, route_tables
from understudy_aws.services.ec2.security_group_rules import SecurityGroupRule
from understudy_aws.services.ec2.security_groups import SecurityGroup, security_groups
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.vpc_dns import dns_of, known_names, working_endpoints
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import service_of
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint
from understudy_aws.services.ec2.vpcs import Vpc, vpcs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import memoized

_PROTOCOL_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}
_ANY = -1

V = TypeVar("V", wanted.Interface, wanted.Peering)


def wanted_network(
    tx: Transaction, now: datetime, of_services: Iterable[NetworkInterface] = ()
) -> wanted.Network:
    """Return the network for the interfaces that programs are attached to and `of_services`; empty without any."""
    attached = (
        network_interfaces.get(tx, program.account, program.region, program.interface)
        for program in running_programs(tx)
    )
    return network_of(tx, [*(each for each in attached if each is not None), *of_services], now)


def network_of(
    tx: Transaction, interfaces: Sequence[NetworkInterface], now: datetime, *, also: Sequence[Vpc] = ()
) -> wanted.Network:
    """Return the network of some interfaces: their VPCs, with no other interfaces but those of gateways.

    `also` are further VPCs, such as those behind a peering connection.
    """
    by_vpc: dict[str, list[NetworkInterface]] = {vpc.id: [] for vpc in also}
    for interface in interfaces:
        by_vpc.setdefault(interface.vpc, []).append(interface)
    known = {vpc.id: vpc for vpc in also}
    for each in interfaces:
        vpc = known.get(each.vpc) or vpcs.get(tx, each.account, each.region, each.vpc)
        if vpc is not None:
            known[vpc.id] = vpc
    found = list(known.values())
    made = tuple(_vpc(tx, vpc, by_vpc[vpc.id], now) for vpc in sorted(found, key=lambda vpc: vpc.id))
    lists = {
        id: _blocks(tx, vpc, id, now)
        for vpc in found
        for id in _named_lists(_groups(tx, vpc, by_vpc[vpc.id]))
    }
    return wanted.Network(
        vpcs=made,
        peerings=_in_order(*_peerings(tx, found)),
        prefix_lists=lists,
        names={**api_names(sorted({vpc.region for vpc in found})), **known_names(tx, found, now)}
        if found
        else {},
    )


def _vpc(tx: Transaction, vpc: Vpc, attached: Sequence[NetworkInterface], now: datetime) -> wanted.Vpc:
    place = (vpc.account, vpc.region)
    tables = route_tables.where(tx, "vpc", vpc.id)
    acls = network_acls.where(tx, "vpc", vpc.id)
    in_vpc = subnets.where(tx, "vpc", vpc.id)
    gateways = [
        each
        for subnet in in_vpc
        for each in nat_gateways.where(tx, "subnet", subnet.id)
        if each.interface and each.deletion is None and each.ready <= now
    ]
    internet_gateway = next((each.id for each in internet_gateways.where(tx, "vpc", vpc.id)), "")
    egress_only_gateway = next((each.id for each in egress_only_gateways.where(tx, "vpc", vpc.id)), "")
    of_gateways = [network_interfaces.get(tx, *place, each.interface) for each in gateways]
    endpoints = list(working_endpoints(tx, vpc, now))
    attached = [*attached, *_of_endpoints(tx, endpoints, {each.id for each in attached})]
    return wanted.Vpc(
        id=vpc.id,
        cidrs=(vpc.cidr, *(each.block for each in staying((*vpc.blocks, *vpc.ipv6_blocks)))),
        subnets=tuple(_subnet(subnet, tables, acls) for subnet in in_vpc),
        route_tables=tuple(_route_table(tx, vpc, table, now) for table in tables),
        network_acls=tuple(_network_acl(acl) for acl in acls),
        security_groups=tuple(_security_group(group) for group in _groups(tx, vpc, attached)),
        interfaces=_in_order(
            *(_logged(tx, each, _interface(each)) for each in attached),
            *(_logged(tx, each, _of_a_gateway(each)) for each in of_gateways if each is not None),
        ),
        internet_gateway=internet_gateway,
        egress_only_gateway=egress_only_gateway,
        nat_gateways=tuple(_nat_gateway(each) for each in gateways),
        endpoints=tuple(_endpoint(each) for each in endpoints),
        dns=dns_of(tx, vpc, now, forwards=bool(internet_gateway or egress_only_gateway)),
    )


def _in_order(*values: V) -> tuple[V, ...]:
    """Return values by id, in which order what changed is told as what changed (`dataplane.deltas`)."""
    return tuple(sorted(values, key=lambda each: each.id))


def _of_endpoints(
    tx: Transaction, endpoints: Sequence[VpcEndpoint], there: Container[str]
) -> Iterator[NetworkInterface]:
    """Yield the interfaces of endpoints that are not there yet."""
    for endpoint in endpoints:
        for id in endpoint.interfaces:
            interface = network_interfaces.get(tx, endpoint.account, endpoint.region, id)
            if interface is not None and id not in there:
                yield interface


def _endpoint(endpoint: VpcEndpoint) -> wanted.Endpoint:
    private = endpoint.private_dns and not endpoint.inbound_only
    return wanted.Endpoint(
        id=endpoint.id,
        service=endpoint.service.rpartition(".")[2],
        interfaces=endpoint.interfaces,
        names=service_of(endpoint).private_names if private else (),
    )


def _groups(tx: Transaction, vpc: Vpc, attached: Sequence[NetworkInterface]) -> list[SecurityGroup]:
    """Return the groups of a VPC, and those of another one that its interfaces are in."""
    groups = {group.id: group for group in security_groups.where(tx, "vpc", vpc.id)}
    for id in {id for interface in attached for id, _ in interface.groups} - groups.keys():
        group = security_groups.get(tx, vpc.account, vpc.region, id)
        if group is not None:
            groups[id] = group
    return [groups[id] for id in sorted(groups)]


def _named_lists(groups: Sequence[SecurityGroup]) -> set[str]:
    """Return the prefix lists that rules of groups name."""
    return {rule.prefix_list for group in groups for rule in group.rules if rule.prefix_list}


def _blocks(tx: Transaction, vpc: Vpc, id: str, now: datetime) -> tuple[str, ...]:
    """Return the blocks of a prefix list; none of one that is gone."""
    held = prefix_list(tx, vpc.account, vpc.region, id, now)
    entries = entries_of(tx, held, version_of(held, now)) if held is not None else None
    return tuple(cidr for cidr, _ in entries or ())


def _subnet(subnet: Subnet, tables: Sequence[RouteTable], acls: Sequence[NetworkAcl]) -> wanted.Subnet:
    main = next(table.id for table in tables if table.is_main)
    own = (table.id for table in tables if any(each.subnet == subnet.id for each in table.associations))
    blocks = [subnet.cidr] if subnet.cidr else []
    return wanted.Subnet(
        id=subnet.id,
        cidrs=(*blocks, *(each.block for each in staying(subnet.ipv6_blocks))),
        route_table=next(own, main),
        network_acl=subnet.acl or next(acl.id for acl in acls if acl.is_default),
        dns64=subnet.dns64,
    )


def _route_table(tx: Transaction, vpc: Vpc, table: RouteTable, now: datetime) -> wanted.RouteTable:
    """Return a table, with a route for each block where a route names a prefix list."""
    routes = {}
    for route in table.routes:
        if route.target != LOCAL:
            named = route.destination.startswith("pl-")
            blocks = _blocks(tx, vpc, route.destination, now) if named else (route.destination,)
            target = route.target if route.state == ACTIVE else ""
            for block in blocks:
                # A route to a block itself wins over one by a list (VPC user guide, "Route priority").
                if not named or block not in routes:
                    routes[block] = wanted.Route(destination=block, target=target)
    return wanted.RouteTable(id=table.id, routes=tuple(routes.values()))


@memoized
def _network_acl(acl: NetworkAcl) -> wanted.NetworkAcl:
    def entries(*, egress: bool) -> tuple[wanted.NetworkAclEntry, ...]:
        return tuple(_entry(each) for each in acl.entries if each.egress == egress)

    return wanted.NetworkAcl(id=acl.id, ingress=entries(egress=False), egress=entries(egress=True))


def _entry(entry: Entry) -> wanted.NetworkAclEntry:
    return wanted.NetworkAclEntry(
        number=entry.number,
        protocol=_number(entry.protocol),
        cidr=entry.ipv6 or entry.cidr,
        allow=entry.action == "allow",
        from_port=_ANY if entry.first is None else entry.first,
        to_port=_ANY if entry.last is None else entry.last,
    )


@memoized
def _security_group(group: SecurityGroup) -> wanted.SecurityGroup:
    return wanted.SecurityGroup(
        id=group.id,
        ingress=tuple(map(_rule, group.ingress)),
        egress=tuple(map(_rule, group.egress)),
    )


def _rule(rule: SecurityGroupRule) -> wanted.SecurityGroupRule:
    return wanted.SecurityGroupRule(
        id=rule.id,
        protocol=_number(rule.protocol),
        from_port=_ANY if rule.from_port is None else rule.from_port,
        to_port=_ANY if rule.to_port is None else rule.to_port,
        cidr=rule.cidr or rule.cidr_ipv6,
        group=rule.group,
        prefix_list=rule.prefix_list,
    )


def _number(protocol: str) -> str:
    return _PROTOCOL_NUMBERS.get(protocol, protocol)


@memoized
def _interface(interface: NetworkInterface) -> wanted.Interface:
    return wanted.Interface(
        id=interface.id,
        subnet=interface.subnet,
        mac=interface.mac,
        addresses=(*interface.addresses, *interface.ipv6_addresses),
        groups=tuple(group for group, _ in interface.groups),
        source_dest_check=interface.source_dest_check,
        accepts_connections=not interface.outgoing_only,
        local=(CREDENTIALS_ADDRESS,) if interface.outgoing_only else (),
        public=tuple((each.private_ip, each.ip) for each in interface.public_addresses),
        idle_timeouts=_idle_timeouts(interface),
    )


def _idle_timeouts(interface: NetworkInterface) -> wanted.IdleTimeouts:
    tracking = interface.connection_tracking
    if tracking is None:
        return wanted.IdleTimeouts()
    return wanted.IdleTimeouts(
        tcp_established=tracking.tcp_established, udp=tracking.udp, udp_stream=tracking.udp_stream
    )


def _logged(tx: Transaction, interface: NetworkInterface, plain: wanted.Interface) -> wanted.Interface:
    """Return what is wanted of an interface with what its flow logs need; without any it is the same object."""
    intervals, place = wanted_flows(tx, interface)
    return replace(plain, flow_intervals=intervals, flow_place=place) if intervals else plain


def _of_a_gateway(interface: NetworkInterface) -> wanted.Interface:
    return replace(_interface(interface), groups=(), source_dest_check=False, filtered=False)


def _nat_gateway(gateway: NatGateway) -> wanted.NatGateway:
    return wanted.NatGateway(id=gateway.id, interface=gateway.interface)


def _peerings(tx: Transaction, found: Sequence[Vpc]) -> Iterator[wanted.Peering]:
    """Yield the peering connections that work between VPCs of this network."""
    here = {vpc.id for vpc in found}
    seen: set[str] = set()
    for vpc in found:
        for each in vpc_peering_connections.where(tx, "vpc", vpc.id):
            ends = {each.requester.vpc, each.accepter.vpc}
            if each.id not in seen and each.routed and ends <= here:
                seen.add(each.id)
                yield wanted.Peering(id=each.id, requester=each.requester.vpc, accepter=each.accepter.vpc)
