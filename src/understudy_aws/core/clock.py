"""Clocks, which are handed to whatever needs the time. Only this module reads the machine's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SetClock:
    """A clock that shows the time it was set to and moves only by `advance`; for tests and replays."""

    def __init__(self, at: datetime | None = None) -> None:
        self._at = at or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds."""
        self._at += timedelta(seconds=seconds)


def iso_seconds(at: datetime) -> str:
    """Return a time as `2019-11-09T12:34:56Z`. `strftime` takes several times as long."""
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}:{at.second:02d}Z"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(at: datetime) -> str:
    """Return a time as HTTP writes it, in UTC and English: `Sat, 09 Nov 2019 12:34:56 GMT` (RFC 9110, 5.6.7)."""
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02d} {month} {at.year:04d} {at.hour:02d}:{at.minute:02d}:{at.second:02d} GMT"


# Seconds of a clock that never goes back, for measuring how long something waits. Bound here as they are, because the
# HTTP edge reads them several times a request.
monotonic_seconds = time.monotonic
# Seconds since 1970, of the machine's clock.
unix_seconds = time.time
# Nanoseconds of a clock that never goes back, for measuring how long something took.
ticks = time.perf_counter_ns
