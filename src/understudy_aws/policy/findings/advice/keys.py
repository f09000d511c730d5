"""Advice on condition keys: outdated ones, ones that need another beside them, ones without effect."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.advice.wording import enumeration
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode

# A private address says little without the network it belongs to: the keys of which one has to stand beside.
_PARTNERS = {
    "aws:vpcsourceip": ("aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"),
    "aws:ec2instancesourceprivateipv4": ("aws:Ec2InstanceSourceVpc",),
}
_S3_ACCESS = frozenset({"AWS::S3::Bucket", "AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPoint"})


@check("DEPRECATED_GLOBAL_CONDITION_KEY", "WARNING")
def outdated_key(policy: PolicyTree) -> Iterator[Problem]:
    """aws:ARN, which meant two things."""
    for _, condition in policy.conditions():
        if condition.key.value.lower() == "aws:arn":
            yield Problem(
                "aws:ARN is outdated.",
                'Write "aws:PrincipalArn" for who calls, or "aws:SourceArn" for the resource on whose behalf a '
                "service calls.",
                (policy.at_key(condition.key),),
            )


@check("MISSING_PAIRED_CONDITION_KEYS", "SECURITY_WARNING")
def lonely_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a private address without the network it is an address of."""
    for statement, condition in policy.conditions():
        partners = _PARTNERS.get(condition.key.value.lower())
        if partners is None or _names_any(statement, partners):
            continue
        choice = enumeration(partners).replace(" and ", " or ")
        yield Problem(
            f"{condition.key.value} is a private address, which anybody may use in a network of his own.",
            f'Name the network in the same Condition: "StringEquals": {{"{partners[0]}": "vpc-..."}}'
            + (f", with one of {choice}." if len(partners) > 1 else "."),
            (policy.at_key(condition.key),),
        )


def _names_any(statement: StatementNode, keys: tuple[str, ...]) -> bool:
    lowered = {key.lower() for key in keys}
    return any(condition.key.value.lower() in lowered for condition in statement.conditions)


@check("IRRELEVANT_CONDITION_KEY_IN_POLICY", "SUGGESTION")
def idle_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report the owner of a bucket asked for in the policy of that bucket."""
    if policy.type is not PolicyType.RESOURCE or policy.resource_type not in _S3_ACCESS:
        return
    for _, condition in policy.conditions():
        if condition.key.value.lower() == "s3:resourceaccount":
            yield Problem(
                f"{condition.key.value} is the account that owns this resource: the answer is known.",
                "Remove it here; it is of use in identity policies and VPC endpoint policies.",
                (policy.at_key(condition.key),),
            )


# In a resource control policy: who calls on whose behalf, in keys that calls of AWS services lack.
_CALLER_KEYS = frozenset({"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount"})
_SOURCE_KEYS = frozenset({"aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceaccount"})
_BY_SERVICE = ("aws:PrincipalIsAWSService",)


@check("RCP_IS_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", "WARNING")
def services_shut_out(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource control policy that denies by the caller and so denies AWS services, which have no such key."""
    for condition in _rcp_conditions(policy, _CALLER_KEYS):
        yield Problem(
            f"AWS services call without {condition.key.value}, so this statement denies their calls too.",
            'Except them in the same Condition: "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}.',
            (policy.at_key(condition.key),),
        )


@check("RCP_IS_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", "WARNING")
def callers_shut_out(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource control policy that denies by the source and so denies callers, which have no such key."""
    for condition in _rcp_conditions(policy, _SOURCE_KEYS):
        yield Problem(
            f"Only calls of AWS services carry {condition.key.value}, so this statement denies all others.",
            'Limit it to them in the same Condition: "Bool": {"aws:PrincipalIsAWSService": "true"}, and '
            '"Null": {"aws:SourceAccount": "false"} for the services that say on whose behalf they call.',
            (policy.at_key(condition.key),),
        )


def _rcp_conditions(policy: PolicyTree, keys: frozenset[str]) -> Iterator[ConditionNode]:
    """Conditions on one of the keys that hold without it, in statements that do not ask who calls."""
    if policy.type is not PolicyType.RESOURCE_CONTROL:
        return
    for statement, condition in policy.conditions():
        spelled = condition.spelled
        if spelled is None or spelled.operator is None or condition.key.value.lower() not in keys:
            continue
        holds_without = spelled.operator.negated or spelled.if_exists or spelled.quantifier == "forallvalues"
        if statement.denies and holds_without and not _names_any(statement, _BY_SERVICE):
            yield condition


CHECKS = (outdated_key, lonely_key, idle_key, services_shut_out, callers_shut_out)
