"""Reads time ranges as people write them, and finds the calls of the trail in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.gateway.trail import TrailEntry, decode
from understudy_aws.store.database import Database
from understudy_aws.store.protocol import LogEntry

_PAGE = 1000
_ENTRIES_A_STEP = 200
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_AGO = re.compile(r"([0-9]{1,9})([smhd])\Z")
_REQUEST = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORMS = (
    "a time such as 2026-03-04T10:00:00Z, a number of the trail, a request id, or how long ago, such as 10m"
)


class Bound(msgspec.Struct, frozen=True):
    """One end of a time range: a time, or else a call by its number, with its request id if the trail holds it."""

    at: datetime | None = None
    number: int = 0
    request_id: str = ""


def parse_bound(text: str, database: Database, now: datetime) -> Bound:
    """Read one end of a time range; a time without an offset is UTC. Raises InvalidRequestError."""
    if _NUMBER.match(text):
        number = int(text)
        found = next(iter(database.log(before=number + 1, limit=1)), None)
        return Bound(number=number, request_id=found.id if found and found.sequence == number else "")
    ago = _AGO.match(text)
    if ago:
        try:
            return Bound(at=now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))}))
        except OverflowError as error:
            raise InvalidRequestError(f"Nothing was called {text} ago.") from error
    if _REQUEST.match(text):
        found = next(iter(database.log(id=text, limit=1)), None)
        if found is None:
            raise InvalidRequestError(f"The trail holds no request {text}.")
        return Bound(number=found.sequence, request_id=text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(f"{text!r} is no time: write {_FORMS}.") from error
    return Bound(at=at.replace(tzinfo=UTC) if at.tzinfo is None else at)


class TimeRange:
    """The calls of the trail from one bound to another, both included.

    `since` None is the beginning of the trail, `until` None is now. Iterating gives the calls once, newest first;
    after that `forgotten` tells whether the trail no longer holds all calls of the range.
    """

    def __init__(self, database: Database, since: Bound | None, until: Bound | None) -> None:
        self._database = database
        self._since = since
        self._until = until
        self.forgotten = False

    def __iter__(self) -> Iterator[tuple[int, TrailEntry]]:
        return (each for each in self.in_steps() if each is not None)

    def in_steps(self) -> Iterator[tuple[int, TrailEntry] | None]:
        """Give the same calls, and None each time some milliseconds' work is done, whether it found calls or not."""
        since, until = self._since or Bound(), self._until
        # What was done for a request is written just before it, and belongs to it.
        belonging = {since.request_id} if since.request_id else set()
        oldest = 1
        for read, row in enumerate(self._newest_first()):
            if not read % _ENTRIES_A_STEP:
                yield None
            entry = decode(row.body)
            oldest = row.sequence
            if until is not None and until.at is not None and entry.at > until.at:
                continue
            if row.sequence < since.number or (since.at is not None and entry.at < since.at):
                if entry.parent not in belonging:
                    return
                belonging.add(entry.request_id)
            yield row.sequence, entry
        self.forgotten = oldest > max(1, since.number)

    def _newest_first(self) -> Iterator[LogEntry]:
        until = self._until
        before = until.number + 1 if until is not None and until.at is None else None
        while True:
            rows = list(self._database.log(before=before, limit=_PAGE))
            yield from rows
            if len(rows) < _PAGE:
                return
            before = rows[-1].sequence
