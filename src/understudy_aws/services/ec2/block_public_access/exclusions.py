"""The operations on exclusions from VPC Block Public Access."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, changes_in, changing, unknown
from understudy_aws.services.ec2.block_public_access.records import (
    EXCLUSION_MODES,
    Exclusion,
    described_exclusion,
    exclusion_target,
    exclusions,
    find_exclusion,
    resource_arn,
    state_of,
)
from understudy_aws.services.ec2.subnets import find_subnet, target_of_subnet
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc

_KIND = "vpc-block-public-access-exclusion"
# VPC user guide, "Amazon VPC quotas".
EXCLUSIONS_PER_REGION = 50

_FILTERS: FilterTable = MappingProxyType(
    {
        "internet-gateway-exclusion-mode": lambda exclusion: (exclusion.mode,),
        "resource-arn": lambda exclusion: (resource_arn(exclusion),),
    }
)


def a_new_exclusion(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making an exclusion: it, its tags, and the VPC or subnet it is for."""
    targets = a_new(call, params, _KIND)
    if params.get("subnet_id"):
        targets.append(target_of_subnet(call, params["subnet_id"]))
    if params.get("vpc_id"):
        targets.append(target_of_vpc(call, params["vpc_id"]))
    return targets


def an_exclusion(call: Call, params: Params) -> Sequence[Target]:
    """Return the exclusion that the request names."""
    id = params["exclusion_id"]
    found = exclusions.get(call.tx, call.account, call.region, id)
    return [exclusion_target(found) if found is not None else unknown(call, _KIND, id)]


def an_exclusion_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the exclusion with the attribute being changed."""
    (target,) = an_exclusion(call, params)
    return [changing(target, changes_in(params, "exclusion_id"))]


@operation("ec2:CreateVpcBlockPublicAccessExclusion", on=a_new_exclusion)
def create_vpc_block_public_access_exclusion(
    call: Call,
    *,
    internet_gateway_exclusion_mode: str,
    subnet_id: str | None = None,
    vpc_id: str | None = None,
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Exclude a VPC or a subnet from the account's mode, whatever this is."""
    _check_mode(internet_gateway_exclusion_mode)
    if subnet_id and vpc_id:
        raise errors.combination("subnetId", "vpcId")
    tags = tags_for(_KIND, tag_specifications)
    if subnet_id:
        resource = find_subnet(call, subnet_id).id
    elif vpc_id:
        resource = find_vpc(call, vpc_id).id
    else:
        raise errors.missing_choice("Either 'vpcId' or 'subnetId' should be provided.")
    if exclusions.count_where(call.tx, "resource", resource):
        raise _excluded_already(resource)
    if exclusions.count_where(call.tx, "place", (call.account, call.region)) >= EXCLUSIONS_PER_REGION:
        raise errors.limit("VpcBlockPublicAccessExclusionLimitExceeded", "VPC Block Public Access exclusions")
    id = call.ids.ec2("vpcbpa-exclude")
    made = exclusions.put(
        call.tx,
        Exclusion(
            account=call.account,
            region=call.region,
            id=id,
            resource=resource,
            mode=internet_gateway_exclusion_mode,
            created=call.at,
            ready=_ready(call, id),
            tags=tags,
        ),
    )
    shown = {**described_exclusion(made, call.at), "State": "create-in-progress"}
    return {"VpcBlockPublicAccessExclusion": shown}


@operation("ec2:ModifyVpcBlockPublicAccessExclusion", on=an_exclusion_to_change)
def modify_vpc_block_public_access_exclusion(
    call: Call, *, exclusion_id: str, internet_gateway_exclusion_mode: str
) -> Answer:
    """Change the mode of an exclusion."""
    _check_mode(internet_gateway_exclusion_mode)
    exclusion = _living(call, exclusion_id, "modified")
    changed = exclusions.put(
        call.tx,
        replace(
            exclusion,
            mode=internet_gateway_exclusion_mode,
            updated=call.at,
            ready=_ready(call, exclusion.id),
        ),
    )
    shown = {**described_exclusion(changed, call.at), "State": "update-in-progress"}
    return {"VpcBlockPublicAccessExclusion": shown}


@operation("ec2:DeleteVpcBlockPublicAccessExclusion", on=an_exclusion)
def delete_vpc_block_public_access_exclusion(call: Call, *, exclusion_id: str) -> Answer:
    """Delete an exclusion. It is described for a while in the state delete-complete."""
    exclusion = _living(call, exclusion_id, "deleted")
    deleted = replace(exclusion, deleted=call.at, ready=_ready(call, exclusion.id))
    exclusions.put(call.tx, deleted)
    shown = {**described_exclusion(deleted, call.at), "State": "delete-in-progress"}
    return {"VpcBlockPublicAccessExclusion": shown}


@operation("ec2:DescribeVpcBlockPublicAccessExclusions", on=all_resources)
def describe_vpc_block_public_access_exclusions(
    call: Call,
    *,
    filters: Filters = None,
    exclusion_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the account's exclusions in the Region."""
    table = {**_FILTERS, "state": lambda exclusion: (state_of(exclusion, call.at),)}
    found, token = select(
        call, exclusions, find_exclusion, table,
        ids=exclusion_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="ExclusionIds",
    )  # fmt: skip
    return {
        "VpcBlockPublicAccessExclusions": [described_exclusion(each, call.at) for each in found],
        "NextToken": token,
    }


def _living(call: Call, id: str, doing: str) -> Exclusion:
    """Return an exclusion that was not deleted. Raises InvalidParameterValue; `doing` is such as `deleted`."""
    exclusion = find_exclusion(call, id)
    if exclusion.deleted is not None:
        raise errors.invalid(f"{id} is in {state_of(exclusion, call.at)} state and cannot be {doing}")
    return exclusion


def _ready(call: Call, id: str) -> datetime:
    return call.at + timedelta(seconds=call.latency.public_access_seconds(id))


def _check_mode(mode: str) -> None:
    if mode not in EXCLUSION_MODES:
        raise errors.invalid_value(mode, "internetGatewayExclusionMode")


def _excluded_already(resource: str) -> ApiError:
    """Return the error for a second exclusion of a VPC or subnet. The text is ours."""
    return errors.invalid(f"{resource} already has a VPC Block Public Access exclusion.")
