"""The operations that make, change and delete network ACLs, and associate them with subnets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.parameters import block_in, ipv6_block_in, is_protocol_number
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, unknown
from understudy_aws.services.ec2.network_acls import (
    ICMP,
    LAST_NUMBER,
    WITH_PORTS,
    Entry,
    NetworkAcl,
    describe,
    find_acl,
    make_empty,
    network_acls,
    subnets_of,
    target_of_acl,
)
from understudy_aws.services.ec2.subnets import Subnet, subnet_target, subnets
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc

# VPC user guide, "Amazon VPC quotas": 200 in a VPC, and 20 rules each way, up to 40 on request.
ACLS_PER_VPC = 200
ENTRIES_EACH_WAY = 40
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}


def a_new_acl(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making an ACL: it, its tags, and its VPC."""
    return [*a_new(call, params, "network-acl"), target_of_vpc(call, params["vpc_id"])]


def an_acl(call: Call, params: Params) -> Sequence[Target]:
    """Return the ACL that the request names."""
    return [target_of_acl(call, params["network_acl_id"])]


def an_acl_and_a_subnet(call: Call, params: Params) -> Sequence[Target]:
    """Return the ACL, and the subnet of the association that the request names."""
    held = _subnets_with(call, params["association_id"])
    subnet = subnet_target(held[0]) if held else unknown(call, "subnet", "*")
    return [*an_acl(call, params), subnet]


