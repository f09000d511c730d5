"""Delivers flow logs: asks the node for the flows of logged interfaces and puts them into log groups.

Each flow log delivers as its own role, which the flow logs service assumes, so that the role's trust policy and its
permissions decide and the trail has every call. A window is asked for again until it was delivered or refused, so that
one may be delivered twice around a crash, and none is lost while the node runs and has room.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from understudy_aws.controllers.delivery import Cursor, Delivery
from understudy_aws.controllers.log_events import DENIED, put_log_events
from understudy_aws.core.arn import ec2
from understudy_aws.core.errors import ApiError
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.flows import FlowWindow
from understudy_aws.dataplane.messages import Flows, GetFlows
from understudy_aws.gateway.controller import Controller, World
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.service_records import service_instances
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.ec2.flow_logs.coverage import covered
from understudy_aws.services.ec2.flow_logs.lines import Place, lines_of, stream_of
from understudy_aws.services.ec2.flow_logs.records import CLOUD_WATCH_LOGS, FlowLog, flow_logs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table

_PERIOD_SECONDS = 1.0
_NOTHING_RECORDED = "Unknown error: no packet is filtered here, so that none is recorded (understudy doctor)"
_SERVICE = "vpc-flow-logs.amazonaws.com"


_cursors = Table("ec2/flow-cursor", Cursor, key=lambda _: ("cursor",))


class FlowLogDelivery:
    """Delivers what the node of a directory has recorded."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sessions: dict[str, RoleSession] = {}
        self._delivery = Delivery(
            "flow logs", _PERIOD_SECONDS, is_due=self._is_due, deliver_some=self._deliver_some
        )

    def controller(self) -> Controller:
        """Return the background work."""
        return self._delivery.controller()

    async def deliver(self, world: World) -> None:
        """Deliver all that the node has recorded and finished."""
        await self._delivery.deliver(world)

    def _is_due(self, tx: Transaction) -> bool:
        # Packets are those of programs and of instances of services; without either no node runs.
        runs = attached_programs.count(tx) or service_instances.count(tx)
        return bool(self._sessions or (flow_logs.count(tx) and runs))

    async def _deliver_some(self, world: World) -> bool:
        with world.database.transaction() as tx:
            cursor = _cursors.get(tx, "cursor") or Cursor()
            self._end_sessions(tx)
        told = await world.in_thread(self._ask, cursor)
        if told is not None:
            _note_what_records_nothing(world, told.obstacle)
        if told is None or not told.windows:
            return False
        for window in told.windows:
            self._deliver(world, window)
            await asyncio.sleep(0)
        with world.database.transaction() as tx:
            _cursors.put(tx, Cursor(node=told.node, after=told.windows[-1].number))
        return True

    def _ask(self, cursor: Cursor) -> Flows | None:
        try:
            with NodeClient(self._directory) as client:
                answer = client.ask(GetFlows(cursor.node, cursor.after))
        except NodeLostError:
            return None
        return answer if isinstance(answer, Flows) else None

    def _end_sessions(self, tx: Transaction) -> None:
        """End the sessions of flow logs that are gone, so that their roles are in use no more."""
        there = {log.id for log in flow_logs.scan(tx)} if self._sessions else set()
        for id in self._sessions.keys() - there:
            # The session ends in a transaction of its own, after this one.
            asyncio.get_running_loop().call_soon(self._sessions.pop(id).end)

    def _deliver(self, world: World, window: FlowWindow) -> None:
        with world.database.transaction() as tx:
            place, logs = covered(tx, window.place, window.interval)
        for log in logs:
            self._deliver_to(world, log, window, place)

    def _deliver_to(self, world: World, log: FlowLog, window: FlowWindow, place: Place) -> None:
        error = ""
        try:
            session = self._session(world.gateway, log)
            events = [(at * 1000, line) for at, line in lines_of(log, window, place)]
            put_log_events(session, log.region, log.group, stream_of(log, window.interface), events)
        except ApiError as refusal:
            error = "Access error" if refusal.code in DENIED else f"Unknown error: {refusal.message}"
        with world.database.transaction() as tx:
            now = flow_logs.get(tx, log.account, log.region, log.id)
            if now is not None and now.delivery_error != error:
                flow_logs.put(tx, replace(now, delivery_error=error))

    def _session(self, gateway: Gateway, log: FlowLog) -> RoleSession:
        known = self._sessions.get(log.id)
        if known is None:
            known = self._sessions[log.id] = RoleSession(
                gateway,
                principal=_SERVICE,
                role_arn=log.role,
                session_name=log.id,
                source_arn=ec2(log.region, log.account, f"vpc-flow-log/{log.id}"),
            )
        return known


def _note_what_records_nothing(world: World, obstacle: str) -> None:
    """Have flow logs say that there are no records to deliver, for as long as nothing makes any."""
    with world.database.transaction() as tx:
        for log in list(flow_logs.scan(tx)):
            noted = log.delivery_error == _NOTHING_RECORDED
            if log.destination_type == CLOUD_WATCH_LOGS and noted != bool(obstacle):
                flow_logs.put(tx, replace(log, delivery_error=_NOTHING_RECORDED if obstacle else ""))
