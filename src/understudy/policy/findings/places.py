"""Where in its text a policy document broke the rule it was refused for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.policy.findings.check import Problem
from understudy.policy.findings.checks import checks
from understudy.policy.findings.finding import Key, PolicyType, Value
from understudy.policy.findings.tree import Statement, WrittenPolicy
from understudy.policy.language.document import MAX_CHARACTERS, BrokenPart, MalformedPolicy
from understudy.policy.language.json_text import JsonError, List, Node, Object, Source, Text
from understudy.policy.language.positions import Position

# The findings about what can be wrong with a document before any rule of its kind is asked.
_STRUCTURE = frozenset(
    {
        "JSON_SYNTAX_ERROR", "DATA_TYPE_MISMATCH", "INVALID_POLICY_ELEMENT", "INVALID_VERSION", "MISSING_STATEMENT",
        "MISSING_EFFECT", "INVALID_EFFECT", "UNSUPPORTED_ELEMENT_COMBINATION", "INVALID_PRINCIPAL_KEY",
        "INVALID_PRINCIPAL_FORMAT", "INVALID_CONDITION_OPERATOR",
    }
)  # fmt: skip
_PRINCIPALS = (Value("Principal"), Value("NotPrincipal"))
_FOREIGN = re.compile("[^\t\n\r -\u00ff]")


def place_of(text: str | bytes, error: MalformedPolicy) -> Position | None:
    """The line and column, from 1, of what the document was refused for; None if nobody can tell."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        source = Source(text)
    except JsonError as broken:
        start = broken.location.span.start
        return Position(start.line, start.column + 1)
    policy = WrittenPolicy(source, PolicyType.RESOURCE, None)
    offset = _structural(policy) if error.part is None else _part(policy, error.statement, error.part)
    if offset is None:
        return None
    start = source.span(offset, offset).start
    return Position(start.line, start.column + 1)


def _structural(policy: WrittenPolicy) -> int | None:
    """The offset of the first thing that is wrong with the document's structure, or with its characters."""
    structural = (check for check in checks() if check.issue_code in _STRUCTURE)
    problems = (problem for check in structural for problem in check.find(policy))
    offsets = [problem.at[0].span.start.offset for problem in problems if _is_structural(problem)]
    foreign = _FOREIGN.search(policy.source.text)
    return min(offsets, default=None if foreign is None else foreign.start())


def _is_structural(problem: Problem) -> bool:
    """Single principals are read whatever they are; only what stands for the whole element breaks it."""
    path = problem.at[0].path
    return not any(step in path[:-1] for step in _PRINCIPALS) or isinstance(path[-1], Key)


def _part(policy: WrittenPolicy, number: int | None, part: BrokenPart) -> int | None:
    """The offset of the value that is meant, or else of the element, or else of its statement."""
    if number is None:
        member = None if policy.root is None else policy.root.last(part.element)
        return policy.source.root.start if member is None else member.value.start
    if number >= len(policy.statements):
        return None
    found = policy.statements[number]
    fallback = found.node.start
    for member in found.node.members:
        if member.key.value.removeprefix("Not") == part.element:
            fallback = member.key.start
    if not part.value:
        return fallback
    return next((node.start for node in _texts(found, part.element) if node.value == part.value), fallback)


def _texts(found: Statement, element: str) -> Iterator[Text]:
    """Every string of the element; of a condition its operators and keys."""
    waiting: list[Node] = [
        member.value for member in found.node.members if member.key.value.removeprefix("Not") == element
    ]
    if element == "Condition":
        for block in waiting:
            yield from _keys(block)
        return
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Text):
            yield node
        elif isinstance(node, Object):
            waiting.extend(member.value for member in node.members)
        elif isinstance(node, List):
            waiting.extend(node.items)


def _keys(block: Node) -> Iterator[Text]:
    if isinstance(block, Object):
        for operator in block.members:
            yield operator.key
            yield from _keys(operator.value)
