"""When keys and roles were last used. It is noted on every call and stored once a second.

AWS shows last use with hours of delay (service-linked-roles.md 1.6), so a note lost in a crash is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from understudy_aws.authn.caller import Caller
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.iam.access_keys import AccessKeyUse, access_key_uses
from understudy_aws.services.iam.role_records import RoleUse, role_uses, roles
from understudy_aws.services.iam.users import access_keys
from understudy_aws.store.database import Transaction


class LastUse:
    """Notes of the last use of keys and roles, until they are remembered."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKeyUse] = {}
        self._roles: dict[str, RoleUse] = {}

    def note(self, caller: Caller, service: str, region: str, at: datetime) -> None:
        """Note that a caller did something. The last note counts."""
        if caller.kind == "role-session":
            role = caller.user_id.partition(":")[0]
            self._roles[role] = RoleUse(id=role, at=at, region=region)
        elif caller.session is None and caller.access_key_id:
            id = caller.access_key_id
            self._keys[id] = AccessKeyUse(id=id, at=at, region=region, service=service)

    def controller(self) -> Controller:
        """Return the controller that stores the notes, once a second on a server."""
        return Controller("last use", self._due, self._reconcile, poll_seconds=1.0)

    def _due(self, _tx: Transaction, now: datetime) -> Iterable[Due]:
        if self._keys or self._roles:
            yield Due(_KEY, "", now)

    async def _reconcile(self, _key: Key, world: World) -> None:
        """Remember the notes of keys and roles that still exist."""
        keys, self._keys = self._keys, {}
        uses, self._roles = self._roles, {}
        with world.database.transaction() as tx:
            for id, use in keys.items():
                if access_keys.get(tx, id) is not None:
                    access_key_uses.put(tx, use)
            for id, role_use in uses.items():
                if roles.count_where(tx, "by_id", id):
                    role_uses.put(tx, role_use)


_KEY: Key = ("notes",)
