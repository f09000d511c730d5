"""Moments of the past as people name them, and the calls of the trail between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from understudy.gateway.trail import TrailEntry
from understudy.store.database import Database
from understudy.store.protocol import Entry

_READ = msgspec.json.Decoder(TrailEntry).decode
_PAGE = 1000
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_AGO = re.compile(r"([0-9]{1,9})([smhd])\Z")
_REQUEST = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORMS = (
    "a time such as 2026-03-04T10:00:00Z, a number of the trail, a request id, or how long ago, such as 10m"
)


class NoSuchMomentError(Exception):
    """What was said is no moment, or none the trail knows: one sentence."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or else a call: its number in the trail, and its request id if the trail holds it."""

    at: datetime | None = None
    number: int = 0
    request_id: str = ""


def moment(text: str, database: Database, now: datetime) -> Moment:
    """The moment a text names. Raises NoSuchMomentError.

    A time without an offset is UTC.
    """
    if _NUMBER.match(text):
        number = int(text)
        found = next(iter(database.log(before=number + 1, limit=1)), None)
        return Moment(number=number, request_id=found.id if found and found.sequence == number else "")
    ago = _AGO.match(text)
    if ago:
        try:
            return Moment(at=now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))}))
        except OverflowError as error:
            raise NoSuchMomentError(f"Nothing was called {text} ago.") from error
    if _REQUEST.match(text):
        found = next(iter(database.log(id=text, limit=1)), None)
        if found is None:
            raise NoSuchMomentError(f"The trail holds no request {text}.")
        return Moment(number=found.sequence, request_id=text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoSuchMomentError(f"{text!r} is no moment: {_FORMS}.") from error
    return Moment(at=at.replace(tzinfo=UTC) if at.tzinfo is None else at)


class Window:
    """The calls from one moment to another, both included; None is the beginning of the trail, and now.

    Goes through them once, the latest first. After that `forgotten` says whether the trail no longer holds all of
    them.
    """

    def __init__(self, database: Database, since: Moment | None, until: Moment | None) -> None:
        self._database = database
        self._since = since
        self._until = until
        self.forgotten = False

    def __iter__(self) -> Iterator[tuple[int, TrailEntry]]:
        since, until = self._since or Moment(), self._until
        # What was done for a request is written just before it, and belongs to it.
        belonging = {since.request_id} if since.request_id else set()
        oldest = 1
        for row in self._newest_first():
            entry = _READ(row.body)
            oldest = row.sequence
            if until is not None and until.at is not None and entry.at > until.at:
                continue
            if row.sequence < since.number or (since.at is not None and entry.at < since.at):
                if entry.parent not in belonging:
                    return
                belonging.add(entry.request_id)
            yield row.sequence, entry
        self.forgotten = oldest > max(1, since.number)

    def _newest_first(self) -> Iterator[Entry]:
        until = self._until
        before = until.number + 1 if until is not None and until.at is None else None
        while True:
            rows = list(self._database.log(before=before, limit=_PAGE))
            yield from rows
            if len(rows) < _PAGE:
                return
            before = rows[-1].sequence
