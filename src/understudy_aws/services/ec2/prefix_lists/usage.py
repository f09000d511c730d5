"""What refers to prefix lists, and how much a reference counts towards quotas (prefix-lists.md 16.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from understudy_aws.services.ec2.prefix_lists.records import (
    IPV4,
    IPV6,
    ManagedPrefixList,
    prefix_list,
    prefix_lists,
)
from understudy_aws.services.ec2.route_tables import RouteTable, route_tables
from understudy_aws.services.ec2.security_group_rules import SecurityGroupRule
from understudy_aws.services.ec2.security_groups import SecurityGroup, security_groups
from understudy_aws.store.database import RecordKey, Transaction

# VPC user guide, "Amazon VPC quotas": of each direction, of IPv4 and of IPv6.
RULES_PER_DIRECTION = 60
# The same page: 500 at first.
ROUTES_PER_TABLE = 500


def groups_with(tx: Transaction, key: RecordKey) -> list[SecurityGroup]:
    """Return the security groups with rules about a list. `key` are an account, its Region and the list's id."""
    account, region, id = key
    found = security_groups.where(tx, "prefix_list", id)
    return [group for group in found if (group.account, group.region) == (account, region)]


def tables_with(tx: Transaction, key: RecordKey) -> list[RouteTable]:
    """Return the route tables with a route to a list. `key` are an account, its Region and the list's id."""
    account, region, id = key
    found = route_tables.where(tx, "prefix_list", id)
    return [table for table in found if (table.account, table.region) == (account, region)]


def users_of(tx: Transaction, key: RecordKey) -> list[str]:
    """Return the ids of what refers to a list, in order. `key` are an account, its Region and the list's id."""
    found: list[SecurityGroup | RouteTable] = [*groups_with(tx, key), *tables_with(tx, key)]
    return sorted(each.id for each in found)


def rules_counted(
    tx: Transaction,
    group: SecurityGroup,
    rules: Iterable[SecurityGroupRule],
    now: datetime,
    resized: ManagedPrefixList | None = None,
) -> dict[tuple[bool, str], int]:
    """Return how many rules count towards the quota, by direction (whether egress) and address family.

    A rule about a group counts for both families, and one about a list as often as the list can have entries.
    `resized` is a list as it would be.
    """
    counts: dict[tuple[bool, str], int] = {}
    for rule in rules:
        for family, weight in _weights(tx, group, rule, now, resized):
            counts[rule.egress, family] = counts.get((rule.egress, family), 0) + weight
    return counts


def routes_counted(
    tx: Transaction, table: RouteTable, now: datetime, resized: ManagedPrefixList | None = None
) -> int:
    """Return how many routes of a table count towards the quota."""
    return sum(
        _weight(tx, (table.account, table.region, route.destination), now, resized)[1]
        if route.destination.startswith("pl-")
        else 1
        for route in table.routes
    )


def too_small_for(tx: Transaction, resized: ManagedPrefixList, now: datetime) -> list[str]:
    """Return the ids of the groups and tables whose quota a list would exceed that was resized."""
    key = prefix_lists.key(resized)
    full = [
        group.id
        for group in groups_with(tx, key)
        if max(rules_counted(tx, group, group.rules, now, resized).values()) > RULES_PER_DIRECTION
    ]
    return full + [
        table.id
        for table in tables_with(tx, key)
        if routes_counted(tx, table, now, resized) > ROUTES_PER_TABLE
    ]


def _weights(
    tx: Transaction,
    group: SecurityGroup,
    rule: SecurityGroupRule,
    now: datetime,
    resized: ManagedPrefixList | None,
) -> list[tuple[str, int]]:
    if rule.prefix_list:
        return [_weight(tx, (group.account, group.region, rule.prefix_list), now, resized)]
    if rule.group:
        return [(IPV4, 1), (IPV6, 1)]
    return [(IPV6 if rule.cidr_ipv6 else IPV4, 1)]


def _weight(
    tx: Transaction, key: RecordKey, now: datetime, resized: ManagedPrefixList | None
) -> tuple[str, int]:
    """Return the address family of a list, and how often a reference to it counts."""
    account, region, id = key
    found = resized if resized is not None and resized.id == id else prefix_list(tx, account, region, id, now)
    return (IPV4, 1) if found is None else (found.family, found.max_entries)
