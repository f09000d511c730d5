"""VPCs: the record and DescribeVpcs. `vpc_lifecycle` makes and deletes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.cidrs import Cidr, Ipv6Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.errors import no_default_vpc
from understudy_aws.services.ec2.api.filters import FilterTable, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.block_public_access.records import block_mode
from understudy_aws.services.ec2.cidr_blocks.associations import (
    AMAZON_POOL,
    ASSOCIATED,
    Associations,
    BlockAssociation,
    association_filters,
    current,
    described_ipv4,
    described_ipv6_of_vpc,
    states,
    staying,
)
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized


class Vpc(Record, frozen=True, kw_only=True):
    """A VPC. `dhcp_options` is the id of a set, or `default` for none (ec2.md 7.5).

    `cidr` is its primary block, of which `association` is the id; it stays as long as the VPC. `blocks` are the
    associations of its secondary IPv4 blocks, and `ipv6_blocks` those of its IPv6 blocks, which Amazon provides.
    """

    account: str
    region: str
    id: str
    cidr: str
    association: str
    dhcp_options: str
    tenancy: str = "default"
    is_default: bool = False
    dns_support: bool = True
    dns_hostnames: bool = False
    usage_metrics: bool = False
    blocks: Associations = ()
    ipv6_blocks: Associations = ()
    tags: dict[str, str] = {}

    @property
    def has_ipv6(self) -> bool:
        """Whether it has an IPv6 block that was not disassociated."""
        return any(True for _ in staying(self.ipv6_blocks))


def primary_block(vpc: Vpc) -> BlockAssociation:
    """Return the association of a VPC's primary block, which it has from its beginning to its end."""
    return BlockAssociation(id=vpc.association, block=vpc.cidr)


def all_ipv4(vpc: Vpc, now: datetime) -> Associations:
    """Return the associations of a VPC's IPv4 blocks that are described, the primary one first."""
    return (primary_block(vpc), *current(vpc.blocks, now))


def all_ipv6(vpc: Vpc, now: datetime) -> Associations:
    """Return the associations of a VPC's IPv6 blocks that are described."""
    return current(vpc.ipv6_blocks, now)


vpcs = Table(
    "ec2/vpc",
    Vpc,
    key=lambda vpc: (vpc.account, vpc.region, vpc.id),
    indexes={
        "dhcp_options": lambda vpc: (vpc.dhcp_options,),
        "default": lambda vpc: ((vpc.account, vpc.region),) if vpc.is_default else (),
        "place": lambda vpc: ((vpc.account, vpc.region),),
        "association": lambda vpc: [vpc.association, *(each.id for each in (*vpc.blocks, *vpc.ipv6_blocks))],
        # Amazon's blocks are unique: one that was removed is free again.
        "ipv6_block": lambda vpc: [each.block for each in staying(vpc.ipv6_blocks)],
    },
)

VPC_REFERENCES: References = (
    Reference(
        "uses the options of",
        # `default` stands for none.
        lambda vpc: (vpc.dhcp_options,) if vpc.dhcp_options != "default" else (),
        index="dhcp_options",
        holds=True,
        ended_by="AssociateDhcpOptions",
    ),
)

VPC_FILTERS: FilterTable = MappingProxyType(
    {
        "cidr": lambda vpc: (vpc.cidr,),
        "cidr-block": lambda vpc: (vpc.cidr,),
        "cidrBlock": lambda vpc: (vpc.cidr,),
        "dhcp-options-id": lambda vpc: (vpc.dhcp_options,),
        "is-default": lambda vpc: yes_or_no(vpc.is_default),
        "isDefault": lambda vpc: yes_or_no(vpc.is_default),
        "owner-id": lambda vpc: (vpc.account,),
        "state": lambda _: ("available",),
        "vpc-id": lambda vpc: (vpc.id,),
    }
)


