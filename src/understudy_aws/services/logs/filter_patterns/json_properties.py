"""Properties of JSON: `{ ($.status = 5* || $.error EXISTS) && $.user.id != "root" }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from understudy_aws.services.logs.errors import not_served
from understudy_aws.services.logs.filter_patterns.columns import comparing
from understudy_aws.services.logs.filter_patterns.pattern import (
    COMPARISONS,
    NUMBER,
    Pattern,
    invalid_pattern,
    no_regex,
    unbalanced,
)

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<selector>\$(?:\.[A-Za-z0-9_@#-]+|\[[0-9]+\]|\[\*\]|\['[^'\]]*'\]|\["[^"\]]*"\]|\.\*)*)
    | (?P<sign>!=|<=|>=|=|<|>)
    | (?P<and>&&) | (?P<or>\|\|) | (?P<open>\() | (?P<close>\))
    | "(?P<text>(?:[^"\\]|\\.)*)"
    | %(?P<regex>[^%]*)%
    | (?P<word>[^\s()&|"]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([A-Za-z0-9_@#*-]+)|\[([0-9]+|\*)\]|\['([^'\]]*)'\]|\[\"([^\"\]]*)\"\]")
_decode = msgspec.json.decode
_MOST_DEEP = 16
_ANY = "*"
# An event may have half a million values, and each of these would be held against all of them.
_MOST_WILDCARDS = 3
Test = Callable[[Any], bool]
Selector = Callable[[Any], list[Any]]


class Properties(msgspec.Struct, frozen=True):
    """A test of what a text holds as JSON; a text that is no JSON object does not match."""

    test: Test

    def matches(self, message: str, /) -> bool:
        """Whether the test holds for a text."""
        if "{" not in message:
            return False
        try:
            value = _decode(message)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        return isinstance(value, dict) and self.test(value)


def properties_in(text: str) -> Pattern:
    """Return the test of a pattern in braces. Raises InvalidParameterException."""
    if not text.endswith("}"):
        raise unbalanced("{", "}")
    reader = _Reader(text[1:-1].strip())
    test = reader.alternatives(0)
    if reader.kind:
        raise invalid_pattern()
    if reader.wildcards > _MOST_WILDCARDS:
        raise not_served(f"filter patterns with more than {_MOST_WILDCARDS} wildcards in selectors")
    return Properties(test)


class _Reader:
    """Reads a pattern word by word; `kind` and `value` are of the next word, empty at the end.

    `wildcards` are those in the selectors that were read.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self.wildcards = 0
        self.kind = self.value = ""
        self._go_on()

    def alternatives(self, depth: int) -> Test:
        """Read what `||` separates."""
        tests = [self._together(depth)]
        while self.kind == "or":
            self._go_on()
            tests.append(self._together(depth))
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _together(self, depth: int) -> Test:
        tests = [self._condition(depth)]
        while self.kind == "and":
            self._go_on()
            tests.append(self._condition(depth))
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _condition(self, depth: int) -> Test:
        if self.kind == "open" and depth < _MOST_DEEP:
            self._go_on()
            test = self.alternatives(depth + 1)
            self._take("close")
            return test
        steps = _steps(self._take("selector"))
        self.wildcards += steps.count(_ANY)
        selector = _selector(steps)
        if self.kind == "sign":
            return self._comparison(selector, self._take("sign"))
        return self._state(selector)

    def _state(self, selector: Selector) -> Test:
        """Read what is asked of a property without another value."""
        words = [self._take("word").upper()]
        while self.kind == "word":
            words.append(self._take("word").upper())
        states: dict[str, Callable[[Any], bool]] = {
            "IS TRUE": lambda found: found is True,
            "IS FALSE": lambda found: found is False,
            "IS NULL": lambda found: found is None,
        }
        asked = " ".join(words)
        if asked in {"EXISTS", "NOT EXISTS"}:
            return lambda value: bool(selector(value)) == (asked == "EXISTS")
        if asked not in states:
            raise invalid_pattern()
        return lambda value: any(states[asked](found) for found in selector(value))

    def _comparison(self, selector: Selector, sign: str) -> Test:
        kind = self.kind
        given = self._take(kind) if kind in {"text", "regex", "word"} else ""
        if kind == "regex":
            raise no_regex()
        if kind not in {"text", "word"}:
            raise invalid_pattern()
        if kind == "word" and sign not in {"=", "!="} and not NUMBER.fullmatch(given):
            raise invalid_pattern()
        if kind == "text":
            given = re.sub(r"\\(.)", r"\1", given)
        compare = _comparing(sign, given)
        return lambda value: any(map(compare, selector(value)))

    def _take(self, kind: str) -> str:
        if self.kind != kind:
            raise invalid_pattern()
        value = self.value
        self._go_on()
        return value

    def _go_on(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            if self._text[self._at :].strip():
                raise invalid_pattern()
            self.kind = self.value = ""
            return
        self._at = found.end()
        self.kind = str(found.lastgroup)
        self.value = found[self.kind]


def _comparing(sign: str, given: str) -> Callable[[Any], bool]:
    """Return the test of a value of JSON, which only texts, numbers, true and false pass. Raises for no such test."""
    compare_text = comparing(sign, given)
    number = float(given) if NUMBER.fullmatch(given) else None
    compare_number = COMPARISONS[sign]

    def compare(value: Any) -> bool:
        if isinstance(value, str):
            return compare_text(value)
        if isinstance(value, bool):
            return compare_text(str(value).lower())
        if isinstance(value, int | float):
            return compare_text(str(value)) if number is None else compare_number(value, number)
        return False

    return compare


def _steps(text: str) -> list[str | int]:
    """Return the steps of a selector: names, places in lists, and `_ANY`. Raises InvalidParameterException."""
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise invalid_pattern()
        name, index, quoted, double = found.groups()
        given = next(each for each in (name, index, quoted, double) if each is not None)
        steps.append(int(given) if index is not None and given != _ANY else given)
        at = found.end()
    if not steps:
        raise invalid_pattern()
    return steps


def _selector(steps: list[str | int]) -> Selector:
    def select(value: Any) -> list[Any]:
        values = [value]
        for step in steps:
            values = [below for each in values for below in _below(each, step)]
        return values

    return select


def _below(value: Any, step: str | int) -> list[Any]:
    if isinstance(value, dict):
        if step == _ANY:
            return list(value.values())
        return [value[step]] if step in value else []
    if isinstance(value, list):
        if step == _ANY:
            return value
        if isinstance(step, int) and step < len(value):
            return [value[step]]
    return []
