"""Deletes what nobody can ask for any more: events that have expired, and those of groups and streams that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.logs.chunks import Chunk, chunks, forget
from understudy_aws.services.logs.put_events import oldest_kept
from understudy_aws.services.logs.records import LogGroup, discarded, group_usages, log_groups, log_streams
from understudy_aws.store.database import Transaction

# Deleted in one transaction: a few milliseconds' work, so that no request waits for it.
_PIECE = 100
_LOOK = timedelta(minutes=1)


def expired_events() -> Controller:
    """The background work that deletes events past their group's retention."""
    return Controller("expired log events", _due, _expire, poll_seconds=_LOOK.total_seconds())


def discarded_events() -> Controller:
    """The background work that deletes what deleted groups and streams have left."""
    return Controller("deleted log events", _discarded, _delete, poll_seconds=1.0)


def _due(tx: Transaction, now: datetime) -> Iterator[Due]:
    for group in log_groups.where(tx, "retained", True):
        if next(_expired(tx, group, now), None) is not None:
            yield Due((group.account, group.region, group.name), group.account, now)


def _expired(tx: Transaction, group: LogGroup, now: datetime) -> Iterator[Chunk]:
    oldest = oldest_kept(group, int(now.timestamp() * 1000))
    return chunks.in_order(tx, "last_of_group", first=(group.id, -1), last=(group.id, oldest - 1))


async def _expire(key: Key, world: World) -> datetime | None:
    now = world.clock.now()
    with world.database.transaction() as tx:
        group = log_groups.get(tx, *key)
        going = list(islice(_expired(tx, group, now), _PIECE)) if group is not None else []
        for chunk in going:
            forget(tx, chunk)
    return now if len(going) == _PIECE else None


def _discarded(tx: Transaction, now: datetime) -> Iterable[Due]:
    return [Due((each.group, f"{each.stream:08x}"), "", now) for each in discarded.scan(tx)]


async def _delete(key: Key, world: World) -> datetime | None:
    now = world.clock.now()
    with world.database.transaction() as tx:
        found = discarded.get(tx, *key)
        if found is None:
            return None
        place = key if found.stream else key[:1]
        going = list(islice(chunks.scan(tx, *place), _PIECE))
        for chunk in going:
            forget(tx, chunk)
        streams = [] if found.stream else list(islice(log_streams.scan(tx, found.group), _PIECE))
        for stream in streams:
            log_streams.delete(tx, stream)
        if going or streams:
            return now
        discarded.delete(tx, found)
        usage = None if found.stream else group_usages.get(tx, found.group)
        if usage is not None:
            group_usages.delete(tx, usage)
    return None
