"""Describe filters, once for all: values of one filter are alternatives, several filters must all hold.

Values may carry `*` and `?`, a backslash takes their meaning away, and case counts (ec2.md 7.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from understudy.services.ec2.errors import invalid, missing, too_many_values
from understudy.services.ec2.wildcards import WildcardMatcher

Values = Callable[[Any], Iterable[str]]
FilterTable = Mapping[str, Values]
Matches = Callable[[Any], bool]

MOST_VALUES = 200
# Tags and descriptions have 256 characters, each of which may be escaped.
LONGEST_VALUE = 512
_WILD = re.compile(r"[*?\\]")


def matching(filters: Sequence[Mapping[str, Any]] | None, table: FilterTable) -> Matches | None:
    """Whether a record passes, as a function made once for a call; None when nothing was asked.

    `table` says which values a record has under each filter's name; `tag:<key>` and `tag-key` are known for
    every record with `tags`. Raises FilterLimitExceeded, and InvalidParameterValue for an unknown filter or an
    endless value.
    """
    if not filters:
        return None
    # Before anything is looked at: it is the call that may have so many, not each filter.
    if sum(max(len(entry.get("Values") or ()), 1) for entry in filters) > MOST_VALUES:
        raise too_many_values(MOST_VALUES)
    tests: list[Matches] = []
    for entry in filters:
        name, values = entry.get("Name"), entry.get("Values")
        if not name:
            raise invalid("The filter 'null' is invalid")
        getter = _getter(name, table)
        if not values:
            raise missing("Filter.Value")
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
    wild = [value for value in values if value not in plain]
    if not wild:
        return plain.__contains__
    matcher = WildcardMatcher(wild)
    return lambda text: text in plain or matcher.matches(text)


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
