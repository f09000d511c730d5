"""Changes of a wanted network that let a connection pass: a rule, an entry of a network ACL, a route more or less."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.wanted import (
    Network,
    NetworkAcl,
    NetworkAclEntry,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)


class AddRule(msgspec.Struct, frozen=True, tag="add-rule"):
    """Add a rule to a security group."""

    group: str
    egress: bool
    rule: SecurityGroupRule


class AddEntry(msgspec.Struct, frozen=True, tag="add-entry"):
    """Add an entry to a network ACL, or put it in the place of that of its number."""

    acl: str
    egress: bool
    entry: NetworkAclEntry


class AddRoute(msgspec.Struct, frozen=True, tag="add-route"):
    """Add a route to a table, or put it in the place of that of its destination."""

    table: str
    route: Route


class DeleteRoute(msgspec.Struct, frozen=True, tag="delete-route"):
    """Delete the route of a destination from a table."""

    table: str
    destination: str


Change: TypeAlias = AddRule | AddEntry | AddRoute | DeleteRoute


def changed(network: Network, change: Change) -> Network:
    """Return a network with a change made."""
    return replace(network, vpcs=tuple(_changed_vpc(vpc, change) for vpc in network.vpcs))


def _changed_vpc(vpc: Vpc, change: Change) -> Vpc:
    if isinstance(change, AddRule):
        groups = tuple(_with_rule(each, change) for each in vpc.security_groups)
        return replace(vpc, security_groups=groups)
    if isinstance(change, AddEntry):
        return replace(vpc, network_acls=tuple(_with_entry(each, change) for each in vpc.network_acls))
    return replace(vpc, route_tables=tuple(_with_routes(each, change) for each in vpc.route_tables))


def _with_rule(group: SecurityGroup, change: AddRule) -> SecurityGroup:
    if group.id != change.group:
        return group
    if change.egress:
        return replace(group, egress=(*group.egress, change.rule))
    return replace(group, ingress=(*group.ingress, change.rule))


def _with_entry(acl: NetworkAcl, change: AddEntry) -> NetworkAcl:
    if acl.id != change.acl:
        return acl
    before = acl.egress if change.egress else acl.ingress
    entries = (*(each for each in before if each.number != change.entry.number), change.entry)
    return replace(acl, egress=entries) if change.egress else replace(acl, ingress=entries)


def _with_routes(table: RouteTable, change: AddRoute | DeleteRoute) -> RouteTable:
    if table.id != change.table:
        return table
    if isinstance(change, DeleteRoute):
        return replace(
            table, routes=tuple(each for each in table.routes if each.destination != change.destination)
        )
    kept = (each for each in table.routes if each.destination != change.route.destination)
    return replace(table, routes=(*kept, change.route))
