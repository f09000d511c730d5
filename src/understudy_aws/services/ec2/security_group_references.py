"""Rules about groups of peered VPCs: which may be named, who names a group, stale rules (vpc-peering.md 12.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import items_after, page_start, paginate
from understudy_aws.services.ec2.peering.records import (
    ACTIVE,
    PeeringSide,
    active_between,
    status_of_connection,
)
from understudy_aws.services.ec2.security_group_associations.operations import may_be_used_in
from understudy_aws.services.ec2.security_group_rules import SecurityGroupRule, permissions
from understudy_aws.services.ec2.security_groups import (
    SecurityGroup,
    find_group,
    named,
    security_groups,
    target_of_group,
)
from understudy_aws.services.ec2.vpcs import find_vpc


def the_groups(call: Call, params: Params) -> Sequence[Target]:
    """Return each group that the request names."""
    return [target_of_group(call, id) for id in params["group_id"]]


@operation("ec2:DescribeSecurityGroupReferences", on=the_groups)
def describe_security_group_references(call: Call, *, group_id: list[str]) -> Answer:
    """Describe peered VPCs whose groups have rules about these groups."""
    found: dict[tuple[str, str, str], None] = {}
    for id in dict.fromkeys(group_id):
        group = find_group(call, id)
        for other in security_groups.where(call.tx, "peered", group.id):
            for rule in other.rules:
                if rule.group == group.id and status_of_connection(call, rule.peering) == ACTIVE:
                    found[group.id, other.vpc, rule.peering] = None
    return {
        "SecurityGroupReferenceSet": [
            {"GroupId": id, "ReferencingVpcId": vpc, "VpcPeeringConnectionId": peering}
            for id, vpc, peering in found
        ]
    }


@operation("ec2:DescribeStaleSecurityGroups", on=all_resources)
def describe_stale_security_groups(
    call: Call, *, vpc_id: str, max_results: int | None = None, next_token: str | None = None
) -> Answer:
    """Describe groups of a VPC with rules about groups that are gone, or whose peering connection is."""
    vpc = find_vpc(call, vpc_id)
    after, scope = page_start(call, None, max_results, next_token)
    groups = [
        group
        for group in security_groups.where(call.tx, "vpc", vpc.id)
        if any(_is_stale(call, rule) for rule in group.rules)
    ]
    found, token = paginate(
        items_after(groups, after, security_groups.key), max_results, security_groups.key, scope
    )
    return {"StaleSecurityGroupSet": [_stale(call, group) for group in found], "NextToken": token}


def reference_to(
    call: Call,
    group: SecurityGroup,
    *,
    id: str | None,
    name: str | None = None,
    account: str | None = None,
    peering: str | None = None,
) -> dict[str, str]:
    """Return the fields by which a rule of a group names another group: of its own VPC, or of a peered one.

    Raises InvalidGroup.NotFound for a group that does not exist or cannot be named there.
    """
    if not id:
        if not name:
            raise errors.missing("groupId")
        there = named(call.tx, group.vpc, name)
        if there is None or account not in (None, "", group.account):
            raise errors.no_such_group(name)
        return {"group": there.id, "group_account": there.account}
    for rule in group.rules:
        # A stale rule can still be named, to take it away.
        if rule.group == id and rule.peering and peering in (None, "", rule.peering):
            return _fields_of(rule)
    owner = account or group.account
    other = security_groups.get(call.tx, owner, group.region, id)
    if other is None:
        raise no_such("sg", id)
    if owner == group.account and may_be_used_in(call, other, group.vpc):
        return {"group": other.id, "group_account": other.account}
    connection = active_between(
        call.tx,
        PeeringSide(account=group.account, region=group.region, vpc=group.vpc),
        PeeringSide(account=other.account, region=other.region, vpc=other.vpc),
        call.at,
    )
    if not connection:
        # The groups of other accounts are not told of.
        raise errors.other_network() if owner == group.account else errors.no_such_group(id)
    if peering and peering != connection:
        raise no_such("pcx", peering)
    return {
        "group": other.id,
        "group_account": other.account,
        "group_vpc": other.vpc,
        "peering": connection,
    }


def _fields_of(rule: SecurityGroupRule) -> dict[str, str]:
    return {
        "group": rule.group,
        "group_account": rule.group_account,
        "group_vpc": rule.group_vpc,
        "peering": rule.peering,
    }


def _is_stale(call: Call, rule: SecurityGroupRule) -> bool:
    return bool(rule.peering) and (
        status_of_connection(call, rule.peering) != ACTIVE
        or security_groups.get(call.tx, rule.group_account, call.region, rule.group) is None
    )


def _stale(call: Call, group: SecurityGroup) -> Mapping[str, Any]:
    status = partial(status_of_connection, call)

    def stale(rules: Iterable[SecurityGroupRule]) -> list[dict[str, Any]]:
        shown = permissions([rule for rule in rules if _is_stale(call, rule)], status)
        return [
            {
                **{name: entry[name] for name in ("IpProtocol", "FromPort", "ToPort", "UserIdGroupPairs")},
                "IpRanges": [],
                "PrefixListIds": [],
            }
            for entry in shown
        ]

    return {
        "Description": group.description,
        "GroupId": group.id,
        "GroupName": group.name,
        "StaleIpPermissions": stale(group.ingress),
        "StaleIpPermissionsEgress": stale(group.egress),
        "VpcId": group.vpc,
    }
