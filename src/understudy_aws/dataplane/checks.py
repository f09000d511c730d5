"""Whether a value is a network at all: blocks and addresses can be read, and what is named is there."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from understudy_aws.dataplane.wanted import Interface, Network, Vpc


def check(network: Network) -> None:
    """Raise ValueError for a text that is no block or address, and LookupError for a name of nothing."""
    vpcs = {vpc.id for vpc in network.vpcs}
    for vpc in network.vpcs:
        _check_vpc(vpc)
    for peering in network.peerings:
        _find((peering.requester, peering.accepter), vpcs, "VPC")
    for blocks in network.prefix_lists.values():
        _blocks(blocks)


def check_references(vpc: Vpc, interfaces: Iterable[Interface]) -> None:
    """Raise LookupError where a subnet, or one of some interfaces, names what is not in the VPC."""
    tables = {table.id for table in vpc.route_tables}
    acls = {acl.id for acl in vpc.network_acls}
    subnets = {subnet.id for subnet in vpc.subnets}
    groups = {group.id for group in vpc.security_groups}
    for subnet in vpc.subnets:
        _find((subnet.route_table,), tables, "route table")
        _find((subnet.network_acl,), acls, "network ACL")
    for interface in interfaces:
        _find((interface.subnet,), subnets, "subnet")
        _find(interface.groups, groups, "security group")


def _check_vpc(vpc: Vpc) -> None:
    check_references(vpc, vpc.interfaces)
    _blocks(vpc.cidrs)
    for subnet in vpc.subnets:
        _blocks(subnet.cidrs)
    for table in vpc.route_tables:
        _blocks(route.destination for route in table.routes)
    for acl in vpc.network_acls:
        _blocks(entry.cidr for entry in (*acl.ingress, *acl.egress))
    for group in vpc.security_groups:
        _blocks(rule.cidr for rule in (*group.ingress, *group.egress) if rule.cidr)
    for interface in vpc.interfaces:
        for address in interface.addresses:
            ip_address(address)


def _blocks(texts: Iterable[str]) -> None:
    for text in texts:
        ip_network(text)


def _find(names: Iterable[str], there: Iterable[str], kind: str) -> None:
    for name in names:
        if name not in there:
            raise LookupError(f"There is no {kind} {name!r}.")
