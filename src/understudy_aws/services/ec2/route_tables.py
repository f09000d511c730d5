"""Route tables: the record, the main one that is made with every VPC, and DescribeRouteTables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.filters import FilterTable, nothing, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.prefix_lists.records import is_of_aws
from understudy_aws.services.ec2.vpcs import Vpc, ipv4_blocks_of, ipv6_blocks_of
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

LOCAL = "local"
ACTIVE, BLACKHOLE = "active", "blackhole"
# By what its id begins with: the member that names a route's target.
_TARGET_MEMBERS = MappingProxyType(
    {
        "eigw": "EgressOnlyInternetGatewayId",
        "eni": "NetworkInterfaceId",
        "nat": "NatGatewayId",
        "pcx": "VpcPeeringConnectionId",
    }
)


class Route(Record, frozen=True, kw_only=True):
    """A route to a destination: an IPv4 block, an IPv6 block or the id of a prefix list.

    `target` is `local` or the id of what takes the packets. `origin` is `CreateRoute`, or `CreateRouteTable` for the
    routes a table is made with. `state` is `active`, or `blackhole` while the target is not there.
    """

    destination: str
    target: str = msgspec.field(name="gateway")
    origin: str = "CreateRoute"
    state: str = ACTIVE

    @property
    def destination_member(self) -> str:
        """The member that names the destination in requests and answers."""
        if self.destination.startswith("pl-"):
            return "DestinationPrefixListId"
        return "DestinationIpv6CidrBlock" if ":" in self.destination else "DestinationCidrBlock"

    @property
    def target_member(self) -> str:
        """The member that names the target in answers. Gateway endpoints stand under GatewayId, as `local` does."""
        return _TARGET_MEMBERS.get(self.target.partition("-")[0], "GatewayId")


class Association(Record, frozen=True, kw_only=True):
    """What a route table was associated with by request: a subnet, or an internet gateway (then `subnet` is empty)."""

    id: str
    subnet: str = ""
    gateway: str = ""


class RouteTable(Record, frozen=True, kw_only=True):
    """A route table. `association` is the id of its association with its VPC as the main table; empty for others."""

    account: str
    region: str
    id: str
    vpc: str
    association: str = ""
    routes: tuple[Route, ...]
    associations: tuple[Association, ...] = ()
    tags: dict[str, str] = {}

    @property
    def is_main(self) -> bool:
        """Whether it holds for all subnets of its VPC that are associated with no other."""
        return bool(self.association)


def _association_ids(table: RouteTable) -> list[str]:
    main = [table.association] if table.association else []
    return main + [each.id for each in table.associations]


def _listed(table: RouteTable) -> list[str]:
    """Return the prefix lists that a table has routes to."""
    return [route.destination for route in table.routes if route.destination.startswith("pl-")]


route_tables = Table(
    "ec2/route-table",
    RouteTable,
    key=lambda table: (table.account, table.region, table.id),
    indexes={
        "vpc": lambda table: (table.vpc,),
        "association": _association_ids,
        "subnet": lambda table: [each.subnet for each in table.associations if each.subnet],
        "gateway": lambda table: [each.gateway for each in table.associations if each.gateway],
        "target": lambda table: {route.target: None for route in table.routes if route.target != LOCAL},
        "prefix_list": _listed,
    },
)

ROUTE_TABLE_REFERENCES: References = (
    # The main one stays with its VPC, and goes with it.
    Reference(
        "is in",
        lambda table: (table.vpc,),
        index="vpc",
        holds=lambda table: not table.is_main,
        held=lambda table: table.is_main,
    ),
    Reference(
        "is associated with",
        lambda table: [each.subnet for each in table.associations],
        index="subnet",
        held=True,
        ended_by="DisassociateRouteTable",
    ),
    Reference(
        "is associated with",
        lambda table: [each.gateway for each in table.associations],
        index="gateway",
        held=True,
        ended_by="DisassociateRouteTable",
    ),
    # AWS's own lists are no records.
    Reference(
        "has a route to",
        lambda table: [id for id in _listed(table) if not is_of_aws(id)],
        index="prefix_list",
        holds=True,
        ended_by="DeleteRoute",
    ),
    # AWS deletes a target of routes; they are black holes then.
    Reference(
        "routes to",
        lambda table: [each.target for each in table.routes if each.target != LOCAL and each.state == ACTIVE],
        index="target",
        ended_by="DeleteRoute",
    ),
    Reference(
        "has a black hole for",
        lambda table: [each.target for each in table.routes if each.state == BLACKHOLE],
        index="target",
        may_dangle=True,
        ended_by="DeleteRoute",
    ),
)


def _destinations(member: str) -> Any:
    return lambda table: [each.destination for each in table.routes if each.destination_member == member]


def _targets(member: str) -> Any:
    return lambda table: [each.target for each in table.routes if each.target_member == member]


ROUTE_TABLE_FILTERS: FilterTable = MappingProxyType(
    {
        "association.gateway-id": lambda table: [each.gateway for each in table.associations if each.gateway],
        "association.main": lambda table: [
            *(yes_or_no(True) if table.is_main else ()),
            *(yes_or_no(False) if table.associations else ()),
        ],
        "association.route-table-association-id": _association_ids,
        "association.route-table-id": lambda table: (table.id,) if _association_ids(table) else (),
        "association.subnet-id": lambda table: [each.subnet for each in table.associations if each.subnet],
        "owner-id": lambda table: (table.account,),
        "route-table-id": lambda table: (table.id,),
        "route.destination-cidr-block": _destinations("DestinationCidrBlock"),
        "route.destination-ipv6-cidr-block": _destinations("DestinationIpv6CidrBlock"),
        "route.destination-prefix-list-id": _destinations("DestinationPrefixListId"),
        "route.egress-only-internet-gateway-id": _targets("EgressOnlyInternetGatewayId"),
        "route.gateway-id": _targets("GatewayId"),
        "route.instance-id": nothing,
        "route.nat-gateway-id": _targets("NatGatewayId"),
        "route.origin": lambda table: [route.origin for route in table.routes],
        "route.state": lambda table: [route.state for route in table.routes],
        "route.transit-gateway-id": nothing,
        "route.vpc-peering-connection-id": _targets("VpcPeeringConnectionId"),
        "vpc-id": lambda table: (table.vpc,),
    }
)


def a_route_table(call: Call, params: Params) -> Sequence[Target]:
    """Return the route table that the request names."""
    return [target_of_route_table(call, params["route_table_id"])]


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


def local_routes(vpc: Vpc) -> tuple[Route, ...]:
    """Return the routes that every table of a VPC has: one to each of the VPC's own blocks."""
    blocks = (*ipv4_blocks_of(vpc), *ipv6_blocks_of(vpc))
    return tuple([local_route(str(block)) for block in blocks])


