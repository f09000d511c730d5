"""Lists the calls of the trail that a person asks for: of one account, caller or service, in a time range, refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.refused_calls import is_refused, is_waived
from understudy_aws.admin.requests import ListTrail
from understudy_aws.admin.time_ranges import Bound, parse_bound
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.trail import OWN_SERVICE, TrailEntry, decode
from understudy_aws.services import accounts
from understudy_aws.store.protocol import LogEntry

_PAGE = 1000


def listed(gateway: Gateway, asked: ListTrail) -> list[dict[str, Any]]:
    """Return the calls, newest first. Raises AdminError for an account, service or time that does not exist."""
    database, now = gateway.database, gateway.clock.now()
    since = parse_bound(asked.since, database, now) if asked.since else Bound()
    until = parse_bound(asked.until, database, now) if asked.until else Bound()
    _check_service(gateway, asked.service)
    found = []
    for row in _rows(gateway, asked, since, until):
        entry = decode(row.body)
        if since.at is not None and entry.at < since.at:
            break
        if (until.at is None or entry.at <= until.at) and _is_meant(entry, asked):
            found.append(
                {
                    "number": row.sequence,
                    "call": entry,
                    "refused": is_refused(entry),
                    "waived": is_waived(entry),
                }
            )
            if len(found) == asked.limit:
                break
    if not found and asked.account is not None:
        _check_account(gateway, asked.account)
    return found


def _rows(gateway: Gateway, asked: ListTrail, since: Bound, until: Bound) -> Iterator[LogEntry]:
    """Yield the log's rows between numbers, newest first, a page at a time."""
    ends = [
        number for number in (asked.before, until.number + 1 if until.number else None) if number is not None
    ]
    before = min(ends, default=None)
    # Whoever filters nothing takes what the limit says.
    selective = asked.as_ or asked.service or asked.refused or until.at is not None
    page = _PAGE if selective else asked.limit
    while True:
        rows = list(
            gateway.database.log(
                account=asked.account, after=max(0, since.number - 1), before=before, limit=page
            )
        )
        yield from rows
        if len(rows) < page:
            return
        before = rows[-1].sequence


def _is_meant(entry: TrailEntry, asked: ListTrail) -> bool:
    if asked.as_ and asked.as_ not in (entry.caller.arn, entry.caller.role_arn):
        return False
    if asked.service and entry.service != asked.service.replace("-", ""):
        return False
    return not asked.refused or is_refused(entry)


def _check_account(gateway: Gateway, account: str) -> None:
    """Raise NotFoundError for an account that does not exist."""
    with gateway.database.transaction() as tx:
        known = [each.id for each in accounts.in_order(tx)]
    if account not in known:
        raise NotFoundError(f"There is no account {account}; there is {', '.join(known) or 'none yet'}.")


def _check_service(gateway: Gateway, service: str) -> None:
    """Raise InvalidRequestError for a service that is not played here."""
    known = sorted({operation.service for operation in gateway.registry})
    if service and service.replace("-", "") not in {*known, OWN_SERVICE}:
        raise InvalidRequestError(f"No service {service!r} is served here; these are: {', '.join(known)}.")
