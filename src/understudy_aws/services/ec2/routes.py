"""The operations that make, replace and delete routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import known, known_ipv6
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.parameters import block_in, ipv6_block_in
from understudy_aws.services.ec2.egress_only_internet_gateways import find_egress_only_gateway
from understudy_aws.services.ec2.internet_gateways import find_gateway
from understudy_aws.services.ec2.nat_gateway_records import nat_gateways
from understudy_aws.services.ec2.network_interfaces import find_interface
from understudy_aws.services.ec2.peering.records import ACTIVE as ACTIVE_PEERING
from understudy_aws.services.ec2.peering.records import LIVE, find_connection, own_vpcs, state_of
from understudy_aws.services.ec2.prefix_lists.records import IPV6, find_prefix_list
from understudy_aws.services.ec2.prefix_lists.usage import ROUTES_PER_TABLE, routes_counted
from understudy_aws.services.ec2.route_tables import (
    ACTIVE,
    BLACKHOLE,
    LOCAL,
    Route,
    RouteTable,
    a_route_table,
    find_route_table,
    route_tables,
)
from understudy_aws.services.ec2.vpc_endpoints import errors as endpoint_errors
from understudy_aws.services.ec2.vpc_endpoints.records import find_vpc_endpoint
from understudy_aws.services.ec2.vpcs import Vpc, ipv4_blocks_of, ipv6_blocks_of, vpcs


@operation("ec2:CreateRoute", on=a_route_table)
def create_route(
    call: Call,
    *,
    route_table_id: str,
    destination_cidr_block: str | None = None,
    destination_ipv6_cidr_block: str | None = None,
    destination_prefix_list_id: str | None = None,
    gateway_id: str | None = None,
    nat_gateway_id: str | None = None,
    network_interface_id: str | None = None,
    vpc_peering_connection_id: str | None = None,
    egress_only_internet_gateway_id: str | None = None,
    instance_id: str | None = None,
    transit_gateway_id: str | None = None,
    vpc_endpoint_id: str | None = None,
    local_gateway_id: str | None = None,
    carrier_gateway_id: str | None = None,
    core_network_arn: str | None = None,
    odb_network_arn: str | None = None,
) -> Answer:
    """Add a route to a table. Raises RouteAlreadyExists, RouteLimitExceeded."""
    refuse(
        local_gateway_id=local_gateway_id, carrier_gateway_id=carrier_gateway_id,
        core_network_arn=core_network_arn, odb_network_arn=odb_network_arn,
    )  # fmt: skip
    table = find_route_table(call, route_table_id)
    destination = _destination(
        call, destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id
    )
    target = _target(
        call,
        table,
        gateway_id=gateway_id,
        nat_gateway_id=nat_gateway_id,
        network_interface_id=network_interface_id,
        vpc_peering_connection_id=vpc_peering_connection_id,
        egress_only_internet_gateway_id=egress_only_internet_gateway_id,
        instance_id=instance_id,
        transit_gateway_id=transit_gateway_id,
        vpc_endpoint_id=vpc_endpoint_id,
    )
    if any(route.destination == destination for route in table.routes):
        raise errors.route_exists(destination)
    _check_pair(call, table, destination, target)
    route = Route(destination=destination, target=target, state=_first_state(call, target))
    table = replace(table, routes=(*table.routes, route))
    if routes_counted(call.tx, table, call.at) > ROUTES_PER_TABLE:
        raise errors.limit("RouteLimitExceeded", "routes")
    route_tables.put(call.tx, table)
    return {"Return": True}


@operation("ec2:ReplaceRoute", on=a_route_table)
def replace_route(
    call: Call,
    *,
    route_table_id: str,
    destination_cidr_block: str | None = None,
    destination_ipv6_cidr_block: str | None = None,
    destination_prefix_list_id: str | None = None,
    local_target: bool | None = None,
    gateway_id: str | None = None,
    nat_gateway_id: str | None = None,
    network_interface_id: str | None = None,
    vpc_peering_connection_id: str | None = None,
    egress_only_internet_gateway_id: str | None = None,
    instance_id: str | None = None,
    transit_gateway_id: str | None = None,
    vpc_endpoint_id: str | None = None,
    local_gateway_id: str | None = None,
    carrier_gateway_id: str | None = None,
    core_network_arn: str | None = None,
    odb_network_arn: str | None = None,
) -> Answer | None:
    """Give an existing route another target. `local_target` gives a local route its own target back."""
    refuse(
        local_gateway_id=local_gateway_id, carrier_gateway_id=carrier_gateway_id,
        core_network_arn=core_network_arn, odb_network_arn=odb_network_arn,
    )  # fmt: skip
    table = find_route_table(call, route_table_id)
    destination = _destination(
        call, destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id
    )
    target = _target(
        call,
        table,
        local_target=LOCAL if local_target else None,
        gateway_id=gateway_id,
        nat_gateway_id=nat_gateway_id,
        network_interface_id=network_interface_id,
        vpc_peering_connection_id=vpc_peering_connection_id,
        egress_only_internet_gateway_id=egress_only_internet_gateway_id,
        instance_id=instance_id,
        transit_gateway_id=transit_gateway_id,
        vpc_endpoint_id=vpc_endpoint_id,
    )
    found = [route for route in table.routes if route.destination == destination]
    if not found:
        raise errors.no_route_to_replace(destination)
    if target == LOCAL and found[0].origin != "CreateRouteTable":
        raise errors.not_a_local_route(destination)
    _check_not_of_endpoint(table, found[0])
    _check_pair(call, table, destination, target)
    new = Route(
        destination=destination,
        target=target,
        origin=found[0].origin,
        state=_first_state(call, target),
    )
    routes = [new if route is found[0] else route for route in table.routes]
    route_tables.put(call.tx, replace(table, routes=tuple(routes)))
    return None


@operation("ec2:DeleteRoute", on=a_route_table)
def delete_route(
    call: Call,
    *,
    route_table_id: str,
    destination_cidr_block: str | None = None,
    destination_ipv6_cidr_block: str | None = None,
    destination_prefix_list_id: str | None = None,
) -> Answer | None:
    """Delete a route. The local routes of the VPC stay. Raises InvalidRoute.NotFound, InvalidParameterValue."""
    table = find_route_table(call, route_table_id)
    destination = _destination(
        call, destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id
    )
    found = [route for route in table.routes if route.destination == destination]
    if not found:
        member = (
            "destination-prefix-list-id"
            if destination_prefix_list_id
            else "destination-ipv6-cidr-block"
            if destination_ipv6_cidr_block
            else "destination-cidr-block"
        )
        raise errors.no_such_route(member, destination, table.id)
    if found[0].origin == "CreateRouteTable":
        raise errors.local_route_stays(destination, table.id)
    _check_not_of_endpoint(table, found[0])
    kept = tuple(route for route in table.routes if route.destination != destination)
    route_tables.put(call.tx, replace(table, routes=kept))
    return None


def _check_not_of_endpoint(table: RouteTable, route: Route) -> None:
    """Raise for the route of a gateway endpoint: it comes and goes with the endpoint alone."""
    if route.target.startswith("vpce-"):
        raise endpoint_errors.endpoint_route_stays(route.destination, table.id)


def _destination(call: Call, ipv4: str | None, ipv6: str | None, prefix_list: str | None) -> str:
    """Return the one destination that a request names, without host bits."""
    given = {
        name: value
        for name, value in (
            ("destinationCidrBlock", ipv4),
            ("destinationIpv6CidrBlock", ipv6),
            ("destinationPrefixListId", prefix_list),
        )
        if value
    }
    if len(given) > 1:
        raise errors.combination(*list(given)[:2])
    if ipv4:
        return str(block_in(ipv4, "destinationCidrBlock"))
    if ipv6:
        return ipv6_block_in(ipv6, "destinationIpv6CidrBlock")
    if prefix_list:
        return find_prefix_list(call, prefix_list).id
    raise errors.missing("destinationCidrBlock")


def _check_gateway(call: Call, table: RouteTable, id: str) -> None:
    if not id.startswith("igw-"):
        raise errors.no_such_gateway(id)
    if find_gateway(call, id).vpc != table.vpc:
        raise errors.table_of_other_network(table.id, f"network gateway {id}")


def _check_interface(call: Call, table: RouteTable, id: str) -> None:
    if find_interface(call, id).vpc != table.vpc:
        raise errors.table_of_other_network(table.id, f"interface {id}")


def _check_nat_gateway(call: Call, table: RouteTable, id: str) -> None:
    gateway = nat_gateways.get(call.tx, call.account, call.region, id)
    if gateway is None or gateway.ended is not None:
        raise errors.not_found("InvalidNatGatewayID", "natGateway", id)
    if gateway.vpc != table.vpc:
        raise errors.table_of_other_network(table.id, f"network gateway {id}")


def _check_egress_only_gateway(call: Call, table: RouteTable, id: str) -> None:
    if find_egress_only_gateway(call, id).vpc != table.vpc:
        raise errors.table_of_other_network(table.id, f"network gateway {id}")


def _check_peering(call: Call, table: RouteTable, id: str) -> None:
    connection = find_connection(call, id)
    if state_of(connection, call.at) not in LIVE:
        raise errors.not_found("InvalidVpcPeeringConnectionID", "vpcPeeringConnection", id)
    if table.vpc not in own_vpcs(connection):
        raise errors.table_of_other_network(table.id, f"network gateway {id}")


def _first_state(call: Call, target: str) -> str:
    """Return the state of a new route: a black hole as long as its peering connection is not active."""
    if target.startswith("pcx-") and state_of(find_connection(call, target), call.at) != ACTIVE_PEERING:
        return BLACKHOLE
    return ACTIVE


def _check_vpc_endpoint(call: Call, _table: RouteTable, id: str) -> None:
    # Only endpoints of a gateway load balancer can be targets, and there are none here.
    endpoint = find_vpc_endpoint(call, id)
    raise endpoint_errors.not_a_target(endpoint.id, endpoint.kind)


def _missing(code: str, noun: str) -> Callable[[Call, RouteTable, str], None]:
    def check(_call: Call, _table: RouteTable, id: str) -> None:
        raise errors.not_found(code, noun, id)

    return check


# By parameter: raises when there is no such target, or when it belongs to another VPC than the table.
_CHECKS: Mapping[str, Callable[[Call, RouteTable, str], Any]] = MappingProxyType(
    {
        "local_target": lambda *_: None,
        "gateway_id": _check_gateway,
        "network_interface_id": _check_interface,
        "nat_gateway_id": _check_nat_gateway,
        "vpc_peering_connection_id": _check_peering,
        "egress_only_internet_gateway_id": _check_egress_only_gateway,
        "instance_id": _missing("InvalidInstanceID", "instance"),
        "transit_gateway_id": _missing("InvalidTransitGatewayID", "transitGateway"),
        "vpc_endpoint_id": _check_vpc_endpoint,
    }
)


def _target(call: Call, table: RouteTable, **named: str | None) -> str:
    """Return the one target that a request names. Raises for none, for several, and for one that cannot be."""
    given = {name: value for name, value in named.items() if value}
    if not given:
        raise errors.missing("gatewayId")
    if len(given) > 1:
        first, second = (_member(name) for name in list(given)[:2])
        raise errors.combination(first, second)
    ((name, id),) = given.items()
    _CHECKS[name](call, table, id)
    return id


def _member(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _check_pair(call: Call, table: RouteTable, destination: str, target: str) -> None:
    """Raise for a destination and a target that do not go together.

    Only some targets can stand between the subnets of a VPC, and an egress-only gateway takes IPv6 alone.
    """
    if target.startswith("eigw-") and not _is_ipv6(call, destination):
        raise errors.combination("destinationCidrBlock", "egressOnlyInternetGatewayId")
    vpc = vpcs.get(call.tx, table.account, table.region, table.vpc)
    if (
        destination.startswith("pl-")
        or vpc is None
        or target.partition("-")[0] in ("eni", "nat", "vpce", LOCAL)
    ):
        return
    if _is_within(vpc, destination):
        raise errors.more_specific_than_vpc(destination)


def _is_ipv6(call: Call, destination: str) -> bool:
    if destination.startswith("pl-"):
        return find_prefix_list(call, destination).family == IPV6
    return ":" in destination


def _is_within(vpc: Vpc, destination: str) -> bool:
    """Return whether a block is all in one of the VPC's own blocks."""
    if ":" in destination:
        return any(own.holds(known_ipv6(destination)) for own in ipv6_blocks_of(vpc))
    return any(own.holds(known(destination)) for own in ipv4_blocks_of(vpc))
