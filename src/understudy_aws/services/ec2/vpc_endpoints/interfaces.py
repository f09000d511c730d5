"""The network interfaces of interface endpoints: one in each subnet, with the endpoint's security groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from understudy_aws.data.vpc_endpoint_services import EndpointService
from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api.errors import limit, missing
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.parameters import check_addresses
from understudy_aws.services.ec2.interface_addresses import Wanted, give
from understudy_aws.services.ec2.network_interface_changes import GROUPS_PER_INTERFACE, place_interface
from understudy_aws.services.ec2.network_interfaces import (
    Attachment,
    find_interface,
    network_interfaces,
    remove,
)
from understudy_aws.services.ec2.security_group_associations.operations import may_be_used_in
from understudy_aws.services.ec2.security_groups import default_group, find_group
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.ip_address_types import DUALSTACK, check_subnet
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint
from understudy_aws.store.database import Transaction

Groups = tuple[tuple[str, str], ...]


class Place(NamedTuple):
    """A subnet that gets an interface, and the address that was chosen for it; empty for any free one."""

    subnet: Subnet
    address: str


def chosen_addresses(configurations: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Return the address that a request chooses in each subnet. Raises MissingParameter, InvalidParameterValue."""
    chosen: dict[str, str] = {}
    for each in configurations or ():
        refuse(ipv6=each.get("Ipv6"))
        if not each.get("SubnetId"):
            raise missing("SubnetId")
        check_addresses(each.get("Ipv4"))
        chosen[each["SubnetId"]] = each.get("Ipv4") or ""
    return chosen


def places(
    call: Call,
    vpc: str,
    service: EndpointService,
    *,
    ids: Iterable[str],
    chosen: Mapping[str, str],
    held: Iterable[str] = (),
) -> list[Place]:
    """Return where an endpoint gets new interfaces; `held` are the subnets where it keeps those it has.

    Raises InvalidSubnetId.NotFound, InvalidParameter, DuplicateSubnetsInSameZone.
    """
    zones = {zone.id for zone in service.zones}
    taken = {_find_subnet(call, id).zone_id for id in held}
    found = []
    for id in dict.fromkeys(ids):
        subnet = _find_subnet(call, id)
        if subnet.vpc != vpc:
            raise errors.other_vpc("subnet", subnet.id, vpc)
        if subnet.zone_id not in zones:
            raise errors.no_zone_of_subnet(service.name, subnet.id)
        if subnet.zone_id in taken:
            raise errors.two_in_a_zone(subnet.id)
        taken.add(subnet.zone_id)
        found.append(Place(subnet, chosen.get(id, "")))
    return found


def groups_of(call: Call, vpc: str, ids: Sequence[str] | None) -> Groups:
    """Return the groups of these ids, which must be of the VPC, or its default group when none is named."""
    found = [find_group(call, id) for id in dict.fromkeys(ids or ())] or [default_group(call.tx, vpc)]
    for group in found:
        if not may_be_used_in(call, group, vpc):
            raise errors.other_vpc("security group", group.id, vpc)
    if len(found) > GROUPS_PER_INTERFACE:
        raise limit("SecurityGroupsPerInterfaceLimitExceeded", "security groups per interface")
    return tuple([(group.id, group.name) for group in found])


def with_interfaces(call: Call, endpoint: VpcEndpoint, wanted: Sequence[Place]) -> VpcEndpoint:
    """Make an endpoint's interfaces in these subnets, and return its record with them."""
    made = []
    for place in wanted:
        check_subnet(place.subnet, endpoint.ip_address_type)
        interface = place_interface(
            call,
            place.subnet,
            wanted=[place.address] if place.address else [],
            count=1,
            description=f"VPC Endpoint Interface {endpoint.id}",
            groups=endpoint.groups,
            ipv6_count=1 if endpoint.ip_address_type == DUALSTACK else 0,
            kind="vpc_endpoint",
            attachment=Attachment(id=call.ids.ec2("ela-attach"), owner="amazon-aws", at=call.at),
        )
        # Unlike a NAT gateway's, it takes only what is sent to itself (vpc-endpoints.md 15.2).
        network_interfaces.put(call.tx, replace(interface, source_dest_check=True))
        made.append(interface.id)
    return replace(
        endpoint,
        subnets=(*endpoint.subnets, *[place.subnet.id for place in wanted]),
        interfaces=(*endpoint.interfaces, *made),
    )


def without_interfaces(tx: Transaction, endpoint: VpcEndpoint, leaving: Iterable[str]) -> VpcEndpoint:
    """Delete an endpoint's interfaces in these subnets, and return its record without them."""
    going = set(leaving)
    kept = []
    for subnet, id in zip(endpoint.subnets, endpoint.interfaces, strict=True):
        if subnet not in going:
            kept.append((subnet, id))
            continue
        interface = network_interfaces.get(tx, endpoint.account, endpoint.region, id)
        if interface is not None:
            remove(tx, interface)
    return replace(
        endpoint,
        subnets=tuple([subnet for subnet, _ in kept]),
        interfaces=tuple([id for _, id in kept]),
    )


def with_type(call: Call, endpoint: VpcEndpoint, kind: str) -> VpcEndpoint:
    """Give an endpoint's interfaces addresses of another type, and return its record. Raises InvalidParameter."""
    if kind == endpoint.ip_address_type:
        return endpoint
    for subnet_id, id in zip(endpoint.subnets, endpoint.interfaces, strict=True):
        subnet, interface = _find_subnet(call, subnet_id), find_interface(call, id)
        check_subnet(subnet, kind)
        given = give(call, subnet, id, Wanted(ipv6_count=1)).ipv6 if kind == DUALSTACK else ()
        network_interfaces.put(call.tx, replace(interface, ipv6_addresses=given))
    return replace(endpoint, ip_address_type=kind, record_type=kind)


def with_groups(tx: Transaction, endpoint: VpcEndpoint, groups: Groups) -> VpcEndpoint:
    """Give an endpoint and its interfaces these groups, and return its record."""
    for id in endpoint.interfaces:
        interface = network_interfaces.get(tx, endpoint.account, endpoint.region, id)
        if interface is not None:
            network_interfaces.put(tx, replace(interface, groups=groups))
    return replace(endpoint, groups=groups)


def _find_subnet(call: Call, id: str) -> Subnet:
    found = subnets.get(call.tx, call.account, call.region, id)
    if found is None:
        raise errors.no_such_subnet(id)
    return found
