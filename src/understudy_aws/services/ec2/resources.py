"""The kinds of resource that EC2 has here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from understudy_aws.core.arn import Arn, ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.references import NO_REFERENCES, References
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.targets import resource_tags
from understudy_aws.services.ec2.attached_programs import (
    PROGRAM_REFERENCES,
    attached_programs,
    program_name,
)
from understudy_aws.services.ec2.block_public_access.records import (
    EXCLUSION_REFERENCES,
    exclusion_target,
    exclusions,
    find_exclusion,
)
from understudy_aws.services.ec2.cidr_blocks.reservation_records import (
    RESERVATION_REFERENCES,
    cidr_reservations,
    find_reservation,
    reservation_target,
)
from understudy_aws.services.ec2.dhcp_options import dhcp_options, find_options, options_target
from understudy_aws.services.ec2.egress_only_internet_gateways import (
    EGRESS_ONLY_REFERENCES,
    egress_only_gateways,
    egress_only_target,
    find_egress_only_gateway,
)
from understudy_aws.services.ec2.elastic_ip_records import (
    ELASTIC_IP_REFERENCES,
    elastic_ip_target,
    elastic_ips,
    find_elastic_ip,
)
from understudy_aws.services.ec2.flow_logs.records import (
    FLOW_LOG_REFERENCES,
    find_flow_log,
    flow_log_target,
    flow_logs,
)
from understudy_aws.services.ec2.internet_gateways import (
    GATEWAY_REFERENCES,
    find_gateway,
    gateway_target,
    internet_gateways,
)
from understudy_aws.services.ec2.nat_gateway_records import (
    NAT_GATEWAY_REFERENCES,
    find_nat_gateway,
    nat_gateway_target,
    nat_gateways,
)
from understudy_aws.services.ec2.network_acls import ACL_REFERENCES, acl_target, find_acl, network_acls
from understudy_aws.services.ec2.network_insights.analyses import (
    ANALYSIS_REFERENCES,
    analysis_target,
    find_analysis,
    network_insights_analyses,
)
from understudy_aws.services.ec2.network_insights.records import (
    PATH_REFERENCES,
    find_path,
    network_insights_paths,
    path_target,
)
from understudy_aws.services.ec2.network_interfaces import (
    INTERFACE_REFERENCES,
    find_interface,
    interface_target,
    network_interfaces,
)
from understudy_aws.services.ec2.peering.records import (
    CONNECTION_REFERENCES,
    connection_target,
    find_connection,
    vpc_peering_connections,
)
from understudy_aws.services.ec2.prefix_lists.records import (
    find_own_prefix_list,
    prefix_list_target,
    prefix_lists,
)
from understudy_aws.services.ec2.route_tables import (
    ROUTE_TABLE_REFERENCES,
    find_route_table,
    route_table_target,
    route_tables,
)
from understudy_aws.services.ec2.security_group_permissions import group_with_rule, rule_in
from understudy_aws.services.ec2.security_group_rules import SecurityGroupRule
from understudy_aws.services.ec2.security_groups import (
    GROUP_REFERENCES,
    SecurityGroup,
    find_group,
    group_target,
    security_groups,
)
from understudy_aws.services.ec2.subnets import SUBNET_REFERENCES, find_subnet, subnet_target, subnets
from understudy_aws.services.ec2.vpc_endpoints.records import (
    VPC_ENDPOINT_REFERENCES,
    find_vpc_endpoint,
    vpc_endpoint_target,
    vpc_endpoints,
)
from understudy_aws.services.ec2.vpcs import VPC_REFERENCES, find_vpc, vpc_target, vpcs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

R = TypeVar("R")
Recorded = TypeVar("Recorded", bound=Record)
Tags = Mapping[str, str]


class Ec2Resource(TaggedKind[R], frozen=True, kw_only=True):
    """A kind of resource whose resources have an id.

    id_prefix  what its ids begin with: `eni` in `eni-0123456789abcdef0`
    existing   returns the record of an id in the caller's account and Region, or raises EC2's error for a missing one
    scan       yields the ids of an account and Region in order, each with its tags
    """

    id_prefix: str
    existing: Callable[[Call, str], R]
    scan: Callable[[Transaction, str, str], Iterable[tuple[str, Tags]]]

    def find_by_id(self, call: Call, id: str) -> R | None:
        """Return the record of an id in the caller's account and Region, or None."""
        return self.find(call.tx, Arn("aws", "ec2", call.region, call.account, f"{self.name}/{id}"))


