"""The operations that change the descriptions of security group rules."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.rule_requests import described_as, rules_from
from understudy_aws.services.ec2.security_groups import SecurityGroup, a_group, group_of, security_groups

Entries = list[dict[str, Any]] | None


@operation("ec2:UpdateSecurityGroupRuleDescriptionsIngress", on=a_group)
def update_security_group_rule_descriptions_ingress(
    call: Call,
    *,
    group_id: str | None = None,
    group_name: str | None = None,
    ip_permissions: Entries = None,
    security_group_rule_descriptions: list[dict[str, Any]] | None = None,
) -> Answer:
    """Change the descriptions of ingress rules."""
    group = group_of(call, group_id, group_name)
    return _describe_anew(call, group, ip_permissions, security_group_rule_descriptions, egress=False)


@operation("ec2:UpdateSecurityGroupRuleDescriptionsEgress", on=a_group)
def update_security_group_rule_descriptions_egress(
    call: Call,
    *,
    group_id: str | None = None,
    group_name: str | None = None,
    ip_permissions: Entries = None,
    security_group_rule_descriptions: list[dict[str, Any]] | None = None,
) -> Answer:
    """Change the descriptions of egress rules."""
    group = group_of(call, group_id, group_name)
    return _describe_anew(call, group, ip_permissions, security_group_rule_descriptions, egress=True)


def _describe_anew(
    call: Call, group: SecurityGroup, entries: Entries, by_id: list[dict[str, Any]] | None, *, egress: bool
) -> Answer:
    if bool(entries) == bool(by_id):
        raise errors.missing_choice(
            "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided."
        )
    if entries:
        words = {rule.meaning: rule.description for rule in rules_from(call, group, entries, egress=egress)}
        if not words.keys() <= {rule.meaning for rule in group.rules}:
            raise errors.no_such_rule()
        changed = tuple(
            replace(rule, description=words[rule.meaning]) if rule.meaning in words else rule
            for rule in group.rules
        )
    else:
        if any(entry.get("SecurityGroupRuleId") is None for entry in by_id or ()):
            raise errors.missing("securityGroupRuleId")
        named = {
            entry["SecurityGroupRuleId"]: described_as(entry.get("Description")) for entry in by_id or ()
        }
        for id in named:
            if id not in {rule.id for rule in group.rules if rule.egress == egress}:
                raise no_such("sgr", id)
        changed = tuple(
            replace(rule, description=named[rule.id]) if rule.id in named else rule for rule in group.rules
        )
    security_groups.put(call.tx, replace(group, rules=changed))
    return {"Return": True}
