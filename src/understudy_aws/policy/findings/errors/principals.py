"""Errors of principals: where there must be one, where there must be none, and what is no principal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import PolicyTree, PrincipalNode, StatementNode
from understudy_aws.policy.language.document import PRINCIPAL_TYPES
from understudy_aws.policy.language.json_text import ListNode, ObjectNode, StringNode
from understudy_aws.policy.language.nearest_names import nearest

# What the DNS names of service principals end in, in every partition and inside AWS.
SERVICE_SUFFIXES = (
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "amazon.com", "aws.internal", "aws", "c2s.ic.gov",
    "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
)  # fmt: skip
_SERVICE = re.compile(
    r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:" + "|".join(re.escape(suffix) for suffix in SERVICE_SUFFIXES) + r")\Z"
)
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}\Z")
_ARN = re.compile(
    r"arn:[a-z-]+:(?:iam::(?:[0-9]{12}|cloudfront):(?:root|user/.|role/.)"
    r"|sts::[0-9]{12}:(?:assumed-role/.|federated-user/.|self\Z))"
)
_CANONICAL_USER = re.compile(r"[0-9a-f]{64}\Z")

# Keys that say something of an account's user or role; a service that calls for itself is neither
# ("AWS global condition context keys", availability of each).
_KEYS_OF_USERS_AND_ROLES = frozenset(
    {
        "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:principaltype", "aws:userid",
        "aws:username",
    }
)  # fmt: skip
_TAG_OF_USERS_AND_ROLES = "aws:principaltag/"


def is_service_principal(text: str) -> bool:
    """Return whether the text has the form of a service principal, such as `ec2.amazonaws.com`."""
    return _SERVICE.match(text) is not None


@check("MISSING_PRINCIPAL", "ERROR")
def missing_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a statement of a resource's policy that speaks of nobody."""
    if policy.type not in (PolicyType.RESOURCE, PolicyType.RESOURCE_CONTROL):
        return
    everyone = policy.type is PolicyType.RESOURCE_CONTROL
    for statement in policy.statements:
        if not statement.principals:
            yield Problem(
                "The statement has no Principal.",
                'Add "Principal": "*".' if everyone else 'Add "Principal", such as {"AWS": "111122223333"}.',
                (policy.at(statement.node),),
            )


@check("UNSUPPORTED_PRINCIPAL", "ERROR")
def unsupported_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a principal in a policy whose principal is whoever it is attached to."""
    if policy.type is PolicyType.IDENTITY:
        for statement in policy.statements:
            for principal in statement.principals:
                yield Problem(
                    f"An identity policy has no {principal.name.value}: "
                    "it speaks of the user, group or role it is attached to.",
                    f"Leave {principal.name.value} out, or attach the policy to the resource instead.",
                    (policy.at_key(principal.name),),
                )


def _takes_principals(policy: PolicyTree) -> bool:
    """In other policies the element is wrong as a whole."""
    return policy.type in (PolicyType.RESOURCE, PolicyType.RESOURCE_CONTROL)


@check("INVALID_PRINCIPAL_FORMAT", "ERROR")
def invalid_principal_format(policy: PolicyTree) -> Iterator[Problem]:
    """Report a principal that is neither `*` nor a key with a value of its form."""
    if not _takes_principals(policy):
        return
    for statement in policy.statements:
        for principal in statement.principals:
            value = principal.value
            name = principal.name.value
            if isinstance(value, StringNode) and value.value != "*":
                yield Problem(
                    f'{name} is "*" or names kinds of principals, not "{value.value}".',
                    f"Write {_keyed(value.value)}.",
                    (policy.at(value),),
                )
            elif isinstance(value, ObjectNode) and not any(
                _has_content(member.value) for member in value.members
            ):
                yield Problem(
                    f"{name} names nobody.",
                    'Write at least one principal, such as {"AWS": "111122223333"}.',
                    (policy.at(value),),
                )
        for member in statement.principal_members():
            if member.kind is not None and not _is_well_formed(member.kind.value, member.value.value):
                yield Problem(
                    f'"{member.value.value}" is no principal of kind {member.kind.value}.',
                    _WELL_FORMED[member.kind.value],
                    (policy.at(member.value),),
                )


def _has_content(node: object) -> bool:
    return not isinstance(node, ListNode) or bool(node.items)


def _keyed(text: str) -> str:
    """Return the value under the key it most likely belongs to."""
    if is_service_principal(text.lower()):
        return f'{{"Service": "{text.lower()}"}}'
    if "-provider/" in text:
        return f'{{"Federated": "{text}"}}'
    return f'{{"AWS": "{text}"}}'


_WELL_FORMED = {
    "AWS": 'Write an account\'s twelve digits, the ARN of a user, a role or a session, or "*"; '
    "a group is no principal.",
    "CanonicalUser": "Write the 64 hexadecimal digits of the canonical user id.",
}


def _is_well_formed(kind: str, value: str) -> bool:
    if "*" in value or "?" in value or "${" in value:
        return True
    if kind == "AWS":
        return any(form.match(value) for form in (_ACCOUNT, _UNIQUE_ID, _ARN))
    return kind != "CanonicalUser" or _CANONICAL_USER.match(value) is not None


@check("INVALID_PRINCIPAL_KEY", "ERROR")
def invalid_principal_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a kind of principal that does not exist; letter case counts."""
    if not _takes_principals(policy):
        return
    for statement in policy.statements:
        for principal in statement.principals:
            if not isinstance(principal.value, ObjectNode):
                continue
            for member in principal.value.members:
                kind = member.key.value
                if kind not in PRINCIPAL_TYPES:
                    meant = nearest(kind, sorted(PRINCIPAL_TYPES))
                    known = ", ".join(sorted(PRINCIPAL_TYPES))
                    yield Problem(
                        f'"{kind}" is no kind of principal.',
                        f'Write "{meant}".' if meant else f"Write one of {known}.",
                        (policy.at_key(member.key),),
                    )


