"""Delivers what instances and builds write: asks the node for their output, and puts it into the services' log groups.

Each service's lines are put by a session of the management role, so that the role's permissions decide and the trail
has every call (apprunner.md 4.1). Lines are asked for again until they were delivered or refused: some may be delivered
twice around a crash, and none is lost while the node runs and has room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from understudy_aws.controllers.delivery import Cursor, Delivery
from understudy_aws.controllers.log_events import put_log_events
from understudy_aws.core.errors import ApiError
from understudy_aws.dataplane.launcher import NodeError
from understudy_aws.dataplane.messages import GetOutput, Output, OutputLine
from understudy_aws.gateway.controller import Controller, World
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.linked_roles import MANAGEMENT
from understudy_aws.services.apprunner.service_records import DELETED, Service, services
from understudy_aws.services.iam.service_linked_roles import linked_role_arn
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table

_PERIOD_SECONDS = 0.5
_ROLE = "AWSServiceRoleForAppRunner"


_cursors = Table("apprunner/output-cursor", Cursor, key=lambda _: ("cursor",))


class _Stream(NamedTuple):
    service: str
    name: str


class ServiceLogDelivery:
    """Delivers what the node's instances and builds have written.

    `problems` says why a service's lines are not in its log groups, by its ARN.
    """

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads
        self._sessions: dict[str, RoleSession] = {}
        self._delivery = Delivery(
            "service logs", _PERIOD_SECONDS, is_due=self._is_due, deliver_some=self._deliver_some
        )
        self.problems: dict[str, str] = {}

    def controller(self) -> Controller:
        """Return the background work."""
        return self._delivery.controller()

    async def deliver(self, world: World) -> None:
        """Deliver all that was written."""
        await self._delivery.deliver(world)

    @staticmethod
    def _is_due(tx: Transaction) -> bool:
        # Otherwise no node runs, and asking would start one.
        return services.count_where(tx, "live", "") > 0

    async def _deliver_some(self, world: World) -> bool:
        with world.database.transaction() as tx:
            cursor = _cursors.get(tx, "cursor") or Cursor()
        try:
            told = await self._workloads.ask(GetOutput(cursor.node, cursor.after))
        except NodeError:
            return False
        assert isinstance(told, Output)
        for stream, lines in _by_stream(told.lines).items():
            self._deliver(world, stream, lines)
            # Others are answered in between.
            await asyncio.sleep(0)
        self._end_sessions(world)
        if not told.lines:
            return False
        with world.database.transaction() as tx:
            _cursors.put(tx, Cursor(node=told.node, after=told.lines[-1].number))
        return True

    def _deliver(self, world: World, stream: _Stream, lines: Sequence[OutputLine]) -> None:
        with world.database.transaction() as tx:
            found = services.where(tx, "by_arn", stream.service)
        if not found:
            return
        service = found[0]
        kind = "application" if stream.name.startswith("instance/") else "service"
        events, latest = [], 0
        for line in lines:
            # A clock that went back must not have a batch refused.
            latest = max(latest, line.at)
            # An event has a text.
            events.append((latest, line.text or " "))
        try:
            put_log_events(
                self._session(world.gateway, service),
                service.region,
                f"/aws/apprunner/{service.name}/{service.id}/{kind}",
                stream.name,
                events,
            )
        except ApiError as refusal:
            self.problems[service.arn] = refusal.message
        else:
            self.problems.pop(service.arn, None)

    def _session(self, gateway: Gateway, service: Service) -> RoleSession:
        known = self._sessions.get(service.arn)
        if known is None:
            known = self._sessions[service.arn] = RoleSession(
                gateway,
                principal=MANAGEMENT,
                role_arn=linked_role_arn(service.account, MANAGEMENT, _ROLE),
                session_name="AppRunnerLogs",
                source_arn=service.arn,
            )
        return known

    def _end_sessions(self, world: World) -> None:
        """End the sessions of services that are gone, so that the role is in use no more."""
        with world.database.transaction() as tx:
            gone = [
                arn
                for arn in self._sessions
                if all(each.status == DELETED for each in services.where(tx, "by_arn", arn))
            ]
        for arn in gone:
            self._sessions.pop(arn).end()
            self.problems.pop(arn, None)


def _by_stream(lines: Sequence[OutputLine]) -> dict[_Stream, list[OutputLine]]:
    found: dict[_Stream, list[OutputLine]] = {}
    for line in lines:
        found.setdefault(_Stream(line.service, line.stream), []).append(line)
    return found
