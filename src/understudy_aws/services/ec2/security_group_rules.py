"""Security group rules as values, and the two forms in which AWS shows them: one by one, or grouped by ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from understudy_aws.core.arn import ec2
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.store.tables import Record

Ports = tuple[str, int | None, int | None]
_ICMP = ("icmp", "icmpv6")


class SecurityGroupRule(Record, frozen=True, kw_only=True):
    """One rule: a direction, a protocol with ports, and one peer (`cidr`, `cidr_ipv6`, `prefix_list` or `group`).

    `protocol` is `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all; ports are None where a protocol
    has none, and type and code for ICMP (-1 is any). `group_account` owns the referenced group. One of a peered VPC
    also has `group_vpc`, and `peering`, the connection through which it is referenced.
    """

    id: str
    egress: bool = False
    protocol: str = "-1"
    from_port: int | None = None
    to_port: int | None = None
    cidr: str = ""
    cidr_ipv6: str = ""
    group: str = ""
    group_account: str = ""
    group_vpc: str = ""
    peering: str = ""
    prefix_list: str = ""
    description: str | None = None
    tags: dict[str, str] = {}

    @property
    def ports(self) -> Ports:
        """Return protocol and ports, by which rules are grouped."""
        return self.protocol, self.from_port, self.to_port

    @property
    def peer(self) -> str:
        """Return the block, list or group on the other side."""
        return self.cidr or self.cidr_ipv6 or self.prefix_list or self.group

    @property
    def meaning(self) -> tuple[bool, Ports, str]:
        """Return what makes two rules of a group the same. Descriptions and tags do not count."""
        return self.egress, self.ports, self.peer

    def __str__(self) -> str:
        """Return the rule as AWS spells it in errors."""
        if self.protocol == "-1":
            return f"peer: {self.peer}, ALL, ALLOW"
        name = self.protocol.upper()
        if self.from_port is None:
            return f"peer: {self.peer}, protocol: {name}, ALLOW"
        if self.protocol in _ICMP:
            kind, code = ("ALL" if number == -1 else number for number in (self.from_port, self.to_port))
            return f"peer: {self.peer}, {name}, type: {kind}, code: {code}, ALLOW"
        return f"peer: {self.peer}, {name}, from port: {self.from_port}, to port: {self.to_port}, ALLOW"


# Tells the state of a peering connection by its id.
PeeringStatus = Callable[[str], str]


def permissions(
    rules: Iterable[SecurityGroupRule], status: PeeringStatus | None = None
) -> list[dict[str, Any]]:
    """Return the rules of one direction grouped by protocol and ports, as DescribeSecurityGroups shows them.

    `status` is needed where rules are about groups of peered VPCs.
    """
    gathered: dict[Ports, dict[str, Any]] = {}
    for rule in rules:
        entry = gathered.get(rule.ports)
        if entry is None:
            entry = gathered[rule.ports] = _empty(rule)
        words: dict[str, Any] = {} if rule.description is None else {"Description": rule.description}
        if rule.cidr:
            entry["IpRanges"].append({**words, "CidrIp": rule.cidr})
        elif rule.cidr_ipv6:
            entry["Ipv6Ranges"].append({**words, "CidrIpv6": rule.cidr_ipv6})
        elif rule.prefix_list:
            entry["PrefixListIds"].append({**words, "PrefixListId": rule.prefix_list})
        else:
            entry["UserIdGroupPairs"].append({**words, **_referenced_group(rule, status)})
    return list(gathered.values())


def _referenced_group(rule: SecurityGroupRule, status: PeeringStatus | None) -> dict[str, Any]:
    shown = {"UserId": rule.group_account, "GroupId": rule.group}
    if rule.peering and status is not None:
        shown |= {
            "VpcId": rule.group_vpc,
            "VpcPeeringConnectionId": rule.peering,
            "PeeringStatus": status(rule.peering),
        }
    return shown


def _empty(rule: SecurityGroupRule) -> dict[str, Any]:
    return {
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "UserIdGroupPairs": [],
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
    }


def _outline(rule: SecurityGroupRule, group: str) -> dict[str, Any]:
    """Return what all answers about single rules have in common. Protocols without ports have -1 there."""
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group,
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.cidr or None,
        "CidrIpv6": rule.cidr_ipv6 or None,
        "PrefixListId": rule.prefix_list or None,
        "Description": rule.description,
    }


def described_rule(
    rule: SecurityGroupRule, account: str, region: str, group: str, status: PeeringStatus | None = None
) -> dict[str, Any]:
    """Return a rule as DescribeSecurityGroupRules shows it."""
    shown = _outline(rule, group)
    shown["GroupOwnerId"] = account
    if rule.group:
        shown["ReferencedGroupInfo"] = _referenced_group(rule, status)
    shown["Tags"] = tag_set(rule.tags)
    shown["SecurityGroupRuleArn"] = ec2(region, account, f"security-group-rule/{rule.id}")
    return shown


def revoked_rule(rule: SecurityGroupRule, group: str) -> dict[str, Any]:
    """Return a rule as the revoking operations show it."""
    return {**_outline(rule, group), "ReferencedGroupId": rule.group or None}
