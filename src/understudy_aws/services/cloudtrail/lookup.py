"""LookupEvents: the event history of an account in a Region, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.paging import BadTokenError, key_after, token_after
from understudy_aws.gateway.read_only import is_read_only
from understudy_aws.gateway.trail import TrailEntry, decode
from understudy_aws.services.cloudtrail import errors
from understudy_aws.services.cloudtrail.event_records import (
    Event,
    event_id,
    event_of,
    is_management_event,
    source_of,
)
from understudy_aws.services.iam.users import users

PAGE = 50
# Entries of the trail, of whatever account, that one call looks at. When fewer of them match than fit on a page, the
# page is short and has a token.
MOST_LOOKED_AT = 5_000

Attribute = Mapping[str, str]


class _Asked(msgspec.Struct, frozen=True):
    """What to look up: one attribute and its value, and times, which are included."""

    attribute: tuple[str, str] | None
    start: datetime | None
    end: datetime | None


@operation("cloudtrail:LookupEvents", on=all_resources)
def lookup_events(
    call: Call,
    *,
    lookup_attributes: Sequence[Attribute] | None = None,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    event_category: str | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List the account's events in the Region of the call. There are no Insights events.

    AWS tells of an event within some minutes, here it is told at once. Two calls a second are not enforced.
    """
    if start_time is not None and end_time is not None and start_time > end_time:
        raise errors.invalid_time_range()
    asked = _Asked(_only(lookup_attributes or ()), start_time, end_time)
    scope = f"LookupEvents:{call.region}:{event_category}:{asked}"
    before = _before(next_token, scope)
    if event_category == "insight":
        return {"Events": []}
    if asked.attribute is not None and asked.attribute[0] == "EventId":
        return {"Events": _by_id(call, asked.attribute[1], asked)}
    if before is None and end_time is not None:
        before = call.gateway.trail.number_after(end_time + timedelta(seconds=1))
    found, next_before = _newest(call, asked, before, max_results or PAGE)
    return {
        "Events": found,
        "NextToken": token_after([str(next_before)], scope) if next_before is not None else None,
    }


def _newest(call: Call, asked: _Asked, before: int | None, size: int) -> tuple[list[Answer], int | None]:
    """Return the newest events before an entry's number, and the number to go on before; None at the end."""
    found: list[Answer] = []
    for looked_at, row in enumerate(call.gateway.trail.rows(before)):
        if len(found) == size or looked_at == MOST_LOOKED_AT:
            return found, row.sequence + 1
        if row.account != call.account:
            continue
        entry = decode(row.body)
        if asked.start is not None and _second(entry) < asked.start:
            break
        event = _asked_for(call, entry, asked)
        if event is not None:
            found.append(_shown(event, _second(entry)))
    return found, None


def _by_id(call: Call, id: str, asked: _Asked) -> list[Answer]:
    entry = call.gateway.trail.find(event_id(id))
    if (
        entry is None
        or entry.account != call.account
        or (asked.start is not None and _second(entry) < asked.start)
    ):
        return []
    event = _asked_for(call, entry, msgspec.structs.replace(asked, attribute=None))
    return [] if event is None else [_shown(event, _second(entry))]


def _only(attributes: Sequence[Attribute]) -> tuple[str, str] | None:
    """Return the one attribute to look up. Raises for more of them, as AWS takes one (cloudtrail.md 31.5)."""
    if len(attributes) > 1:
        raise errors.invalid_lookup_attributes("You can specify only one lookup attribute.")
    if not attributes:
        return None
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    if not value:
        raise errors.invalid_lookup_attributes("The value of a lookup attribute cannot be empty.")
    if key == "ReadOnly" and value not in ("true", "false"):
        raise errors.invalid_lookup_attributes("The value of ReadOnly is true or false.")
    return key, value


def _before(token: str | None, scope: str) -> int | None:
    if not token:
        return None
    try:
        return int(key_after(token, scope)[0])
    except (BadTokenError, IndexError, ValueError) as error:
        raise errors.invalid_next_token() from error


def _asked_for(call: Call, entry: TrailEntry, asked: _Asked) -> Event | None:
    """Return the event of an entry if it is one that was asked for."""
    if (asked.end is not None and _second(entry) > asked.end) or not _may_match(call, entry, asked.attribute):
        return None
    event = event_of(entry, _user_ids(call))
    if asked.attribute is not None and not _MATCHES[asked.attribute[0]](event, asked.attribute[1]):
        return None
    return event


def _second(entry: TrailEntry) -> datetime:
    """Return when a call was made: events have whole seconds (cloudtrail.md 31.1)."""
    return entry.at.replace(microsecond=0)


def _may_match(call: Call, entry: TrailEntry, attribute: tuple[str, str] | None) -> bool:
    """Whether an entry is an event of this Region that can match, by what is seen without making the event."""
    if entry.region != call.region or not is_management_event(entry):
        return False
    if attribute is None:
        return True
    key, value = attribute
    if key == "EventName":
        return entry.operation == value
    if key == "EventSource":
        return source_of(entry) == value
    if key == "ReadOnly":
        return is_read_only(entry.operation) == (value == "true")
    return True


_MATCHES: Mapping[str, Callable[[Event, str], bool]] = {
    "EventName": lambda _event, _value: True,
    "EventId": lambda event, value: event.id == value,
    "EventSource": lambda _event, _value: True,
    "ReadOnly": lambda _event, _value: True,
    "Username": lambda event, value: event.username == value,
    "AccessKeyId": lambda event, value: event.access_key_id == value,
    "ResourceType": lambda event, value: any(kind == value for kind, _ in event.resources),
    "ResourceName": lambda event, value: any(name == value for _, name in event.resources),
}


def _shown(event: Event, at: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": "true" if event.read_only else "false",
        "EventTime": at,
        "EventSource": event.source,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in event.resources],
        "CloudTrailEvent": msgspec.json.encode(event.record).decode(),
    }
    if event.access_key_id:
        shown["AccessKeyId"] = event.access_key_id
    if event.username:
        shown["Username"] = event.username
    return shown


def _user_ids(call: Call) -> Callable[[str, str], str]:
    def id_of(account: str, name: str) -> str:
        user = users.get(call.tx, account, name.lower())
        return user.id if user is not None else ""

    return id_of
