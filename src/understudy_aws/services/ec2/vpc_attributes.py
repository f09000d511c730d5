"""The attributes of a VPC: DNS support, DNS host names, address usage metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import value_of
from understudy_aws.services.ec2.api.parameters import one_attribute
from understudy_aws.services.ec2.api.targets import changes_in, changing
from understudy_aws.services.ec2.network_interface_changes import rename_hosts
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpcs import a_vpc, find_vpc, target_of_vpc, vpcs


def a_vpc_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC with the attributes being changed."""
    target = target_of_vpc(call, params["vpc_id"])
    changes = changes_in(params, "vpc_id")
    return [changing(target, changes)]


@operation("ec2:ModifyVpcAttribute", on=a_vpc_to_change)
def modify_vpc_attribute(
    call: Call,
    *,
    vpc_id: str,
    enable_dns_hostnames: dict[str, Any] | None = None,
    enable_dns_support: dict[str, Any] | None = None,
    enable_network_address_usage_metrics: dict[str, Any] | None = None,
) -> Answer | None:
    """Change one attribute. AWS takes one in a call."""
    one_attribute(
        enableDnsHostnames=enable_dns_hostnames,
        enableDnsSupport=enable_dns_support,
        enableNetworkAddressUsageMetrics=enable_network_address_usage_metrics,
    )
    vpc = find_vpc(call, vpc_id)
    changes = {
        "dns_hostnames": value_of(enable_dns_hostnames),
        "dns_support": value_of(enable_dns_support),
        "usage_metrics": value_of(enable_network_address_usage_metrics),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    # The API reference: host names can only be enabled while DNS support is (ec2.md 7.7).
    if changes.get("dns_hostnames") and not vpc.dns_support:
        raise errors.no_dns_support(vpc.id)
    changed = vpcs.put(call.tx, replace(vpc, **changes))
    if changed.dns_hostnames != vpc.dns_hostnames:
        rename_hosts(call, subnets.where(call.tx, "vpc", vpc.id))
    return None


@operation("ec2:DescribeVpcAttribute", on=a_vpc)
def describe_vpc_attribute(call: Call, *, attribute: str, vpc_id: str) -> Answer:
    """Describe one attribute of a VPC."""
    vpc = find_vpc(call, vpc_id)
    switches = {
        "enableDnsHostnames": ("EnableDnsHostnames", vpc.dns_hostnames),
        "enableDnsSupport": ("EnableDnsSupport", vpc.dns_support),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", vpc.usage_metrics),
    }
    if attribute not in switches:
        raise errors.invalid_value(attribute, "attribute", "Unknown VPC attribute")
    member, on = switches[attribute]
    return {"VpcId": vpc.id, member: {"Value": on}}
