"""The tree of a policy document, which has all elements that can be read even where others are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import msgspec

from understudy_aws.policy.engine.conditions.condition import Spelling, spelling
from understudy_aws.policy.findings.finding import TRUST_POLICY, PolicyType
from understudy_aws.policy.language.json_text import JsonText, ListNode, Member, Node, ObjectNode, StringNode
from understudy_aws.policy.language.positions import Location

_VARIABLES_VERSION = "2012-10-17"


class Element(msgspec.Struct, frozen=True):
    """Action, NotAction, Resource or NotResource: its name as written, and the strings it holds."""

    name: StringNode
    value: Node
    texts: tuple[StringNode, ...]

    @property
    def inverted(self) -> bool:
        """Whether it is the Not… form."""
        return self.name.value.startswith("Not")


class PrincipalNode(msgspec.Struct, frozen=True):
    """One principal; `kind` is the key it stands under ("AWS", "Service", …), None for a bare `"*"`."""

    kind: StringNode | None
    value: StringNode

    @property
    def is_everyone(self) -> bool:
        """`"*"` and `{"AWS": "*"}`."""
        return self.value.value == "*" and (self.kind is None or self.kind.value == "AWS")


class PrincipalElement(msgspec.Struct, frozen=True):
    """Principal or NotPrincipal, with those of its members that are strings."""

    name: StringNode
    value: Node
    members: tuple[PrincipalNode, ...]

    @property
    def inverted(self) -> bool:
        """Whether it is NotPrincipal."""
        return self.name.value.startswith("Not")


class ConditionNode(msgspec.Struct, frozen=True):
    """One key under one operator. `spelled` is None for an operator AWS does not know.

    `values` are the members of a list, or the one value that stands there; of any type.
    """

    operator: StringNode
    spelled: Spelling | None
    key: StringNode
    value: Node
    values: tuple[Node, ...]

    @property
    def texts(self) -> tuple[StringNode, ...]:
        """Those of the values that are strings."""
        return tuple(value for value in self.values if isinstance(value, StringNode))

    @property
    def operator_name(self) -> str:
        """The plain operator in AWS's spelling, such as `StringLike`: "Null" for Null, "" for an unknown one."""
        if self.spelled is None:
            return ""
        return "Null" if self.spelled.operator is None else self.spelled.operator.name


class StatementNode(msgspec.Struct, frozen=True):
    """One statement; the tuples hold more than one element where the document wrongly has more than one."""

    node: ObjectNode
    sid: Member | None
    effect: Member | None
    actions: tuple[Element, ...]
    resources: tuple[Element, ...]
    principals: tuple[PrincipalElement, ...]
    condition: Member | None
    conditions: tuple[ConditionNode, ...]

    @property
    def allows(self) -> bool:
        """Whether its effect is Allow."""
        return self._has_effect("Allow")

    @property
    def denies(self) -> bool:
        """Whether its effect is Deny."""
        return self._has_effect("Deny")

    def _has_effect(self, effect: str) -> bool:
        member = self.effect
        return member is not None and isinstance(member.value, StringNode) and member.value.value == effect

    def action_texts(self) -> Iterator[StringNode]:
        """Return the strings of Action and NotAction."""
        return (text for element in self.actions for text in element.texts)

    def resource_texts(self) -> Iterator[StringNode]:
        """Return the strings of Resource and NotResource."""
        return (text for element in self.resources for text in element.texts)

    def principal_members(self) -> Iterator[PrincipalNode]:
        """Return the members of Principal and NotPrincipal."""
        return (member for principal in self.principals for member in principal.members)


