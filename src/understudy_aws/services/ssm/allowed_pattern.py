"""AllowedPattern: a regular expression that a parameter's value must fit as a whole (parameters.md 23.2).

Patterns come from anybody, so that they are matched without going back: a pattern becomes a set of states, and each
character of the value leads from one set to the next. What this cannot do (groups that are referred to, looking ahead
or behind) is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from understudy_aws.services.ssm import errors

Fits = Callable[[str], bool]

_MOST_STATES = 10_000
_MOST_WORK = 600_000
_CLASSES: dict[str, Fits] = {
    "d": lambda letter: "0" <= letter <= "9",
    "w": lambda letter: letter == "_" or (letter.isascii() and letter.isalnum()),
    "s": lambda letter: letter in " \t\n\x0b\f\r",
}
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_AT_EDGES = {"^": "begin", "$": "end"}
_ESCAPED_EDGES = {"A": "begin", "z": "end", "Z": "end"}
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class Node(msgspec.Struct, frozen=True):
    """A part of a pattern: a letter (`fits`), an edge, a sequence, a choice, or a repetition of `parts[0]`."""

    kind: str
    parts: tuple[Node, ...] = ()
    fits: Fits | None = None
    least: int = 0
    most: int | None = None


class State(msgspec.Struct):
    """A place in a pattern: what may come next. `onward` are the states that are entered with it."""

    fits: Fits | None = None
    edge: str = ""
    then: int = -1
    onward: list[int] = msgspec.field(default_factory=list)


def fits(pattern: str, value: str) -> bool:
    """Return whether a whole value fits a pattern. Raises ApiError for a pattern that is none, or is not served."""
    states, first, last = _compiled(pattern)
    now = _entered(states, (first,), begin=True, end=not value)
    work = len(states)
    known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
    for place, letter in enumerate(value, 1):
        if not now:
            return False
        key = (now, letter)
        following = known.get(key) if place < len(value) else None
        if following is None:
            work += len(now)
            if work > _MOST_WORK:
                raise errors.unserved_pattern("so much to try for this value")
            reached = [
                states[each].then for each in now if (test := states[each].fits) is not None and test(letter)
            ]
            following = _entered(states, reached, begin=False, end=place == len(value))
            work += len(following)
            if place < len(value):
                known[key] = following
        now = following
    return last in now


def _entered(
    states: list[State], reached: Iterator[int] | tuple[int, ...] | list[int], *, begin: bool, end: bool
) -> frozenset[int]:
    """Return the states reached, and those entered with them at this place of the value."""
    found: set[int] = set()
    waiting = list(reached)
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        state = states[number]
        if not state.edge or (begin if state.edge == "begin" else end):
            waiting += state.onward
    return frozenset(found)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> tuple[list[State], int, int]:
    """Return the states of a pattern, the first and the last."""
    node = Reader(pattern).whole()
    states: list[State] = []
    first, last = _new(states), _new(states)
    _build(states, node, first, last)
    return states, first, last


def _new(states: list[State]) -> int:
    if len(states) >= _MOST_STATES:
        raise errors.unserved_pattern("so many repetitions")
    states.append(State())
    return len(states) - 1


def _build(states: list[State], node: Node, first: int, last: int) -> None:
    """Add the states of a node that lead from one state to another."""
    if node.kind == "letter":
        entry = _new(states)
        states[first].onward.append(entry)
        states[entry].fits, states[entry].then = node.fits, last
    elif node.kind == "sequence":
        for part in node.parts:
            after = _new(states)
            _build(states, part, first, after)
            first = after
        states[first].onward.append(last)
    elif node.kind == "choice":
        for part in node.parts:
            _build(states, part, first, last)
    elif node.kind == "repetition":
        _build_repetition(states, node, first, last)
    else:
        entry = _new(states)
        states[first].onward.append(entry)
        states[entry].edge = node.kind
        states[entry].onward.append(last)


def _build_repetition(states: list[State], node: Node, first: int, last: int) -> None:
    part = node.parts[0]
    for _ in range(node.least):
        after = _new(states)
        _build(states, part, first, after)
        first = after
    if node.most is None:
        loop, after = _new(states), _new(states)
        states[first].onward.append(loop)
        _build(states, part, loop, after)
        states[after].onward.append(loop)
        states[loop].onward.append(last)
        return
    for _ in range(node.most - node.least):
        states[first].onward.append(last)
        after = _new(states)
        _build(states, part, first, after)
        first = after
    states[first].onward.append(last)


class Reader:
    """Reads a pattern in Java's notation."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """Return the node of the whole pattern."""
        node = self._choice()
        if self._at < len(self._text):
            raise errors.malformed_pattern("has a ) without a (")
        return node

    def _choice(self) -> Node:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Node("choice", tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated())
        return Node("sequence", tuple(parts))

    def _repeated(self) -> Node:
        node = self._one()
        while (bounds := self._bounds()) is not None:
            least, most = bounds
            node = Node("repetition", (node,), None, least, most)
            if self._take("+"):
                raise errors.unserved_pattern("a possessive quantifier")
            # Of a whole that fits it makes no difference whether little or much is tried first.
            self._take("?")
        return node

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in _QUANTIFIERS.items():
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at : end].partition(",") if end >= 0 else ("", "", "")
        if not least.isdecimal() or not (most.isdecimal() or not most) or max(len(least), len(most)) > 5:
            raise errors.malformed_pattern("has a { without numbers and a }")
        self._at = end + 1
        highest = int(most) if most else None if comma else int(least)
        if highest is not None and highest < int(least):
            raise errors.malformed_pattern("has bounds in the wrong order")
        return int(least), highest

    def _one(self) -> Node:
        letter = self._next()
        if letter == "(":
            return self._group()
        if letter == "[":
            return Node("letter", fits=self._set())
        if letter in _AT_EDGES:
            return Node(_AT_EDGES[letter])
        if letter == ".":
            return Node("letter", fits=lambda each: each not in "\n\r\x85\u2028\u2029")
        if letter in "*+?{":
            raise errors.malformed_pattern(f"has a {letter} after nothing")
        if letter == "\\":
            return self._escaped()
        return Node("letter", fits=letter.__eq__)

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > 50:
            raise errors.unserved_pattern("groups within groups so deep")
        if self._take("?") and not self._take(":"):
            if self._take("<") and self._at < len(self._text) and self._text[self._at] not in "=!":
                end = self._text.find(">", self._at)
                if end < 0:
                    raise errors.malformed_pattern("has a name of a group without an end")
                self._at = end + 1
            else:
                raise errors.unserved_pattern("looking ahead, looking behind, or flags")
        node = self._choice()
        if not self._take(")"):
            raise errors.malformed_pattern("has a ( without a )")
        self._depth -= 1
        return node

    def _escaped(self) -> Node:
        letter = self._next()
        if letter in _ESCAPED_EDGES:
            return Node(_ESCAPED_EDGES[letter])
        return Node("letter", fits=self._class_of(letter))

    def _class_of(self, letter: str) -> Fits:
        """Return what an escaped letter stands for."""
        test = _CLASSES.get(letter.lower())
        if test is not None:
            return test if letter.islower() else lambda each: not test(each)
        return self._literal(letter).__eq__

    def _literal(self, letter: str) -> str:
        if letter in "xu":
            width = 2 if letter == "x" else 4
            digits = self._text[self._at : self._at + width]
            self._at += width
            try:
                return chr(int(digits, 16)) if len(digits) == width else self._no_code()
            except ValueError:
                return self._no_code()
        if letter in _LETTERS:
            return _LETTERS[letter]
        if letter.isascii() and letter.isalnum():
            raise errors.unserved_pattern(f"\\{letter}")
        return letter

    @staticmethod
    def _no_code() -> str:
        raise errors.malformed_pattern("has an escape without its digits")

    def _set(self) -> Fits:
        """Return what a set in brackets holds."""
        inverted = self._take("^")
        tests: list[Fits] = []
        begun = self._at
        while not (self._at > begun and self._take("]")):
            letter = self._next("[ without a ]")
            if letter == "[" or self._text.startswith("&&", self._at - 1):
                raise errors.unserved_pattern("a set within a set")
            if letter == "\\":
                letter = self._next()
                if letter.lower() in _CLASSES:
                    tests.append(self._class_of(letter))
                    continue
                letter = self._literal(letter)
            tests.append(self._range_from(letter))
        return lambda each: any(test(each) for test in tests) is not inverted

    def _range_from(self, low: str) -> Fits:
        following = self._text[self._at : self._at + 2]
        if len(following) < 2 or following[0] != "-" or following[1] == "]":
            return low.__eq__
        self._at += 1
        high = self._next()
        if high == "\\":
            high = self._literal(self._next())
        if high < low:
            raise errors.malformed_pattern("has a range in the wrong order")
        return lambda each: low <= each <= high

    def _next(self, missing: str = "\\ at its end") -> str:
        if self._at >= len(self._text):
            raise errors.malformed_pattern(f"has a {missing}")
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, sign: str) -> bool:
        taken = self._text.startswith(sign, self._at)
        self._at += taken
        return taken
