"""What the resolver of a VPC knows: the names of its interfaces, of peers and of endpoints (vpc-dns.md 19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from understudy_aws.data.regions import find as find_region
from understudy_aws.dataplane.wanted import Dns, Hosts
from understudy_aws.services.ec2.api.cidrs import known
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips
from understudy_aws.services.ec2.network_interfaces import (
    HELD,
    NetworkInterface,
    PublicAddress,
    bit_of,
    network_interfaces,
)
from understudy_aws.services.ec2.peering.records import ACTIVE, PeeringSide, connections_of, state_of
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import service_of
from understudy_aws.services.ec2.vpc_endpoints.records import (
    AVAILABLE,
    IPV4,
    VpcEndpoint,
    dns_label,
    vpc_endpoints,
)
from understudy_aws.services.ec2.vpc_endpoints.records import state_of as state_of_endpoint
from understudy_aws.services.ec2.vpcs import Vpc, vpcs
from understudy_aws.store.database import Transaction

# What Resolver answers for by itself, and asks nobody about (vpc-dns.md 19.2).
_DOMAINS = ("ec2.internal", "compute.internal", "compute-1.amazonaws.com", "compute.amazonaws.com")


class _Names(msgspec.Struct):
    """Names being collected, as in `Dns`."""

    hosts: dict[str, tuple[Hosts, ...]]
    names: dict[str, tuple[str, ...]]
    reverse: dict[str, str]


def private_domain(region: str) -> str:
    """Return the domain of the private names of a Region (ec2.md 7.4)."""
    found = find_region(region)
    return found.private_dns_suffix if found is not None else f"{region}.compute.internal"


def dns_of(tx: Transaction, vpc: Vpc, now: datetime, *, forwards: bool) -> Dns:
    """Return what the resolver of a VPC knows besides the names that every VPC's does."""
    if not vpc.dns_support:
        return Dns(support=False)
    collected = _Names({}, {}, {})
    if vpc.dns_hostnames:
        for each in (vpc, *_resolved_peers(tx, vpc, now)):
            _add_interfaces(tx, each, collected)
    for endpoint in working_endpoints(tx, vpc, now):
        if is_found_by_name(endpoint, vpc):
            addresses = tuple(each for _, found in _addresses(tx, endpoint) for each in found)
            for name in service_of(endpoint).private_names:
                collected.names[name] = addresses
    return Dns(
        forwards=forwards,
        domains=_DOMAINS,
        hosts=collected.hosts,
        names=collected.names,
        reverse=collected.reverse,
    )


def known_names(tx: Transaction, found: Iterable[Vpc], now: datetime) -> Mapping[str, tuple[str, ...]]:
    """Return the public names that these VPCs have, which everybody can look up."""
    names: dict[str, tuple[str, ...]] = {}
    for vpc in found:
        names.update((each.dns_name, (each.ip,)) for each, _ in _public_addresses(tx, vpc))
        for endpoint in working_endpoints(tx, vpc, now):
            names.update(_own_names(tx, endpoint))
    return names


def _public_addresses(tx: Transaction, vpc: Vpc) -> Iterator[tuple[PublicAddress, str]]:
    """Yield the public addresses of a VPC's interfaces that have a name, with the name they are found by in reverse."""
    for held in elastic_ips.where(tx, "vpc", vpc.id):
        interface = network_interfaces.get(tx, held.account, held.region, held.interface)
        for each in interface.public_addresses if interface is not None else ():
            if each.allocation == held.id and each.dns_name:
                yield each, held.pointer or each.dns_name


def _add_interfaces(tx: Transaction, vpc: Vpc, collected: _Names) -> None:
    domain = private_domain(vpc.region)
    hosts = collected.hosts.get(domain, ())
    for subnet in subnets.where(tx, "vpc", vpc.id):
        bits = network_interfaces.bits(tx, HELD, subnet.id)
        if bits:
            # Interfaces are not looked at one by one: there may be thousands, and this is asked at every change.
            in_block = bits >> bit_of(known(subnet.cidr).network)
            hosts = (*hosts, Hosts(block=subnet.cidr, bits=f"{in_block:x}"))
        if subnet.a_record or subnet.aaaa_record:
            for interface in network_interfaces.where(tx, "subnet", subnet.id):
                _add_resource_name(subnet, interface, domain, collected)
    collected.hosts[domain] = hosts
    for each, pointer in _public_addresses(tx, vpc):
        collected.names[each.dns_name] = (each.private_ip,)
        collected.reverse[each.ip] = pointer.rstrip(".")


def _add_resource_name(subnet: Subnet, interface: NetworkInterface, domain: str, collected: _Names) -> None:
    """Add the name by id, where AWS has the id of an instance: here a program is known by its interface."""
    addresses = (
        *(interface.addresses[:1] if subnet.a_record else ()),
        *(interface.ipv6_addresses if subnet.aaaa_record else ()),
    )
    if addresses:
        name = f"{interface.id}.{domain}"
        collected.names[name] = addresses
        for each in interface.ipv6_addresses if subnet.aaaa_record else ():
            collected.reverse[each] = name


def _resolved_peers(tx: Transaction, vpc: Vpc, now: datetime) -> Iterator[Vpc]:
    """Yield the peers of a VPC that let it look up their names (vpc-peering.md 12.2)."""
    own = PeeringSide(account=vpc.account, region=vpc.region, vpc=vpc.id)
    for connection in connections_of(tx, own, now):
        if state_of(connection, now) == ACTIVE:
            (side,) = (side for side in connection.sides if side.vpc != vpc.id)
            peer = vpcs.get(tx, side.account, side.region, side.vpc) if side.dns else None
            if peer is not None and peer.dns_support and peer.dns_hostnames:
                yield peer


def is_found_by_name(endpoint: VpcEndpoint, vpc: Vpc) -> bool:
    """Whether names of a service lead to its endpoint: private DNS needs both attributes (vpc-endpoints.md 15.2)."""
    is_private = endpoint.private_dns and not endpoint.inbound_only
    return is_private and vpc.dns_support and vpc.dns_hostnames


def working_endpoints(tx: Transaction, vpc: Vpc, now: datetime) -> Iterator[VpcEndpoint]:
    """Yield the endpoints of a VPC that have interfaces, and names of their own, and work."""
    for endpoint in vpc_endpoints.where(tx, "vpc", vpc.id):
        if not endpoint.is_gateway and state_of_endpoint(endpoint, now) == AVAILABLE:
            yield endpoint


def _own_names(tx: Transaction, endpoint: VpcEndpoint) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield an endpoint's own names, of the Region and of each zone, with their addresses (vpc-endpoints.md 15.2)."""
    service = service_of(endpoint)
    label = f"*.{dns_label(endpoint)}" if service.wildcard else dns_label(endpoint)
    found = list(_addresses(tx, endpoint))
    yield f"{label}.{service.base_name}", tuple(each for _, addresses in found for each in addresses)
    for zone, addresses in found:
        yield f"{label}-{zone}.{service.base_name}", addresses


def _addresses(tx: Transaction, endpoint: VpcEndpoint) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the zone of each of an endpoint's interfaces, and those of its addresses that names resolve to."""
    for id in endpoint.interfaces:
        interface = network_interfaces.get(tx, endpoint.account, endpoint.region, id)
        if interface is not None:
            ipv4 = interface.addresses if endpoint.record_type != "ipv6" else ()
            ipv6 = interface.ipv6_addresses if endpoint.record_type != IPV4 else ()
            yield interface.zone, (*ipv4, *ipv6)
