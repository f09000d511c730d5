"""Reads and writes timestamps, blobs and numbers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from understudy_aws.core.clock import http_date, iso_seconds
from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    import email.utils as email_dates
else:
    email_dates = deferred("email.utils")

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|NaN|-?Infinity", re.ASCII
)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def whole_number(text: str) -> int:
    """Read a number of 64 bits; leading zeroes and a plus sign are allowed.

    Raises ValueError.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return within(int(text), 64)


def small_number(text: str) -> int:
    """Read a number of 32 bits."""
    return within(whole_number(text), 32)


def within(number: int, bits: int) -> int:
    """Return the number if it fits into so many bits with a sign. Raises ValueError."""
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise ValueError(number)
    return number


def decimal_number(text: str) -> float:
    """Read a float or double. Raises ValueError."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    return float(text)


def boolean(text: str) -> bool:
    """Read `true`, `false`, `1` or `0` (iam.md 2.8). Raises ValueError."""
    value = _BOOLEANS.get(text)
    if value is None:
        raise ValueError(text)
    return value


def blob(text: str) -> bytes:
    """Decode base64. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def timestamp(text: str) -> datetime:
    """Read a timestamp in ISO 8601 or in epoch seconds. Raises ValueError."""
    if _DECIMAL.fullmatch(text):
        return from_epoch(float(text))
    found = datetime.fromisoformat(text)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def from_epoch(seconds: float) -> datetime:
    """Read a timestamp in epoch seconds. Raises ValueError when no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(seconds) from error


def any_timestamp(text: str) -> datetime:
    """Read a timestamp in ISO 8601, in epoch seconds or as an HTTP date. Raises ValueError."""
    if not text[:3].isalpha():
        return timestamp(text)
    try:
        found = email_dates.parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def epoch(at: datetime) -> float:
    """Return seconds since the epoch to the millisecond; whole ones as integers."""
    seconds = round(at.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def timestamp_writer(format: str) -> Callable[[datetime], str]:
    """Return the function that writes a timestamp in one of AWS's formats: `iso8601`, `rfc822` or `unixTimestamp`."""
    return _TIMESTAMP_FORMATS[format]


def _iso(at: datetime) -> str:
    """`2019-11-09T12:34:56Z`, with as much of a second as there is."""
    if not at.microsecond:
        return iso_seconds(at)
    fraction = f"{at.microsecond:06d}".rstrip("0")
    return f"{iso_seconds(at)[:-1]}.{fraction}Z"


def _http_date(at: datetime) -> str:
    """`Sat, 09 Nov 2019 12:34:56 GMT`."""
    return http_date(at.astimezone(UTC))


_TIMESTAMP_FORMATS: dict[str, Callable[[datetime], str]] = {
    "iso8601": _iso,
    "rfc822": _http_date,
    "unixTimestamp": lambda at: str(epoch(at)),
}


def iso_milliseconds(at: datetime) -> str:
    """`2019-11-09T12:34:56.000Z`: EC2."""
    return f"{iso_seconds(at)[:-1]}.{at.microsecond // 1000:03d}Z"


def base64_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def number_text(value: float) -> str:
    """Write a float as XML has it."""
    if value != value:  # noqa: PLR0124 - NaN is the number that is not itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def header_text(text: str) -> str:
    """Return the printable ASCII of a text, which cannot break out of a header."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())
