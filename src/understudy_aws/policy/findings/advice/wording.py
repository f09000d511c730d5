"""How findings write lists of names and pieces of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

_MOST_NAMES = 5


def enumeration(names: Sequence[str]) -> str:
    """Return the names as a sentence lists them, `a, b and c`; beyond five only how many more there are."""
    shown = list(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        return f"{', '.join(shown)} and {len(names) - _MOST_NAMES} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def as_json(value: object) -> str:
    """Return the value as a policy's author would write it, on one line."""
    return json.dumps(value, ensure_ascii=False)


def one_or_list(values: Sequence[str]) -> str | list[str]:
    """Return the only value by itself, several as a list, as policies write them."""
    return values[0] if len(values) == 1 else list(values)