@operation("ec2:CreateNetworkAcl", on=a_new_acl)
def create_network_acl(
    call: Call, *, vpc_id: str, tag_specifications: TagSpecifications = None, client_token: str | None = None
) -> Answer:
    """Make an ACL that denies everything until it has rules. Raises NetworkAclLimitExceeded."""
    tags = tags_for("network-acl", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    if network_acls.count_where(call.tx, "vpc", vpc.id) >= ACLS_PER_VPC:
        raise errors.limit("NetworkAclLimitExceeded", "network ACLs")
    acl = make_empty(call.tx, vpc, call.ids, tags)
    return {"NetworkAcl": describe(acl, ()), "ClientToken": client_token}


@operation("ec2:DeleteNetworkAcl", on=an_acl)
def delete_network_acl(call: Call, *, network_acl_id: str) -> Answer | None:
    """Delete an ACL that holds for no subnet. The default one stays. Raises DependencyViolation."""
    acl = find_acl(call, network_acl_id)
    if acl.is_default:
        raise errors.default_acl_stays(acl.id)
    if subnets_of(call.tx, acl):
        raise errors.dependency("networkAcl", acl.id)
    network_acls.delete(call.tx, acl)
    return None


@operation("ec2:CreateNetworkAclEntry", on=an_acl)
def create_network_acl_entry(
    call: Call,
    *,
    network_acl_id: str,
    rule_number: int,
    protocol: str,
    rule_action: str,
    egress: bool,
    cidr_block: str | None = None,
    ipv6_cidr_block: str | None = None,
    icmp_type_code: dict[str, Any] | None = None,
    port_range: dict[str, Any] | None = None,
) -> Answer | None:
    """Add a rule under a number that its direction does not have yet. Raises NetworkAclEntryAlreadyExists."""
    acl = find_acl(call, network_acl_id)
    entry = _entry(
        rule_number, protocol, rule_action, egress, cidr_block, ipv6_cidr_block, icmp_type_code, port_range
    )
    if _find(acl, rule_number, egress=egress) is not None:
        raise errors.acl_entry_exists(rule_number)
    if sum(each.egress == egress for each in acl.entries) > ENTRIES_EACH_WAY:
        raise errors.limit("NetworkAclEntryLimitExceeded", "network acl entries")
    _put(call, acl, [*acl.entries, entry])
    return None


@operation("ec2:ReplaceNetworkAclEntry", on=an_acl)
def replace_network_acl_entry(
    call: Call,
    *,
    network_acl_id: str,
    rule_number: int,
    protocol: str,
    rule_action: str,
    egress: bool,
    cidr_block: str | None = None,
    ipv6_cidr_block: str | None = None,
    icmp_type_code: dict[str, Any] | None = None,
    port_range: dict[str, Any] | None = None,
) -> Answer | None:
    """Put another rule in the place of the one with a number. Raises InvalidNetworkAclEntry.NotFound."""
    acl = find_acl(call, network_acl_id)
    entry = _entry(
        rule_number, protocol, rule_action, egress, cidr_block, ipv6_cidr_block, icmp_type_code, port_range
    )
    old = _existing(acl, rule_number, egress=egress)
    _put(call, acl, [entry if each is old else each for each in acl.entries])
    return None


@operation("ec2:DeleteNetworkAclEntry", on=an_acl)
def delete_network_acl_entry(
    call: Call, *, network_acl_id: str, rule_number: int, egress: bool
) -> Answer | None:
    """Remove the rule with a number. Raises InvalidNetworkAclEntry.NotFound."""
    acl = find_acl(call, network_acl_id)
    _check_number(rule_number)
    old = _existing(acl, rule_number, egress=egress)
    _put(call, acl, [each for each in acl.entries if each is not old])
    return None


@operation("ec2:ReplaceNetworkAclAssociation", on=an_acl_and_a_subnet)
def replace_network_acl_association(call: Call, *, association_id: str, network_acl_id: str) -> Answer:
    """Have another ACL of its VPC hold for a subnet."""
    acl = find_acl(call, network_acl_id)
    held = _subnets_with(call, association_id)
    if not held:
        raise no_such("aclassoc", association_id)
    (subnet,) = held
    if subnet.vpc != acl.vpc:
        raise errors.acl_of_other_network(acl.id, subnet.id)
    id = call.ids.ec2("aclassoc")
    own = "" if acl.is_default else acl.id
    subnets.put(call.tx, replace(subnet, acl=own, acl_association=id))
    return {"NewAssociationId": id}


def _subnets_with(call: Call, association: str) -> list[Subnet]:
    """Return the caller's subnet with this association: one or none."""
    return [
        subnet
        for subnet in subnets.where(call.tx, "acl_association", association)
        if (subnet.account, subnet.region) == (call.account, call.region)
    ]


def _put(call: Call, acl: NetworkAcl, entries: Sequence[Entry]) -> None:
    """Store the ACL with these rules, in AWS's order: those of traffic that leaves first, by number."""
    ordered = sorted(entries, key=lambda entry: (not entry.egress, entry.number, entry.ipv6))
    network_acls.put(call.tx, replace(acl, entries=tuple(ordered)))


def _find(acl: NetworkAcl, number: int, *, egress: bool) -> Entry | None:
    for entry in acl.entries:
        if (entry.number, entry.egress) == (number, egress):
            return entry
    return None


def _existing(acl: NetworkAcl, number: int, *, egress: bool) -> Entry:
    found = _find(acl, number, egress=egress)
    if found is None:
        raise errors.no_such_acl_entry(number)
    return found


def _check_number(number: int) -> None:
    if not 1 <= number < LAST_NUMBER:
        raise errors.invalid_value(number, "ruleNumber", f"Must be between 1 and {LAST_NUMBER - 1}.")


def _entry(  # noqa: PLR0917 - the members of a rule in the API
    number: int,
    protocol: str,
    action: str,
    egress: bool,
    cidr: str | None,
    ipv6: str | None,
    icmp: Mapping[str, Any] | None,
    ports: Mapping[str, Any] | None,
) -> Entry:
    """Return the rule that a request describes. Raises InvalidParameterValue, MissingParameter."""
    _check_number(number)
    known = _NUMBERS.get(protocol.lower(), protocol)
    if known != "-1" and not is_protocol_number(known):
        raise errors.invalid_value(protocol, "protocol")
    # `06` is 6.
    known = str(int(known))
    if action not in ("allow", "deny"):
        raise errors.invalid_value(action, "ruleAction")
    block, block6 = _blocks(cidr, ipv6)
    first, last = _range(known, icmp, ports)
    return Entry(
        number=number,
        action=action,
        egress=egress,
        protocol=known,
        cidr=block,
        ipv6=block6,
        first=first,
        last=last,
    )


def _blocks(cidr: str | None, ipv6: str | None) -> tuple[str, str]:
    """Return the IPv4 block and the IPv6 block of a rule, one of which is empty."""
    if cidr and ipv6:
        raise errors.combination("cidrBlock", "ipv6CidrBlock")
    if cidr:
        return str(block_in(cidr)), ""
    if ipv6:
        return "", ipv6_block_in(ipv6, "ipv6CidrBlock")
    raise errors.missing("cidrBlock")


def _range(
    protocol: str, icmp: Mapping[str, Any] | None, ports: Mapping[str, Any] | None
) -> tuple[int | None, int | None]:
    """Return the ports of a rule, or its type and code; a rule for other protocols has neither."""
    if protocol in WITH_PORTS:
        first, last = (ports or {}).get("From"), (ports or {}).get("To")
        if first is None or last is None:
            raise errors.invalid(
                "Invalid value 'null' for portRange. Must specify both from and to ports with TCP/UDP."
            )
        for port in (first, last):
            if not 0 <= port <= 65535:
                raise errors.invalid(f"TCP/UDP port ({port}) out of range")
        if first > last:
            raise errors.invalid(f"Invalid TCP/UDP port range ({first}:{last})")
        return first, last
    if protocol in ICMP:
        kind, code = (icmp or {}).get("Type"), (icmp or {}).get("Code")
        if kind is None or code is None:
            raise errors.missing("icmpTypeCode")
        for number in (kind, code):
            if not -1 <= number <= 255:
                raise errors.invalid(f"ICMP code ({code}) or type ({kind}) out of range")
        return kind, code
    return None, None
