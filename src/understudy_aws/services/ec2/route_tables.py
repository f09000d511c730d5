"""Route tables: the main one that is made with every VPC, and DescribeRouteTables."""

from __future__ import annotations

from types import MappingProxyType

from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2 import errors
from understudy_aws.services.ec2.filters import FilterTable, nothing, yes_or_no
from understudy_aws.services.ec2.identifiers import check
from understudy_aws.services.ec2.listings import Filters, select
from understudy_aws.services.ec2.tag_specifications import tag_set
from understudy_aws.services.ec2.targets import Keys, resource_tags
from understudy_aws.services.ec2.vpcs import Vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized


class Route(Record, frozen=True, kw_only=True):
    """A route to a destination. `gateway` is `local` or the id of an internet gateway."""

    destination: str
    gateway: str
    origin: str = "CreateRoute"
    state: str = "active"


class RouteTable(Record, frozen=True, kw_only=True):
    """A route table. `association` is the id of its association with its VPC as the main table."""

    account: str
    region: str
    id: str
    vpc: str
    association: str
    routes: tuple[Route, ...]
    tags: dict[str, str] = {}


route_tables = Table(
    "ec2/route-table",
    RouteTable,
    key=lambda table: (table.account, table.region, table.id),
    indexes={"vpc": lambda table: (table.vpc,)},
)

ROUTE_TABLE_FILTERS: FilterTable = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "association.gateway-id", "association.subnet-id", "route.destination-ipv6-cidr-block",
                "route.destination-prefix-list-id", "route.egress-only-internet-gateway-id",
                "route.instance-id", "route.nat-gateway-id", "route.transit-gateway-id",
                "route.vpc-peering-connection-id",
            ),
            nothing,
        ),
        "association.main": lambda _: yes_or_no(True),
        "association.route-table-association-id": lambda table: (table.association,),
        "association.route-table-id": lambda table: (table.id,),
        "owner-id": lambda table: (table.account,),
        "route-table-id": lambda table: (table.id,),
        "route.destination-cidr-block": lambda table: [route.destination for route in table.routes],
        "route.gateway-id": lambda table: [route.gateway for route in table.routes],
        "route.origin": lambda table: [route.origin for route in table.routes],
        "route.state": lambda table: [route.state for route in table.routes],
        "vpc-id": lambda table: (table.vpc,),
    }
)  # fmt: skip


@operation("ec2:DescribeRouteTables", on=all_resources)
def describe_route_tables(
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    route_table_ids: list[str] | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's route tables in the Region."""
    found, token = select(
        call, route_tables, find_route_table, ROUTE_TABLE_FILTERS,
        ids=route_table_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="routeTableIdSet",
    )  # fmt: skip
    return {"RouteTables": [described_table(table) for table in found], "NextToken": token}


def make_main(tx: Transaction, vpc: Vpc, ids: Ids, gateway: str = "") -> RouteTable:
    """Make the main table of a new VPC, with the local route, and a default route if there is a gateway."""
    routes: tuple[Route, ...] = (Route(destination=vpc.cidr, gateway="local", origin="CreateRouteTable"),)
    if gateway:
        routes += (Route(destination="0.0.0.0/0", gateway=gateway),)
    return route_tables.put(
        tx,
        RouteTable(
            account=vpc.account,
            region=vpc.region,
            id=ids.ec2("rtb"),
            vpc=vpc.id,
            association=ids.ec2("rtbassoc"),
            routes=routes,
        ),
    )


def black_hole(tx: Transaction, vpc: str, gateway: str) -> None:
    """Mark a VPC's routes to a gateway that has been detached as black holes."""
    for table in route_tables.where(tx, "vpc", vpc):
        routes = tuple(
            replace(route, state="blackhole") if route.gateway == gateway else route for route in table.routes
        )
        route_tables.put(tx, replace(table, routes=routes))


def find_route_table(call: Call, id: str) -> RouteTable:
    """Return the route table of this id. Raises InvalidRouteTableId.Malformed, InvalidRouteTableID.NotFound."""
    found = route_tables.get(call.tx, call.account, call.region, id)
    if found is None:
        check(id, "rtb", "InvalidRouteTableId")
        raise errors.not_found("InvalidRouteTableID", "routeTable", id)
    return found


@memoized
def described_table(table: RouteTable) -> Description:
    """Return a route table as answers describe it."""
    return Description(
        {
            "Associations": [
                {
                    "Main": True,
                    "RouteTableAssociationId": table.association,
                    "RouteTableId": table.id,
                    "AssociationState": {"State": "associated"},
                }
            ],
            "PropagatingVgws": [],
            "RouteTableId": table.id,
            "Routes": [
                {
                    "DestinationCidrBlock": route.destination,
                    "GatewayId": route.gateway,
                    "Origin": route.origin,
                    "State": route.state,
                }
                for route in table.routes
            ],
            "Tags": tag_set(table.tags),
            "VpcId": table.vpc,
            "OwnerId": table.account,
        }
    )


@memoized
def route_table_target(table: RouteTable) -> Target:
    """Return a route table's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(table.tags)
    keys["ec2:routetableid"] = table.id
    keys["ec2:vpc"] = ec2(table.region, table.account, f"vpc/{table.vpc}")
    return Target(ec2(table.region, table.account, f"route-table/{table.id}"), keys)
