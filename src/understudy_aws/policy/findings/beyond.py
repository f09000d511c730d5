"""Findings that Access Analyzer's ValidatePolicy does not give (decision 0018). `understudy review` gives them too."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.check import MOST_TOLD, Check, Problem, check
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, PrincipalNode, StatementNode

_ASSUMING = frozenset({"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"})
# Keys by which one caller is told from another, and which callers cannot give themselves the value of: a tag of a
# principal, a name of a session and a source identity are whatever the caller's own account makes them.
_TELLING = frozenset(
    {
        "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid",
        "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths",
        "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:vpceaccount", "aws:vpceorgid",
        "aws:vpceorgpaths", "aws:federatedprovider", "sts:externalid",
    }
)  # fmt: skip
_EVERYTHING = frozenset({"*", "0.0.0.0/0", "::/0", "arn:*"})


@check("ROLE_TRUST_POLICY_ALLOWS_EVERY_ACCOUNT", "SECURITY_WARNING")
def every_account(policy: PolicyTree) -> Iterator[Problem]:
    """Return a role that whoever has an AWS account may assume."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        everyone = [member for member in statement.principal_members() if _is_everyone(member)]
        inverted = any(principal.inverted for principal in statement.principals)
        if not statement.allows or not everyone or inverted or not _lets_assume(statement):
            continue
        if any(map(_narrows, statement.conditions)):
            continue
        yield Problem(
            "Every AWS account in the world may assume this role.",
            "Name the accounts, users or roles that may, or say by aws:PrincipalOrgID whose organization they are of.",
            tuple(policy.at(member.value) for member in everyone[:MOST_TOLD]),
        )


def _is_everyone(member: PrincipalNode) -> bool:
    return member.value.value == "*" and (member.kind is None or member.kind.value == "AWS")


def _lets_assume(statement: StatementNode) -> bool:
    """Return whether the statement is about a way into the role."""
    for element in statement.actions:
        named = [text.value.lower() for text in element.texts]
        if element.inverted or any("*" in name or "?" in name or name in _ASSUMING for name in named):
            return True
    return False


def _narrows(condition: ConditionNode) -> bool:
    """Return whether the condition asks who calls, of every caller, and would not take any."""
    spelled = condition.spelled
    if spelled is None or spelled.operator is None or spelled.if_exists or spelled.operator.negated:
        return False
    values = [text.value for text in condition.texts]
    open_to_all = spelled.quantifier == "forallvalues" or _EVERYTHING.intersection(values)
    return condition.key.value.lower() in _TELLING and not open_to_all


CHECKS: tuple[Check, ...] = (every_account,)
