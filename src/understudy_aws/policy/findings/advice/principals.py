"""Advice on who a resource policy lets in: everyone but some, identifiers of the deleted, services for anyone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.policy.findings.advice.wording import as_json, enumeration
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode

_ROLE_ID = re.compile(r"AROA[A-Z0-9]{12,124}\Z")
_USER_ID = re.compile(r"AIDA[A-Z0-9]{12,124}\Z")

_SOURCE_KEYS = ("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths")
_LOWERED_SOURCE_KEYS = frozenset(key.lower() for key in _SOURCE_KEYS)
# Keys of a caller that is no service, and the ones that say the same of whom a service calls for.
_MEANT_KEYS = {
    "aws:principalaccount": "aws:SourceAccount",
    "aws:principalarn": "aws:SourceArn",
    "aws:principalorgid": "aws:SourceOrgID",
    "aws:principalorgpaths": "aws:SourceOrgPaths",
    "aws:sourceowner": "aws:SourceAccount",
}
# Services whose own guides show aws:SourceArn or aws:SourceAccount in the policies of buckets, topics, queues and
# keys that let them in: they say on whose behalf they call. AWS does not publish for which ones it asks.
_TELLING_SERVICES = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "bedrock",
        "budgets",
        "cloudfront",
        "cloudtrail",
        "cloudwatch",
        "codestar-notifications",
        "config",
        "delivery.logs",
        "guardduty",
        "logging.s3",
        "s3",
        "ses",
        "sns",
        "ssm",
    )
)


@check("ALLOW_WITH_NOT_PRINCIPAL", "SECURITY_WARNING")
def everyone_but(policy: PolicyTree) -> Iterator[Problem]:
    """Allow with NotPrincipal lets in everyone else, anonymous callers too."""
    for statement in policy.statements:
        if not statement.allows:
            continue
        for principal in statement.principals:
            if principal.inverted:
                yield Problem(
                    "Allow with NotPrincipal lets in everyone but the listed, anonymous callers too.",
                    'List in "Principal" who is to get in; deny some of them in another statement.',
                    (policy.at_key(principal.name),),
                )


@check("INVALID_ROLE_REFERENCE", "WARNING")
def role_id(policy: PolicyTree) -> Iterator[Problem]:
    """Report a role's identifier, which AWS leaves in place of the ARN of a role that is gone."""
    yield from _identifiers(policy, _ROLE_ID, "role")


@check("INVALID_USER_REFERENCE", "WARNING")
def user_id(policy: PolicyTree) -> Iterator[Problem]:
    """Report a user's identifier, which AWS leaves in place of the ARN of a user that is gone."""
    yield from _identifiers(policy, _USER_ID, "user")


def _identifiers(policy: PolicyTree, shape: re.Pattern[str], noun: str) -> Iterator[Problem]:
    for statement in policy.statements:
        for member in statement.principal_members():
            if member.kind is not None and member.kind.value == "AWS" and shape.match(member.value.value):
                yield Problem(
                    f"{member.value.value} is the identifier of a {noun}; AWS shows it where a {noun} was deleted, "
                    "and a new one of the same name has another.",
                    f'Write the ARN: "arn:aws:iam::ACCOUNT:{noun}/{noun.upper()}-NAME".',
                    (policy.at(member.value),),
                )


@check("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", "SECURITY_WARNING")
def service_for_anyone(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service let in no matter on whose behalf it calls, although it would say so."""
    for statement in policy.statements:
        services = _services(policy, statement)
        keys = {condition.key.value.lower() for condition in statement.conditions}
        if not services or keys & _LOWERED_SOURCE_KEYS or keys & _MEANT_KEYS.keys():
            continue
        names = [text.value for text in services]
        condition = {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}, "ArnLike": {"aws:SourceArn": "ARN"}}
        yield Problem(
            f"{enumeration(names)} may act here on behalf of any account.",
            f"Say for whom it may: {as_json({'Condition': condition})}, or aws:SourceOrgID for the organization.",
            tuple(policy.at(text) for text in services),
        )


@check("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", "SUGGESTION")
def key_of_another_caller(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service asked for what only other callers have."""
    for statement in policy.statements:
        services = _services(policy, statement)
        keys = {condition.key.value.lower() for condition in statement.conditions}
        if not services or keys & _LOWERED_SOURCE_KEYS:
            continue
        for condition in _conditions_on_caller(statement):
            meant = _MEANT_KEYS[condition.key.value.lower()]
            yield Problem(
                f"{enumeration([text.value for text in services])} calls without {condition.key.value}.",
                f'Write "{meant}", which says on whose behalf the service calls.',
                (policy.at_key(condition.key),),
            )


def _conditions_on_caller(statement: StatementNode) -> Iterator[ConditionNode]:
    return (each for each in statement.conditions if each.key.value.lower() in _MEANT_KEYS)


def _services(policy: PolicyTree, statement: StatementNode) -> list[StringNode]:
    """Return the service principals that an Allow of a resource policy lets in, if they say on whose behalf they call.

    A role does not count: it is assumed by most services without a word of whom they do it for.
    """
    if policy.type is not PolicyType.RESOURCE or not statement.allows or _is_about_roles(policy, statement):
        return []
    return [
        member.value
        for principal in statement.principals
        if not principal.inverted
        for member in principal.members
        if member.kind is not None
        and member.kind.value == "Service"
        and member.value.value in _TELLING_SERVICES
    ]


def _is_about_roles(policy: PolicyTree, statement: StatementNode) -> bool:
    """Return whether it says who may assume a role, which shows in the actions where the resource type is not told."""
    return policy.is_trust_policy or any(
        text.value.lower().startswith("sts:") for text in statement.action_texts()
    )


CHECKS = (everyone_but, role_id, user_id, service_for_anyone, key_of_another_caller)
