"""The routes of gateway endpoints: to the prefix list of the service, through the endpoint, in each of its tables."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from msgspec.structs import replace

from understudy_aws.data.aws_prefix_lists import prefix_lists_in
from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api.errors import limit
from understudy_aws.services.ec2.prefix_lists.usage import ROUTES_PER_TABLE, routes_counted
from understudy_aws.services.ec2.route_tables import Route, RouteTable, route_tables
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint, vpc_endpoints
from understudy_aws.store.database import Transaction


def tables_of(call: Call, vpc: str, ids: Iterable[str]) -> list[RouteTable]:
    """Return the route tables of these ids, which must be of the VPC. Raises InvalidRouteTableId.NotFound."""
    found = []
    for id in dict.fromkeys(ids):
        table = route_tables.get(call.tx, call.account, call.region, id)
        if table is None:
            raise errors.no_such_route_table(id)
        if table.vpc != vpc:
            raise errors.other_vpc("route table", table.id, vpc)
        found.append(table)
    return found


def add_routes(call: Call, endpoint: VpcEndpoint, tables: Sequence[RouteTable]) -> None:
    """Put the endpoint's route into tables. Raises RouteAlreadyExists, RouteLimitExceeded."""
    destination = prefix_lists_in(endpoint.region)[endpoint.service].id
    for table in tables:
        if any(route.destination == destination for route in table.routes):
            raise errors.route_to_list(table.id, destination)
    route = Route(destination=destination, target=endpoint.id)
    routed = [replace(table, routes=(*table.routes, route)) for table in tables]
    for table in routed:
        if routes_counted(call.tx, table, call.at) > ROUTES_PER_TABLE:
            raise limit("RouteLimitExceeded", "routes")
        route_tables.put(call.tx, table)


def remove_routes(tx: Transaction, endpoint: VpcEndpoint, tables: Container[str]) -> None:
    """Take the endpoint's route out of tables."""
    for table in route_tables.where(tx, "target", endpoint.id):
        if table.id in tables:
            kept = tuple(route for route in table.routes if route.target != endpoint.id)
            route_tables.put(tx, replace(table, routes=kept))


def forget_table(tx: Transaction, table: str) -> None:
    """Take a route table that is being deleted from the endpoints that had a route in it.

    An endpoint does not keep its tables from being deleted (vpc-endpoints.md 15.2).
    """
    for endpoint in vpc_endpoints.where(tx, "route_table", table):
        kept = tuple(id for id in endpoint.route_tables if id != table)
        vpc_endpoints.put(tx, replace(endpoint, route_tables=kept))
