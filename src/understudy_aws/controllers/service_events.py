"""Delivers what happened to services into their log groups, as sessions of the management role (apprunner.md 4.1).

A line is deleted when it was delivered, so that around a crash one may be there twice, and none is lost. Lines that the
role may not deliver are tried again, ever later, until they are too old.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from understudy_aws.controllers.log_events import put_log_events
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.linked_roles import MANAGEMENT
from understudy_aws.services.apprunner.service_events import ServiceLogLine, service_log_lines
from understudy_aws.services.apprunner.service_records import Service, services
from understudy_aws.services.iam.service_linked_roles import linked_role_arn
from understudy_aws.store.database import Transaction

_ROLE = "AWSServiceRoleForAppRunner"
_MOST_AT_ONCE = 500
# Several lines that are written in a row are delivered by one session.
_PERIOD_SECONDS = 0.2


def service_event_delivery() -> Controller:
    """Return the background work; its keys are services."""
    return Controller("service events", _due, _reconcile, poll_seconds=_PERIOD_SECONDS)


def _due(tx: Transaction, _now: datetime) -> Iterator[Due]:
    for head in list(service_log_lines.heads(tx, 3)):
        first = next(service_log_lines.scan(tx, *head))
        yield Due(head, first.account, first.at)


async def _reconcile(key: Key, world: World) -> datetime | None:
    account, region, arn = key
    while True:
        with world.database.transaction() as tx:
            lines = [
                line for line, _ in zip(service_log_lines.scan(tx, *key), range(_MOST_AT_ONCE), strict=False)
            ]
            found = services.where(tx, "by_arn", arn)
        if not lines:
            return None
        if found:
            _deliver(world, found[0], lines, linked_role_arn(account, MANAGEMENT, _ROLE), region)
        with world.database.transaction() as tx:
            for line in lines:
                if service_log_lines.get(tx, *service_log_lines.key(line)) is not None:
                    service_log_lines.delete(tx, line)


def _deliver(world: World, service: Service, lines: list[ServiceLogLine], role: str, region: str) -> None:
    """Put lines into the streams of a service. Raises the ApiError of STS or CloudWatch Logs."""
    group = f"/aws/apprunner/{service.name}/{service.id}/service"
    with RoleSession(
        world.gateway,
        principal=MANAGEMENT,
        role_arn=role,
        session_name="AppRunnerEvents",
        source_arn=service.arn,
    ) as session:
        in_streams = sorted(lines, key=lambda line: (line.stream, line.number))
        for stream, written in groupby(in_streams, key=lambda line: line.stream):
            events = [(int(line.at.timestamp() * 1000), line.text) for line in written]
            put_log_events(session, region, group, stream, events)
