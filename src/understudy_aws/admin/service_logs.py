"""The log lines of a service of App Runner's, of all its streams together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import ListServiceLogs
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.service_records import Service, services
from understudy_aws.services.logs.chunks import (
    BEGINNING,
    END,
    Event,
    Position,
    chunks_between,
    in_order,
    position_of,
)
from understudy_aws.services.logs.records import LogGroup, log_groups, log_streams
from understudy_aws.store.database import Transaction

# The groups that a service has, and which lines a request for one of them means.
_GROUPS = ("service", "application")


def listed(gateway: Gateway, asked: ListServiceLogs) -> dict[str, Any]:
    """Return the latest lines, or those after a place, oldest first, and the place where the next begin.

    Raises NotFoundError for no such service, InvalidRequestError for a name that several have or a place of none.
    """
    with gateway.database.transaction() as tx:
        service = the_one(tx, asked.service, asked.region)
        places = _places(asked.after)
        lines: list[dict[str, Any]] = []
        for kind in _GROUPS if asked.kind == "all" else (asked.kind,):
            group = log_groups.get(
                tx, service.account, service.region, f"/aws/apprunner/{service.name}/{service.id}/{kind}"
            )
            if group is not None:
                lines += _lines(tx, group, kind, places, asked)
    lines.sort(key=lambda line: (line["at"], line["place"]))
    if asked.after:
        lines = lines[: asked.limit]
    else:
        # Lines before those that are shown are not asked for again.
        places = {line["kind"]: position_of(line["place"]) for line in lines[: -asked.limit]}
        lines = lines[-asked.limit :]
    for line in lines:
        places[line["kind"]] = position_of(line.pop("place"))
    token = ",".join(f"{kind}:{place.id}" for kind, place in sorted(places.items()))
    return {"service": service.arn, "name": service.name, "lines": lines, "next": token}


def the_one(tx: Transaction, text: str, region: str = "") -> Service:
    """Return the service of a name, an ARN, an id or a URL; a deleted one if there is no other.

    Raises NotFoundError, InvalidRequestError.
    """
    there = [each for each in services.scan(tx) if region in {"", each.region}]
    found = [each for each in there if text in {each.name, each.arn, each.id, each.url}]
    found = [each for each in found if each.deleted is None] or sorted(
        found, key=lambda each: each.created, reverse=True
    )[:1]
    if len(found) > 1:
        arns = "".join(f"\n  {each.arn}" for each in found)
        raise InvalidRequestError(f"Several services are called {text}. Which one?{arns}")
    if not found:
        alike = get_close_matches(text, [each.name for each in there], 3)
        meant = (
            f" Did you mean {' or '.join(alike)}?"
            if alike
            else " `understudy services` lists those there are."
        )
        raise NotFoundError(f"There is no service {text}.{meant}")
    return found[0]


def _lines(
    tx: Transaction, group: LogGroup, kind: str, places: Mapping[str, Position], asked: ListServiceLogs
) -> Iterator[dict[str, Any]]:
    names = {stream.number: stream.name for stream in log_streams.scan(tx, group.id)}
    after = places.get(kind, BEGINNING)
    found = chunks_between(tx, group.id, max(after.timestamp, 0), END.timestamp - 1)
    # Without a place the latest are wanted, which are the first ones from the end.
    events: Iterator[Event] = in_order(tx, found, after, END, newest_first=not asked.after)
    for event in islice((each for each in events if each.stream in names), asked.limit):
        yield {
            "at": event.timestamp,
            "kind": kind,
            "stream": names[event.stream],
            "text": event.message,
            "place": event.position.id,
        }


def _places(text: str) -> dict[str, Position]:
    """Return the places that an earlier answer named, by group."""
    places = {}
    for part in text.split(",") if text else ():
        kind, _, id = part.partition(":")
        if kind not in _GROUPS or not id.isdecimal() or len(id) > len(END.id):
            raise InvalidRequestError("`after` is `next` of an earlier answer.")
        places[kind] = position_of(id)
    return places