@check("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "ERROR")
def unsupported_wildcard_in_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a wildcard in a principal; only a lone star under AWS means something, and means everyone."""
    if not _takes_principals(policy):
        return
    for statement in policy.statements:
        for member in statement.principal_members():
            value = member.value.value
            if member.kind is None or member.is_everyone or "${" in value or not _has_wildcard(value):
                continue
            yield Problem(
                f'Wildcards mean nothing in a principal of kind {member.kind.value}, as in "{value}".',
                "Name each principal in full; for all of a kind, allow the account or everyone and narrow it "
                "with a condition on aws:PrincipalArn.",
                (policy.at(member.value),),
            )


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


@check("INVALID_SERVICE_PRINCIPAL_FORMAT", "ERROR")
def invalid_service_principal_format(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service that is not named as `service.amazonaws.com`, in lower case."""
    if not _takes_principals(policy):
        return
    for statement in policy.statements:
        for member in _members(statement, "Service"):
            value = member.value.value
            if "${" in value or _has_wildcard(value) or is_service_principal(value):
                continue
            yield Problem(
                f'"{value}" is not how a service is named.',
                f'Write "{as_service_principal(value)}".',
                (policy.at(member.value),),
            )


def as_service_principal(text: str) -> str:
    """Return what may be meant by a text that is no service principal."""
    lowered = text.lower().strip()
    if is_service_principal(lowered):
        return lowered
    first = re.sub(r"[^a-z0-9-]", "", lowered.split(".")[0])
    return f"{first or 'service'}.amazonaws.com"


def _members(statement: StatementNode, kind: str) -> Iterator[PrincipalNode]:
    return (
        member
        for member in statement.principal_members()
        if member.kind is not None and member.kind.value == kind
    )


@check("FEDERATED_PRINCIPAL_NOT_SUPPORTED", "ERROR")
def federated_principal_not_supported(policy: PolicyTree) -> Iterator[Problem]:
    """Report an identity provider where no role is assumed."""
    if policy.type is not PolicyType.RESOURCE or policy.is_trust_policy:
        return
    for statement in policy.statements:
        for member in _members(statement, "Federated"):
            yield Problem(
                "Only the trust policy of a role can name an identity provider.",
                "Name the role its users assume, or the account.",
                (policy.at(member.value),),
            )


@check("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", "ERROR")
def unsupported_condition_key_for_service_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a condition on a user or role in a statement that speaks of services alone."""
    if policy.type is not PolicyType.RESOURCE:
        return
    for statement in policy.statements:
        kinds = {
            None if member.kind is None else member.kind.value for member in statement.principal_members()
        }
        if kinds != {"Service"} or any(principal.inverted for principal in statement.principals):
            continue
        places = [policy.at(principal.value) for principal in statement.principals[:MOST_TOLD]]
        for condition in statement.conditions:
            key = condition.key.value.lower()
            if condition.spelled is None or condition.spelled.if_exists or condition.spelled.is_null:
                continue
            if key in _KEYS_OF_USERS_AND_ROLES or key.startswith(_TAG_OF_USERS_AND_ROLES):
                yield Problem(
                    f"A service that calls for itself carries no {condition.key.value}.",
                    "Compare aws:SourceAccount, aws:SourceArn or aws:SourceOrgID, which tell for whom it calls.",
                    (policy.at(condition.value), *places),
                )


CHECKS = (
    missing_principal,
    unsupported_principal,
    invalid_principal_format,
    invalid_principal_key,
    unsupported_wildcard_in_principal,
    invalid_service_principal_format,
    federated_principal_not_supported,
    unsupported_condition_key_for_service_principal,
)