def _with_table(
    name: str,
    id_prefix: str,
    table: Table[Recorded],
    existing: Callable[[Call, str], Recorded],
    target: Callable[[Recorded], Target],
    *,
    references: References,
    deleted_by: str,
) -> Ec2Resource[Any]:
    """Describe a kind that has a table of its own, whose records have `id` and `tags`.

    The key of the table is made of account, Region and id.
    """

    def find(tx: Transaction, arn: Arn) -> Recorded | None:
        return table.get(tx, arn.account, arn.region, arn.resource.partition("/")[2])

    def identified(tx: Transaction, id: str) -> Recorded | None:
        if not id.startswith(f"{id_prefix}-"):
            return None
        found = (table.get(tx, *place, id) for place in table.heads(tx, 2))
        return next((record for record in found if record is not None), None)

    def identifier(record: Any) -> str:
        found: str = record.id
        return found

    def scan(tx: Transaction, account: str, region: str) -> Iterator[tuple[str, Tags]]:
        records: Iterable[Any] = table.scan(tx, account, region)
        return ((record.id, record.tags) for record in records)

    def tags(record: Any) -> Tags:
        found: Tags = record.tags
        return found

    def set_tags(tx: Transaction, record: Any, tags: Tags) -> None:
        table.put(tx, replace(record, tags=dict(tags)))

    return Ec2Resource(
        name=name,
        id_prefix=id_prefix,
        table=table,
        find=find,
        existing=existing,
        target=target,
        references=references,
        deleted_by=deleted_by,
        identifier=identifier,
        identified=identified,
        scan=scan,
        tags=tags,
        set_tags=set_tags,
    )


class _RuleOfGroup(NamedTuple):
    """A security group rule and the group whose record it is part of."""

    group: SecurityGroup
    rule: SecurityGroupRule


def _find_rule(tx: Transaction, arn: Arn) -> _RuleOfGroup | None:
    id = arn.resource.partition("/")[2]
    group = group_with_rule(tx, arn.account, arn.region, id)
    return None if group is None else _RuleOfGroup(group, rule_in(group, id))


def _identified_rule(tx: Transaction, id: str) -> _RuleOfGroup | None:
    group = next(iter(security_groups.where(tx, "rule", id)), None)
    return None if group is None else _RuleOfGroup(group, rule_in(group, id))


def _existing_rule(call: Call, id: str) -> _RuleOfGroup:
    group = group_with_rule(call.tx, call.account, call.region, id)
    if group is None:
        raise no_such("sgr", id)
    return _RuleOfGroup(group, rule_in(group, id))


def _rule_target(found: _RuleOfGroup) -> Target:
    arn = ec2(found.group.region, found.group.account, f"security-group-rule/{found.rule.id}")
    return Target(arn, resource_tags(found.rule.tags))


def _scan_rules(tx: Transaction, account: str, region: str) -> Iterable[tuple[str, Tags]]:
    groups = security_groups.scan(tx, account, region)
    return sorted((rule.id, rule.tags) for group in groups for rule in group.rules if rule.tags)


def _set_tags_of_rule(tx: Transaction, found: _RuleOfGroup, tags: Tags) -> None:
    group, changed = found
    rules = tuple(replace(rule, tags=dict(tags)) if rule.id == changed.id else rule for rule in group.rules)
    security_groups.put(tx, replace(group, rules=rules))


