"""Sessions in which services act as roles: ended when the work they were made for is gone."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime

from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.sts.records import sessions
from understudy_aws.store.database import Transaction


def abandoned_sessions(held: Container[str]) -> Controller:
    """Return the controller that ends sessions whose credentials no service holds (`held`: access key ids).

    A service ends its session with its work. A session that a crash left behind would keep the role in use until it
    expires; nobody else has its credentials.
    """

    def due(tx: Transaction, now: datetime) -> Iterable[Due]:
        for session in sessions.where(tx, "of_services", "all"):
            if session.access_key_id not in held:
                yield Due((session.access_key_id,), session.account, now)

    async def reconcile(key: Key, world: World) -> None:
        with world.database.transaction() as tx:
            session = sessions.get(tx, *key)
            if session is not None and session.access_key_id not in held:
                sessions.delete(tx, session)

    return Controller("abandoned service sessions", due, reconcile, poll_seconds=1.0)
