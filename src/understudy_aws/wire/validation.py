"""Checks parameters against every constraint of their shapes.

A shape without constraints anywhere below it has no validator and costs nothing.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from understudy_aws.wire.model import Member, Shape
from understudy_aws.wire.names import camel

# Unicode's separators (category Z), for patterns that name them.
_SEPARATORS = "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_OTHER_CATEGORY = re.compile(r"\\p\{([A-Z][a-z]?)\}")
_RAN_OUT = 50
_SLACK = 256
_LONGEST_ECHO = 1024


class Problem(NamedTuple):
    """One constraint that does not hold. `kind` names it; `limit` is what it asks for.

    `path` is spelled as AWS's texts spell it; `name` is the last member's own name, and `member` is that member where
    it is missing.
    """

    path: str
    name: str
    value: Any
    kind: str
    limit: Any
    member: Member | None = None


Validator = Callable[[Any, str, str, list[Problem]], None]


def echo(value: Any) -> str:
    """Return a value as error texts print it, cut to a length."""
    text = _printed(value)
    return text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "…"


def _printed(value: Any) -> str:
    """Return a value as Java prints it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_printed, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}={_printed(each)}' for name, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def phrase(problem: Problem) -> str:
    """Return the constraint in AWS's words (apprunner.md 1.1, iam.md 2.4)."""
    return _PHRASES[problem.kind].format(_limit(problem.limit))


def sentence(problem: Problem) -> str:
    """Return the JSON protocols' sentence for one constraint that does not hold, with the value."""
    value = "null" if problem.value is None else f"'{echo(problem.value)}'"
    return f"Value {value} at '{problem.path}' failed to satisfy constraint: {phrase(problem)}"


def report(problems: Sequence[Problem]) -> str:
    """Return one text for all constraints that do not hold (apprunner.md 1.1)."""
    plural = "s" if len(problems) > 1 else ""
    return f"{len(problems)} validation error{plural} detected: {'; '.join(map(sentence, problems))}"


def validator(shape: Shape) -> Validator | None:
    """Return the function that checks a shape and all below it; None if there are no constraints."""
    if "validate" not in shape.compiled:
        # A shape that contains itself is looked up again while its own check is being made.
        shape.compiled["validate"] = _deferred(shape)
        shape.compiled["validate"] = _make(shape)
    made: Validator | None = shape.compiled["validate"]
    return made


def _deferred(shape: Shape) -> Validator:
    def check(value: Any, path: str, name: str, problems: list[Problem]) -> None:
        made = shape.compiled["validate"]
        if made is not None and made is not check:
            made(value, path, name, problems)

    return check


def _make(shape: Shape) -> Validator | None:
    maker = {"structure": _structure, "list": _list, "map": _map, "string": _string}.get(shape.type)
    if maker is not None:
        return maker(shape)
    if shape.min is None and shape.max is None:
        return None
    if shape.type == "blob":
        return _sized(shape, len)
    return _number(shape) if shape.type in ("integer", "long", "float", "double") else None


def _structure(shape: Shape) -> Validator | None:
    checks = {
        name: (check, camel(name))
        for name, member in shape.members.items()
        if (check := validator(member.shape)) is not None
    }
    required = tuple((name, camel(name), shape.members.get(name)) for name in shape.required)
    if not checks and not required:
        return None

    def check_structure(value: Any, path: str, _name: str, problems: list[Problem]) -> None:
        prefix = f"{path}." if path else ""
        for name, spelled, member in required:
            if value.get(name) is None:
                problems.append(Problem(prefix + spelled, name, None, "required", None, member))
        for name, item in value.items():
            found = checks.get(name)
            if found is not None and item is not None and len(problems) < _RAN_OUT:
                found[0](item, prefix + found[1], name, problems)

    return check_structure


def _list(shape: Shape) -> Validator | None:
    sized = _sized(shape, len) if shape.min is not None or shape.max is not None else None
    element = validator(shape.element.shape)
    if sized is None and element is None:
        return None

    def check_list(value: Any, path: str, name: str, problems: list[Problem]) -> None:
        if sized is not None:
            sized(value, path, name, problems)
        if element is not None:
            for number, item in enumerate(value, 1):
                if len(problems) >= _RAN_OUT:
                    return
                if item is None:
                    problems.append(Problem(f"{path}.{number}.member", name, None, "required", None))
                else:
                    element(item, f"{path}.{number}.member", name, problems)

    return check_list