class PolicyTree:
    """A document to be checked, and what kind of policy it is to be."""

    def __init__(self, source: JsonText, policy_type: PolicyType, resource_type: str | None) -> None:
        """`resource_type` is one of `finding.RESOURCE_TYPES` or None; it only matters to resource policies."""
        self.source = source
        self.type = policy_type
        self.resource_type = resource_type
        self.root = source.root if isinstance(source.root, ObjectNode) else None
        self.version = None if self.root is None else self.root.last("Version")
        self.statement_nodes = _statement_nodes(self.root)
        self.statements = tuple(
            _statement(node) for node in self.statement_nodes if isinstance(node, ObjectNode)
        )
        self.is_trust_policy = policy_type is PolicyType.RESOURCE and (
            resource_type == TRUST_POLICY or (resource_type is None and _speaks_of_sts_alone(self.statements))
        )

    @property
    def has_variables(self) -> bool:
        """Only version 2012-10-17 expands `${…}` (policies.md 4.2)."""
        member = self.version
        if member is None:
            return False
        return isinstance(member.value, StringNode) and member.value.value == _VARIABLES_VERSION

    @cached_property
    def services_allowed(self) -> frozenset[str]:
        """The prefixes of all actions that some statement allows, in small letters."""
        return frozenset(
            text.value.partition(":")[0].lower()
            for statement in self.statements
            if statement.allows
            for element in statement.actions
            if not element.inverted
            for text in element.texts
        )

    def at(self, node: Node) -> Location:
        """Return where a value stands."""
        return self.source.location(node)

    def at_key(self, key: StringNode) -> Location:
        """Return where a key stands: the name of an element, an operator, a condition key, a kind of principal."""
        return self.source.key_location(key)

    def at_part(self, text: StringNode, start: int, length: int) -> Location:
        """Return where a part of a string value stands; it counts the characters of `text.value`."""
        return self.source.part_location(text, start, length)

    def at_start(self) -> Location:
        """Return the whole document, for what is missing at its top."""
        return self.source.location(self.source.root)

    def conditions(self) -> Iterator[tuple[StatementNode, ConditionNode]]:
        """Return every condition of every statement."""
        for statement in self.statements:
            for condition in statement.conditions:
                yield statement, condition


def _speaks_of_sts_alone(statements: tuple[StatementNode, ...]) -> bool:
    """Only actions of STS and no resource make a trust policy, even if nobody said to what the policy belongs.

    So AWS takes it: see the example of ValidatePolicy in the manual of its command line.
    """
    actions = [text.value.lower() for statement in statements for text in statement.action_texts()]
    return (
        bool(actions)
        and all(action.startswith("sts:") for action in actions)
        and not any(statement.resources for statement in statements)
    )


def _statement_nodes(root: ObjectNode | None) -> tuple[Node, ...]:
    """Return what stands where statements should: the members of the list, or the single value."""
    member = None if root is None else root.last("Statement")
    if member is None:
        return ()
    return member.value.items if isinstance(member.value, ListNode) else (member.value,)


def _statement(node: ObjectNode) -> StatementNode:
    condition = node.last("Condition")
    return StatementNode(
        node,
        node.last("Sid"),
        node.last("Effect"),
        tuple(_element(member) for member in _either(node, "Action", "NotAction")),
        tuple(_element(member) for member in _either(node, "Resource", "NotResource")),
        tuple(_principal(member) for member in _either(node, "Principal", "NotPrincipal")),
        condition,
        () if condition is None else tuple(_conditions(condition.value)),
    )


def _either(node: ObjectNode, name: str, inverse: str) -> Iterator[Member]:
    return (member for member in node.members if member.key.value in (name, inverse))


def values_of(node: Node) -> tuple[Node, ...]:
    """Return the members of a list, or the value itself."""
    return node.items if isinstance(node, ListNode) else (node,)


def _element(member: Member) -> Element:
    texts = tuple(each for each in values_of(member.value) if isinstance(each, StringNode))
    return Element(member.key, member.value, texts)


def _principal(member: Member) -> PrincipalElement:
    value = member.value
    members: list[PrincipalNode] = []
    if isinstance(value, StringNode):
        members.append(PrincipalNode(None, value))
    elif isinstance(value, ObjectNode):
        for kind in value.members:
            named = (each for each in values_of(kind.value) if isinstance(each, StringNode))
            members.extend(PrincipalNode(kind.key, each) for each in named)
    return PrincipalElement(member.key, value, tuple(members))


def _conditions(block: Node) -> Iterator[ConditionNode]:
    if not isinstance(block, ObjectNode):
        return
    for operator in block.members:
        if not isinstance(operator.value, ObjectNode):
            continue
        spelled = spelling(operator.key.value)
        for key in operator.value.members:
            yield ConditionNode(operator.key, spelled, key.key, key.value, values_of(key.value))
