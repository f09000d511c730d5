"""Errors of a document as a whole: its JSON, its elements, its version, its size and the names of its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import PolicyTree, PrincipalElement, StatementNode, values_of
from understudy_aws.policy.language.document import VERSIONS
from understudy_aws.policy.language.json_text import (
    ListNode,
    LiteralNode,
    Node,
    NumberNode,
    ObjectNode,
    StringNode,
)
from understudy_aws.policy.language.nearest_names import nearest

TOP_LEVEL = ("Version", "Id", "Statement")
ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
# "Quotas for AWS Organizations" in its guide, 2026; every character counts.
SERVICE_CONTROL_POLICY_SIZE = 10_240
RESOURCE_CONTROL_POLICY_SIZE = 5_120

_SID = re.compile(r"[0-9A-Za-z]*\Z")


@check("JSON_SYNTAX_ERROR", "ERROR")
def duplicate_keys(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key that an object holds twice; the text itself is known to be JSON here."""
    waiting: list[Node] = [policy.source.root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ListNode):
            waiting.extend(node.items)
        if not isinstance(node, ObjectNode):
            continue
        seen: set[str] = set()
        for member in node.members:
            waiting.append(member.value)
            if member.key.value in seen:
                yield Problem(
                    f'The key "{member.key.value}" is there twice in one object.',
                    "Keep one of them; several values of one key go into a list.",
                    (policy.at_key(member.key),),
                )
            seen.add(member.key.value)


