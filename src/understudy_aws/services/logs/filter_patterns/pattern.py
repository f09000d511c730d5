"""What every filter pattern is, and the comparisons that several kinds of them have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Protocol

from understudy_aws.core.errors import ApiError
from understudy_aws.services.logs.errors import invalid_parameter, not_served

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
)
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Pattern(Protocol):
    """What a filter pattern means."""

    def matches(self, message: str, /) -> bool:
        """Whether an event of this text is meant."""
        ...


class Everything:
    """The empty pattern, which all events match."""

    def matches(self, _message: str, /) -> bool:
        """Return that it does."""
        return True


def invalid_pattern() -> ApiError:
    return invalid_parameter("Invalid filter pattern")


def unbalanced(opening: str, closing: str) -> ApiError:
    return invalid_parameter(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")


def no_regex() -> ApiError:
    return not_served("filter patterns with regular expressions")


def wildcard_in(text: str) -> Callable[[str], bool] | None:
    """Return the test of whole texts that a text with `*` in it means; None for one without."""
    if "*" not in text:
        return None
    first, *middle, last = re.split(r"\*+", text)

    def matches(value: str) -> bool:
        if not value.startswith(first) or len(value) < len(first) + len(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            at = value.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return at <= end and value.endswith(last)

    return matches
