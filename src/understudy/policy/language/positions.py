"""Where each statement of a policy stands in its text: as IAM's simulator counts, and as an editor does."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

# Numbers stay text: Python refuses to convert the longest ones, and nobody looks at them.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: line and column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """Where a statement begins, and the place just after its closing brace."""

    start: Position
    end: Position


@lru_cache(maxsize=128)
def statement_spans(text: str) -> tuple[Span, ...]:
    """The span of every statement of a document that `compile_policy` has read, in order (reference 5.2).

    A statement in a list begins just after the list's bracket or the previous statement's brace, a statement
    by itself just after its own opening brace: the recorded answers come from the parser AWS uses.
    """
    lines = _line_starts(text)
    return tuple(Span(_position(lines, start), _position(lines, end)) for start, end in _offsets(text))


@lru_cache(maxsize=128)
def statement_places(text: str) -> tuple[Span, ...]:
    """As `statement_spans`, but each from its own opening brace: where an editor shows it."""
    lines = _line_starts(text)
    return tuple(
        Span(_position(lines, text.index("{", start)), _position(lines, end)) for start, end in _braced(text)
    )


def has_lines(text: str) -> bool:
    """Whether a text has more than one line, so that a line says something."""
    return _LINE_END.search(text.strip()) is not None


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


def _braced(text: str) -> list[tuple[int, int]]:
    """The offsets of `_offsets`, begun at or before each statement's opening brace."""
    # A statement by itself begins just after its brace (reference 5.2), those of a list before theirs.
    return [(start - 1 if text[start - 1] == "{" else start, end) for start, end in _offsets(text)]


def _position(lines: list[int], offset: int) -> Position:
    line = bisect_right(lines, offset)
    return Position(line, offset - lines[line - 1] + 1)


def _offsets(text: str) -> list[tuple[int, int]]:
    """The offsets of the statements; the document is known to be JSON with one Statement at the top."""
    at = _after_space(text, 0) + 1
    while True:
        key, at = _DECODER.raw_decode(text, _after_space(text, at))
        at = _after_space(text, _after_space(text, at) + 1)
        if key == "Statement":
            return _in_list(text, at + 1) if text[at] == "[" else [(at + 1, _value_end(text, at))]
        # Past the value and the comma behind it.
        at = _after_space(text, _value_end(text, at)) + 1


def _in_list(text: str, at: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start, value = at, _after_space(text, at)
    while text[value] != "]":
        end = _value_end(text, value)
        found.append((start, end))
        start, value = end, _after_space(text, end)
        if text[value] == ",":
            value = _after_space(text, value + 1)
    return found


def _value_end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it matches nothing too"
    return found.end()
