"""Advice on what is said twice: actions, resources, principals and statements that others already cover."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from understudy_aws.policy.findings.advice.coverage import Covered, covered_actions, covered_resources
from understudy_aws.policy.findings.advice.wording import enumeration
from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check
from understudy_aws.policy.findings.tree import Element, PolicyTree
from understudy_aws.policy.language.json_text import ListNode, Node, ObjectNode, StringNode

_SESSION = re.compile(r"(arn:[a-z-]+:)sts(::[0-9]{12}:)assumed-role/([^/]+)/.+\Z")
_ROLE = re.compile(r"(arn:[a-z-]+:)iam(::[0-9]{12}:)role/(?:.+/)?([^/]+)\Z")


@check("REDUNDANT_ACTION", "SUGGESTION")
def redundant_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report an action that another one of the same list grants as well."""
    for statement in policy.statements:
        for element in statement.actions:
            yield from _redundant(policy, element, covered_actions)


@check("REDUNDANT_RESOURCE", "SUGGESTION")
def redundant_resource(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource that another one of the same list names as well."""
    for statement in policy.statements:
        for element in statement.resources:
            yield from _redundant(policy, element, covered_resources)


def _redundant(
    policy: PolicyTree, element: Element, search: Callable[[Sequence[str]], list[Covered]]
) -> Iterator[Problem]:
    if len(element.texts) < 2:
        return
    written = [text.value for text in element.texts]
    for covered in search(written):
        names = list(dict.fromkeys(written[place] for place in covered.places))
        cover = written[covered.by]
        if names == [cover]:
            details = f"{element.name.value} names {cover} {len(covered.places) + 1} times."
            instead = "Keep one of them."
        else:
            details = f"{cover} already covers {enumeration(names)}."
            instead = (
                f"Remove {enumeration(names)}, which changes nothing; or remove {cover} if it was not to "
                "cover more than these."
            )
        places = sorted((*covered.places, covered.by))
        yield Problem(details, instead, tuple(policy.at(element.texts[place]) for place in places))


@check("REDUNDANT_STATEMENT", "SUGGESTION")
def redundant_statement(policy: PolicyTree) -> Iterator[Problem]:
    """Statements that differ in nothing but Sid, order and letter case of actions."""
    alike: dict[object, list[int]] = defaultdict(list)
    for number, statement in enumerate(policy.statements):
        alike[_meaning(statement.node)].append(number)
    for numbers in alike.values():
        if len(numbers) > 1:
            nodes = [policy.statements[number].node for number in numbers[:MOST_TOLD]]
            yield Problem(
                f"{len(numbers)} statements say the same.",
                "Keep one of them, so that nobody edits one and forgets the others.",
                tuple(policy.at(node) for node in nodes),
            )


def _meaning(node: ObjectNode) -> object:
    """Return what two statements have in common if they say the same.

    A statement of another shape equals itself only.
    """
    parts: list[tuple[str, object]] = []
    for member in node.members:
        name = member.key.value
        if name == "Sid":
            continue
        fold = str.lower if name in ("Action", "NotAction") else str
        parts.append((name, _value(member.value, fold)))
    return tuple(sorted(parts, key=lambda part: part[0]))


def _value(node: Node, fold: Callable[[str], str]) -> object:
    """Lists in any order and single values by themselves are the same."""
    if isinstance(node, ObjectNode):
        members = ((member.key.value, _value(member.value, fold)) for member in node.members)
        return frozenset(members)
    values = node.items if isinstance(node, ListNode) else (node,)
    return frozenset(_scalar(each, fold) for each in values)


def _scalar(node: Node, fold: Callable[[str], str]) -> object:
    if isinstance(node, StringNode):
        return fold(node.value)
    if isinstance(node, ObjectNode | ListNode):
        return _value(node, fold)
    return node.value if isinstance(node.value, str) else str(node.value).lower()


@check("ROLE_TRUST_POLICY_REDUNDANT_PRINCIPAL", "SUGGESTION")
def redundant_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Report a session of a role that the same statement trusts as a whole."""
    if not policy.is_trust_policy:
        return
    for statement in policy.statements:
        members = [member.value for principal in statement.principals if not principal.inverted
                   for member in principal.members]  # fmt: skip
        roles = {found.groups(): text for text in members if (found := _ROLE.match(text.value))}
        for text in members:
            session = _SESSION.match(text.value)
            role = None if session is None else roles.get(session.groups())
            if role is not None:
                yield Problem(
                    f"{text.value} is a session of {role.value}, which the statement names already.",
                    f"Remove {text.value}; or remove {role.value} if only this session was meant.",
                    (policy.at(text),),
                )


CHECKS = (redundant_action, redundant_resource, redundant_statement, redundant_principal)
