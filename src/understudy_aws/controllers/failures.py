"""What failed, in one sentence, and how long it waits before it is tried again."""

from __future__ import annotations

from datetime import timedelta

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failures in a row: 1, 2, 4, … 60 seconds. The same every time."""
    # Beyond six doublings it is the longest delay anyhow, and a large power would overflow.
    return timedelta(seconds=min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempts - 1, 6)))


def sentence(error: Exception) -> str:
    """An exception in one sentence: its kind and what it says."""
    if isinstance(error, TimeoutError) and not str(error):
        return "It took too long."
    return f"{type(error).__name__}: {error}"
