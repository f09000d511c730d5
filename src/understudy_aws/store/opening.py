"""Opens the store that a state's URL names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from understudy_aws.core.errors import UserError
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import Store
from understudy_aws.store.sqlite import SqliteStore


def _sqlite(path: str, synchronous: str) -> Store:
    return SqliteStore(Path(path).expanduser(), synchronous=synchronous)


def _memory(_: str, __: str) -> Store:
    return MemoryStore()


# What opens a store, by the scheme of its URL; a state without a scheme is the path of a directory.
STORES: Mapping[str, Callable[[str, str], Store]] = MappingProxyType(
    {
        "": _sqlite,
        "memory": _memory,
    }
)


def open_store(state: str, *, synchronous: str = "normal") -> Store:
    """Open the store of a state: `memory:` or a directory. Raises UserError if it cannot be used.

    `synchronous` says what a write outlives (see `Settings.synchronous`).
    """
    return STORES[scheme_of(state)](state, synchronous)


def scheme_of(state: str) -> str:
    """Return the scheme of a state's URL, empty for a path. Raises UserError for one that no store has."""
    scheme, colon, rest = state.partition(":")
    if not colon or not scheme.isidentifier():
        return ""
    if scheme not in STORES or (scheme == "memory" and rest):
        raise UserError(f"state must be a directory or memory:, not {state!r}.")
    return scheme
