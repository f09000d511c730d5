"""Makes and deletes VPCs together with their default security group, main route table and network ACL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2 import network_acls, security_groups
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.parameters import block_in
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, changes_in, changing
from understudy_aws.services.ec2.block_public_access.records import drop_exclusions
from understudy_aws.services.ec2.cidr_blocks.associations import ASSOCIATING, described_ipv6_of_vpc
from understudy_aws.services.ec2.cidr_blocks.pools import (
    check_border_group,
    check_pools,
    pools_in,
    provided_block,
    with_pools,
)
from understudy_aws.services.ec2.cidr_blocks.ranges import is_reserved
from understudy_aws.services.ec2.dhcp_options import default_set
from understudy_aws.services.ec2.egress_only_internet_gateways import egress_only_gateways
from understudy_aws.services.ec2.flow_logs.records import remove_flow_logs
from understudy_aws.services.ec2.internet_gateways import internet_gateways
from understudy_aws.services.ec2.peering.requests import holds_vpc, remove_requests
from understudy_aws.services.ec2.route_tables import make_main, route_tables
from understudy_aws.services.ec2.security_group_associations.records import group_associations
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpc_endpoints.records import held_in
from understudy_aws.services.ec2.vpcs import (
    Vpc,
    a_vpc,
    described_vpc,
    find_vpc,
    target_of_vpc,
    vpcs,
)
from understudy_aws.store.database import Transaction

# AWS gives five at first and a hundred to who asks; on one's own machine nobody should have to ask.
VPCS_PER_REGION = 100


def a_new_vpc(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a VPC: it, its tags, and pools of addresses."""
    new, *tagging = a_new(call, params, "vpc")
    return [with_pools(new, params), *tagging, *pools_in(call, params)]


