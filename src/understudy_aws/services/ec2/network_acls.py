"""Network ACLs: the record, the default one that is made with every VPC, and DescribeNetworkAcls."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.filters import FilterTable, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.vpcs import Vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

_EVERYTHING, _EVERYTHING_OF_IPV6 = "0.0.0.0/0", "::/0"
# Protocols by number: TCP and UDP have ports, both ICMPs a type and a code.
WITH_PORTS, ICMP = ("6", "17"), ("1", "58")


class Entry(Record, frozen=True, kw_only=True):
    """A numbered rule of one direction. A `protocol` of -1 means all protocols.

    The peers are an IPv4 block, or with `ipv6` an IPv6 block (`cidr` is empty then). `first` and `last` are the ports
    of TCP and UDP, or type and code of ICMP, -1 for any.
    """

    number: int
    action: str
    egress: bool
    protocol: str = "-1"
    cidr: str = _EVERYTHING
    ipv6: str = ""
    first: int | None = None
    last: int | None = None


# Reference ec2.md 7.5: what no rule with a lower number takes is denied, both ways.
LAST_NUMBER, _LAST_NUMBER_OF_IPV6 = 32767, 32768
_LAST_ENTRIES = tuple(Entry(number=LAST_NUMBER, action="deny", egress=egress) for egress in (True, False))
# Those of a default ACL, which allows everything by its rule 100.
_DEFAULT_ENTRIES = (
    Entry(number=100, action="allow", egress=True),
    _LAST_ENTRIES[0],
    Entry(number=100, action="allow", egress=False),
    _LAST_ENTRIES[1],
)


class NetworkAcl(Record, frozen=True, kw_only=True):
    """A network ACL. The default one holds for every subnet of its VPC that is associated with no other."""

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

ACL_REFERENCES: References = (
    # The default one stays with its VPC, and goes with it.
    Reference(
        "is in",
        lambda acl: (acl.vpc,),
        index="vpc",
        holds=lambda acl: not acl.is_default,
        held=lambda acl: acl.is_default,
    ),
)


def subnets_of(tx: Transaction, acl: NetworkAcl) -> list[Subnet]:
    """Return the subnets that an ACL holds for."""
    own = acl.id if not acl.is_default else ""
    return [subnet for subnet in subnets.where(tx, "vpc", acl.vpc) if subnet.acl in (own, acl.id)]


def _filters(tx: Transaction) -> FilterTable:
    return {
        **_ACL_FILTERS,
        "association.association-id": lambda acl: [each.acl_association for each in subnets_of(tx, acl)],
        "association.network-acl-id": lambda acl: (acl.id,) if subnets_of(tx, acl) else (),
        "association.subnet-id": lambda acl: [subnet.id for subnet in subnets_of(tx, acl)],
    }


def _numbers(member: str, protocols: tuple[str, ...]) -> Any:
    return lambda acl: [
        str(getattr(entry, member))
        for entry in acl.entries
        if entry.protocol in protocols and entry.first is not None
    ]


_ACL_FILTERS: FilterTable = MappingProxyType(
    {
        "default": lambda acl: yes_or_no(acl.is_default),
        "entry.cidr": lambda acl: [entry.cidr for entry in acl.entries if entry.cidr],
        "entry.egress": lambda acl: [yes_or_no(entry.egress)[0] for entry in acl.entries],
        "entry.icmp.code": _numbers("last", ICMP),
        "entry.icmp.type": _numbers("first", ICMP),
        "entry.ipv6-cidr": lambda acl: [entry.ipv6 for entry in acl.entries if entry.ipv6],
        "entry.port-range.from": _numbers("first", WITH_PORTS),
        "entry.port-range.to": _numbers("last", WITH_PORTS),
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
        "NetworkAcls": [describe(acl, subnets_of(call.tx, acl)) for acl in found],
        "NextToken": token,
    }


def make_default(tx: Transaction, vpc: Vpc, ids: Ids) -> NetworkAcl:
    """Make the default network ACL of a new VPC."""
    acl = NetworkAcl(account=vpc.account, region=vpc.region, id=ids.ec2("acl"), vpc=vpc.id)
    return network_acls.put(tx, with_ipv6(acl) if vpc.has_ipv6 else acl)


def make_empty(tx: Transaction, vpc: Vpc, ids: Ids, tags: dict[str, str]) -> NetworkAcl:
    """Make an ACL that is not the default one, and denies everything."""
    acl = NetworkAcl(
        account=vpc.account, region=vpc.region, id=ids.ec2("acl"), vpc=vpc.id,
        entries=_LAST_ENTRIES, is_default=False, tags=tags,
    )  # fmt: skip
    return network_acls.put(tx, with_ipv6(acl) if vpc.has_ipv6 else acl)


def with_ipv6(acl: NetworkAcl) -> NetworkAcl:
    """Return an ACL as it is once its VPC has an IPv6 block (reference ec2.md 7.5).

    The default one allows all IPv6 traffic of a direction whose rules nobody has changed.
    """
    if any(entry.number == _LAST_NUMBER_OF_IPV6 for entry in acl.entries):
        return acl
    entries: list[Entry] = []
    for egress in (True, False):
        own = [entry for entry in acl.entries if entry.egress == egress]
        if acl.is_default and own == [entry for entry in _DEFAULT_ENTRIES if entry.egress == egress]:
            own.insert(1, replace(own[0], number=own[0].number + 1, cidr="", ipv6=_EVERYTHING_OF_IPV6))
        last = replace(own[-1], number=_LAST_NUMBER_OF_IPV6, cidr="", ipv6=_EVERYTHING_OF_IPV6)
        entries += [*own, last]
    return replace(acl, entries=tuple(entries))


def find_acl(call: Call, id: str) -> NetworkAcl:
    """Return the network ACL of this id. Raises InvalidNetworkAclId.Malformed, InvalidNetworkAclID.NotFound."""
    found = network_acls.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("acl", id)
    return found


def describe(acl: NetworkAcl, tied: Sequence[Subnet]) -> dict[str, Any]:
    """Return an ACL as answers describe it, with the subnets it holds for."""
    return {
        "Associations": [
            {
                "NetworkAclAssociationId": subnet.acl_association,
                "NetworkAclId": acl.id,
                "SubnetId": subnet.id,
            }
            for subnet in tied
        ],
        "Entries": [_described_entry(entry) for entry in acl.entries],
        "IsDefault": acl.is_default,
        "NetworkAclId": acl.id,
        "Tags": tag_set(acl.tags),
        "VpcId": acl.vpc,
        "OwnerId": acl.account,
    }


def _described_entry(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"Ipv6CidrBlock": entry.ipv6} if entry.ipv6 else {"CidrBlock": entry.cidr}
    shown |= {
        "Egress": entry.egress,
        "Protocol": entry.protocol,
        "RuleAction": entry.action,
        "RuleNumber": entry.number,
    }
    if entry.first is not None and entry.protocol in WITH_PORTS:
        shown["PortRange"] = {"From": entry.first, "To": entry.last}
    if entry.first is not None and entry.protocol in ICMP:
        shown["IcmpTypeCode"] = {"Type": entry.first, "Code": entry.last}
    return shown


@memoized
def acl_target(acl: NetworkAcl) -> Target:
    """Return a network ACL's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(acl.tags)
    keys["ec2:networkaclid"] = acl.id
    keys["ec2:vpc"] = ec2(acl.region, acl.account, f"vpc/{acl.vpc}")
    return Target(ec2(acl.region, acl.account, f"network-acl/{acl.id}"), keys)


def target_of_acl(call: Call, id: str) -> Target:
    """Return the target of a network ACL, which need not exist."""
    found = network_acls.get(call.tx, call.account, call.region, id)
    return acl_target(found) if found is not None else unknown(call, "network-acl", id)
