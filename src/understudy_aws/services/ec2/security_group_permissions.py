"""The operations on security group rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, exact, matching
from understudy_aws.services.ec2.api.identifiers import is_group_id, no_such
from understudy_aws.services.ec2.api.listings import Filters, items_after, page_start, paginate
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import (
    named_tags,
    request_tags,
    resource_tags,
    tagging,
    unknown,
)
from understudy_aws.services.ec2.peering.records import status_of_connection
from understudy_aws.services.ec2.prefix_lists.records import target_of_prefix_list
from understudy_aws.services.ec2.prefix_lists.usage import RULES_PER_DIRECTION, rules_counted
from understudy_aws.services.ec2.rule_requests import (
    after_all,
    described_as,
    peer_from,
    ports_from,
    rules_from,
)
from understudy_aws.services.ec2.security_group_rules import (
    SecurityGroupRule,
    described_rule,
    permissions,
    revoked_rule,
)
from understudy_aws.services.ec2.security_groups import (
    SecurityGroup,
    a_group,
    find_group,
    group_of,
    security_groups,
)
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import RecordKey, Transaction

Entries = list[dict[str, Any]] | None
# What ModifySecurityGroupRules can name on the other side, and what AWS calls a rule for it.
_SOURCES = MappingProxyType(
    {
        "CidrIpv4": "IPv4 CIDR",
        "CidrIpv6": "IPv6 CIDR",
        "PrefixListId": "prefix list",
        "ReferencedGroupId": "referenced group",
    }
)
_FIELDS = MappingProxyType(
    {
        "CidrIpv4": "cidr",
        "CidrIpv6": "cidr_ipv6",
        "PrefixListId": "prefix_list",
        "ReferencedGroupId": "group",
    }
)


def a_group_and_its_rules(call: Call, params: Params) -> Sequence[Target]:
    """Return the group, the rules that are changed, and the prefix lists that they get."""
    targets = list(a_group(call, params))
    for update in params["security_group_rules"]:
        targets.append(target_of_rule(call, update.get("SecurityGroupRuleId") or "*"))
        listed = (update.get("SecurityGroupRule") or {}).get("PrefixListId")
        if listed:
            targets.append(target_of_prefix_list(call, listed))
    return targets


def target_of_rule(call: Call, id: str) -> Target:
    """Return the target of a rule, which need not exist."""
    group = group_with_rule(call.tx, call.account, call.region, id)
    if group is None:
        return unknown(call, "security-group-rule", id)
    arn = ec2(group.region, group.account, f"security-group-rule/{id}")
    return Target(arn, resource_tags(rule_in(group, id).tags))


def a_group_to_open(call: Call, params: Params) -> Sequence[Target]:
    """Return the group, and with tags also the new rules and the tagging of them."""
    targets = list(a_group(call, params))
    tags = named_tags(params)
    if tags:
        arn = ec2(call.region, call.account, "security-group-rule/*")
        targets += [Target(arn, request_tags(tags)), *tagging(call, arn, tags)]
    return targets


@operation("ec2:AuthorizeSecurityGroupIngress", on=a_group_to_open)
def authorize_security_group_ingress(
    call: Call,
    *,
    cidr_ip: str | None = None,
    from_port: int | None = None,
    group_id: str | None = None,
    group_name: str | None = None,
    ip_permissions: Entries = None,
    ip_protocol: str | None = None,
    source_security_group_name: str | None = None,
    source_security_group_owner_id: str | None = None,
    to_port: int | None = None,
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Add ingress rules, all or none."""
    entries = _entries(
        ip_permissions, cidr_ip, ip_protocol, from_port, to_port,
        _everything_from(source_security_group_name, source_security_group_owner_id),
    )  # fmt: skip
    return _authorize(call, group_of(call, group_id, group_name), entries, tag_specifications, egress=False)