def _map(shape: Shape) -> Validator | None:
    sized = _sized(shape, len) if shape.min is not None or shape.max is not None else None
    key, value = validator(shape.key.shape), validator(shape.value.shape)
    if sized is None and key is None and value is None:
        return None

    def check_map(entries: Any, path: str, name: str, problems: list[Problem]) -> None:
        if sized is not None:
            sized(entries, path, name, problems)
        for entry, item in entries.items():
            if len(problems) >= _RAN_OUT:
                return
            if key is not None:
                key(entry, f"{path}.key", name, problems)
            if value is not None:
                value(item, f"{path}.{entry}.member", name, problems)

    return check_map


def _string(shape: Shape) -> Validator | None:
    sized = _sized(shape, _units) if shape.min is not None or shape.max is not None else None
    pattern = python_pattern(shape.pattern) if shape.pattern else None
    values = frozenset(shape.enum)
    # Some patterns take time by the square of a text's length: one that is far too long is only called that.
    longest = shape.max + _SLACK if shape.max is not None else float("inf")
    if sized is None and pattern is None and not values:
        return None

    def check_string(value: Any, path: str, name: str, problems: list[Problem]) -> None:
        if pattern is not None and len(value) <= longest and not pattern.fullmatch(value):
            problems.append(Problem(path, name, value, "pattern", shape.pattern))
        if sized is not None:
            sized(value, path, name, problems)
        if values and value not in values:
            problems.append(Problem(path, name, value, "enum", f"[{', '.join(shape.enum)}]"))

    return check_string


def _sized(shape: Shape, size: Callable[[Any], int]) -> Validator:
    low, high = shape.min or 0, shape.max if shape.max is not None else float("inf")

    def check_size(value: Any, path: str, name: str, problems: list[Problem]) -> None:
        length = size(value)
        if length > high:
            problems.append(Problem(path, name, value, "longest", high))
        elif length < low:
            problems.append(Problem(path, name, value, "shortest", low))

    return check_size


def _number(shape: Shape) -> Validator:
    low = shape.min if shape.min is not None else float("-inf")
    high = shape.max if shape.max is not None else float("inf")

    def check_number(value: Any, path: str, name: str, problems: list[Problem]) -> None:
        if value > high:
            problems.append(Problem(path, name, value, "most", high))
        elif not value >= low:
            problems.append(Problem(path, name, value, "least", low))

    return check_number


def _units(text: str) -> int:
    """Return a text's length in UTF-16 units, as AWS counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def python_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a Java regular expression, which must match the whole text."""
    # A dash behind a class is itself in Java, and a range without an end in Python.
    pattern = re.sub(r"(\\[wdsWDS])-(?!\])", r"\1\-", pattern)
    if "\\p{" not in pattern:
        # Java's \w, \d and \s mean ASCII.
        return re.compile(pattern, re.ASCII | re.DOTALL)
    for name, instead in (("L", r"\w"), ("N", r"\d"), ("Z", _SEPARATORS)):
        pattern = pattern.replace(f"\\p{{{name}}}", instead)
    pattern = _OTHER_CATEGORY.sub(lambda found: _letters_of(found[1]), pattern)
    return re.compile(pattern, re.DOTALL)


@cache
def _letters_of(category: str) -> str:
    """Return the characters of one of Unicode's categories, as they stand in a set. It takes a moment; few need it."""
    letters = (chr(code) for code in range(sys.maxunicode + 1))
    return "".join(re.escape(each) for each in letters if unicodedata.category(each).startswith(category))


def _limit(limit: Any) -> str:
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else str(limit)


_PHRASES = {
    "required": "Member must not be null",
    "pattern": "Member must satisfy regular expression pattern: {}",
    "longest": "Member must have length less than or equal to {}",
    "shortest": "Member must have length greater than or equal to {}",
    "most": "Member must have value less than or equal to {}",
    "least": "Member must have value greater than or equal to {}",
    "enum": "Member must satisfy enum value set: {}",
}
