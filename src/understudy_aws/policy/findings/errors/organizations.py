"""Errors of service control policies and resource control policies."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.data.resource_control_policies import COVERED_SERVICES
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import PolicyTree


@check("SCP_SYNTAX_ERROR_PRINCIPAL", "ERROR")
def service_control_policy_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a principal in a service control policy, which speaks of everyone in the accounts below it."""
    if policy.type is not PolicyType.SERVICE_CONTROL:
        return
    for statement in policy.statements:
        for principal in statement.principals:
            yield Problem(
                f"A service control policy has no {principal.name.value}.",
                "Leave it out; a condition on aws:PrincipalArn picks out principals.",
                (policy.at_key(principal.name),),
            )


@check("RCP_SYNTAX_ERROR_PRINCIPAL", "ERROR")
def resource_control_policy_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a principal other than everyone in a resource control policy."""
    if policy.type is not PolicyType.RESOURCE_CONTROL:
        return
    for statement in policy.statements:
        for principal in statement.principals:
            if not principal.inverted and all(member.is_everyone for member in principal.members):
                continue
            yield Problem(
                "A resource control policy speaks of everyone; it can pick nobody out in its principal.",
                'Write "Principal": "*" and pick principals out with a condition on aws:PrincipalArn.',
                (policy.at_key(principal.name) if principal.inverted else policy.at(principal.value),),
            )


@check("RCP_SYNTAX_ERROR_ALLOW", "ERROR")
def resource_control_policy_allow(policy: PolicyTree) -> Iterator[Problem]:
    """Only a statement that lets everything through may allow."""
    if policy.type is not PolicyType.RESOURCE_CONTROL:
        return
    for statement in policy.statements:
        if not statement.allows or statement.effect is None:
            continue
        narrow = [policy.at(text) for text in statement.resource_texts() if text.value != "*"]
        narrow += [policy.at_key(element.name) for element in statement.resources if element.inverted]
        narrow += [policy.at_key(statement.condition.key)] if statement.condition is not None else []
        if narrow:
            yield Problem(
                "A resource control policy can only allow everything: all principals, all resources, "
                "no condition.",
                "Turn it into a Deny of what shall not be.",
                tuple(narrow),
            )


@check("RCP_SYNTAX_ERROR_NOTACTION", "ERROR")
def resource_control_policy_not_action(policy: PolicyTree) -> Iterator[Problem]:
    """NotAction in a resource control policy."""
    if policy.type is not PolicyType.RESOURCE_CONTROL:
        return
    for statement in policy.statements:
        for element in statement.actions:
            if element.inverted:
                yield Problem(
                    "A resource control policy cannot hold NotAction.",
                    "List the actions it is about in Action.",
                    (policy.at_key(element.name),),
                )


@check("RCP_SYNTAX_ERROR_ACTION", "ERROR")
def resource_control_policy_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report an action of a service that resource control policies do not reach; a Deny of `*` is refused as well."""
    if policy.type is not PolicyType.RESOURCE_CONTROL:
        return
    for statement in policy.statements:
        for element in statement.actions:
            if element.inverted:
                continue
            for text in element.texts:
                prefix, colon, _ = text.value.partition(":")
                if text.value == "*" and not statement.denies:
                    continue
                if (colon and prefix.lower() in COVERED_SERVICES) or (not colon and text.value != "*"):
                    continue
                yield Problem(
                    f'Resource control policies do not reach "{text.value}".',
                    'Name actions of the services they reach, such as "s3:*", "sqs:*", "kms:*", "sts:*".',
                    (policy.at(text),),
                )


CHECKS = (
    service_control_policy_principal,
    resource_control_policy_principal,
    resource_control_policy_allow,
    resource_control_policy_not_action,
    resource_control_policy_action,
)