@operation("ec2:AuthorizeSecurityGroupEgress", on=a_group_to_open)
def authorize_security_group_egress(
    call: Call,
    *,
    group_id: str,
    tag_specifications: TagSpecifications = None,
    source_security_group_name: str | None = None,
    source_security_group_owner_id: str | None = None,
    ip_protocol: str | None = None,
    from_port: int | None = None,
    to_port: int | None = None,
    cidr_ip: str | None = None,
    ip_permissions: Entries = None,
) -> Answer:
    """Add egress rules, all or none."""
    _only_permissions(
        CidrIp=cidr_ip, IpProtocol=ip_protocol, FromPort=from_port, ToPort=to_port,
        SourceSecurityGroupName=source_security_group_name,
        SourceSecurityGroupOwnerId=source_security_group_owner_id,
    )  # fmt: skip
    if not ip_permissions:
        raise errors.missing("ipPermissions")
    return _authorize(call, find_group(call, group_id), ip_permissions, tag_specifications, egress=True)


@operation("ec2:RevokeSecurityGroupIngress", on=a_group)
def revoke_security_group_ingress(
    call: Call,
    *,
    cidr_ip: str | None = None,
    from_port: int | None = None,
    group_id: str | None = None,
    group_name: str | None = None,
    ip_permissions: Entries = None,
    ip_protocol: str | None = None,
    source_security_group_name: str | None = None,
    source_security_group_owner_id: str | None = None,
    to_port: int | None = None,
    security_group_rule_ids: list[str] | None = None,
) -> Answer:
    """Remove ingress rules, named by their content or their ids."""
    group = group_of(call, group_id, group_name)
    if security_group_rule_ids:
        return _revoke_by_id(call, group, security_group_rule_ids, egress=False)
    entries = _entries(
        ip_permissions, cidr_ip, ip_protocol, from_port, to_port,
        _everything_from(source_security_group_name, source_security_group_owner_id),
    )  # fmt: skip
    return _revoke(call, group, entries, egress=False)


@operation("ec2:RevokeSecurityGroupEgress", on=a_group)
def revoke_security_group_egress(
    call: Call,
    *,
    group_id: str,
    security_group_rule_ids: list[str] | None = None,
    source_security_group_name: str | None = None,
    source_security_group_owner_id: str | None = None,
    ip_protocol: str | None = None,
    from_port: int | None = None,
    to_port: int | None = None,
    cidr_ip: str | None = None,
    ip_permissions: Entries = None,
) -> Answer:
    """Remove egress rules, named by their content or their ids."""
    _only_permissions(
        CidrIp=cidr_ip, IpProtocol=ip_protocol, FromPort=from_port, ToPort=to_port,
        SourceSecurityGroupName=source_security_group_name,
        SourceSecurityGroupOwnerId=source_security_group_owner_id,
    )  # fmt: skip
    group = find_group(call, group_id)
    if security_group_rule_ids:
        return _revoke_by_id(call, group, security_group_rule_ids, egress=True)
    if not ip_permissions:
        raise errors.missing("ipPermissions")
    return _revoke(call, group, ip_permissions, egress=True)


class _Row(NamedTuple):
    """A rule with its group, as filters see it."""

    group: SecurityGroup
    rule: SecurityGroupRule

    @property
    def tags(self) -> Mapping[str, str]:
        return self.rule.tags

    @property
    def key(self) -> RecordKey:
        return self.group.id, self.rule.id


RULE_FILTERS: FilterTable = MappingProxyType(
    {
        "group-id": lambda row: (row.group.id,),
        "security-group-rule-id": lambda row: (row.rule.id,),
    }
)