RESOURCES: tuple[Ec2Resource[Any], ...] = (
    _with_table(
        "dhcp-options",
        "dopt",
        dhcp_options,
        find_options,
        options_target,
        references=NO_REFERENCES,
        deleted_by="DeleteDhcpOptions",
    ),
    _with_table(
        "egress-only-internet-gateway",
        "eigw",
        egress_only_gateways,
        find_egress_only_gateway,
        egress_only_target,
        references=EGRESS_ONLY_REFERENCES,
        deleted_by="DeleteEgressOnlyInternetGateway",
    ),
    _with_table(
        "elastic-ip",
        "eipalloc",
        elastic_ips,
        find_elastic_ip,
        elastic_ip_target,
        references=ELASTIC_IP_REFERENCES,
        deleted_by="ReleaseAddress",
    ),
    _with_table(
        "internet-gateway",
        "igw",
        internet_gateways,
        find_gateway,
        gateway_target,
        references=GATEWAY_REFERENCES,
        deleted_by="DeleteInternetGateway",
    ),
    _with_table(
        "natgateway",
        "nat",
        nat_gateways,
        find_nat_gateway,
        nat_gateway_target,
        references=NAT_GATEWAY_REFERENCES,
        deleted_by="DeleteNatGateway",
    ),
    _with_table(
        "network-acl",
        "acl",
        network_acls,
        find_acl,
        acl_target,
        references=ACL_REFERENCES,
        deleted_by="DeleteNetworkAcl",
    ),
    _with_table(
        "network-insights-analysis",
        "nia",
        network_insights_analyses,
        find_analysis,
        analysis_target,
        references=ANALYSIS_REFERENCES,
        deleted_by="DeleteNetworkInsightsAnalysis",
    ),
    _with_table(
        "network-insights-path",
        "nip",
        network_insights_paths,
        find_path,
        path_target,
        references=PATH_REFERENCES,
        deleted_by="DeleteNetworkInsightsPath",
    ),
    _with_table(
        "network-interface",
        "eni",
        network_interfaces,
        find_interface,
        interface_target,
        references=INTERFACE_REFERENCES,
        deleted_by="DeleteNetworkInterface",
    ),
    _with_table(
        "prefix-list",
        "pl",
        prefix_lists,
        find_own_prefix_list,
        prefix_list_target,
        references=NO_REFERENCES,
        deleted_by="DeleteManagedPrefixList",
    ),
    _with_table(
        "route-table",
        "rtb",
        route_tables,
        find_route_table,
        route_table_target,
        references=ROUTE_TABLE_REFERENCES,
        deleted_by="DeleteRouteTable",
    ),
    _with_table(
        "security-group",
        "sg",
        security_groups,
        find_group,
        group_target,
        references=GROUP_REFERENCES,
        deleted_by="DeleteSecurityGroup",
    ),
    Ec2Resource(
        name="security-group-rule",
        id_prefix="sgr",
        table=security_groups,
        find=_find_rule,
        existing=_existing_rule,
        target=_rule_target,
        # What it refers to is told of its group.
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda found: found.rule.id,
        identified=_identified_rule,
        scan=_scan_rules,
        tags=lambda found: found.rule.tags,
        set_tags=_set_tags_of_rule,
    ),
    _with_table(
        "subnet",
        "subnet",
        subnets,
        find_subnet,
        subnet_target,
        references=SUBNET_REFERENCES,
        deleted_by="DeleteSubnet",
    ),
    _with_table(
        "subnet-cidr-reservation",
        "scr",
        cidr_reservations,
        find_reservation,
        reservation_target,
        references=RESERVATION_REFERENCES,
        deleted_by="DeleteSubnetCidrReservation",
    ),
    _with_table("vpc", "vpc", vpcs, find_vpc, vpc_target, references=VPC_REFERENCES, deleted_by="DeleteVpc"),
    _with_table(
        "vpc-block-public-access-exclusion",
        "vpcbpa-exclude",
        exclusions,
        find_exclusion,
        exclusion_target,
        references=EXCLUSION_REFERENCES,
        deleted_by="DeleteVpcBlockPublicAccessExclusion",
    ),
    _with_table(
        "vpc-flow-log",
        "fl",
        flow_logs,
        find_flow_log,
        flow_log_target,
        references=FLOW_LOG_REFERENCES,
        deleted_by="DeleteFlowLogs",
    ),
    _with_table(
        "vpc-peering-connection",
        "pcx",
        vpc_peering_connections,
        find_connection,
        connection_target,
        references=CONNECTION_REFERENCES,
        deleted_by="DeleteVpcPeeringConnection",
    ),
    _with_table(
        "vpc-endpoint",
        "vpce",
        vpc_endpoints,
        find_vpc_endpoint,
        vpc_endpoint_target,
        references=VPC_ENDPOINT_REFERENCES,
        deleted_by="DeleteVpcEndpoints",
    ),
)

PARTS: tuple[RecordKind[Any], ...] = (
    RecordKind(
        name="attached-program",
        table=attached_programs,
        references=PROGRAM_REFERENCES,
        deleted_by="",
        ended_by_hand="end the process",
        identifier=program_name,
    ),
)
