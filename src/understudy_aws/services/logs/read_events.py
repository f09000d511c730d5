"""GetLogEvents and FilterLogEvents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import token_after
from understudy_aws.services.logs import errors
from understudy_aws.services.logs.chunks import (
    END,
    OVERHEAD,
    Event,
    Position,
    chunks_between,
    in_order,
    position_of,
)
from understudy_aws.services.logs.filter_patterns import pattern_in
from understudy_aws.services.logs.lookups import after_token, milliseconds, the_group, the_stream
from understudy_aws.services.logs.put_events import oldest_kept
from understudy_aws.services.logs.records import LogGroup, LogStream, log_streams
from understudy_aws.services.logs.streams import streams_named
from understudy_aws.services.logs.targets import what_is_read

MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
# Of a page of FilterLogEvents: so many events are looked at, and bytes of their texts; then it is given, full or not.
_LOOKED_AT = 10_000
_BYTES_LOOKED_AT = 4 * 1_048_576
_TOKEN = re.compile(r"([fb])/([0-9]{56})/s")
_LATEST = 2**62
_FIRST = Position(0, 0, 0)


@operation("logs:GetLogEvents", on=what_is_read)
def get_log_events(
    call: Call,
    *,
    log_stream_name: str,
    log_group_name: str | None = None,
    log_group_identifier: str | None = None,
    start_time: int | None = None,
    end_time: int | None = None,
    next_token: str | None = None,
    limit: int | None = None,
    start_from_head: bool | None = None,
    unmask: bool | None = None,
) -> Answer:
    """Return a page of a stream's events, in the order of time."""
    del unmask  # Nothing is masked here.
    group = the_group(call, log_group_name, log_group_identifier)
    stream = the_stream(call, group, log_stream_name)
    after = Position(max(start_time or 0, oldest_kept(group, milliseconds(call))), 0, -1)
    before = Position(end_time, 0, -1) if end_time is not None else END
    backward, given = not start_from_head, None
    if next_token:
        token = _TOKEN.fullmatch(next_token)
        if token is None:
            raise errors.bad_token()
        backward, given = token[1] == "b", position_of(token[2])
        if backward:
            before = min(before, given)
        else:
            after = max(after, given)
    found = chunks_between(
        call.tx, group.id, after.timestamp, min(before.timestamp, _LATEST), frozenset((stream.number,))
    )
    events = in_order(call.tx, found, after, before, newest_first=backward)
    page = _page(events, limit or MOST_EVENTS, backward=backward)
    # A page without events is where it was asked for, so that the token given is given back.
    first = page[0].position if page else given or _FIRST
    last = page[-1].position if page else given or _FIRST
    return {
        "events": [
            {"timestamp": each.timestamp, "message": each.message, "ingestionTime": each.ingested}
            for each in page
        ],
        "nextForwardToken": f"f/{last.id}/s",
        "nextBackwardToken": f"b/{first.id}/s",
    }


def _page(events: Iterable[Event], limit: int, *, backward: bool) -> list[Event]:
    taken: list[Event] = []
    size = 0
    for event in events:
        size += len(event.message.encode()) + OVERHEAD
        if len(taken) == limit or (taken and size > MOST_BYTES):
            break
        taken.append(event)
    return taken[::-1] if backward else taken


@operation("logs:FilterLogEvents", on=what_is_read)
def filter_log_events(
    call: Call,
    *,
    log_group_name: str | None = None,
    log_group_identifier: str | None = None,
    log_stream_names: list[str] | None = None,
    log_stream_name_prefix: str | None = None,
    start_time: int | None = None,
    end_time: int | None = None,
    filter_pattern: str | None = None,
    next_token: str | None = None,
    limit: int | None = None,
    start_from_head: bool | None = None,
    interleaved: bool | None = None,
    unmask: bool | None = None,
) -> Answer:
    """Return a page of the events of a group that match a pattern; streams are always interleaved."""
    del interleaved, unmask
    if log_stream_names and log_stream_name_prefix:
        raise errors.invalid_parameter(
            "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
        )
    group = the_group(call, log_group_name, log_group_identifier)
    streams = _streams(call, group, log_stream_names, log_stream_name_prefix)
    pattern = pattern_in(filter_pattern or "")
    scope = f"FilterLogEvents:{group.id}"
    token = after_token(next_token, scope)
    newest_first = start_from_head is False
    if token:
        newest_first = token[0] == "b"
    after = Position(max(start_time or 0, oldest_kept(group, milliseconds(call))), 0, -1)
    before = Position(end_time + 1, 0, -1) if end_time is not None else END
    if token:
        given = position_of(token[1])
        after, before = (after, min(before, given)) if newest_first else (max(after, given), before)
    numbers = None if streams is None else frozenset(streams)
    found = chunks_between(call.tx, group.id, after.timestamp, min(before.timestamp, _LATEST), numbers)
    events = in_order(call.tx, found, after, before, newest_first=newest_first)
    page = _matching(events, pattern, limit or MOST_EVENTS)
    names = streams if streams is not None else _names(call, group)
    next_token = None
    if page.last is not None:
        next_token = token_after(("b" if newest_first else "f", page.last.id), scope)
    return {
        "events": [
            {
                "logStreamName": names[each.stream],
                "timestamp": each.timestamp,
                "message": each.message,
                "ingestionTime": each.ingested,
                "eventId": each.position.id,
            }
            for each in page.events
            # Events of a stream that was deleted are on their way out.
            if each.stream in names
        ],
        # Always empty since 2019 (API reference, FilterLogEvents).
        "searchedLogStreams": [],
        "nextToken": next_token,
    }


class _Page(NamedTuple):
    """Events that match, and the position up to which events were looked at; None when there are no more."""

    events: list[Event]
    last: Position | None


def _matching(events: Iterable[Event], pattern: Any, limit: int) -> _Page:
    taken: list[Event] = []
    size = bytes_looked_at = 0
    last: Position | None = None
    for looked_at, event in enumerate(events):
        length = len(event.message.encode()) + OVERHEAD
        full = len(taken) == limit or looked_at == _LOOKED_AT or bytes_looked_at > _BYTES_LOOKED_AT
        if last is not None and full:
            return _Page(taken, last)
        bytes_looked_at += length
        if pattern.matches(event.message):
            if taken and size + length > MOST_BYTES:
                return _Page(taken, last)
            size += length
            taken.append(event)
        last = event.position
    return _Page(taken, None)


def _streams(
    call: Call, group: LogGroup, names: list[str] | None, prefix: str | None
) -> dict[int, str] | None:
    """Return the names of the streams that a request means, by number; None for all."""
    found: Iterable[LogStream]
    if names:
        found = (the_stream(call, group, name) for name in names)
    elif prefix:
        found = streams_named(call, group, prefix)
    else:
        return None
    return {stream.number: stream.name for stream in found}


def _names(call: Call, group: LogGroup) -> dict[int, str]:
    return {stream.number: stream.name for stream in log_streams.scan(call.tx, group.id)}