@check("DATA_TYPE_MISMATCH", "ERROR")
def data_type_mismatch(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value of another JSON type than its element takes."""
    if policy.root is None:
        yield _mismatch(policy, policy.source.root, "A policy", "an object with Version and Statement")
        return
    for name in ("Version", "Id"):
        for member in policy.root.all(name):
            if not isinstance(member.value, StringNode):
                yield _mismatch(policy, member.value, name, "a string")
    for node in policy.statement_nodes:
        if not isinstance(node, ObjectNode):
            yield _mismatch(policy, node, "A statement", "an object")
    for statement in policy.statements:
        yield from _mismatches_in(policy, statement)


def _mismatches_in(policy: PolicyTree, statement: StatementNode) -> Iterator[Problem]:
    for name, member in (("Sid", statement.sid), ("Effect", statement.effect)):
        if member is not None and not isinstance(member.value, StringNode):
            yield _mismatch(policy, member.value, name, "a string")
    for element in (*statement.actions, *statement.resources):
        for value in values_of(element.value):
            if not isinstance(value, StringNode):
                yield _mismatch(policy, value, element.name.value, "a string or a list of strings")
    for principal in statement.principals:
        yield from _mismatches_in_principal(policy, principal)
    if statement.condition is not None:
        yield from _mismatches_in_condition(policy, statement.condition.value)


def _mismatches_in_principal(policy: PolicyTree, principal: PrincipalElement) -> Iterator[Problem]:
    if isinstance(principal.value, StringNode):
        return
    if not isinstance(principal.value, ObjectNode):
        yield _mismatch(policy, principal.value, principal.name.value, 'an object or "*"')
        return
    for kind in principal.value.members:
        for value in values_of(kind.value):
            # Bare account numbers are sometimes written without quotes, and taken.
            if not isinstance(value, StringNode | NumberNode):
                yield _mismatch(policy, value, kind.key.value, "a string or a list of strings")


def _mismatches_in_condition(policy: PolicyTree, block: Node) -> Iterator[Problem]:
    if not isinstance(block, ObjectNode):
        yield _mismatch(policy, block, "Condition", "an object with one member for each operator")
        return
    for operator in block.members:
        if not isinstance(operator.value, ObjectNode):
            yield _mismatch(policy, operator.value, operator.key.value, "an object of condition keys")
            continue
        for key in operator.value.members:
            for value in values_of(key.value):
                if isinstance(value, ListNode | ObjectNode) or (
                    isinstance(value, LiteralNode) and value.value is None
                ):
                    yield _mismatch(
                        policy, value, key.key.value, "a string, a number, a Boolean or a list of them"
                    )


def _mismatch(policy: PolicyTree, node: Node, what: str, wanted: str) -> Problem:
    return Problem(f"{what} has to be {wanted}, not {_kind(node)}.", f"Write {wanted}.", (policy.at(node),))


def _kind(node: Node) -> str:
    if isinstance(node, LiteralNode):
        return "null" if node.value is None else "a Boolean"
    names: dict[type[Node], str] = {
        StringNode: "a string",
        NumberNode: "a number",
        ListNode: "a list",
        ObjectNode: "an object",
    }
    return names[type(node)]


@check("INVALID_POLICY_ELEMENT", "ERROR")
def invalid_policy_element(policy: PolicyTree) -> Iterator[Problem]:
    """Report an element the grammar does not know where it stands; letter case counts."""
    if policy.root is None:
        return
    for node, known, other in (
        (policy.root, TOP_LEVEL, ELEMENTS),
        *((statement.node, ELEMENTS, TOP_LEVEL) for statement in policy.statements),
    ):
        for member in node.members:
            name = member.key.value
            if name in known:
                continue
            place = "a policy" if node is policy.root else "a statement"
            if name in other:
                home = "each statement" if node is policy.root else "the policy itself"
                instead = f"Move it into {home}."
            else:
                meant = nearest(name, known)
                instead = f'Write "{meant}".' if meant else f"Leave it out; known are {', '.join(known)}."
            yield Problem(f'"{name}" is no element of {place}.', instead, (policy.at_key(member.key),))


@check("INVALID_VERSION", "ERROR")
def invalid_version(policy: PolicyTree) -> Iterator[Problem]:
    """Report a version of the language that does not exist; a date of one's own choosing is the usual mistake."""
    member = policy.version
    if member is not None and isinstance(member.value, StringNode) and member.value.value not in VERSIONS:
        yield Problem(
            f'The policy language has no version "{member.value.value}".',
            'Write "2012-10-17", whenever the policy is written.',
            (policy.at(member.value),),
        )


@check("MISSING_STATEMENT", "ERROR")
def missing_statement(policy: PolicyTree) -> Iterator[Problem]:
    """Report a policy that says nothing."""
    if policy.root is None or policy.statement_nodes:
        return
    member = policy.root.last("Statement")
    yield Problem(
        "The policy has no statement.",
        'Add "Statement": [ … ] with at least one statement in it.',
        (policy.at_start() if member is None else policy.at(member.value),),
    )


@check("POLICY_SIZE_EXCEEDS_SCP_QUOTA", "ERROR")
def service_control_policy_size(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service control policy longer than Organizations stores."""
    if policy.type is PolicyType.SERVICE_CONTROL:
        yield from _size(policy, SERVICE_CONTROL_POLICY_SIZE, "service control policy")


@check("POLICY_SIZE_EXCEEDS_RCP_QUOTA", "ERROR")
def resource_control_policy_size(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource control policy longer than Organizations stores."""
    if policy.type is PolicyType.RESOURCE_CONTROL:
        yield from _size(policy, RESOURCE_CONTROL_POLICY_SIZE, "resource control policy")


def _size(policy: PolicyTree, most: int, what: str) -> Iterator[Problem]:
    size = len(policy.source.text)
    if size > most:
        yield Problem(
            f"A {what} may have {most} characters, blanks included; this one has {size}.",
            "Take out blanks and line ends, or divide it into several policies.",
            (policy.at_start(),),
        )


def _checks_sids(policy: PolicyTree) -> bool:
    """IAM and Organizations are strict with Sids; services with resource policies have rules of their own."""
    return policy.type is not PolicyType.RESOURCE or policy.is_trust_policy


@check("UNIQUE_SIDS_REQUIRED", "ERROR")
def unique_sids_required(policy: PolicyTree) -> Iterator[Problem]:
    """Two statements of one name."""
    if not _checks_sids(policy):
        return
    seen: set[str] = set()
    for statement in policy.statements:
        if statement.sid is None or not isinstance(statement.sid.value, StringNode):
            continue
        sid = statement.sid.value
        if sid.value and sid.value in seen:
            yield Problem(
                f'An earlier statement has the Sid "{sid.value}" already.',
                "Give each statement a Sid of its own, or leave this one out.",
                (policy.at(sid),),
            )
        seen.add(sid.value)


@check("UNSUPPORTED_SID", "ERROR")
def unsupported_sid(policy: PolicyTree) -> Iterator[Problem]:
    """Report a Sid with other characters than letters and digits."""
    if not _checks_sids(policy):
        return
    for statement in policy.statements:
        if statement.sid is None or not isinstance(statement.sid.value, StringNode):
            continue
        sid = statement.sid.value
        if not _SID.match(sid.value):
            plain = re.sub(r"[^0-9A-Za-z]", "", sid.value)
            yield Problem(
                f'The Sid "{sid.value}" holds more than letters and digits.',
                f'Write "{plain}".' if plain else "Write a name of letters and digits.",
                (policy.at(sid),),
            )


CHECKS = (
    duplicate_keys,
    data_type_mismatch,
    invalid_policy_element,
    invalid_version,
    missing_statement,
    service_control_policy_size,
    resource_control_policy_size,
    unique_sids_required,
    unsupported_sid,
)
