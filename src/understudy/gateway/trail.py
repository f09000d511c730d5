"""What was asked, by whom, what decided it, and what was answered: every call leaves one entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from understudy.store.database import Database

_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SECRETS = frozenset(
    {"password", "new_password", "old_password", "token_code", "saml_assertion", "web_identity_token"}
)
_LONGEST = 2048
_MOST_ITEMS = 200


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question put to the policy engine, and what decided it.

    `effect` is `allow`, `explicit-deny` or `implicit-deny`; `layer`, `policy`, `statement` and `sid` say
    where. `context` holds the condition keys of the question and is kept for refusals only.
    """

    action: str
    resource: str
    effect: str
    layer: str = ""
    policy: str = ""
    statement: int = -1
    sid: str = ""
    missing_keys: tuple[str, ...] = ()
    context: dict[str, str | list[str]] = {}
    account: str = ""

    @property
    def allowed(self) -> bool:
        return self.effect == "allow"


class TrailEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call. `outcome` is `ok` or the error's code; `parent` is the request it was made for, if any."""

    request_id: str
    at: datetime
    service: str
    operation: str
    region: str = ""
    account: str = ""
    caller: str = ""
    caller_kind: str = ""
    user_id: str = ""
    role_arn: str = ""
    access_key_id: str = ""
    invoked_by: str = ""
    parent: str = ""
    source_ip: str = ""
    user_agent: str = ""
    parameters: dict[str, Any] = {}
    evaluations: tuple[Evaluation, ...] = ()
    mode: str = "strict"
    outcome: str = "ok"
    message: str = ""
    status: int = 200
    microseconds: int = 0

    @property
    def denied(self) -> bool:
        """Whether a policy refused it (in soft mode: would have)."""
        return any(not evaluation.allowed for evaluation in self.evaluations)


def presentable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the trail keeps them: secrets hidden, long texts and lists cut."""
    return {name: _HIDDEN if name in _SECRETS else _cut(value) for name, value in params.items()}


def _cut(value: Any) -> Any:
    """A value no longer than anybody reads, so that one call cannot fill the trail."""
    if type(value) is str:
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if type(value) is list:
        cut = [_cut(item) for item in value[:_MOST_ITEMS]]
        return cut if len(value) <= _MOST_ITEMS else [*cut, f"… and {len(value) - _MOST_ITEMS} more"]
    if type(value) is dict:
        return {name: _cut(item) for name, item in value.items()}
    return value


class Trail:
    """Reads and writes entries in the database's log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: TrailEntry) -> None:
        """Keep an entry; durable with the database's next `sync`, before the answer leaves."""
        self._database.append(entry.request_id, entry.account, entry)

    def find(self, request_id: str) -> TrailEntry | None:
        """The entry of a request id."""
        for row in self._database.log(id=request_id, limit=1):
            return _DECODE(row.body)
        return None

    def newest(
        self, *, account: str | None = None, before: int | None = None, limit: int = 100
    ) -> Iterator[TrailEntry]:
        """Entries, newest first."""
        for row in self._database.log(account=account, before=before, limit=limit):
            yield _DECODE(row.body)


_DECODE = msgspec.json.Decoder(TrailEntry).decode
