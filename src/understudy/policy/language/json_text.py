"""JSON read strictly, with the place of every value and key, for those who have to point at them."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from understudy.policy.findings.finding import (
    Index,
    Key,
    Location,
    PathElement,
    Position,
    Span,
    Substring,
    Value,
)

# A policy needs eight levels.
MAX_DEPTH = 100

# Reads strings alone here; whatever is not one never comes to it.
_STRINGS = json.JSONDecoder()

_SPACES = frozenset(" \t\r\n")
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"true|false|null")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class JsonError(Exception):
    """A text that is not JSON: `message` says what was expected, `location` where."""

    def __init__(self, message: str, location: Location) -> None:
        super().__init__(message)
        self.message = message
        self.location = location


@dataclass(frozen=True, slots=True)
class Text:
    """A string; `start` is its opening quote, `end` just behind its closing one."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number, kept as its text."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Word:
    """`true`, `false` or `null`."""

    value: bool | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class List:
    """A list with its values in order."""

    items: tuple[Node, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """One key of an object and what stands behind it."""

    key: Text
    value: Node


@dataclass(frozen=True, slots=True)
class Object:
    """An object with its members in order; a key that is there twice is there twice."""

    members: tuple[Member, ...]
    start: int
    end: int

    def all(self, key: str) -> Iterator[Member]:
        """Every member of this key."""
        return (member for member in self.members if member.key.value == key)

    def last(self, key: str) -> Member | None:
        """The last member of this key, which is the one most readers of JSON take; None if there is none."""
        return next((member for member in reversed(self.members) if member.key.value == key), None)


Node = Text | Number | Word | List | Object


class Source:
    """A text read as JSON: its `root`, and the place of every node of it."""

    def __init__(self, text: str | bytes) -> None:
        """Raises JsonError when the text is not UTF-8, is not JSON, or nests deeper than MAX_DEPTH."""
        self.text = text if isinstance(text, str) else _decoded(text)
        self.root = _Reader(self.text).document()
        self._lines = _line_starts(self.text)
        # The string with escapes that was measured last: several parts of one are asked for in a row.
        self._measured: Text | None = None
        self._offsets: list[int] = []

    def location(self, node: Node) -> Location:
        """Where a value stands."""
        return Location(tuple(self._path(node)), self.span(node.start, node.end))

    def key_location(self, key: Text) -> Location:
        """Where a key of an object stands; `key` is a `Member.key`."""
        return Location(tuple(self._path(key)), self.span(key.start, key.end))

    def part_location(self, node: Text, start: int, length: int) -> Location:
        """Where a part of a string value stands; `start` and `length` count characters of `node.value`."""
        first, end = self._offset_in(node, start), self._offset_in(node, start + length)
        path = (*self._path(node), Substring(start, length))
        return Location(path, self.span(first, end))

    def span(self, start: int, end: int) -> Span:
        """The offsets as a span."""
        return Span(position(self._lines, start), position(self._lines, end))

    def _path(self, sought: Node) -> Iterator[PathElement]:
        """The way down from the root: no two nodes start at one place, and one child of each level holds it."""
        at: Node = self.root
        while at.start != sought.start:
            if isinstance(at, List):
                number = bisect_right(at.items, sought.start, key=lambda item: item.start) - 1
                yield Index(number)
                at = at.items[number]
                continue
            assert isinstance(at, Object), "only lists and objects hold other nodes"
            number = bisect_right(at.members, sought.start, key=lambda member: member.key.start) - 1
            member = at.members[number]
            if sought.start == member.key.start:
                yield Key(member.key.value)
                return
            yield Value(member.key.value)
            at = member.value

    def _offset_in(self, node: Text, index: int) -> int:
        if node.end - node.start == len(node.value) + 2:
            return node.start + 1 + index
        if self._measured is not node:
            self._measured = node
            inside = self.text[node.start + 1 : node.end - 1]
            self._offsets = [node.start + 1 + found.start() for found in _CHARACTER.finditer(inside)]
            self._offsets.append(node.end - 1)
        return self._offsets[index]


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        # What follows is only counted, for the place to lie within the text.
        before = text[: error.start].decode()
        raise _error(
            "the text is not UTF-8", before + "?" * (len(text) - error.start), len(before)
        ) from error


def _error(message: str, text: str, offset: int) -> JsonError:
    """An error at a character of a text, which has no path to it."""
    lines = _line_starts(text)
    start = min(offset, len(text))
    return JsonError(
        message, Location((), Span(position(lines, start), position(lines, min(start + 1, len(text)))))
    )


def position(lines: list[int], offset: int) -> Position:
    """The offset as line and column; `lines` are the offsets where lines start."""
    line = bisect_right(lines, offset)
    return Position(line, offset - lines[line - 1], offset)


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


class _Reader:
    """Reads one value after another; every method begins at `at` and leaves it behind what it read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self._readers: dict[str, Callable[[], Node]] = {
            "{": self._object,
            "[": self._list,
            '"': self._string,
        }

    def document(self) -> Node:
        root = self._value()
        self._skip_space()
        if self.at < len(self.text):
            raise self._error("nothing may follow the end of the document")
        return root

    def _error(self, message: str) -> JsonError:
        return _error(message, self.text, self.at)

    def _value(self) -> Node:
        self._skip_space()
        reader = self._readers.get(self.text[self.at : self.at + 1])
        return self._scalar() if reader is None else reader()

    def _skip_space(self) -> None:
        # Most places have none.
        if self.text[self.at : self.at + 1] not in _SPACES:
            return
        found = _SPACE.match(self.text, self.at)
        assert found is not None, "it matches nothing too"
        self.at = found.end()

    def _scalar(self) -> Node:
        start = self.at
        word = _WORD.match(self.text, start)
        if word is not None:
            self.at = word.end()
            return Word(_WORDS[word.group()], start, self.at)
        number = _NUMBER.match(self.text, start)
        if number is None:
            raise self._error("a value is expected here")
        self.at = number.end()
        return Number(number.group(), start, self.at)

    def _string(self) -> Text:
        start = self.at
        try:
            value, self.at = _STRINGS.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            self.at = error.pos
            raise self._error("a string is not closed, or holds what JSON forbids in strings") from error
        return Text(value, start, self.at)

    def _enter(self) -> int:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(f"values nest deeper than {MAX_DEPTH} levels")
        start = self.at
        self.at += 1
        self._skip_space()
        return start

    def _leave(self) -> int:
        self.depth -= 1
        self.at += 1
        return self.at

    def _next(self, closing: str) -> bool:
        """Whether another one follows; the comma is read, the closing bracket is not."""
        self._skip_space()
        character = self.text[self.at : self.at + 1]
        if character == closing:
            return False
        if character != ",":
            raise self._error(f"a comma or {closing} is expected here")
        self.at += 1
        return True

    def _list(self) -> List:
        start = self._enter()
        items: list[Node] = []
        more = self.text[self.at : self.at + 1] != "]"
        while more:
            items.append(self._value())
            more = self._next("]")
        return List(tuple(items), start, self._leave())

    def _object(self) -> Object:
        start = self._enter()
        members: list[Member] = []
        more = self.text[self.at : self.at + 1] != "}"
        while more:
            members.append(self._member())
            more = self._next("}")
        return Object(tuple(members), start, self._leave())

    def _member(self) -> Member:
        self._skip_space()
        if self.text[self.at : self.at + 1] != '"':
            raise self._error("a key in double quotes is expected here")
        key = self._string()
        self._skip_space()
        if self.text[self.at : self.at + 1] != ":":
            raise self._error("a colon is expected here")
        self.at += 1
        return Member(key, self._value())
