"""Where in its text a policy document broke the rule it was refused for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.policy.language.document import MAX_DOCUMENT, BrokenPart, MalformedPolicy
from understudy_aws.policy.language.json_text import (
    JsonSyntaxError,
    JsonText,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
)
from understudy_aws.policy.language.positions import Position

# Characters that IAM stores in no document (iam.md 2.5).
_FOREIGN = re.compile("[^\t\n\r -\u00ff]")


def error_position(text: str | bytes, error: MalformedPolicy) -> Position | None:
    """Return the position of what the document was refused for; None when it cannot be told.

    A document that is longer than MAX_DOCUMENT is not read again.
    """
    if len(text) > MAX_DOCUMENT:
        return None
    try:
        source = JsonText(text)
    except JsonSyntaxError as broken:
        return broken.location.span.start
    offset: int | None
    if error.part is not None:
        offset = _offset_of_part(source, error.statement, error.part)
    elif error.path is not None:
        offset = _offset_of_path(source, error.path, at_key=error.at_key)
    else:
        offset = _offset_of_duplicate(source.root)
        foreign = _FOREIGN.search(source.text)
        if offset is None and foreign is not None:
            offset = foreign.start()
    return None if offset is None else source.position(offset)


def _offset_of_path(source: JsonText, path: tuple[str | int, ...], *, at_key: bool) -> int:
    """Return the offset of the value that a path of keys and indexes leads to, or of its key."""
    node: Node = source.root
    offset = node.start
    for step in path:
        if isinstance(step, int):
            assert isinstance(node, ListNode), "the path was taken through the same document"
            node = node.items[step]
            offset = node.start
        else:
            assert isinstance(node, ObjectNode), "the path was taken through the same document"
            member = node.last(step)
            assert member is not None, "the path was taken through the same document"
            node = member.value
            offset = member.key.start if at_key else node.start
    return offset


def _offset_of_duplicate(root: Node) -> int | None:
    """Return the offset of the first key that its object already has."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ListNode):
            waiting.extend(reversed(node.items))
        elif isinstance(node, ObjectNode):
            seen: set[str] = set()
            for member in node.members:
                if member.key.value in seen:
                    return member.key.start
                seen.add(member.key.value)
            waiting.extend(member.value for member in reversed(node.members))
    return None


def _offset_of_part(source: JsonText, number: int | None, part: BrokenPart) -> int:
    """Return the offset of the value that is meant, or else of its element's key, or else of its statement."""
    root = source.root
    assert isinstance(root, ObjectNode), "its elements were read"
    if number is None:
        member = root.last(part.element)
        return root.start if member is None else member.value.start
    statements = root.last("Statement")
    assert statements is not None, "its statements were read"
    value = statements.value
    statement = value.items[number] if isinstance(value, ListNode) else value
    assert isinstance(statement, ObjectNode), "its elements were read"
    members = [each for each in statement.members if each.key.value.removeprefix("Not") == part.element]
    fallback = members[-1].key.start if members else statement.start
    if not part.value:
        return fallback
    texts = (text for member in members for text in _texts(member.value, part.element))
    return next((text.start for text in texts if text.value == part.value), fallback)


def _texts(node: Node, element: str) -> Iterator[StringNode]:
    """Return every string of an element's value; of a Condition its operators and keys."""
    if element == "Condition":
        yield from _keys(node)
        return
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, StringNode):
            yield at
        elif isinstance(at, ObjectNode):
            waiting.extend(member.value for member in reversed(at.members))
        elif isinstance(at, ListNode):
            waiting.extend(reversed(at.items))


def _keys(block: Node) -> Iterator[StringNode]:
    if isinstance(block, ObjectNode):
        for operator in block.members:
            yield operator.key
            yield from _keys(operator.value)
