"""A store that remembers what it held after every write, and starts again from any of these moments."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from understudy_aws.store.memory import MemoryStore


class CrashPoint(NamedTuple):
    """What was in the store at a moment, and what the world outside looked like."""

    store: MemoryStore
    outside: Any


class WatchedStore(MemoryStore):
    """Every write, and every `mark`, is a moment at which the process may be killed.

    `outside` answers what a crash does not take back, such as a driver's network; a copy is kept with each moment.
    """

    def __init__(self, outside: Callable[[], Any] = lambda: None) -> None:
        super().__init__()
        self.crash_points: list[CrashPoint] = []
        self._outside = outside

    def write(self, *args: Any, **kwargs: Any) -> None:
        super().write(*args, **kwargs)
        self.mark()

    def mark(self) -> None:
        left = MemoryStore()
        left.__dict__.update(
            {
                name: copy.deepcopy(value)
                for name, value in self.__dict__.items()
                if name in MemoryStore().__dict__
            }
        )
        self.crash_points.append(CrashPoint(left, copy.deepcopy(self._outside())))
