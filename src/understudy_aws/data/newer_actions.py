"""Actions that AWS has and the service catalogue has not yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

# Written by tools/generate_newer_actions.py, where it is told what is in it and why.
_ACTIONS = Path(__file__).with_name("newer_actions.txt")


def newer_actions(prefix: str) -> Iterable[str]:
    """The names of a service's newer actions, in lower case; none for a service without such."""
    return _by_prefix().get(prefix.lower(), ())


@cache
def _by_prefix() -> Mapping[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for line in _ACTIONS.read_text("utf-8").splitlines():
        prefix, _, own = line.lower().partition(":")
        names.setdefault(prefix, set()).add(own)
    return {prefix: frozenset(own) for prefix, own in names.items()}
