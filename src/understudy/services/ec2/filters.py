"""Describe filters, once for all: values of one filter are alternatives, several filters must all hold.

Values may carry `*` and `?`, a backslash takes their meaning away, and case counts (ec2.md 7.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from understudy.core.errors import ApiError
from understudy.services.ec2.errors import invalid, missing

Values = Callable[[Any], Iterable[str]]
FilterTable = Mapping[str, Values]
Matches = Callable[[Any], bool]

MOST_VALUES = 200
# Nothing that is filtered by is longer, and many wildcards in one text are slow.
LONGEST_VALUE = 1024
_WILD = re.compile(r"[*?\\]")
_PIECES = re.compile(r"\\(.)|(\*+)|(\?)|([^\\*?]+|\\)", re.DOTALL)


def matching(filters: Sequence[Mapping[str, Any]] | None, table: FilterTable) -> Matches | None:
    """Whether a record passes, as a function made once for a call; None when nothing was asked.

    `table` says which values a record has under each filter's name; `tag:<key>` and `tag-key` are known for
    every record with `tags`. Raises FilterLimitExceeded, and InvalidParameterValue for an unknown filter or an
    endless value.
    """
    if not filters:
        return None
    tests: list[Matches] = []
    for entry in filters:
        name, values = entry.get("Name"), entry.get("Values")
        if not name:
            raise invalid("The filter 'null' is invalid")
        getter = _getter(name, table)
        if not values:
            raise missing("Filter.Value")
        if len(values) > MOST_VALUES:
            raise ApiError(
                "FilterLimitExceeded",
                f"The maximum number of filter values specified on a single call is {MOST_VALUES}",
            )
        if any(len(value) > LONGEST_VALUE for value in values):
            raise invalid(f"A value of the filter '{name}' is longer than {LONGEST_VALUE} characters")
        tests.append(_test(getter, one_of(values)))
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def exact(filters: Sequence[Mapping[str, Any]] | None, name: str) -> list[str] | None:
    """The values of a filter when they can be looked up, being without wildcards; None otherwise."""
    for entry in filters or ():
        if entry.get("Name") == name and entry.get("Values"):
            values = [str(value) for value in entry["Values"]]
            if not any(_WILD.search(value) for value in values):
                return sorted(set(values))
    return None


def one_of(values: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text equals one of the values, wildcards understood."""
    plain = frozenset(value for value in values if not _WILD.search(value))
    wild = [pattern(value) for value in values if value not in plain]
    if not wild:
        return plain.__contains__
    return lambda text: text in plain or any(found.fullmatch(text) for found in wild)


def pattern(value: str) -> re.Pattern[str]:
    """A value with wildcards as an expression whose cost stays in proportion to the text.

    Each piece behind a `*` takes its first occurrence for good (an atomic group), which is all a wildcard
    needs; only the last one looks for the end. Without that, many stars would cost without bound.
    """
    segments = [""]
    for escaped, stars, question, plain in _PIECES.findall(value):
        if stars:
            segments.append("")
        else:
            segments[-1] += "." if question else re.escape(escaped or plain)
    if len(segments) == 1:
        return re.compile(segments[0], re.DOTALL)
    middle = "".join(f"(?>.*?{segment})" for segment in segments[1:-1])
    return re.compile(f"{segments[0]}{middle}.*{segments[-1]}", re.DOTALL)


def yes_or_no(value: bool) -> tuple[str]:
    """A boolean as filters spell it."""
    return ("true",) if value else ("false",)


def nothing(_record: Any) -> tuple[str, ...]:
    """For filters AWS has over things that no record here can have yet: they match nothing."""
    return ()


def _getter(name: str, table: FilterTable) -> Values:
    found = table.get(name)
    if found is not None:
        return found
    if name == "tag-key":
        return _tag_keys
    if name.startswith("tag:"):
        key = name[4:]
        return lambda record: (tags[key],) if key in (tags := _tags(record)) else ()
    raise invalid(f"The filter '{name}' is invalid")


def _test(getter: Values, accepted: Callable[[str], bool]) -> Matches:
    def test(record: Any) -> bool:
        return any(accepted(value) for value in getter(record))

    return test


def _tag_keys(record: Any) -> Iterable[str]:
    return _tags(record)


def _tags(record: Any) -> Mapping[str, str]:
    """What a record is tagged with; zones and Regions cannot be."""
    tags: Mapping[str, str] = getattr(record, "tags", {})
    return tags
