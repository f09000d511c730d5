"""Effective policies: what the management policies that an account inherits come to."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.organizations import entities, errors, policy_records
from understudy_aws.services.organizations.descriptions import account_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.management_policies import effective, errors_in
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    members,
    path,
    units_above,
)
from understudy_aws.services.organizations.policy_records import Policy
from understudy_aws.services.organizations.targets import a_target, an_account, joined, readable, the_service


@operation("organizations:DescribeEffectivePolicy", on=a_target)
def describe_effective_policy(call: Call, *, policy_type: str, target_id: str | None = None) -> Answer:
    """Describe the effective policy of an account: a member's own, or any by who may read the organization."""
    account = target_id or call.account
    organization = joined(call) if account == call.account else readable(call)
    member = members.get(call.tx, account)
    if member is None or member.organization != organization.id:
        if entities.find(call.tx, organization, account) is not None:
            raise errors.invalid("TARGET_NOT_SUPPORTED", "You specified a target that isn't an account.")
        raise errors.not_found("target")
    tree = _effective(call, organization, member, policy_type)
    if not tree:
        raise errors.no_effective_policy()
    return {
        "EffectivePolicy": {
            "PolicyContent": json.dumps(tree, separators=(",", ":")),
            "LastUpdatedTimestamp": call.at,
            "TargetId": account,
            "PolicyType": policy_type,
        }
    }


@operation("organizations:ListAccountsWithInvalidEffectivePolicy", on=the_service)
def list_accounts_with_invalid_effective_policy(
    call: Call, *, policy_type: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the accounts whose effective policy of a type something is wrong with."""
    organization = readable(call)
    if policy_type not in organization.enabled:
        raise errors.no_effective_policy()
    return {
        **listing(
            "Accounts",
            [
                member
                for member in members.where(call.tx, "by_organization", organization.id)
                if errors_in(policy_type, _effective(call, organization, member, policy_type))
            ],
            lambda member: account_shown(call, organization, member),
            key=lambda member: member.account,
            scope=f"ListAccountsWithInvalidEffectivePolicy:{policy_type}",
            max_results=max_results,
            next_token=next_token,
        ),
        "PolicyType": policy_type,
    }


@operation("organizations:ListEffectivePolicyValidationErrors", on=an_account)
def list_effective_policy_validation_errors(
    call: Call,
    *,
    account_id: str,
    policy_type: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List what is wrong with the effective policy of an account."""
    organization = readable(call)
    member = members.get(call.tx, account_id)
    if member is None or member.organization != organization.id:
        raise errors.not_found("account")
    tree = _effective(call, organization, member, policy_type)
    if not tree:
        raise errors.no_effective_policy()
    contributing = [
        policy.id for level in _levels(call, organization, member, policy_type) for policy in level
    ]
    return {
        **listing(
            "EffectivePolicyValidationErrors",
            errors_in(policy_type, tree),
            lambda error: _error_shown(error, contributing),
            key=lambda error: error[2],
            scope=f"ListEffectivePolicyValidationErrors:{account_id}:{policy_type}",
            max_results=max_results,
            next_token=next_token,
        ),
        "AccountId": account_id,
        "PolicyType": policy_type,
        "Path": f"{path(organization, units_above(call.tx, organization.id, member.parent))}{account_id}/",
        "EvaluationTimestamp": call.at,
    }


def _error_shown(error: tuple[str, str, str], contributing: list[str]) -> dict[str, Any]:
    code, message, place = error
    return {
        "ErrorCode": code,
        "ErrorMessage": message,
        "PathToError": place,
        "ContributingPolicies": contributing,
    }


def _effective(call: Call, organization: Organization, member: Member, type: str) -> dict[str, Any]:
    levels = _levels(call, organization, member, type)
    return effective([policy.content for policy in level] for level in levels)


def _levels(call: Call, organization: Organization, member: Member, type: str) -> list[list[Policy]]:
    """Return the policies of a type by level, the root's first; none while the type is not enabled."""
    if type not in organization.enabled:
        return []
    chain: tuple[entities.Entity, ...] = (
        organization,
        *units_above(call.tx, organization.id, member.parent),
        member,
    )
    levels = []
    for entity in chain:
        found = (policy_records.find(call.tx, organization.id, id) for id in entity.attached)
        levels.append([policy for policy in found if policy is not None and policy.type == type])
    return levels
