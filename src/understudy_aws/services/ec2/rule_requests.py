"""Reads security group rules as requests write them (`IpPermissions`) into the rules that groups keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import parse, parse_ipv6
from understudy_aws.services.ec2.api.parameters import is_protocol_number
from understudy_aws.services.ec2.api.tag_specifications import Tags
from understudy_aws.services.ec2.prefix_lists.records import find_prefix_list
from understudy_aws.services.ec2.security_group_references import reference_to
from understudy_aws.services.ec2.security_group_rules import Ports, SecurityGroupRule
from understudy_aws.services.ec2.security_groups import SecurityGroup

_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "icmpv6": "icmpv6", "all": "-1"}
_WITH_PORTS = ("tcp", "udp")
_ICMP = ("icmp", "icmpv6")
_DESCRIBABLE = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*"
)


def _quoted(requirement: str) -> str:
    return f"Invalid value '{requirement}' for portRange."


def after_all(requirement: str) -> str:
    """Return the text of ModifySecurityGroupRules for ports that are missing."""
    return f"Invalid value for portRange. {requirement}"


def rules_from(
    call: Call,
    group: SecurityGroup,
    entries: Sequence[Mapping[str, Any]],
    *,
    egress: bool,
    tags: Tags | None = None,
) -> list[SecurityGroupRule]:
    """Return the rules that `IpPermissions` stand for, each with a new id.

    Raises for permissions that are not valid.
    """
    rules = [
        rule
        for entry in entries
        for rule in _rules_of(call, group, entry, ports_from(entry), egress=egress, tags=tags or {})
    ]
    if len({rule.meaning for rule in rules}) < len(rules):
        raise errors.repeated_rule()
    return rules


def ports_from(entry: Mapping[str, Any], *, text: Callable[[str], str] = _quoted) -> Ports:
    """Return a rule's protocol and ports in canonical form. Raises InvalidParameterValue.

    `text` words what is said of ports that are missing: ModifySecurityGroupRules words it otherwise (ec2.md 7.7).
    """
    protocol = _protocol(entry.get("IpProtocol"))
    first, last = entry.get("FromPort"), entry.get("ToPort")
    if protocol in _WITH_PORTS:
        if first is None or last is None:
            raise errors.invalid(text("Must specify both from and to ports with TCP/UDP."))
        return protocol, *_tcp_ports(first, last)
    if protocol in _ICMP:
        # Of ICMPv6 all types are meant when none is named; of ICMP they must be named (ec2.md 7.7).
        if protocol == "icmpv6" and first is None and last is None:
            return protocol, -1, -1
        if first is None or last is None:
            raise errors.invalid(text("Must specify both from and to ports with ICMP."))
        _check_icmp(first, last)
        return protocol, first, last
    return protocol, None, None


def _tcp_ports(first: int, last: int) -> tuple[int, int]:
    # AWS takes -1 to -1 for all ports.
    if first == last == -1:
        return 0, 65535
    for port in (first, last):
        if not 0 <= port <= 65535:
            raise errors.invalid(f"TCP/UDP port ({port}) out of range")
    if first > last:
        raise errors.invalid(f"Invalid TCP/UDP port range ({first}:{last})")
    return first, last


def _check_icmp(kind: int, code: int) -> None:
    for noun, number in (("type", kind), ("code", code)):
        if not -1 <= number <= 255:
            raise errors.invalid(f"ICMP {noun} ({number}) out of range")
    if kind == -1 and code != -1:
        raise errors.invalid(f"ICMP code ({code}) must be -1 when the type is -1")


def peer_from(
    call: Call,
    group: SecurityGroup,
    *,
    cidr: str | None,
    cidr_ipv6: str | None,
    prefix_list: str | None,
    referenced: str | None,
    account: str | None = None,
    name: str | None = None,
    peering: str | None = None,
) -> dict[str, str]:
    """Return the fields of a rule that name its peer. Exactly one peer must be given.

    Raises InvalidGroup.NotFound for a group that does not exist or is in a VPC that is not peered, and
    InvalidPrefixListID.NotFound.
    """
    if cidr:
        block = parse(cidr)
        if block is None:
            raise errors.invalid(f"CIDR block {cidr} is malformed")
        return {"cidr": str(block)}
    if cidr_ipv6:
        canonical = parse_ipv6(cidr_ipv6)
        if canonical is None:
            raise errors.invalid(f"CIDR block {cidr_ipv6} is malformed")
        return {"cidr_ipv6": canonical}
    if prefix_list:
        return {"prefix_list": find_prefix_list(call, prefix_list).id}
    return reference_to(call, group, id=referenced, name=name, account=account, peering=peering)


def described_as(text: str | None) -> str | None:
    """Return a rule's description; an empty one counts as none. Raises InvalidParameterValue."""
    if not text:
        return None
    if len(text) > 255 or not _DESCRIBABLE.issuperset(text):
        raise errors.invalid(
            "Invalid rule description. Valid descriptions are strings less than 256 characters "
            "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )
    return text


def _rules_of(
    call: Call, group: SecurityGroup, entry: Mapping[str, Any], ports: Ports, *, egress: bool, tags: Tags
) -> Iterator[SecurityGroupRule]:
    protocol, first, last = ports
    peers = list(_peers_of(call, group, entry))
    if not peers:
        raise errors.missing_choice(
            "Missing source specification: include source security group or CIDR information"
        )
    for peer, description in peers:
        yield SecurityGroupRule(
            id=call.ids.ec2("sgr"),
            egress=egress,
            protocol=protocol,
            from_port=first,
            to_port=last,
            description=described_as(description),
            tags=tags,
            **peer,
        )


def _peers_of(
    call: Call, group: SecurityGroup, entry: Mapping[str, Any]
) -> Iterator[tuple[dict[str, str], str | None]]:
    for span in entry.get("IpRanges") or ():
        peer = peer_from(
            call, group, cidr=span.get("CidrIp"), cidr_ipv6=None, prefix_list=None, referenced=None
        )
        yield peer, span.get("Description")
    for span in entry.get("Ipv6Ranges") or ():
        peer = peer_from(
            call, group, cidr=None, cidr_ipv6=span.get("CidrIpv6"), prefix_list=None, referenced=None
        )
        yield peer, span.get("Description")
    for listed in entry.get("PrefixListIds") or ():
        if not listed.get("PrefixListId"):
            raise errors.missing("prefixListId")
        peer = peer_from(
            call, group, cidr=None, cidr_ipv6=None, prefix_list=listed["PrefixListId"], referenced=None
        )
        yield peer, listed.get("Description")
    for pair in entry.get("UserIdGroupPairs") or ():
        peer = peer_from(
            call, group, cidr=None, cidr_ipv6=None, prefix_list=None,
            referenced=pair.get("GroupId"), account=pair.get("UserId"), name=pair.get("GroupName"),
            peering=pair.get("VpcPeeringConnectionId"),
        )  # fmt: skip
        yield peer, pair.get("Description")


def _protocol(given: Any) -> str:
    if given is None or given == "":
        raise errors.invalid(
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."
        )
    text = str(given).lower()
    if is_protocol_number(text):
        text = str(int(text))
    name = _NAMES.get(text, text)
    if name in (*_WITH_PORTS, *_ICMP, "-1") or is_protocol_number(name):
        return name
    raise errors.invalid(f"Invalid value '{given}' for IP protocol. Unknown protocol.")
