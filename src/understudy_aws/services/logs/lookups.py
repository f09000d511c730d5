"""Finds the groups and streams that requests name, and cuts lists into pages."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.paging import BadTokenError, key_after
from understudy_aws.services.logs import errors
from understudy_aws.services.logs.records import LogGroup, LogStream, log_groups, log_streams
from understudy_aws.services.logs.targets import name_in

PAGE = 50
"""How many groups or streams a page has at most."""


def the_group(call: Call, name: str | None, identifier: str | None = None) -> LogGroup:
    """Return the group that a request names in one of the two ways.

    Raises ResourceNotFoundException, and ValidationException unless exactly one is given.
    """
    if name and identifier:
        raise errors.validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if not name and not identifier:
        raise errors.validation("LogGroup name or LogGroup ARN must be specified.")
    given = name or name_in(identifier or "")
    arn = parse(identifier) if identifier else None
    group = log_groups.get(call.tx, call.account, call.region, given)
    if group is None or (arn is not None and group.arn != str(arn).removesuffix(":*")):
        raise errors.no_such_group()
    return group


def the_stream(call: Call, group: LogGroup, name: str) -> LogStream:
    """Return a stream of a group. Raises ResourceNotFoundException."""
    found = log_streams.get(call.tx, group.id, name)
    if found is None:
        raise errors.no_such_stream()
    return found


def after_token(token: str | None, scope: str) -> Sequence[str] | None:
    """Return the key that a page token says is the last one shown, or None without a token.

    Raises InvalidParameterException for a token of something else.
    """
    if not token:
        return None
    try:
        return key_after(token, scope)
    except BadTokenError as error:
        raise errors.bad_token() from error


def just_before(prefix: str) -> str:
    """Return a text that sorts before all that begin with a prefix, and after all that sort before these."""
    return f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}\U0010ffff" if prefix else ""


def milliseconds(call: Call) -> int:
    """Return the time of a call as CloudWatch Logs tells it."""
    return int(call.at.timestamp() * 1000)