def a_vpc_to_move(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC with the tenancy it is to have."""
    return [changing(target_of_vpc(call, params["vpc_id"]), changes_in(params, "vpc_id"))]


@operation("ec2:CreateVpc", on=a_new_vpc)
def create_vpc(
    call: Call,
    *,
    cidr_block: str | None = None,
    ipv6_pool: str | None = None,
    ipv6_cidr_block: str | None = None,
    ipv4_ipam_pool_id: str | None = None,
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str | None = None,
    ipv6_netmask_length: int | None = None,
    ipv6_cidr_block_network_border_group: str | None = None,
    vpc_encryption_control: dict[str, Any] | None = None,
    tag_specifications: TagSpecifications = None,
    instance_tenancy: str | None = None,
    amazon_provided_ipv6_cidr_block: bool | None = None,
) -> Answer:
    """Make a VPC of a block between /16 and /28. Blocks of several VPCs may overlap (ec2.md 7.5)."""
    refuse(vpc_encryption_control=vpc_encryption_control)
    check_pools(
        ipv4_ipam_pool_id=ipv4_ipam_pool_id, ipv4_netmask_length=ipv4_netmask_length,
        ipv6_ipam_pool_id=ipv6_ipam_pool_id, ipv6_netmask_length=ipv6_netmask_length,
        ipv6_pool=ipv6_pool, ipv6_cidr_block=ipv6_cidr_block,
    )  # fmt: skip
    check_border_group(call, ipv6_cidr_block_network_border_group, amazon_provided_ipv6_cidr_block)
    if cidr_block is None:
        raise errors.missing_choice("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = block_in(cidr_block)
    if not 16 <= block.length <= 28 or is_reserved(block):
        raise errors.vpc_range(cidr_block)
    if instance_tenancy == "host":
        raise errors.invalid_value(instance_tenancy, "instanceTenancy")
    tags = tags_for("vpc", tag_specifications)
    check_quota(call)
    options = default_set(call.tx, call.account, call.region, call.ids)
    vpc = Vpc(
        account=call.account,
        region=call.region,
        id=call.ids.ec2("vpc"),
        cidr=str(block),
        association=call.ids.ec2("vpc-cidr-assoc"),
        dhcp_options=options.id,
        tenancy=instance_tenancy or "default",
        ipv6_blocks=(provided_block(call),) if amazon_provided_ipv6_cidr_block else (),
        tags=tags,
    )
    provision_vpc(call.tx, vpc, call.ids)
    make_main(call.tx, vpc, call.ids)
    # Recorded: the answer says pending, and lacks what the describe answer has.
    answer = {**described_vpc(call, vpc), "State": "pending"}
    del answer["BlockPublicAccessStates"]
    # Amazon's block is told once it is associated (AWS CLI reference, create-vpc, example 2).
    answer["Ipv6CidrBlockAssociationSet"] = [
        {**described_ipv6_of_vpc(each, ASSOCIATING, vpc.region), "Ipv6CidrBlock": ""}
        for each in vpc.ipv6_blocks
    ]
    return {"Vpc": answer}


def check_quota(call: Call) -> None:
    """Raise VpcLimitExceeded if the account has as many VPCs in the Region as it may have."""
    if vpcs.count_where(call.tx, "place", (call.account, call.region)) >= VPCS_PER_REGION:
        raise errors.limit("VpcLimitExceeded", "VPCs")


def provision_vpc(tx: Transaction, vpc: Vpc, ids: Ids) -> None:
    """Store a new VPC with its default security group and network ACL."""
    vpcs.put(tx, vpc)
    security_groups.make_default(tx, vpc, ids)
    network_acls.make_default(tx, vpc, ids)


@operation("ec2:ModifyVpcTenancy", on=a_vpc_to_move)
def modify_vpc_tenancy(call: Call, *, vpc_id: str, instance_tenancy: str) -> Answer:
    """Let new machines of a VPC share hardware with others. There is no way back. Raises InvalidTenancy."""
    if instance_tenancy != "default":
        raise errors.invalid_value(instance_tenancy, "instanceTenancy")
    vpc = find_vpc(call, vpc_id)
    if vpc.tenancy == "default":
        raise ApiError("InvalidTenancy", f"The tenancy of the VPC '{vpc.id}' is default already.")
    vpcs.put(call.tx, replace(vpc, tenancy=instance_tenancy))
    return {"ReturnValue": True}


@operation("ec2:DeleteVpc", on=a_vpc)
def delete_vpc(call: Call, *, vpc_id: str) -> Answer | None:
    """Delete a VPC that has nothing but what it was made with. Raises DependencyViolation."""
    vpc = find_vpc(call, vpc_id)
    groups = security_groups.security_groups
    # A subnet is held by its interfaces, so asking for subnets asks for these too.
    if (
        subnets.count_where(call.tx, "vpc", vpc.id)
        or groups.count_where(call.tx, "vpc", vpc.id) > 1
        or group_associations.count_where(call.tx, "vpc", vpc.id)
        or internet_gateways.count_where(call.tx, "vpc", vpc.id)
        or route_tables.count_where(call.tx, "vpc", vpc.id) > 1
        or network_acls.network_acls.count_where(call.tx, "vpc", vpc.id) > 1
        or egress_only_gateways.count_where(call.tx, "vpc", vpc.id)
        or holds_vpc(call, vpc)
        or held_in(call.tx, vpc.id)
    ):
        raise errors.dependency("vpc", vpc.id)
    remove_requests(call, vpc)
    for group in groups.where(call.tx, "vpc", vpc.id):
        groups.delete(call.tx, group)
    for acl in network_acls.network_acls.where(call.tx, "vpc", vpc.id):
        network_acls.network_acls.delete(call.tx, acl)
    for table in route_tables.where(call.tx, "vpc", vpc.id):
        route_tables.delete(call.tx, table)
    drop_exclusions(call.tx, vpc.id, call.at)
    remove_flow_logs(call.tx, vpc.id)
    vpcs.delete(call.tx, vpc)
    return None
