"""DateEquals and its inequalities, over ISO 8601 and epoch seconds."""

from __future__ import annotations

import operator
import re
from datetime import date
from functools import lru_cache

from understudy_aws.policy.engine.conditions.operand import ordered

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?)?)?\Z",
    re.ASCII,
)
# What IAM stores as a date is wider (iam.md 2.5): fields of any length, a lower-case t, and nothing after it.
_STORABLE = re.compile(
    r"-?(?P<year>\d{1,9})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:[Tt](?:(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.\d{1,9})?"
    r"(?:[Zz]|[+-](?P<east>\d\d)(?::(?P<past>\d\d))?)?)?)?)?)?\Z",
    re.ASCII,
)
_MOST = {"month": 12, "day": 31, "hour": 23, "minute": 59, "second": 59, "east": 23, "past": 59}
_EPOCH = re.compile(r"(-?)0*(\d{1,14})(?:\.(\d{1,9}))?\Z", re.ASCII)
_DAY_ZERO = date(1970, 1, 1).toordinal()
_DAY = 86_400


# Longer than any date; what is remembered stays small.
_LONGEST = 64


def milliseconds(text: str) -> int | None:
    """Milliseconds since 1970 of a date in W3C's profile of ISO 8601 or in epoch seconds, else None.

    Four digits alone are a year; a time without a zone is UTC. Precision ends at the millisecond (recorded,
    policies.md 4.4).
    """
    return _parsed(text) if len(text) <= _LONGEST else None


def is_storable(text: str) -> bool:
    """Return whether IAM stores a policy that compares with this text as a date.

    Of some such texts, as `01T`, it is not known which moment AWS takes them for. They are no moment here, and match
    nothing.
    """
    found = _STORABLE.match(text) if len(text) <= _LONGEST else None
    if found is None:
        return milliseconds(text) is not None
    fields = {name: int(value) for name, value in found.groupdict().items() if value is not None}
    return all(fields.get(name, 0) <= most for name, most in _MOST.items()) and all(
        fields.get(name, 1) >= 1 for name in ("month", "day")
    )


@lru_cache(maxsize=4096)
def _parsed(text: str) -> int | None:
    found = _DATE.match(text)
    if found is None:
        epoch = _EPOCH.match(text)
        return None if epoch is None else _since_epoch(*epoch.groups())
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    try:
        days = date(int(year), int(month or 1), int(day or 1)).toordinal() - _DAY_ZERO
    except ValueError:
        return None
    offset = _offset(zone)
    if offset is None:
        return None
    return (days * _DAY + hours * 3600 + minutes * 60 + seconds - offset) * 1000 + _fraction(fraction)


def _since_epoch(sign: str, seconds: str, fraction: str | None) -> int:
    return (int(seconds) * 1000 + _fraction(fraction)) * (-1 if sign else 1)


def _fraction(digits: str | None) -> int:
    return int((digits or "0").ljust(3, "0")[:3])


def _offset(zone: str | None) -> int | None:
    """Seconds east of UTC."""
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 14 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)


equals = ordered(milliseconds, operator.eq)
less_than = ordered(milliseconds, operator.lt)
less_than_equals = ordered(milliseconds, operator.le)
greater_than = ordered(milliseconds, operator.gt)
greater_than_equals = ordered(milliseconds, operator.ge)
