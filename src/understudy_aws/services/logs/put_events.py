"""PutLogEvents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.logs import chunks, errors
from understudy_aws.services.logs.chunks import DAY, OVERHEAD
from understudy_aws.services.logs.lookups import milliseconds, the_group, the_stream
from understudy_aws.services.logs.records import LogGroup, log_streams
from understudy_aws.services.logs.streams import sequence_token
from understudy_aws.services.logs.targets import a_stream

MOST_BYTES = 1_048_576
"""Of a batch: its texts, and 26 bytes for each event."""

_FUTURE = 2 * 60 * 60 * 1000
_PAST = 14 * DAY


@operation("logs:PutLogEvents", on=a_stream)
def put_log_events(
    call: Call,
    *,
    log_group_name: str,
    log_stream_name: str,
    log_events: list[Mapping[str, Any]],
    sequence_token: str | None = None,
    entity: Mapping[str, Any] | None = None,
) -> Answer:
    """Put events into a stream. Those too old or too new are left out, and the answer says which."""
    # Both are taken and change nothing: tokens are not looked at since 2023, and there are no entities here.
    del sequence_token, entity
    group = the_group(call, log_group_name)
    stream = the_stream(call, group, log_stream_name)
    events = [(int(each["timestamp"]), str(each["message"])) for each in log_events]
    _check_size(events)
    if any(later[0] < earlier[0] for earlier, later in pairwise(events)):
        raise errors.invalid_parameter(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    now = milliseconds(call)
    first, last, rejected = _taken(events, now, group)
    taken = events[first:last]
    if taken and taken[-1][0] - taken[0][0] > DAY:
        raise errors.invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    if taken:
        chunks.append(call.tx, stream, taken, now)
        stream = log_streams.get(call.tx, group.id, log_stream_name) or stream
    return {"nextSequenceToken": _next_token(stream), "rejectedLogEventsInfo": rejected or None}


_next_token = sequence_token


def _check_size(events: Sequence[tuple[int, str]]) -> None:
    size = sum(len(message.encode()) + OVERHEAD for _, message in events)
    if size > MOST_BYTES:
        raise errors.invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {MOST_BYTES}")


def _taken(events: Sequence[tuple[int, str]], now: int, group: LogGroup) -> tuple[int, int, dict[str, int]]:
    """Return where the events that are taken begin and end, and what AWS says of the others."""
    rejected: dict[str, int] = {}
    times = [timestamp for timestamp, _ in events]
    too_old = sum(1 for timestamp in times if timestamp < now - _PAST)
    expired = sum(1 for timestamp in times if timestamp < oldest_kept(group, now))
    end = sum(1 for timestamp in times if timestamp <= now + _FUTURE)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if end < len(events):
        rejected["tooNewLogEventStartIndex"] = end
    return max(too_old, expired), end, rejected


def oldest_kept(group: LogGroup, now: int) -> int:
    """Return the time before which a group's events have expired."""
    return now - group.retention * DAY if group.retention else -1
