"""DescribeVpcEndpoints and DescribeVpcEndpointAssociations."""

from __future__ import annotations

from types import MappingProxyType

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.errors import combination
from understudy_aws.services.ec2.api.filters import FilterTable, exact, matching, nothing
from understudy_aws.services.ec2.api.listings import Filters, page_start, select
from understudy_aws.services.ec2.vpc_endpoints.descriptions import described_endpoint
from understudy_aws.services.ec2.vpc_endpoints.records import (
    VpcEndpoint,
    find_vpc_endpoint,
    state_of,
    vpc_endpoints,
)

ENDPOINT_FILTERS: FilterTable = MappingProxyType(
    {
        "ip-address-type": lambda endpoint: (endpoint.ip_address_type,),
        "service-name": lambda endpoint: (endpoint.service,),
        "service-region": lambda endpoint: (endpoint.region,),
        "vpc-endpoint-id": lambda endpoint: (endpoint.id,),
        "vpc-endpoint-type": lambda endpoint: (endpoint.kind,),
        "vpc-id": lambda endpoint: (endpoint.vpc,),
    }
)
ASSOCIATION_FILTERS: FilterTable = MappingProxyType(
    dict.fromkeys(
        (
            "associated-resource-accessibility",
            "associated-resource-id",
            "association-id",
            "resource-configuration-group-arn",
            "service-network-arn",
            "vpc-endpoint-id",
        ),
        nothing,
    )
)


@operation("ec2:DescribeVpcEndpoints", on=all_resources)
def describe_vpc_endpoints(
    call: Call,
    *,
    vpc_endpoint_ids: list[str] | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's endpoints in the Region; those that are deleted for a moment more."""
    table = {**ENDPOINT_FILTERS, "vpc-endpoint-state": lambda endpoint: (state_of(endpoint, call.at),)}
    found, token = select(
        call, vpc_endpoints, find_vpc_endpoint, table,
        ids=vpc_endpoint_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="VpcEndpointIds", among=_indexed(call, filters),
    )  # fmt: skip
    return {
        "VpcEndpoints": [described_endpoint(call.tx, endpoint, call.at) for endpoint in found],
        "NextToken": token,
    }


@operation("ec2:DescribeVpcEndpointAssociations", on=all_resources)
def describe_vpc_endpoint_associations(
    call: Call,
    *,
    vpc_endpoint_ids: list[str] | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe resources and service networks that endpoints are made to. There are none of these here."""
    matching(filters, ASSOCIATION_FILTERS)
    if vpc_endpoint_ids and max_results is not None:
        raise combination("VpcEndpointIds", "maxResults")
    page_start(call, filters, max_results, next_token)
    for id in vpc_endpoint_ids or ():
        find_vpc_endpoint(call, id)
    return {"VpcEndpointAssociations": []}


def _indexed(call: Call, filters: Filters) -> list[VpcEndpoint] | None:
    """Return the endpoints of the VPCs that the filters name, by key, or None if they name none."""
    values = exact(filters, "vpc-id")
    if values is None:
        return None
    found = [each for value in values for each in vpc_endpoints.where(call.tx, "vpc", value)]
    return sorted(
        [each for each in found if (each.account, each.region) == (call.account, call.region)],
        key=lambda endpoint: endpoint.id,
    )
