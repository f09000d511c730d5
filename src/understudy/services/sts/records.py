"""What is remembered of temporary credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from understudy.store.database import Transaction
from understudy.store.tables import Record, Table


class Session(Record, frozen=True, kw_only=True):
    """Temporary credentials, and what was settled when they were given out.

    `principal_id` is the unique id of the role or user behind it: when that entity is gone, the session is worth
    nothing, whoever has its name by then. `policies` is None when no session policy was passed.
    """

    access_key_id: str
    account: str
    secret: str
    token: str
    kind: Literal["assume-role", "session-token", "federation"]
    principal_id: str
    issued: datetime
    expires: datetime
    session_name: str = ""
    policies: tuple[str, ...] | None = None
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    chained: bool = False
    invoked_by: str = ""


sessions = Table("sts/session", Session, key=lambda session: (session.access_key_id,))


def forget_expired(tx: Transaction, now: datetime) -> None:
    """Drop sessions that ended a day ago or more; until then an expired token is told it is expired."""
    for session in list(sessions.scan(tx)):
        if (now - session.expires).days >= 1:
            sessions.delete(tx, session)
