"""Whatever nobody can want any more: expired sessions, old client tokens and invitations, the tail of the trail."""

from __future__ import annotations

from datetime import datetime, timedelta

from understudy.gateway import client_tokens
from understudy.services.organizations import handshake_records
from understudy.services.sts import records
from understudy.store.database import Database, Transaction

_EVERY = timedelta(minutes=10)


class Sweeper:
    """Sweeps at most every ten minutes, whenever it is asked."""

    def __init__(self, database: Database, keep_in_trail: int) -> None:
        self._database = database
        self._keep = keep_in_trail
        self._next: datetime | None = None

    def reconcile(self, tx: Transaction, now: datetime) -> int:
        """Sweep if it is time; never counts as work done, so that nobody waits for it."""
        if self._next is None or now >= self._next:
            self._next = now + _EVERY
            client_tokens.forget_old(tx, now)
            records.forget_expired(tx, now)
            handshake_records.forget_old(tx, now)
            self._database.store.trim(self._keep)
        return 0