def local_route(block: str) -> Route:
    """Return the route to a block of a table's own VPC."""
    return Route(destination=block, target=LOCAL, origin="CreateRouteTable")


def make_main(tx: Transaction, vpc: Vpc, ids: Ids, gateway: str = "") -> RouteTable:
    """Make the main table of a new VPC, with the local route, and a default route if there is a gateway."""
    routes = local_routes(vpc)
    if gateway:
        routes += (Route(destination="0.0.0.0/0", target=gateway),)
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


def set_state(tx: Transaction, target: str, state: str, *, vpc: str = "") -> None:
    """Set the state of all routes to a target, or of those in one VPC: `blackhole` when it has gone."""
    for table in route_tables.where(tx, "target", target):
        if vpc in ("", table.vpc):
            routes = [replace(each, state=state) if each.target == target else each for each in table.routes]
            route_tables.put(tx, replace(table, routes=tuple(routes)))


def release(tx: Transaction, *, subnet: str = "", gateway: str = "") -> None:
    """Drop the association of a subnet or a gateway that is being deleted or detached."""
    held: Iterable[RouteTable] = (
        route_tables.where(tx, "subnet", subnet) if subnet else route_tables.where(tx, "gateway", gateway)
    )
    for table in held:
        kept = [each for each in table.associations if (each.subnet, each.gateway) != (subnet, gateway)]
        route_tables.put(tx, replace(table, associations=tuple(kept)))


def find_route_table(call: Call, id: str) -> RouteTable:
    """Return the route table of this id. Raises InvalidRouteTableId.Malformed, InvalidRouteTableID.NotFound."""
    found = route_tables.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("rtb", id)
    return found


@memoized
def described_table(table: RouteTable) -> Description:
    """Return a route table as answers describe it."""
    return Description(
        {
            "Associations": _described_associations(table),
            "PropagatingVgws": [],
            "RouteTableId": table.id,
            "Routes": [
                {
                    route.destination_member: route.destination,
                    route.target_member: route.target,
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


def _described_associations(table: RouteTable) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    if table.is_main:
        shown.append({"Main": True, "RouteTableAssociationId": table.association, "RouteTableId": table.id})
    for each in table.associations:
        named = {"SubnetId": each.subnet} if each.subnet else {"GatewayId": each.gateway}
        shown.append({"Main": False, "RouteTableAssociationId": each.id, "RouteTableId": table.id, **named})
    return [{**each, "AssociationState": {"State": "associated"}} for each in shown]


@memoized
def route_table_target(table: RouteTable) -> Target:
    """Return a route table's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(table.tags)
    keys["ec2:routetableid"] = table.id
    keys["ec2:vpc"] = ec2(table.region, table.account, f"vpc/{table.vpc}")
    return Target(ec2(table.region, table.account, f"route-table/{table.id}"), keys)


def target_of_route_table(call: Call, id: str) -> Target:
    """Return the target of a route table, which need not exist."""
    found = route_tables.get(call.tx, call.account, call.region, id)
    return route_table_target(found) if found is not None else unknown(call, "route-table", id)
