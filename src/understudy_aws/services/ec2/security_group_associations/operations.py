"""The operations that associate security groups with VPCs, and tell which groups a VPC has (prefix-lists.md 16.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, matching
from understudy_aws.services.ec2.api.listings import Filters, items_after, page_start, paginate
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.security_group_associations.records import (
    ASSOCIATED,
    ASSOCIATING,
    DISASSOCIATING,
    GroupAssociation,
    association,
    group_associations,
    has_ended,
    state_of,
)
from understudy_aws.services.ec2.security_groups import (
    DEFAULT,
    SecurityGroup,
    a_group,
    find_group,
    security_groups,
)
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc

ASSOCIATION_FILTERS: FilterTable = MappingProxyType(
    {
        "group-id": lambda each: (each.group,),
        "group-owner-id": lambda each: (each.account,),
        "vpc-id": lambda each: (each.vpc,),
        "vpc-owner-id": lambda each: (each.account,),
    }
)
VPC_GROUP_FILTERS: FilterTable = MappingProxyType(
    {
        "description": lambda group: (group.description,),
        "group-id": lambda group: (group.id,),
        "group-name": lambda group: (group.name,),
        "owner-id": lambda group: (group.account,),
        "primary-vpc-id": lambda group: (group.vpc,),
    }
)


def a_group_and_a_vpc(call: Call, params: Params) -> Sequence[Target]:
    """Return the group and the VPC that the request names."""
    return [*a_group(call, params), target_of_vpc(call, params["vpc_id"])]


def a_vpc_for_groups(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC that the request names."""
    return [target_of_vpc(call, params["vpc_id"])]


@operation("ec2:AssociateSecurityGroupVpc", on=a_group_and_a_vpc)
def associate_security_group_vpc(call: Call, *, group_id: str, vpc_id: str) -> Answer:
    """Let interfaces in another VPC of the account use a group. Raises InvalidParameterValue.

    Neither a default group nor a default VPC can be associated.
    """
    group, vpc = find_group(call, group_id), find_vpc(call, vpc_id)
    if group.name == DEFAULT:
        raise errors.invalid_value(group.id, "GroupId", "A default security group cannot be associated.")
    if vpc.is_default:
        raise errors.invalid_value(
            vpc.id, "VpcId", "Security groups cannot be associated with a default VPC."
        )
    if vpc.id == group.vpc:
        raise errors.invalid_value(vpc.id, "VpcId", "It is the VPC that the security group was created in.")
    if association(call, group.id, vpc.id) is not None:
        raise ApiError(
            "Resource.AlreadyAssociated",
            f"The security group {group.id} is already associated with the VPC {vpc.id}",
        )
    group_associations.put(
        call.tx,
        GroupAssociation(
            account=group.account,
            region=group.region,
            group=group.id,
            vpc=vpc.id,
            until=call.at + timedelta(seconds=call.latency.group_association_seconds(group.id)),
        ),
    )
    return {"State": ASSOCIATING}


@operation("ec2:DisassociateSecurityGroupVpc", on=a_group_and_a_vpc)
def disassociate_security_group_vpc(call: Call, *, group_id: str, vpc_id: str) -> Answer:
    """End an association that no interface of the VPC needs. Raises DependencyViolation."""
    group = find_group(call, group_id)
    vpc = find_vpc(call, vpc_id)
    held = association(call, group.id, vpc.id)
    if held is None or held.leaving:
        raise ApiError(
            "InvalidSecurityGroupVpcAssociation.NotFound",
            f"The security group {group.id} is not associated with the VPC {vpc.id}",
        )
    if any(each.vpc == vpc.id for each in network_interfaces.where(call.tx, "group", group.id)):
        raise errors.group_in_use(group.id)
    until = call.at + timedelta(seconds=call.latency.group_association_seconds(group.id))
    if until <= call.at:
        group_associations.delete(call.tx, held)
    else:
        group_associations.put(call.tx, replace(held, leaving=True, until=until))
    return {"State": DISASSOCIATING}


@operation("ec2:DescribeSecurityGroupVpcAssociations", on=all_resources)
def describe_security_group_vpc_associations(
    call: Call, *, filters: Filters = None, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """Describe the associations of the account's groups with VPCs."""
    matches = matching(filters, {**ASSOCIATION_FILTERS, "state": lambda each: (state_of(each, call.at),)})
    after, scope = page_start(call, filters, max_results, next_token)
    there = [
        each
        for each in group_associations.scan(call.tx, call.account, call.region)
        if not has_ended(each, call.at)
    ]
    wanted = items_after(filter(matches, there) if matches else there, after, group_associations.key)
    found, token = paginate(wanted, max_results, group_associations.key, scope)
    return {
        "SecurityGroupVpcAssociations": [
            {
                "GroupId": each.group,
                "VpcId": each.vpc,
                "VpcOwnerId": each.account,
                "State": state_of(each, call.at),
                "GroupOwnerId": each.account,
            }
            for each in found
        ],
        "NextToken": token,
    }


@operation("ec2:GetSecurityGroupsForVpc", on=a_vpc_for_groups)
def get_security_groups_for_vpc(
    call: Call,
    *,
    vpc_id: str,
    next_token: str | None = None,
    max_results: int | None = None,
    filters: Filters = None,
) -> Answer:
    """Tell which groups interfaces in a VPC can use: its own, and those associated with it."""
    vpc = find_vpc(call, vpc_id)
    matches = matching(filters, VPC_GROUP_FILTERS)
    after, scope = page_start(call, filters, max_results, next_token)
    associated = [
        security_groups.get(call.tx, each.account, each.region, each.group)
        for each in group_associations.where(call.tx, "vpc", vpc.id)
        if state_of(each, call.at) == ASSOCIATED
    ]
    usable = [*security_groups.where(call.tx, "vpc", vpc.id), *(each for each in associated if each)]
    usable.sort(key=security_groups.key)
    wanted = items_after(filter(matches, usable) if matches else usable, after, security_groups.key)
    found, token = paginate(wanted, max_results, security_groups.key, scope)
    return {"SecurityGroupForVpcs": [_of_vpc(group) for group in found], "NextToken": token}


def may_be_used_in(call: Call, group: SecurityGroup, vpc: str) -> bool:
    """Return whether interfaces in a VPC can use a group: one of its own, or one that is associated with it."""
    if group.vpc == vpc:
        return True
    found = association(call, group.id, vpc)
    return found is not None and state_of(found, call.at) == ASSOCIATED


def _of_vpc(group: SecurityGroup) -> dict[str, Any]:
    return {
        "Description": group.description,
        "GroupName": group.name,
        "OwnerId": group.account,
        "GroupId": group.id,
        "Tags": tag_set(group.tags),
        "PrimaryVpcId": group.vpc,
    }
