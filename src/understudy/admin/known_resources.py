"""What a request about a resource that exists would carry of it: its tags, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from understudy.core.arn import Arn, parse
from understudy.gateway.call import Target
from understudy.services.apprunner.targets import resource_tags
from understudy.services.apprunner.vpc_connectors import vpc_connectors
from understudy.services.ec2.dhcp_options import dhcp_options, options_target
from understudy.services.ec2.internet_gateways import gateway_target, internet_gateways
from understudy.services.ec2.network_acls import acl_target, network_acls
from understudy.services.ec2.network_interfaces import interface_target, network_interfaces
from understudy.services.ec2.route_tables import route_table_target, route_tables
from understudy.services.ec2.security_groups import group_target, security_groups
from understudy.services.ec2.subnets import subnet_target, subnets
from understudy.services.ec2.vpcs import vpc_target, vpcs
from understudy.services.iam.role_records import Role, roles
from understudy.services.iam.tags import entity_keys
from understudy.services.iam.users import User, users
from understudy.store.database import Transaction

Keys = dict[str, str | list[str]]

# By the word for the kind in an ARN: the table, and what policies see of a record.
_EC2: Mapping[str, tuple[Any, Callable[[Any], Target]]] = MappingProxyType(
    {
        "dhcp-options": (dhcp_options, options_target),
        "internet-gateway": (internet_gateways, gateway_target),
        "network-acl": (network_acls, acl_target),
        "network-interface": (network_interfaces, interface_target),
        "route-table": (route_tables, route_table_target),
        "security-group": (security_groups, group_target),
        "subnet": (subnets, subnet_target),
        "vpc": (vpcs, vpc_target),
    }
)


def keys_of(tx: Transaction, resource: str) -> Keys:
    """The condition keys of the resource of that ARN; none for one that is not here."""
    arn = parse(resource)
    if arn is None:
        return {}
    if arn.service == "ec2":
        return _of_ec2(tx, arn)
    if arn.service == "apprunner":
        found = vpc_connectors.where(tx, "by_arn", resource)
        return resource_tags(found[0].tags) if found else {}
    return _of_iam(tx, arn, resource) if arn.service == "iam" else {}


def _of_ec2(tx: Transaction, arn: Arn) -> Keys:
    kind, _, id = arn.resource.partition("/")
    if kind not in _EC2:
        return {}
    table, target = _EC2[kind]
    record = table.get(tx, arn.account, arn.region, id)
    return dict(target(record).keys) if record is not None else {}


def _of_iam(tx: Transaction, arn: Arn, resource: str) -> Keys:
    """The tags and the boundary of a role or a user."""
    kind, name = arn.resource.partition("/")[0], resource.rpartition("/")[2].lower()
    found: Role | User | None = roles.get(tx, arn.account, name) if kind == "role" else None
    if kind == "user":
        found = users.get(tx, arn.account, name)
    if found is None or found.arn != resource:
        return {}
    bounded: Keys = {"iam:permissionsboundary": found.boundary} if found.boundary else {}
    return {**entity_keys(found.tags), **bounded}
