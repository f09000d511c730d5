"""The one reader of JSON: strict, as plain values for the engine, or as a tree that knows where everything stands.

Both accept the same texts: RFC 8259 in UTF-8, without a byte order mark, and without strings that hold NUL or half of a
surrogate pair. They differ in two ways. The values have no key twice in one object, the tree shows both; the tree is
at most MAX_DEPTH levels deep. The engine compiles values, which the standard library reads in a fraction of the time;
whoever has to point at something reads the tree.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple, NoReturn

from understudy_aws.policy.language.positions import (
    IndexStep,
    KeyStep,
    Lines,
    Location,
    PathStep,
    Position,
    Span,
    SubstringStep,
    ValueStep,
)

# A policy needs eight levels; no tree is deeper than this.
MAX_DEPTH = 100

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
# One token after any white space. The groups are: a string without escapes, punctuation, a number, a word, and the
# opening quote of any other string.
_TOKEN = re.compile(
    r'[ \t\r\n]*(?:"([^"\\\x00-\x1f\ud800-\udfff]*)"|([{}\[\],:])'
    r"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r'|(true|false|null)|("))'
)
_STRING, _PUNCTUATION, _NUMBER, _WORD = 1, 2, 3, 4
# NUL, and a surrogate without its other half, are no text: no store and no answer can hold them.
NO_CHARACTER = "a string holds NUL or half of a surrogate pair, which is no character"
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NO_TEXT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SPACE = re.compile(r"[ \t\r\n]*")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class JsonSyntaxError(Exception):
    """A text that is not JSON: `message` says what was expected, `location` where."""

    def __init__(self, message: str, location: Location) -> None:
        super().__init__(message)
        self.message = message
        self.location = location


class DuplicateKeyError(Exception):
    """An object that has a key twice. Most readers take one of the two values and say nothing."""


class NumberText(str):
    """A JSON number kept as its text: a condition compares numbers as their text (policies.md 4.1)."""

    __slots__ = ()


def read_values(text: str) -> object:
    """Return the JSON of `text` as dicts, lists, strings, NumberTexts, booleans and None.

    Raises ValueError or RecursionError when the text is not JSON, DuplicateKeyError when a key is there twice.
    """
    value: object = json.loads(
        text,
        object_pairs_hook=_object_without_duplicates,
        parse_int=NumberText,
        parse_float=NumberText,
        parse_constant=_refuse_constant,
    )
    if (not text.isascii() or _ESCAPED_NO_TEXT.search(text)) and _holds_no_text(value):
        raise ValueError(NO_CHARACTER)
    return value


def _holds_no_text(value: object) -> bool:
    """Return whether a string of the value holds NUL or a surrogate."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if NO_TEXT.search(each):
                return True
        elif isinstance(each, dict):
            waiting.extend(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return False


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise DuplicateKeyError
    return value


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is not JSON")


class StringNode(NamedTuple):
    """A string; `start` is its opening quote, `end` just behind its closing one."""

    value: str
    start: int
    end: int


class NumberNode(NamedTuple):
    """A number, kept as its text."""

    value: str
    start: int
    end: int


class LiteralNode(NamedTuple):
    """`true`, `false` or `null`."""

    value: bool | None
    start: int
    end: int


class ListNode(NamedTuple):
    """A list with its values in order."""

    items: tuple[Node, ...]
    start: int
    end: int


class Member(NamedTuple):
    """One key of an object and its value."""

    key: StringNode
    value: Node


class ObjectNode(NamedTuple):
    """An object with its members in order. If a key is written twice, both members are there."""

    members: tuple[Member, ...]
    start: int
    end: int

    def all(self, key: str) -> Iterator[Member]:
        """Return every member of this key."""
        return (member for member in self.members if member.key.value == key)

    def last(self, key: str) -> Member | None:
        """Return the last member of this key, which is the one most readers of JSON take; None if there is none."""
        return next((member for member in reversed(self.members) if member.key.value == key), None)


Node = StringNode | NumberNode | LiteralNode | ListNode | ObjectNode


class JsonText:
    """A text read as a tree: its `root`, and the location of every node of it."""

    def __init__(self, text: str | bytes) -> None:
        """Raises JsonSyntaxError when the text is not UTF-8, is not JSON, or nests deeper than MAX_DEPTH."""
        self.text = text if isinstance(text, str) else _decoded(text)
        self.root = _Reader(self.text).document()
        self._lines = Lines(self.text)
        # The string with escapes that was measured last: several parts of one are asked for in a row.
        self._measured: StringNode | None = None
        self._offsets: list[int] = []

    def node_count(self) -> int:
        """Return how many values and keys the text has."""
        count = 0
        waiting: list[Node] = [self.root]
        while waiting:
            node = waiting.pop()
            count += 1
            if isinstance(node, ListNode):
                waiting.extend(node.items)
            elif isinstance(node, ObjectNode):
                count += len(node.members)
                waiting.extend(member.value for member in node.members)
        return count

    def location(self, node: Node) -> Location:
        """Return the location of a value."""
        return Location(tuple(self._path(node)), self.span(node.start, node.end))

    def key_location(self, key: StringNode) -> Location:
        """Return the location of a key of an object; `key` is a `Member.key`."""
        return Location(tuple(self._path(key)), self.span(key.start, key.end))

    def part_location(self, node: StringNode, start: int, length: int) -> Location:
        """Return the location of a part of a string; `start` and `length` count characters of `node.value`."""
        first, end = self._offset_in(node, start), self._offset_in(node, start + length)
        path = (*self._path(node), SubstringStep(start, length))
        return Location(path, self.span(first, end))

    def position(self, offset: int) -> Position:
        """Return the position of the character at this offset."""
        return self._lines.position(offset)

    def span(self, start: int, end: int) -> Span:
        """Return the span between two offsets."""
        return self._lines.span(start, end)

    def _path(self, sought: Node) -> Iterator[PathStep]:
        """Return the way down from the root: no two nodes start at one place, and one child of each level holds it."""
        at: Node = self.root
        while at.start != sought.start:
            if isinstance(at, ListNode):
                number = bisect_right(at.items, sought.start, key=lambda item: item.start) - 1
                yield IndexStep(number)
                at = at.items[number]
                continue
            assert isinstance(at, ObjectNode), "only lists and objects hold other nodes"
            number = bisect_right(at.members, sought.start, key=lambda member: member.key.start) - 1
            member = at.members[number]
            if sought.start == member.key.start:
                yield KeyStep(member.key.value)
                return
            yield ValueStep(member.key.value)
            at = member.value

    def _offset_in(self, node: StringNode, index: int) -> int:
        if node.end - node.start == len(node.value) + 2:
            return node.start + 1 + index
        if self._measured is not node:
            self._measured = node
            inside = self.text[node.start + 1 : node.end - 1]
            self._offsets = [node.start + 1 + found.start() for found in _CHARACTER.finditer(inside)]
            self._offsets.append(node.end - 1)
        return self._offsets[index]


@lru_cache(maxsize=128)
def statement_spans(text: str) -> tuple[Span, ...]:
    """Return the span of every statement of a policy document, from its opening brace to after its closing one."""
    source = JsonText(text)
    statement = _statement_value(source)
    nodes = statement.items if isinstance(statement, ListNode) else (statement,)
    return tuple(source.span(node.start, node.end) for node in nodes)


@lru_cache(maxsize=128)
def simulator_spans(text: str) -> tuple[Span, ...]:
    """Return the spans of a document's statements as IAM's policy simulator tells them (simulator.md 5.2).

    A statement in a list begins after the list's bracket or the previous statement's brace; a statement that is not
    in a list begins after its own opening brace. The recorded answers come from the parser AWS uses.
    """
    source = JsonText(text)
    statement = _statement_value(source)
    if not isinstance(statement, ListNode):
        return (source.span(statement.start + 1, statement.end),)
    starts = [statement.start + 1, *(node.end for node in statement.items)]
    return tuple(source.span(start, node.end) for start, node in zip(starts, statement.items, strict=False))


def _statement_value(source: JsonText) -> Node:
    """Return the value of Statement; the document is known to be an object that has it."""
    assert isinstance(source.root, ObjectNode), "a policy document is an object"
    member = source.root.last("Statement")
    assert member is not None, "a policy document has a Statement"
    return member.value


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        # What follows is only counted, for the location to lie within the text.
        before = text[: error.start].decode()
        raise _error(
            "the text is not UTF-8", before + "?" * (len(text) - error.start), len(before)
        ) from error


def _error(message: str, text: str, offset: int) -> JsonSyntaxError:
    """Return an error at a character of a text, which has no path to it."""
    start = min(offset, len(text))
    return JsonSyntaxError(message, Location((), Lines(text).span(start, min(start + 1, len(text)))))


class _Reader:
    """Reads one value after another, token by token; `at` is the offset behind the last one read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Node:
        root = self._value(0)
        self._skip_space()
        if self.at < len(self.text):
            raise self._error("nothing may follow the end of the document")
        return root

    def _error(self, message: str) -> JsonSyntaxError:
        self._skip_space()
        return _error(message, self.text, self.at)

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None, "it matches nothing too"
        self.at = found.end()

    def _value(self, depth: int) -> Node:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise self._error("a value is expected here")
        kind = found.lastindex
        end = found.end()
        if kind == _STRING:
            self.at = end
            return StringNode(found[1], found.start(1) - 1, end)
        if kind == _PUNCTUATION:
            opening = found[2]
            if opening == "{":
                return self._object(end, depth + 1)
            if opening == "[":
                return self._list(end, depth + 1)
            raise self._error("a value is expected here")
        if kind == _NUMBER:
            self.at = end
            return NumberNode(found[3], found.start(3), end)
        if kind == _WORD:
            self.at = end
            return LiteralNode(_WORDS[found[4]], found.start(4), end)
        return self._string_with_escapes(end)

    def _string_with_escapes(self, begin: int) -> StringNode:
        try:
            value, self.at = scanstring(self.text, begin, True)
        except json.JSONDecodeError as error:
            self.at = error.pos
            raise _error(
                "a string is not closed, or holds what JSON forbids in strings", self.text, error.pos
            ) from error
        if NO_TEXT.search(value):
            raise _error(NO_CHARACTER, self.text, begin - 1)
        return StringNode(value, begin - 1, self.at)

    def _check_depth(self, begin: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _error(f"values nest deeper than {MAX_DEPTH} levels", self.text, begin - 1)

    def _punctuation(self) -> str:
        """Return the next token, read, if it is punctuation; otherwise "", with nothing read."""
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastindex != _PUNCTUATION:
            return ""
        self.at = found.end()
        return found[2]

    def _is_closed(self, begin: int, closing: str) -> bool:
        """Return whether the container that begins here is closed at once; then its end is read."""
        self.at = begin
        self._skip_space()
        if not self.text.startswith(closing, self.at):
            return False
        self.at += 1
        return True

    def _goes_on(self, closing: str) -> bool:
        """Return whether another value follows in the container; the comma or the closing bracket is read."""
        before = self.at
        mark = self._punctuation()
        if mark == ",":
            return True
        if mark == closing:
            return False
        self.at = before
        raise self._error(f"a comma or {closing} is expected here")

    def _list(self, begin: int, depth: int) -> ListNode:
        self._check_depth(begin, depth)
        items: list[Node] = []
        more = not self._is_closed(begin, "]")
        text, token = self.text, _TOKEN.match
        while more:
            # Strings and numbers, which long lists are made of, are read without a call for each.
            found = token(text, self.at)
            kind = None if found is None else found.lastindex
            if found is not None and kind in (_STRING, _NUMBER):
                self.at = found.end()
                if kind == _STRING:
                    items.append(StringNode(found[1], found.start(1) - 1, self.at))
                else:
                    items.append(NumberNode(found[3], found.start(3), self.at))
            else:
                items.append(self._value(depth))
            if text.startswith(",", self.at):
                self.at += 1
            else:
                more = self._goes_on("]")
        return ListNode(tuple(items), begin - 1, self.at)

    def _object(self, begin: int, depth: int) -> ObjectNode:
        self._check_depth(begin, depth)
        members: list[Member] = []
        more = not self._is_closed(begin, "}")
        while more:
            members.append(self._member(depth))
            more = self._goes_on("}")
        return ObjectNode(tuple(members), begin - 1, self.at)

    def _member(self, depth: int) -> Member:
        found = _TOKEN.match(self.text, self.at)
        if found is not None and found.lastindex == _STRING:
            self.at = found.end()
            key = StringNode(found[1], found.start(1) - 1, self.at)
        elif found is not None and found.lastindex == 5:
            key = self._string_with_escapes(found.end())
        else:
            raise self._error("a key in double quotes is expected here")
        before = self.at
        if self._punctuation() != ":":
            self.at = before
            raise self._error("a colon is expected here")
        return Member(key, self._value(depth))
