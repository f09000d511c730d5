"""Columns between spaces: `[host, user, status = 4*, size > 1000, ...]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from understudy_aws.services.logs.filter_patterns.pattern import (
    COMPARISONS,
    NUMBER,
    Pattern,
    invalid_pattern,
    no_regex,
    unbalanced,
    wildcard_in,
)

# What is in brackets or in quotes is one column.
_CLOSING = {"[": "]", '"': '"'}
_WORD = re.compile(r"\S+")
_CONDITION = re.compile(
    r'\s*([A-Za-z_][\w.-]*)\s*(!=|<=|>=|=|<|>)\s*("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s&|,]+)\s*'
)
_NAME = re.compile(r"\s*([A-Za-z_][\w.-]*)?\s*")
_REST = "..."

Test = Callable[[str], bool]


class Columns(msgspec.Struct, frozen=True):
    """The tests of columns, before `...` counted from the left and after it from the right."""

    left: tuple[Test, ...]
    right: tuple[Test, ...] | None

    def matches(self, message: str, /) -> bool:
        """Whether a text has such columns."""
        values = values_in(message)
        needed = len(self.left) + len(self.right or ())
        if len(values) < needed or (self.right is None and len(values) != needed):
            return False
        tests = [*self.left, *(self.right or ())]
        last = values[len(values) - len(self.right or ()) :]
        return all(test(value) for test, value in zip(tests, [*values[: len(self.left)], *last], strict=True))


def values_in(message: str) -> list[str]:
    """Return the columns of a text. What is opened and not closed is part of a word."""
    values = []
    last = {closing: message.rfind(closing) for closing in _CLOSING.values()}
    found = _WORD.search(message)
    while found is not None:
        at, value = found.start(), found[0]
        closing = _CLOSING.get(value[0])
        if closing is not None and last[closing] > at:
            # It is known to be there: looking for it in vain, again and again, would take the square of the length.
            end = message.index(closing, at + 1)
            values.append(message[at + 1 : end])
            found = _WORD.search(message, end + 1)
        else:
            values.append(value)
            found = _WORD.search(message, found.end())
    return values


def columns_in(text: str) -> Pattern:
    """Return the columns of a pattern. Raises InvalidParameterException."""
    if not text.endswith("]"):
        raise unbalanced("[", "]")
    left: list[Test] = []
    right: list[Test] | None = None
    for part in _parts(text[1:-1]):
        if part.strip() == _REST:
            if right is not None:
                raise invalid_pattern()
            right = []
        else:
            (left if right is None else right).append(_test(part))
    return Columns(tuple(left), None if right is None else tuple(right))


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between commas that are in no quotes."""
    part = ""
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|%[^%]*%|.', text):
        if found[0] == ",":
            yield part
            part = ""
        else:
            part += found[0]
    yield part


def _test(part: str) -> Test:
    if _NAME.fullmatch(part):
        return lambda _value: True
    alternatives = [
        [_condition(each) for each in alternative.split("&&")] for alternative in part.split("||")
    ]
    return lambda value: any(all(test(value) for test in every) for every in alternatives)


def _condition(text: str) -> Test:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise invalid_pattern()
    sign, given = found[2], found[3]
    if given.startswith("%"):
        raise no_regex()
    if given.startswith('"'):
        given = given[1:-1].replace('\\"', '"')
    return comparing(sign, given)


def comparing(sign: str, given: str) -> Test:
    """Return the test of a text against another one, as numbers where both are. Raises InvalidParameterException."""
    wildcard = wildcard_in(given)
    number = float(given) if NUMBER.fullmatch(given) else None
    if sign in {"=", "!="}:

        def same(value: str) -> bool:
            if wildcard is not None:
                return wildcard(value) == (sign == "=")
            if number is not None and NUMBER.fullmatch(value):
                return (float(value) == number) == (sign == "=")
            return (value == given) == (sign == "=")

        return same
    if number is None:
        raise invalid_pattern()
    compare, wanted = COMPARISONS[sign], number
    return lambda value: NUMBER.fullmatch(value) is not None and compare(float(value), wanted)