@operation("ec2:DescribeSecurityGroupRules", on=all_resources)
def describe_security_group_rules(
    call: Call,
    *,
    filters: Filters = None,
    security_group_rule_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe rules one by one, across groups."""
    matches = matching(filters, RULE_FILTERS)
    for id in exact(filters, "group-id") or ():
        if not is_group_id(id):
            raise errors.malformed_group_filter(id)
    if security_group_rule_ids and max_results is not None:
        raise errors.combination("securityGroupRuleIdSet", "maxResults")
    after, scope = page_start(call, filters, max_results, next_token)
    rows: Iterable[_Row]
    if security_group_rule_ids:
        rows = [_row(call, id) for id in dict.fromkeys(security_group_rule_ids)]
    else:
        rows = items_after(_rows(call, exact(filters, "group-id")), after, lambda row: row.key)
    found, token = paginate(
        filter(matches, rows) if matches else rows, max_results, lambda row: row.key, scope
    )
    return {
        "SecurityGroupRules": [_described(call, group, rule) for group, rule in found],
        "NextToken": token,
    }


@operation("ec2:ModifySecurityGroupRules", on=a_group_and_its_rules)
def modify_security_group_rules(
    call: Call, *, group_id: str, security_group_rules: list[dict[str, Any]]
) -> Answer:
    """Replace rules of a group. Their ids, directions and tags stay."""
    group = find_group(call, group_id)
    rules = {rule.id: rule for rule in group.rules}
    for update in security_group_rules:
        id, request = update["SecurityGroupRuleId"], update.get("SecurityGroupRule") or {}
        old = rules.get(id)
        if old is None:
            raise no_such("sgr", id)
        rules[id] = _rewritten(call, group, old, request)
    changed = tuple(rules.values())
    seen = set()
    for rule in changed:
        if rule.meaning in seen:
            raise errors.duplicate_rule(str(rule))
        seen.add(rule.meaning)
    group = replace(group, rules=changed)
    _check_quota(call, group)
    security_groups.put(call.tx, group)
    return {"Return": True}


def _only_permissions(**others: Any) -> None:
    """Raise UnknownParameter for a rule outside of IpPermissions, which egress does not take (ec2.md 7.7)."""
    for name, value in others.items():
        if value is not None:
            raise errors.unknown_parameter(name)


def _everything_from(name: str | None, account: str | None) -> list[dict[str, Any]]:
    """Return the permissions for all TCP, UDP and ICMP from a group that is named outside of IpPermissions.

    Raises MissingParameter for an owner without a group (ec2.md 7.7).
    """
    if not name:
        if account:
            raise errors.missing_choice("Source group ID missing.")
        return []
    pairs = [{"GroupName": name, "UserId": account}]
    return [
        {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "UserIdGroupPairs": pairs}
        for protocol, first, last in (("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1))
    ]


def _entries(  # noqa: PLR0917 - where permissions may stand in a request
    given: Entries,
    cidr: str | None,
    protocol: str | None,
    first: int | None,
    last: int | None,
    from_group: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return the permissions of a request. They may be in parameters of the request itself."""
    if from_group:
        if given or cidr or protocol:
            other = "ipPermissions" if given else "cidrIp" if cidr else "ipProtocol"
            raise errors.combination("sourceSecurityGroupName", other)
        return from_group
    if given and (cidr or protocol):
        raise errors.combination("ipPermissions", "cidrIp" if cidr else "ipProtocol")
    if given:
        return given
    if not cidr and not protocol:
        raise errors.missing("ipPermissions")
    ranges = [{"CidrIp": cidr}] if cidr else []
    return [{"IpProtocol": protocol, "FromPort": first, "ToPort": last, "IpRanges": ranges}]


def _authorize(
    call: Call,
    group: SecurityGroup,
    entries: list[dict[str, Any]],
    specifications: TagSpecifications,
    *,
    egress: bool,
) -> Answer:
    new = rules_from(
        call, group, entries, egress=egress, tags=tags_for("security-group-rule", specifications)
    )
    known = {rule.meaning for rule in group.rules}
    for rule in new:
        if rule.meaning in known:
            raise errors.duplicate_rule(str(rule))
    group = replace(group, rules=(*group.rules, *new))
    _check_quota(call, group)
    security_groups.put(call.tx, group)
    return {"Return": True, "SecurityGroupRules": [_described(call, group, rule) for rule in new]}


def _check_quota(call: Call, group: SecurityGroup) -> None:
    """Raise RulesPerSecurityGroupLimitExceeded for a group that has too many rules of a direction and family."""
    counts = rules_counted(call.tx, group, group.rules, call.at)
    if max(counts.values(), default=0) > RULES_PER_DIRECTION:
        raise errors.limit("RulesPerSecurityGroupLimitExceeded", "rules per security group")


def _described(call: Call, group: SecurityGroup, rule: SecurityGroupRule) -> dict[str, Any]:
    status = partial(status_of_connection, call) if rule.peering else None
    return described_rule(rule, group.account, group.region, group.id, status)


def _revoke(call: Call, group: SecurityGroup, entries: list[dict[str, Any]], *, egress: bool) -> Answer:
    known = {rule.meaning: rule for rule in group.rules}
    asked = rules_from(call, group, entries, egress=egress)
    leaving = [known[rule.meaning] for rule in asked if rule.meaning in known]
    unknown = [rule for rule in asked if rule.meaning not in known]
    if unknown:
        vpc = vpcs.get(call.tx, call.account, call.region, group.vpc)
        # In a default VPC AWS tells which rules it does not know; elsewhere it refuses and revokes none.
        if vpc is None or not vpc.is_default:
            raise errors.no_such_rule()
    return _without(call, group, leaving, unknown)


def _revoke_by_id(call: Call, group: SecurityGroup, ids: Sequence[str], *, egress: bool) -> Answer:
    rules = {rule.id: rule for rule in group.rules if rule.egress == egress}
    for id in ids:
        if id not in rules:
            raise no_such("sgr", id)
    return _without(call, group, [rules[id] for id in dict.fromkeys(ids)], [])


def _without(
    call: Call, group: SecurityGroup, leaving: list[SecurityGroupRule], unknown: list[SecurityGroupRule]
) -> Answer:
    gone = {rule.id for rule in leaving}
    staying = tuple(rule for rule in group.rules if rule.id not in gone)
    security_groups.put(call.tx, replace(group, rules=staying))
    return {
        "Return": True,
        "UnknownIpPermissions": permissions(unknown),
        "RevokedSecurityGroupRules": [revoked_rule(rule, group.id) for rule in leaving],
    }


def _rewritten(
    call: Call, group: SecurityGroup, old: SecurityGroupRule, request: Mapping[str, Any]
) -> SecurityGroupRule:
    given = [name for name in _SOURCES if request.get(name)]
    if not given:
        raise errors.missing_choice(
            "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
        )
    if len(given) > 1:
        raise errors.several_sources()
    protocol, first, last = ports_from(request, text=after_all)
    peer = peer_from(
        call, group, cidr=request.get("CidrIpv4"), cidr_ipv6=request.get("CidrIpv6"),
        prefix_list=request.get("PrefixListId"), referenced=request.get("ReferencedGroupId"),
    )  # fmt: skip
    source = next(name for name, field in _FIELDS.items() if getattr(old, field))
    if given[0] != source:
        raise errors.other_rule_type(old.id, given[0], _SOURCES[source])
    return SecurityGroupRule(
        id=old.id,
        egress=old.egress,
        protocol=protocol,
        from_port=first,
        to_port=last,
        description=described_as(request.get("Description")),
        tags=old.tags,
        **peer,
    )


def _rows(call: Call, groups: list[str] | None) -> Iterable[_Row]:
    """Yield rules in the order of their keys, of these groups only when they are given."""
    scope = (call.account, call.region)
    if groups is None:
        found: Iterable[SecurityGroup] = security_groups.scan(call.tx, *scope)
    else:
        found = filter(None, (security_groups.get(call.tx, *scope, id) for id in groups))
    for group in found:
        for rule in sorted(group.rules, key=lambda rule: rule.id):
            yield _Row(group, rule)


def _row(call: Call, id: str) -> _Row:
    found = group_with_rule(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("sgr", id)
    return _Row(found, rule_in(found, id))


def group_with_rule(tx: Transaction, account: str, region: str, id: str) -> SecurityGroup | None:
    """Return the group that has this rule, or None."""
    for group in security_groups.where(tx, "rule", id):
        if (group.account, group.region) == (account, region):
            return group
    return None


def rule_in(group: SecurityGroup, id: str) -> SecurityGroupRule:
    """Return the rule of that id of a group that has it."""
    return next(rule for rule in group.rules if rule.id == id)
