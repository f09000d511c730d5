"""The operations on log streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import page
from understudy_aws.services.logs import chunks, errors
from understudy_aws.services.logs.lookups import (
    PAGE,
    after_token,
    just_before,
    milliseconds,
    the_group,
    the_stream,
)
from understudy_aws.services.logs.records import LogGroup, LogStream, group_usages, log_streams, usage_of
from understudy_aws.services.logs.targets import a_group, a_stream

_BY_TIME = "LastEventTime"


@operation("logs:CreateLogStream", on=a_stream)
def create_log_stream(call: Call, *, log_group_name: str, log_stream_name: str) -> None:
    """Create a log stream."""
    group = the_group(call, log_group_name)
    if log_streams.get(call.tx, group.id, log_stream_name) is not None:
        raise errors.exists_already("log stream")
    usage = usage_of(call.tx, group.id)
    usage = group_usages.put(call.tx, replace(usage, streams=usage.streams + 1))
    log_streams.put(
        call.tx,
        LogStream(group=group.id, name=log_stream_name, number=usage.streams, created=milliseconds(call)),
    )


@operation("logs:DeleteLogStream", on=a_stream)
def delete_log_stream(call: Call, *, log_group_name: str, log_stream_name: str) -> None:
    """Delete a log stream with its events."""
    group = the_group(call, log_group_name)
    stream = the_stream(call, group, log_stream_name)
    log_streams.delete(call.tx, stream)
    chunks.discard(call.tx, group.id, stream.number)


@operation("logs:DescribeLogStreams", on=a_group)
def describe_log_streams(
    call: Call,
    *,
    log_group_name: str | None = None,
    log_group_identifier: str | None = None,
    log_stream_name_prefix: str | None = None,
    order_by: str | None = None,
    descending: bool | None = None,
    next_token: str | None = None,
    limit: int | None = None,
) -> Answer:
    """List the streams of a group, by name or by the time of their newest event."""
    if order_by == _BY_TIME and log_stream_name_prefix:
        raise errors.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    group = the_group(call, log_group_name, log_group_identifier)
    prefix = log_stream_name_prefix or ""
    scope = f"DescribeLogStreams:{group.id}:{prefix}:{order_by}:{bool(descending)}"
    after = after_token(next_token, scope)
    if order_by == _BY_TIME:
        found = _in_order(log_streams.scan(call.tx, group.id), _time_key, after, descending=bool(descending))
        key = _time_key
    else:
        key = _name_key
        if descending:
            found = _in_order(streams_named(call, group, prefix), key, after, descending=True)
        else:
            found = streams_named(call, group, prefix, after[0] if after else "")
    taken, token = page(found, limit or PAGE, key, scope)
    return {"logStreams": [_described(group, each) for each in taken], "nextToken": token}


def streams_named(call: Call, group: LogGroup, prefix: str, after: str = "") -> Iterator[LogStream]:
    """Yield the streams of a group whose names begin with a prefix, by name, from behind a name on."""
    start = (group.id, max(after, just_before(prefix)))
    return takewhile(
        lambda stream: stream.name.startswith(prefix), log_streams.scan(call.tx, group.id, after=start)
    )


def _name_key(stream: LogStream) -> tuple[str, ...]:
    return (stream.name,)


def _time_key(stream: LogStream) -> tuple[str, ...]:
    return (f"{stream.last + 1:016d}", stream.name)


def _in_order(streams: Iterable[LogStream], key: Any, after: Any, *, descending: bool) -> Iterator[LogStream]:
    ordered = sorted(streams, key=key, reverse=descending)
    for stream in ordered:
        if after is None or (key(stream) < tuple(after) if descending else key(stream) > tuple(after)):
            yield stream


def _described(group: LogGroup, stream: LogStream) -> dict[str, Any]:
    told: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "arn": f"{group.arn}:log-stream:{stream.name}",
        # Always 0 since 2019 (API reference, LogStream).
        "storedBytes": 0,
    }
    if stream.events:
        told |= {
            "firstEventTimestamp": stream.first,
            "lastEventTimestamp": stream.last,
            "lastIngestionTime": stream.ingested,
            "uploadSequenceToken": sequence_token(stream),
        }
    return told


def sequence_token(stream: LogStream) -> str:
    """Return the token that AWS still gives and no longer looks at: 56 digits."""
    return f"{49 << 176 | stream.events:056d}"
