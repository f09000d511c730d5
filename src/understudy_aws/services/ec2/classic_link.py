"""ClassicLink, which AWS has retired: every VPC is described as having none of it.

Older clients, such as Terraform before its version 5, still ask for it.
"""

from __future__ import annotations

from types import MappingProxyType

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.filters import FilterTable, yes_or_no
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.vpcs import find_vpc, vpcs

_FILTERS: FilterTable = MappingProxyType({"is-classic-link-enabled": lambda _: yes_or_no(False)})


@operation("ec2:DescribeVpcClassicLink", on=all_resources)
def describe_vpc_classic_link(
    call: Call, *, vpc_ids: list[str] | None = None, filters: Filters = None
) -> Answer:
    """Describe which VPCs are linked to EC2-Classic: none."""
    found, _ = select(
        call, vpcs, find_vpc, _FILTERS,
        ids=vpc_ids, filters=filters, max_results=None, next_token=None, ids_name="vpcSet",
    )  # fmt: skip
    return {
        "Vpcs": [{"ClassicLinkEnabled": False, "Tags": tag_set(vpc.tags), "VpcId": vpc.id} for vpc in found]
    }


@operation("ec2:DescribeVpcClassicLinkDnsSupport", on=all_resources)
def describe_vpc_classic_link_dns_support(
    call: Call,
    *,
    vpc_ids: list[str] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe which VPCs resolve names of EC2-Classic: none."""
    found, token = select(
        call, vpcs, find_vpc, _FILTERS,
        ids=vpc_ids, filters=None, max_results=max_results, next_token=next_token, ids_name="vpcIds",
    )  # fmt: skip
    return {
        "Vpcs": [{"ClassicLinkDnsSupported": False, "VpcId": vpc.id} for vpc in found],
        "NextToken": token,
    }
