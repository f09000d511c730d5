"""How much of the trail callers may take whom nobody knows (docs/decisions/0016).

Whoever reaches the port can send requests without credentials, as many as the network carries. Each could push an entry
of somebody's out of the trail, and would be a write to the disk.
"""

from __future__ import annotations

from datetime import datetime, timedelta

# Entries that unknown callers may leave at once, and how long it takes until they may leave one more.
AT_ONCE = 100
ONE_MORE_IN = timedelta(seconds=1)


class UnknownCallersShare:
    """Admits entries of unknown callers: `AT_ONCE` of them, and then one more for each `ONE_MORE_IN` that passes."""

    __slots__ = ("_full_at", "_left_out")

    def __init__(self) -> None:
        self._full_at: datetime | None = None
        self._left_out = 0

    def admits(self, at: datetime) -> bool:
        """Whether an entry of this time may be written. One that may not is counted."""
        since = at if self._full_at is None else max(at, self._full_at)
        if since + ONE_MORE_IN - at > AT_ONCE * ONE_MORE_IN:
            self._left_out += 1
            return False
        self._full_at = since + ONE_MORE_IN
        return True

    def left_out(self) -> int:
        """Return how many were not admitted since this was last asked."""
        counted, self._left_out = self._left_out, 0
        return counted
