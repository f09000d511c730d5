"""Whether a statement allows an action that matters, by which of its words, and on how much."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from understudy_aws.policy.findings.advice.coverage import covers
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import ConditionNode, Element, PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import Node

_LINKED_PATH = "role/aws-service-role/"


class By(Enum):
    """How a statement comes to name an action."""

    NAME = "by name"
    WILDCARD = "by a wildcard"
    OMISSION = "by NotAction"


class On(Enum):
    """On what a statement allows it."""

    ANY = "on resources whose names it leaves open"
    OTHERS = "on all resources but some"


class Grant(msgspec.Struct, frozen=True):
    """A statement that allows the action, and the words by which it does."""

    statement: StatementNode
    action: Node
    resource: Node


def grants(policy: PolicyTree, action: str, by: By, on: On) -> Iterator[Grant]:
    """Return every statement that allows the action (in lower case, of IAM, on roles) in this way.

    A policy of Organizations limits what others allow, and grants nothing itself.
    """
    if policy.type in (PolicyType.SERVICE_CONTROL, PolicyType.RESOURCE_CONTROL):
        return
    for statement in policy.statements:
        if not statement.allows or len(statement.actions) != 1 or len(statement.resources) != 1:
            continue
        word = _action(statement.actions[0], action, by)
        if word is None:
            continue
        yield from (Grant(statement, word, each) for each in _resources(statement.resources[0], on))


def _action(element: Element, action: str, by: By) -> Node | None:
    """Return the first word of the element that names the action in this way; the element's value for NotAction."""
    if element.inverted:
        if (
            by is not By.OMISSION
            or not element.texts
            or any(_names(text.value, action) for text in element.texts)
        ):
            return None
        return element.value
    if by is By.NAME:
        length = len(action)
        return next((t for t in element.texts if len(t.value) == length and t.value.lower() == action), None)
    if by is By.WILDCARD:
        return next((t for t in element.texts if _is_wild(t.value) and _names(t.value, action)), None)
    return None


def _names(pattern: str, action: str) -> bool:
    # Most patterns name other services and need no matcher.
    if pattern[:1] not in ("*", "?", "i", "I"):
        return False
    return covers(pattern.lower(), action)


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _resources(element: Element, on: On) -> Iterator[Node]:
    """Return the first resource that leaves the role open; the value of NotResource."""
    if element.inverted:
        if on is On.OTHERS:
            yield element.value
    elif on is On.ANY:
        found = next((text for text in element.texts if leaves_role_open(text.value)), None)
        if found is not None:
            yield found


def leaves_role_open(arn: str) -> bool:
    """Return whether an ARN with wildcards can be of roles whatever their names: nothing of the name is fixed.

    A wildcard for the account, or behind the beginning of a name, leaves no name open; and the path of a
    service-linked role names its service, which names the role (observed with ValidatePolicy).
    """
    if not _is_wild(arn):
        return False
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return parts[-1].endswith("*") and _may_be_iam(parts)
    resource = parts[5]
    if not _may_be_iam(parts) or not covers(resource.partition("/")[0], "role"):
        return False
    path, _, name = resource.rpartition("/")
    service = path.removeprefix(_LINKED_PATH) if path.startswith(_LINKED_PATH) else "*"
    return not name.strip("*?") and service[:1] in ("", "*", "?")


def _may_be_iam(parts: list[str]) -> bool:
    return len(parts) < 3 or covers(parts[2], "iam")


def names_values(statement: StatementNode, key: str) -> ConditionNode | None:
    """Return the first condition that limits the statement to values of this key (in lower case) which it names.

    A condition that also holds without the key limits nothing, nor does a pattern that leaves the beginning
    open (recorded: ValidatePolicy on AWSServiceRoleForAmazonEKSNodegroup and AlexaForBusinessFullAccess).
    """
    return next((each for each in statement.conditions if _names_values(each, key)), None)


def _names_values(condition: ConditionNode, key: str) -> bool:
    if condition.key.value.lower() != key or not fails_without_key(condition):
        return False
    is_pattern = "Like" in condition.operator_name
    return not (is_pattern and any(text.value.startswith(("*", "?")) for text in condition.texts))


def fails_without_key(condition: ConditionNode) -> bool:
    """Return whether the condition does not hold for a request without its key."""
    spelled = condition.spelled
    if spelled is None or spelled.operator is None:
        return False
    return not spelled.operator.negated and not spelled.if_exists and spelled.quantifier != "forallvalues"
