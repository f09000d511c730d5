"""Puts events into log streams as a role, and makes the streams and groups that are not there."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.role_sessions import RoleSession

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_FOUND = "ResourceNotFoundException"
_EVENTS_PER_CALL = 2_000
# PutLogEvents takes a megabyte, and counts 26 bytes for each event besides its text.
_BYTES_PER_CALL = 900_000
_OVERHEAD = 26


def put_log_events(
    session: RoleSession, region: str, group: str, stream: str, events: Sequence[tuple[int, str]]
) -> None:
    """Put events, times in milliseconds in order and texts, into a stream. Raises ApiError."""
    taken: list[dict[str, object]] = []
    size = 0
    for at, text in events:
        length = len(text.encode()) + _OVERHEAD
        if taken and (len(taken) == _EVENTS_PER_CALL or size + length > _BYTES_PER_CALL):
            _put(session, region, group, stream, taken)
            taken, size = [], 0
        taken.append({"timestamp": at, "message": text})
        size += length
    if taken:
        _put(session, region, group, stream, taken)


def _put(
    session: RoleSession, region: str, group: str, stream: str, events: Sequence[dict[str, object]]
) -> None:
    place = {"log_group_name": group, "log_stream_name": stream}

    def put() -> None:
        session.call("logs", "PutLogEvents", region=region, **place, log_events=list(events))

    try:
        put()
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise
        _make(session, region, group, stream)
        put()


def _make(session: RoleSession, region: str, group: str, stream: str) -> None:
    place = {"log_group_name": group, "log_stream_name": stream}
    try:
        session.call("logs", "CreateLogStream", region=region, **place)
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise
        session.call("logs", "CreateLogGroup", region=region, log_group_name=group)
        session.call("logs", "CreateLogStream", region=region, **place)
