"""The operations that make and delete route tables, and associate them with subnets and gateways."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.internet_gateways import find_gateway, target_of_gateway
from understudy_aws.services.ec2.route_tables import (
    Association,
    RouteTable,
    a_route_table,
    described_table,
    find_route_table,
    local_routes,
    route_table_target,
    route_tables,
    target_of_route_table,
)
from understudy_aws.services.ec2.subnets import find_subnet, target_of_subnet
from understudy_aws.services.ec2.vpc_endpoints.gateway_routes import forget_table
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc
from understudy_aws.store.database import Transaction

# VPC user guide, "Amazon VPC quotas".
ROUTE_TABLES_PER_VPC = 200


def a_new_route_table(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a route table: it, its tags, and its VPC."""
    return [*a_new(call, params, "route-table"), target_of_vpc(call, params["vpc_id"])]


def a_table_and_what_it_is_for(call: Call, params: Params) -> Sequence[Target]:
    """Return the route table, and the subnet or gateway it is associated with."""
    targets = list(a_route_table(call, params))
    if params.get("subnet_id"):
        targets.append(target_of_subnet(call, params["subnet_id"]))
    if params.get("gateway_id"):
        targets.append(target_of_gateway(call, params["gateway_id"]))
    return targets


def an_association(call: Call, params: Params) -> Sequence[Target]:
    """Return the route table of the association that the request names, and the subnet or gateway it is with."""
    id = params["association_id"]
    for table in _tables_with(call, id):
        return [route_table_target(table), *_associated(call, table, id)]
    return [target_of_route_table(call, "*")]


def an_association_and_a_table(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of an association, and the table that is to take the place of its table."""
    return [*an_association(call, params), target_of_route_table(call, params["route_table_id"])]


@operation("ec2:CreateRouteTable", on=a_new_route_table)
def create_route_table(
    call: Call, *, vpc_id: str, tag_specifications: TagSpecifications = None, client_token: str | None = None
) -> Answer:
    """Make a route table with the VPC's local routes. Raises RouteTableLimitExceeded."""
    tags = tags_for("route-table", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    if route_tables.count_where(call.tx, "vpc", vpc.id) >= ROUTE_TABLES_PER_VPC:
        raise errors.limit("RouteTableLimitExceeded", "route tables")
    table = route_tables.put(
        call.tx,
        RouteTable(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("rtb"),
            vpc=vpc.id,
            routes=local_routes(vpc),
            tags=tags,
        ),
    )
    return {"RouteTable": described_table(table), "ClientToken": client_token}


@operation("ec2:DeleteRouteTable", on=a_route_table)
def delete_route_table(call: Call, *, route_table_id: str) -> Answer | None:
    """Delete a route table that nothing is associated with. Raises DependencyViolation."""
    table = find_route_table(call, route_table_id)
    if table.is_main or table.associations:
        raise errors.dependency("routeTable", table.id)
    route_tables.delete(call.tx, table)
    forget_table(call.tx, table.id)
    return None


@operation("ec2:AssociateRouteTable", on=a_table_and_what_it_is_for)
def associate_route_table(
    call: Call,
    *,
    route_table_id: str,
    gateway_id: str | None = None,
    public_ipv4_pool: str | None = None,
    subnet_id: str | None = None,
) -> Answer:
    """Associate a table with a subnet or an internet gateway of its VPC. Raises Resource.AlreadyAssociated."""
    refuse(public_ipv4_pool=public_ipv4_pool)
    if subnet_id and gateway_id:
        raise errors.combination("subnetId", "gatewayId")
    if not subnet_id and not gateway_id:
        raise errors.missing_choice("Either 'subnetId' or 'gatewayId' should be provided.")
    table = find_route_table(call, route_table_id)
    if subnet_id:
        subnet = find_subnet(call, subnet_id)
        vpc, held = subnet.vpc, route_tables.where(call.tx, "subnet", subnet.id)
        new = Association(id=call.ids.ec2("rtbassoc"), subnet=subnet.id)
        if vpc != table.vpc:
            raise errors.subnet_of_other_network(table.id, subnet.id)
    else:
        gateway = find_gateway(call, str(gateway_id))
        vpc, held = gateway.vpc, route_tables.where(call.tx, "gateway", gateway.id)
        new = Association(id=call.ids.ec2("rtbassoc"), gateway=gateway.id)
        if vpc != table.vpc:
            raise errors.table_of_other_network(table.id, f"network gateway {gateway.id}")
    for other in held:
        if other.id != table.id:
            raise errors.association_conflict(table.id)
        # Asked again for what is so already.
        (same,) = [
            each for each in table.associations if (each.subnet, each.gateway) == (new.subnet, new.gateway)
        ]
        return _associated_as(same.id)
    route_tables.put(call.tx, replace(table, associations=(*table.associations, new)))
    return _associated_as(new.id)


@operation("ec2:DisassociateRouteTable", on=an_association)
def disassociate_route_table(call: Call, *, association_id: str) -> Answer | None:
    """End an association, so that the VPC's main table holds for the subnet. The main table's own stays."""
    table = _table_with(call, association_id)
    if table.association == association_id:
        raise errors.invalid(f"cannot disassociate the main route table association {association_id}")
    _remove(call.tx, table, association_id)
    return None


@operation("ec2:ReplaceRouteTableAssociation", on=an_association_and_a_table)
def replace_route_table_association(call: Call, *, association_id: str, route_table_id: str) -> Answer:
    """Put another table of the VPC in the place of an association's table; also as the main table."""
    old, new = _table_with(call, association_id), find_route_table(call, route_table_id)
    if old.vpc != new.vpc:
        raise errors.table_of_other_network(new.id, f"route table {old.id}")
    id = call.ids.ec2("rtbassoc")
    if old.association == association_id:
        if old.id != new.id:
            route_tables.put(call.tx, replace(old, association=""))
        route_tables.put(call.tx, replace(find_route_table(call, new.id), association=id))
    else:
        (moved,) = [each for each in old.associations if each.id == association_id]
        _remove(call.tx, old, association_id)
        new = find_route_table(call, new.id)
        route_tables.put(call.tx, replace(new, associations=(*new.associations, replace(moved, id=id))))
    return {"NewAssociationId": id, "AssociationState": {"State": "associated"}}


def _associated_as(id: str) -> Answer:
    return {"AssociationId": id, "AssociationState": {"State": "associated"}}


def _remove(tx: Transaction, table: RouteTable, association: str) -> None:
    kept = tuple(each for each in table.associations if each.id != association)
    route_tables.put(tx, replace(table, associations=kept))


def _tables_with(call: Call, association: str) -> list[RouteTable]:
    """Return the caller's table with this association: one or none."""
    return [
        table
        for table in route_tables.where(call.tx, "association", association)
        if (table.account, table.region) == (call.account, call.region)
    ]


def _table_with(call: Call, association: str) -> RouteTable:
    """Return the table with this association. Raises InvalidAssociationID.NotFound."""
    for table in _tables_with(call, association):
        return table
    raise no_such("rtbassoc", association)


def _associated(call: Call, table: RouteTable, id: str) -> list[Target]:
    """Return the target of the subnet or gateway that an association is with; none for the main table's own."""
    return [
        target_of_subnet(call, each.subnet) if each.subnet else target_of_gateway(call, each.gateway)
        for each in table.associations
        if each.id == id
    ]
