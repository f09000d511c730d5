"""Network ACLs: the default one that is made with every VPC, and DescribeNetworkAcls."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2 import errors
from understudy_aws.services.ec2.filters import FilterTable, nothing, yes_or_no
from understudy_aws.services.ec2.identifiers import check
from understudy_aws.services.ec2.listings import Filters, select
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.tag_specifications import tag_set
from understudy_aws.services.ec2.targets import Keys, resource_tags
from understudy_aws.services.ec2.vpcs import Vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

_EVERYTHING = "0.0.0.0/0"


class Entry(Record, frozen=True, kw_only=True):
    """A numbered rule. A `protocol` of -1 means all protocols."""

    number: int
    action: str
    egress: bool
    protocol: str = "-1"
    cidr: str = _EVERYTHING


# Reference ec2.md 7.5: 100 allows, 32767 denies what is left, both ways.
_DEFAULT_ENTRIES = (
    Entry(number=100, action="allow", egress=True),
    Entry(number=32767, action="deny", egress=True),
    Entry(number=100, action="allow", egress=False),
    Entry(number=32767, action="deny", egress=False),
)


class NetworkAcl(Record, frozen=True, kw_only=True):
    """The default network ACL of a VPC. All subnets of the VPC are associated with it."""

    account: str
    region: str
    id: str
    vpc: str
    entries: tuple[Entry, ...] = _DEFAULT_ENTRIES
    is_default: bool = True
    tags: dict[str, str] = {}


network_acls = Table(
    "ec2/network-acl",
    NetworkAcl,
    key=lambda acl: (acl.account, acl.region, acl.id),
    indexes={"vpc": lambda acl: (acl.vpc,)},
)


def _filters(tx: Transaction) -> FilterTable:
    def tied(acl: NetworkAcl) -> list[Subnet]:
        return subnets.where(tx, "vpc", acl.vpc)

    return {
        **_ACL_FILTERS,
        "association.association-id": lambda acl: [subnet.acl_association for subnet in tied(acl)],
        "association.network-acl-id": lambda acl: (acl.id,) if tied(acl) else (),
        "association.subnet-id": lambda acl: [subnet.id for subnet in tied(acl)],
    }


_ACL_FILTERS: FilterTable = MappingProxyType(
    {
        "default": lambda acl: yes_or_no(acl.is_default),
        "entry.cidr": lambda acl: [entry.cidr for entry in acl.entries],
        "entry.egress": lambda acl: [yes_or_no(entry.egress)[0] for entry in acl.entries],
        "entry.icmp.code": nothing,
        "entry.icmp.type": nothing,
        "entry.ipv6-cidr": nothing,
        "entry.port-range.from": nothing,
        "entry.port-range.to": nothing,
        "entry.protocol": lambda acl: [entry.protocol for entry in acl.entries],
        "entry.rule-action": lambda acl: [entry.action for entry in acl.entries],
        "entry.rule-number": lambda acl: [str(entry.number) for entry in acl.entries],
        "network-acl-id": lambda acl: (acl.id,),
        "owner-id": lambda acl: (acl.account,),
        "vpc-id": lambda acl: (acl.vpc,),
    }
)


@operation("ec2:DescribeNetworkAcls", on=all_resources)
def describe_network_acls(
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    network_acl_ids: list[str] | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's network ACLs in the Region."""
    found, token = select(
        call, network_acls, find_acl, _filters(call.tx),
        ids=network_acl_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="networkAclIdSet",
    )  # fmt: skip
    return {
        "NetworkAcls": [_describe(acl, subnets.where(call.tx, "vpc", acl.vpc)) for acl in found],
        "NextToken": token,
    }


def make_default(tx: Transaction, vpc: Vpc, ids: Ids) -> NetworkAcl:
    """Make the default network ACL of a new VPC."""
    return network_acls.put(
        tx, NetworkAcl(account=vpc.account, region=vpc.region, id=ids.ec2("acl"), vpc=vpc.id)
    )


def find_acl(call: Call, id: str) -> NetworkAcl:
    """Return the network ACL of this id. Raises InvalidNetworkAclId.Malformed, InvalidNetworkAclID.NotFound."""
    found = network_acls.get(call.tx, call.account, call.region, id)
    if found is None:
        check(id, "acl", "InvalidNetworkAclId")
        raise errors.not_found("InvalidNetworkAclID", "networkAcl", id)
    return found


def _describe(acl: NetworkAcl, tied: Sequence[Subnet]) -> dict[str, Any]:
    return {
        "Associations": [
            {
                "NetworkAclAssociationId": subnet.acl_association,
                "NetworkAclId": acl.id,
                "SubnetId": subnet.id,
            }
            for subnet in tied
        ],
        "Entries": [
            {
                "CidrBlock": entry.cidr,
                "Egress": entry.egress,
                "Protocol": entry.protocol,
                "RuleAction": entry.action,
                "RuleNumber": entry.number,
            }
            for entry in acl.entries
        ],
        "IsDefault": acl.is_default,
        "NetworkAclId": acl.id,
        "Tags": tag_set(acl.tags),
        "VpcId": acl.vpc,
        "OwnerId": acl.account,
    }


@memoized
def acl_target(acl: NetworkAcl) -> Target:
    """Return a network ACL's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(acl.tags)
    keys["ec2:networkaclid"] = acl.id
    keys["ec2:vpc"] = ec2(acl.region, acl.account, f"vpc/{acl.vpc}")
    return Target(ec2(acl.region, acl.account, f"network-acl/{acl.id}"), keys)
