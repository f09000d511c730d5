"""Advice on trust policies for identity providers: which of a provider's tokens open the role."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.policy.findings.advice.grants import fails_without_key
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode

_OIDC_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/(.+)\Z")
_LOGIN_PROVIDERS = frozenset(
    {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
)
_GITHUB = "token.actions.githubusercontent.com"
# GitHub's subject of a workflow: repo:OWNER/REPOSITORY, then the branch, tag, environment or event.
_BRANCH = re.compile(r"repo:[^*?:/]+/[^*?:/]+:ref:refs/heads/[^*?]+\Z")


@check("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", "SECURITY_WARNING")
def any_token(policy: PolicyTree) -> Iterator[Problem]:
    """Report a provider of identities trusted with every token it signs."""
    for statement in policy.statements:
        for text, issuer in _issuers(policy, statement):
            if issuer != _GITHUB and not _conditions_of(statement, issuer):
                yield Problem(
                    f"Everyone with a token of {issuer} may assume the role, also of other applications.",
                    f'Name the application: "StringEquals": {{"{issuer}:aud": "APPLICATION-ID"}}, and with '
                    f'"{issuer}:sub" the user where only some are meant.',
                    (policy.at(text),),
                )


@check("MISSING_GITHUB_REPO_CONDITION_KEY", "SECURITY_WARNING")
def any_repository(policy: PolicyTree) -> Iterator[Problem]:
    """GitHub trusted with the workflows of all its repositories."""
    for statement in policy.statements:
        for text, issuer in _issuers(policy, statement):
            if issuer == _GITHUB and not _subjects(statement):
                yield Problem(
                    "A workflow of any repository on GitHub may assume the role.",
                    f'Name the repository and branch: "StringEquals": {{"{_GITHUB}:sub": '
                    '"repo:OWNER/REPOSITORY:ref:refs/heads/main"}.',
                    (policy.at(text),),
                )


@check("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", "WARNING")
def loose_subject(policy: PolicyTree) -> Iterator[Problem]:
    """Report a subject of GitHub that leaves the repository or the branch open."""
    for statement in policy.statements:
        if not any(issuer == _GITHUB for _, issuer in _issuers(policy, statement)):
            continue
        for condition in _subjects(statement):
            for text in condition.texts:
                if not _BRANCH.match(text.value):
                    yield Problem(
                        f'"{text.value}" names no single repository and branch.',
                        _subject_instead(text.value),
                        (policy.at(text),),
                    )


def _subject_instead(subject: str) -> str:
    kind, _, rest = subject.partition(":")
    name = rest.partition(":")[0]
    known = kind == "repo" and "/" in name and not set("*?") & set(name)
    repository = name if known else "OWNER/REPOSITORY"
    return (
        f'Write "repo:{repository}:ref:refs/heads/main", with the branch that is meant, once for each branch.'
    )


@check("CONFIRM_AUDIENCE_CLAIM_TYPE", "SUGGESTION")
def audience(policy: PolicyTree) -> Iterator[Problem]:
    """Report a condition on `aud`, which some providers send as one value and some as several."""
    for statement in policy.statements:
        for issuer in dict.fromkeys(issuer for _, issuer in _issuers(policy, statement)):
            for condition in statement.conditions:
                if condition.key.value.lower() != f"{issuer}:aud" or condition.spelled is None:
                    continue
                yield Problem(
                    f"Whether a token of {issuer} has one audience or several decides which operator reads it.",
                    _audience_instead(condition),
                    (policy.at_key(condition.key),),
                )


def _audience_instead(condition: ConditionNode) -> str:
    plain = condition.operator.value.rpartition(":")[2]
    if condition.spelled is not None and condition.spelled.quantifier:
        return f'Write "{plain}" if its tokens have one audience, as most have; keep the prefix for several.'
    return f'Keep "{plain}" for one audience, as most have; write "ForAnyValue:{plain}" for several.'


def _issuers(policy: PolicyTree, statement: StatementNode) -> list[tuple[StringNode, str]]:
    """Return the providers of OpenID tokens that an Allow trusts, and what their condition keys begin with."""
    if policy.type is not PolicyType.RESOURCE or not statement.allows:
        return []
    found: list[tuple[StringNode, str]] = []
    for principal in statement.principals:
        for member in principal.members:
            if principal.inverted or member.kind is None or member.kind.value != "Federated":
                continue
            arn = _OIDC_ARN.match(member.value.value)
            issuer = (arn[1] if arn is not None else member.value.value).lower()
            if arn is not None or issuer in _LOGIN_PROVIDERS:
                found.append((member.value, issuer))
    return found


def _conditions_of(statement: StatementNode, issuer: str) -> bool:
    return any(condition.key.value.lower().startswith(f"{issuer}:") for condition in statement.conditions)


def _subjects(statement: StatementNode) -> list[ConditionNode]:
    return [
        condition
        for condition in statement.conditions
        if condition.key.value.lower() == f"{_GITHUB}:sub" and fails_without_key(condition)
    ]


CHECKS = (any_token, any_repository, loose_subject, audience)
