"""Where something is in a text: lines and columns, spans, and paths through its JSON."""

from __future__ import annotations

import re
from bisect import bisect_right

import msgspec

_LINE_END = re.compile(r"\r\n|\r|\n")


class Position(msgspec.Struct, frozen=True):
    """One character of a text: `line` and `column` count from 1, `offset` from 0, all in characters."""

    line: int
    column: int
    offset: int = 0

    def __eq__(self, other: object) -> bool:
        # Line and column say it; a position read from elsewhere has no offset.
        return isinstance(other, Position) and (self.line, self.column) == (other.line, other.column)

    def __hash__(self) -> int:
        return hash((self.line, self.column))


class Span(msgspec.Struct, frozen=True):
    """The characters from `start` up to `end`, which is the position after the last of them."""

    start: Position
    end: Position


class IndexStep(msgspec.Struct, frozen=True):
    """A step of a path into a list, to the item with this index, from 0."""

    index: int


class ValueStep(msgspec.Struct, frozen=True):
    """A step of a path into an object, to the value of the key `value`."""

    value: str


class KeyStep(msgspec.Struct, frozen=True):
    """The last step of a path: the key itself, not its value."""

    key: str


class SubstringStep(msgspec.Struct, frozen=True):
    """The last step of a path: a part of a string, counted in its characters after escapes are read."""

    start: int
    length: int


PathStep = IndexStep | ValueStep | KeyStep | SubstringStep


class Location(msgspec.Struct, frozen=True):
    """A place in a document, both as a path through its JSON and as a span of its text."""

    path: tuple[PathStep, ...]
    span: Span


class Lines:
    """The lines of a text, to turn offsets into positions."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]

    def position(self, offset: int) -> Position:
        """Return the position of the character at this offset."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1, offset)

    def span(self, start: int, end: int) -> Span:
        """Return the span between two offsets."""
        return Span(self.position(start), self.position(end))


def has_lines(text: str) -> bool:
    """Return whether a text has more than one line."""
    return _LINE_END.search(text.strip()) is not None
