"""Filters of Describe operations. One value of each filter must match, and all filters must.

A value may have the wildcards `*` and `?`. A backslash takes a wildcard's meaning away. Case counts (ec2.md 7.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from understudy_aws.services.ec2.api.errors import invalid, missing, too_many_values
from understudy_aws.services.ec2.api.wildcards import MatchingBudget, WildcardMatcher

Values = Callable[[Any], Iterable[str]]
FilterTable = Mapping[str, Values]
Matches = Callable[[Any], bool]

MOST_VALUES = 200
# Tags and descriptions have 256 characters, each of which may be escaped.
LONGEST_VALUE = 512
_WILD = re.compile(r"[*?\\]")


def matching(filters: Sequence[Mapping[str, Any]] | None, table: FilterTable) -> Matches | None:
    """Return a function that says whether a record passes the filters, or None when there are none.

    `table` has, for each filter's name, the function that returns a record's values. `tag:<key>`, `tag-key` and
    `tag-value` work for every record with `tags`. Raises FilterLimitExceeded for too many values, and
    InvalidParameterValue for an unknown filter or a value that is too long.
    """
    if not filters:
        return None
    # Before anything is looked at: it is the call that may have so many, not each filter.
    if sum(max(len(entry.get("Values") or ()), 1) for entry in filters) > MOST_VALUES:
        raise too_many_values(MOST_VALUES)
    asked: dict[str, tuple[Values, list[Sequence[str]]]] = {}
    for entry in filters:
        name, values = entry.get("Name"), entry.get("Values")
        if not name:
            raise invalid("The filter 'null' is invalid")
        getter = _getter(name, table)
        if not values:
            raise missing("Filter.Value")
        if any(len(value) > LONGEST_VALUE for value in values):
            raise invalid(f"A value of the filter '{name}' is longer than {LONGEST_VALUE} characters")
        asked.setdefault(name, (getter, []))[1].append(values)
    budget = MatchingBudget()
    tests = [_test(getter, given, budget) for getter, given in asked.values()]
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def exact(filters: Sequence[Mapping[str, Any]] | None, name: str) -> list[str] | None:
    """Return the values of a filter if none has a wildcard, so that they can be looked up in an index.

    Otherwise None.
    """
    for entry in filters or ():
        if entry.get("Name") == name and entry.get("Values"):
            values = [str(value) for value in entry["Values"]]
            if not any(_WILD.search(value) for value in values):
                return sorted(set(values))
    return None


def yes_or_no(value: bool) -> tuple[str]:
    """Return a boolean as filters spell it."""
    return ("true",) if value else ("false",)


def nothing(_record: Any) -> tuple[str, ...]:
    """Return no values. It is for filters of things that no record here has; nothing matches them."""
    return ()


def _getter(name: str, table: FilterTable) -> Values:
    found = table.get(name)
    if found is not None:
        return found
    if name == "tag-key":
        return _tag_keys
    if name == "tag-value":
        return _tag_values
    if name.startswith("tag:"):
        key = name[4:]
        return lambda record: (tags[key],) if key in (tags := _tags(record)) else ()
    raise invalid(f"The filter '{name}' is invalid")


def _test(getter: Values, filters: Sequence[Sequence[str]], budget: MatchingBudget) -> Matches:
    """Return a function that says whether a record has a value for each of the filters of one name."""
    if any(_WILD.search(value) for values in filters for value in values):
        # However many filters of a name there are, each value of a record is looked at once.
        groups = WildcardMatcher(filters, budget).groups_of
        every = (1 << len(filters)) - 1

        def test_wild(record: Any) -> bool:
            found = 0
            for value in getter(record):
                found |= groups(value)
            return found == every

        return test_wild
    sets = [frozenset(values) for values in filters]
    if len(sets) == 1:
        (only,) = sets
        return lambda record: any(value in only for value in getter(record))
    return lambda record: not any(values.isdisjoint(getter(record)) for values in sets)


def _tag_keys(record: Any) -> Iterable[str]:
    return _tags(record)


def _tag_values(record: Any) -> Iterable[str]:
    return _tags(record).values()


def _tags(record: Any) -> Mapping[str, str]:
    """Return a record's tags. Zones and Regions have none."""
    tags: Mapping[str, str] = getattr(record, "tags", {})
    return tags