@operation("ec2:DescribeVpcs", on=all_resources)
def describe_vpcs(
    call: Call,
    *,
    filters: Filters = None,
    vpc_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the account's VPCs in the Region."""
    table = {
        **VPC_FILTERS,
        **association_filters("cidr-block-association.", lambda vpc: all_ipv4(vpc, call.at), call.at),
        **association_filters("ipv6-cidr-block-association.", lambda vpc: all_ipv6(vpc, call.at), call.at),
        "ipv6-cidr-block-association.ipv6-pool": lambda vpc: [AMAZON_POOL for _ in all_ipv6(vpc, call.at)],
    }
    found, token = select(
        call, vpcs, find_vpc, table,
        ids=vpc_ids, filters=filters, max_results=max_results, next_token=next_token, ids_name="vpcSet",
    )  # fmt: skip
    return {"Vpcs": [described_vpc(call, vpc) for vpc in found], "NextToken": token}


def find_vpc(call: Call, id: str) -> Vpc:
    """Return the VPC of this id. Raises InvalidVpcID.Malformed, InvalidVpcID.NotFound."""
    found = vpcs.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("vpc", id)
    return found


def default_vpc(tx: Transaction, account: str, region: str) -> Vpc | None:
    """Return the account's default VPC in the Region, or None if it was deleted."""
    found = vpcs.where(tx, "default", (account, region))
    return found[0] if found else None


def find_default_vpc(call: Call) -> Vpc:
    """Return the default VPC. Raises VPCIdNotSpecified."""
    found = default_vpc(call.tx, call.account, call.region)
    if found is None:
        raise no_default_vpc()
    return found


@memoized
def ipv4_blocks_of(vpc: Vpc) -> tuple[Cidr, ...]:
    """Return the IPv4 blocks of a VPC as numbers, the primary one first."""
    return (known(vpc.cidr), *[known(each.block) for each in staying(vpc.blocks)])


@memoized
def ipv6_blocks_of(vpc: Vpc) -> tuple[Ipv6Cidr, ...]:
    """Return the IPv6 blocks of a VPC as numbers."""
    return tuple([known_ipv6(each.block) for each in staying(vpc.ipv6_blocks)])


def described_vpc(call: Call, vpc: Vpc) -> Description:
    """Return a VPC as answers describe it. The result is reused while what it depends on is the same."""
    blocks, ipv6 = current(vpc.blocks, call.at), current(vpc.ipv6_blocks, call.at)
    mode = block_mode(call.tx, vpc.account, vpc.region, vpc.id)
    variant = (states(blocks, call.at), states(ipv6, call.at), mode)
    shown: tuple[Any, Description] | None = vpc.__dict__.get("shown")
    if shown is None or shown[0] != variant:
        members = {
            **_members(vpc),
            "BlockPublicAccessStates": {"InternetGatewayBlockMode": mode},
            "CidrBlockAssociationSet": [
                described_ipv4(primary_block(vpc), ASSOCIATED),
                *(described_ipv4(each, state) for each, state in zip(blocks, variant[0], strict=True)),
            ],
            "Ipv6CidrBlockAssociationSet": [
                described_ipv6_of_vpc(each, state, vpc.region)
                for each, state in zip(ipv6, variant[1], strict=True)
            ],
        }
        shown = vpc.__dict__["shown"] = (variant, Description(members))
    return shown[1]


def _members(vpc: Vpc) -> dict[str, Any]:
    return {
        "OwnerId": vpc.account,
        "InstanceTenancy": vpc.tenancy,
        "IsDefault": vpc.is_default,
        "Tags": tag_set(vpc.tags),
        "VpcId": vpc.id,
        "State": "available",
        "CidrBlock": vpc.cidr,
        "DhcpOptionsId": vpc.dhcp_options,
    }


@memoized
def vpc_arn(vpc: Vpc) -> str:
    return ec2(vpc.region, vpc.account, f"vpc/{vpc.id}")


@memoized
def vpc_target(vpc: Vpc) -> Target:
    """Return a VPC's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(vpc.tags)
    keys["ec2:tenancy"] = vpc.tenancy
    keys["ec2:vpcid"] = vpc.id
    return Target(vpc_arn(vpc), keys)


def target_of_vpc(call: Call, id: str) -> Target:
    """Return the target of a VPC, which need not exist."""
    found = vpcs.get(call.tx, call.account, call.region, id)
    return vpc_target(found) if found is not None else unknown(call, "vpc", id)


def a_vpc(call: Call, params: Params) -> Sequence[Target]:
    """Return the VPC that the request names."""
    return [target_of_vpc(call, params["vpc_id"])]
