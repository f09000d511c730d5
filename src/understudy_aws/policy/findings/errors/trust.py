"""Errors of trust policies: what they cannot hold, and actions that do not go with their principals."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check, listed
from understudy_aws.policy.findings.tree import PolicyTree, PrincipalNode, StatementNode
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens
from understudy_aws.policy.language.principals import is_saml_provider, is_web_identity_provider

# The kinds of principals that can be allowed each way into a role (sts.md 3, operations of STS).
_TAKES = {
    "sts:assumerole": frozenset({"AWS", "Service"}),
    "sts:assumerolewithsaml": frozenset({"SAML"}),
    "sts:assumerolewithwebidentity": frozenset({"OIDC"}),
}
_FITTING = {
    "AWS": "sts:AssumeRole",
    "SAML": "sts:AssumeRoleWithSAML",
    "OIDC": "sts:AssumeRoleWithWebIdentity",
}
_ROLES_ANYWHERE = "rolesanywhere.amazonaws.com"
_ROLES_ANYWHERE_ACTIONS = ("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")


@check("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", "ERROR")
def not_principal(policy: PolicyTree) -> Iterator[Problem]:
    """NotPrincipal in a trust policy."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        for principal in statement.principals:
            if principal.inverted:
                yield Problem(
                    "A trust policy cannot hold NotPrincipal.",
                    "Name those who may assume the role in Principal.",
                    (policy.at_key(principal.name),),
                )


@check("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "ERROR")
def bare_star(policy: PolicyTree) -> Iterator[Problem]:
    """Report a bare star as the principal of a trust policy."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        for member in statement.principal_members():
            if member.kind is None and member.value.value == "*":
                yield Problem(
                    'A trust policy cannot have "*" as its Principal.',
                    "Name the accounts, roles or services that may assume the role.",
                    (policy.at(member.value),),
                )


@check("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", "ERROR")
def resource(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource in a trust policy, whose resource is the role it belongs to."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        for element in statement.resources:
            yield Problem(
                f"A trust policy cannot hold {element.name.value}: it speaks of its own role.",
                f"Leave {element.name.value} out.",
                (policy.at_key(element.name),),
            )


def _kind(member: PrincipalNode) -> str | None:
    """AWS, Service, SAML or OIDC; None for what is no principal of a trust policy."""
    kind = None if member.kind is None else member.kind.value
    if kind != "Federated":
        return kind
    if is_saml_provider(member.value.value):
        return "SAML"
    return "OIDC" if is_web_identity_provider(member.value.value) else None


@check("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", "ERROR")
def invalid_federated_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report an identity provider that is neither a domain nor the ARN of one."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        for member in statement.principal_members():
            if member.kind is None or member.kind.value != "Federated":
                continue
            value = member.value.value
            if _kind(member) is None and not any(sign in value for sign in ("*", "?", "${")):
                yield Problem(
                    f'"{value}" is no identity provider.',
                    "Write a domain such as accounts.google.com, or the ARN of a provider such as "
                    "arn:aws:iam::111122223333:saml-provider/name.",
                    (policy.at(member.value),),
                )


@check("MISMATCHED_ACTION_FOR_PRINCIPAL", "ERROR")
def mismatched_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report a way into the role that none of the statement's principals can take."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        members = [(member, _kind(member)) for member in statement.principal_members()]
        kinds = {kind for _, kind in members if kind is not None}
        if not kinds or any(principal.inverted for principal in statement.principals):
            continue
        named = listed(member.value.value for member, _ in members)
        places = [policy.at(member.value) for member, _ in members[:MOST_TOLD]]
        for element in statement.actions:
            for text in element.texts:
                taken = _TAKES.get(text.value.lower())
                if taken is None or element.inverted or taken & kinds:
                    continue
                fitting = sorted({_FITTING[kind] for kind in kinds if kind in _FITTING})
                yield Problem(
                    f"{text.value} is no way into a role for {named}.",
                    f"Write {' or '.join(fitting) or _FITTING['AWS']}, or name other principals.",
                    (policy.at(text), *places),
                )


@check("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", "ERROR")
def missing_action_for_roles_anywhere(policy: PolicyTree) -> Iterator[Problem]:
    """Roles Anywhere sets a source identity and tags as it assumes a role, and has to be allowed both."""
    if not policy.is_trust_policy:
        return
    trusting = [
        statement for statement in policy.statements if statement.allows and _trusts_anywhere(statement)
    ]
    missing = [
        action for action in _ROLES_ANYWHERE_ACTIONS if not any(_names(each, action) for each in trusting)
    ]
    if not trusting or not missing:
        return
    places = [
        policy.at(member.value) for member in trusting[0].principal_members() if _is_roles_anywhere(member)
    ]
    yield Problem(
        f"IAM Roles Anywhere needs {', '.join(_ROLES_ANYWHERE_ACTIONS)} to assume the role.",
        f"Add {' and '.join(missing)} to the actions.",
        tuple(places),
    )


def _is_roles_anywhere(member: PrincipalNode) -> bool:
    return (
        member.kind is not None and member.kind.value == "Service" and member.value.value == _ROLES_ANYWHERE
    )


def _trusts_anywhere(statement: StatementNode) -> bool:
    return any(_is_roles_anywhere(member) for member in statement.principal_members())


def _names(statement: StatementNode, action: str) -> bool:
    """Return whether the statement is about the action."""
    for element in statement.actions:
        named = any(matcher(wildcard_tokens(text.value.lower()))(action.lower()) for text in element.texts)
        if named != element.inverted:
            return True
    return False


CHECKS = (
    not_principal,
    bare_star,
    resource,
    invalid_federated_principal,
    mismatched_action,
    missing_action_for_roles_anywhere,
)
