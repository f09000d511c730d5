"""The trail: one entry for every call, with its caller, the questions put to the policy engine and the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import account_in
from understudy_aws.gateway.request_context import principal_of
from understudy_aws.gateway.unknown_callers import UnknownCallersShare
from understudy_aws.policy import Principal
from understudy_aws.store.database import Database, Transaction
from understudy_aws.store.protocol import LogEntry
from understudy_aws.wire.model import Shape
from understudy_aws.wire.secret_members import HIDDEN, hider, may_hold_secrets, secrets_in, without_secrets

# Shorter secrets are replaced in messages only where they are quoted: they may be part of any word.
_SHORTEST_ANYWHERE = 4
# What refusals of signatures repeat of a header (signatures.md 6.2).
_REPEATED_HEADER = re.compile(
    r"^'.*'(?= not a valid key=value pair)"
    r"|(?<=Authorization=).*"
    r"|(?<=in Authorization header: ').*(?='\.$)"
    r"|(?<=, got ').*(?='$)",
    re.DOTALL,
)
_LONGEST = 2048
_MOST_ITEMS = 200
# Characters of condition keys: all the tags a resource can have, both as asked for and as it has them.
_MOST_KEYS = 65_536


OWN_SERVICE = "understudy"
"""The service of entries that are no calls: what Understudy itself did, which `message` says."""

ROLLED_BACK = "RolledBack"
_ROLLED_BACK = "The call this was done for failed, so what it did was undone."


# Bytes of one entry: more than any call leaves that is not made to fill the trail.
_MOST_BYTES = 262_144
# Entries that are read from the log at once, and how far from its place in time one may stand.
_PAGE = 200
_OUT_OF_ORDER = 100
_TOO_LARGE = "The entry was too large to be kept whole."


class EvaluatedQuestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question that was put to the policy engine, and its decision.

    `effect` is `allow`, `explicit-deny` or `implicit-deny`. `layer`, `policy`, `statement` (its index) and `sid` name
    the statement that decided. A question that was refused, or in which the resource's own policy took part, keeps all
    its condition keys in `context`, and the text of that policy in `resource_policy`. Any other question keeps only
    the condition keys of its target in `keys`; None means that these were too large to keep. `account` owns the
    resource; it is empty when that is the caller's account.
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
    keys: dict[str, str | list[str]] | None = None
    resource_policy: str = ""
    trust: bool = False

    @property
    def allowed(self) -> bool:
        return self.effect == "allow"


class TrailEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call; `parent` is the request it was made for, if any, with the permissions of that request's caller.

    `during` is the request in whose course a service made the call as itself.

    `outcome` is `ok`, the error's code, or `ROLLED_BACK` when what the call did was undone.
    `via`, `vpc` and `vpc_endpoint` are as in `Call`; `secure` says whether the call came over TLS. `signature` is the
    kind of fault (`authn.errors`) of a signature that was not accepted, and `reason` more of why a call was refused;
    answers do not always say it. `uses` is, of a
    refused deletion, the tree of what held the resource then (`gateway/uses.py`). `left_out` is the number of calls by
    unknown callers, before this one of such a caller, that left no entry. `response` is the answer of a call that
    changed something or gave out credentials, without its secrets. `not_known_yet` are the changes without which a
    call was refused: each with when it was made and when it is known everywhere (`gateway/propagation.py`).
    """

    request_id: str
    at: datetime
    service: str
    operation: str
    caller: Caller
    region: str = ""
    signature: str = ""
    via: tuple[str, ...] = ()
    parent: str = ""
    during: str = ""
    source_ip: str = ""
    user_agent: str = ""
    secure: bool = False
    vpc: str = ""
    vpc_endpoint: str = ""
    parameters: dict[str, Any] = {}
    evaluations: tuple[EvaluatedQuestion, ...] = ()
    mode: str = "strict"
    outcome: str = "ok"
    message: str = ""
    reason: str = ""
    status: int = 200
    microseconds: int = 0
    left_out: int = 0
    uses: dict[str, Any] = {}
    response: dict[str, Any] = {}
    not_known_yet: tuple[tuple[str, datetime, datetime], ...] = ()

    def encoded(self) -> bytes:
        """Return the entry as the store keeps it. Characters that UTF-8 cannot hold are replaced.

        An entry that is too large is stored without its parameters, its response, the condition keys of its questions
        and `uses`.
        """
        try:
            body = _ENCODE(self)
        except UnicodeEncodeError:
            body = _ENCODE(_readable(msgspec.to_builtins(self)))
        if len(body) > _MOST_BYTES:
            short = [
                msgspec.structs.replace(each, context={}, keys=None, resource_policy="")
                for each in self.evaluations[:_MOST_ITEMS]
            ]
            cut = msgspec.structs.replace(
                self, parameters={"…": _TOO_LARGE}, evaluations=tuple(short), uses={}, response={}
            )
            body = _ENCODE(_readable(msgspec.to_builtins(cut)))
        return body

    def rolled_back(self) -> TrailEntry:
        """Return the entry of a call whose effects were undone, because the call it was made for failed."""
        if self.outcome != "ok":
            return self
        return msgspec.structs.replace(self, outcome=ROLLED_BACK, message=_ROLLED_BACK)

    @property
    def account(self) -> str:
        """The account the call was made in: of one without credentials, that of the role whose session it got."""
        if self.caller.account or self.outcome != "ok":
            return self.caller.account
        return account_in(str(self.parameters.get("role_arn", "")))

    @property
    def principal(self) -> Principal:
        """The caller as the policy engine sees one."""
        return principal_of(self.caller)

    @property
    def invoked_by(self) -> str:
        """The service principal that made the call with the caller's permissions or credentials, if one did."""
        return self.via[-1] if self.via else self.caller.invoked_by

    @property
    def denied(self) -> bool:
        """Whether a policy refused it (in soft mode: would have)."""
        return any(not evaluation.allowed for evaluation in self.evaluations)


def presentable(params: Mapping[str, Any], shape: Shape | None) -> dict[str, Any]:
    """Return parameters as the trail keeps them: secrets are hidden, long texts and lists are cut."""
    return {name: _cut(value) for name, value in without_secrets(params, shape).items()}


def presentable_response(answer: Mapping[str, Any], shape: Shape | None) -> dict[str, Any]:
    """Return an answer as the trail keeps it: secrets are hidden, long texts and lists are cut."""
    if shape is None:
        return {}
    hide = hider(shape)
    return {
        name: _cut_answer(value)
        for name, value in (answer if hide is None else hide(answer)).items()
        if value is not None
    }


def presentable_message(text: str, shape: Shape | None, sent: Callable[[], Mapping[str, Any]]) -> str:
    """Return an error's message as the trail keeps it: without the secrets of the request, which it may repeat.

    `sent` reads the request's parameters; it is asked only where there can be secrets among them.
    """
    if shape is not None and may_hold_secrets(shape):
        for secret in sorted(secrets_in(sent(), shape), key=len, reverse=True):
            if len(secret) < _SHORTEST_ANYWHERE:
                text = text.replace(f"'{secret}'", f"'{HIDDEN}'")
            else:
                text = text.replace(secret, HIDDEN)
    return shortened(text, _LONGEST)


def presentable_signature_message(text: str) -> str:
    """Return the refusal of a signature as the trail keeps it: without the header that AWS repeats in it.

    Whatever stands in an Authorization header that is not understood may be a secret.
    """
    return shortened(_REPEATED_HEADER.sub(HIDDEN, text), _LONGEST)


def keepable(keys: Mapping[str, str | list[str]], earlier: int) -> dict[str, str | list[str]] | None:
    """Return the condition keys of an allowed target as the trail keeps them; None when they are too large.

    `earlier` is the number of questions that the call has put before this one.
    """
    if not keys:
        return {}
    if earlier >= _MOST_ITEMS:
        return None
    values = keys.values()
    size = sum(map(len, keys)) + sum(map(len, values))
    if list in map(type, values):
        size += sum(len(text) for value in values if type(value) is list for text in value)
    return dict(keys) if size <= _MOST_KEYS else None


def shortened(text: str, most: int = 512) -> str:
    """Return a text of the request, such as its User-Agent, no longer than the trail keeps it."""
    return text if len(text) <= most else text[:most] + "…"


def _cut(value: Any) -> Any:
    """Return a value with its texts and lists cut to the longest that the trail keeps."""
    if type(value) is str:
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if type(value) is list:
        cut = [_cut(item) for item in value[:_MOST_ITEMS]]
        return cut if len(value) <= _MOST_ITEMS else [*cut, f"… and {len(value) - _MOST_ITEMS} more"]
    if type(value) is dict:
        return {shortened(str(name)): _cut(item) for name, item in islice(value.items(), _MOST_ITEMS)}
    if type(value) is bytes:
        return value if len(value) <= _LONGEST else value[:_LONGEST]
    return value


def _cut_answer(value: Any) -> Any:
    """Return a value of an answer with its texts and lists cut. What is no plain value is told by its type."""
    if type(value) in _PLAIN:
        return _cut(value)
    if isinstance(value, Mapping):
        return {
            name: _cut_answer(item) for name, item in islice(value.items(), _MOST_ITEMS) if item is not None
        }
    if isinstance(value, list | tuple):
        return [_cut_answer(item) for item in value[:_MOST_ITEMS]]
    return f"<{type(value).__name__}>"


_PLAIN = frozenset({str, int, float, bool, datetime})


class Trail:
    """Reads and writes entries in the database's log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unknown_callers = UnknownCallersShare()

    def record(self, tx: Transaction, entry: TrailEntry) -> None:
        """Append an entry as part of a transaction; it is durable when the transaction is.

        Calls of unknown callers that are too many leave none.
        """
        if entry.caller.kind == "anonymous":
            if not self._unknown_callers.admits(entry.at):
                return
            entry = msgspec.structs.replace(entry, left_out=self._unknown_callers.left_out())
        tx.append(entry.request_id, entry.account, entry)

    def find(self, request_id: str) -> TrailEntry | None:
        """Return the entry of a request id; None when the trail does not hold it (any more)."""
        for row in self._database.log(id=request_id, limit=1):
            return decode(row.body)
        return None

    def newest(
        self, *, account: str | None = None, before: int | None = None, limit: int = 100
    ) -> Iterator[TrailEntry]:
        """Yield entries, newest first: of one account, and older than entry number `before`, when these are given."""
        for row in self._database.log(account=account, before=before, limit=limit):
            yield decode(row.body)

    def rows(self, before: int | None = None) -> Iterator[LogEntry]:
        """Yield the log's rows, not yet read, newest first: all of them, fetched some at a time."""
        while True:
            fetched = list(self._database.log(before=before, limit=_PAGE))
            yield from fetched
            if len(fetched) < _PAGE:
                return
            before = fetched[-1].sequence

    def number_after(self, at: datetime) -> int | None:
        """Return the number of an entry made after a time, as near to it as entries are in order; None for none."""
        newest = next(iter(self._database.log(limit=1)), None)
        if newest is None or decode(newest.body).at <= at:
            return None
        earlier, later = 0, newest.sequence
        while later - earlier > 1:
            middle = (earlier + later) // 2
            row = next(iter(self._database.log(before=middle + 1, limit=1)), None)
            if row is None or decode(row.body).at <= at:
                earlier = middle
            else:
                later = row.sequence
        # Entries of one moment may stand in another order than their times; those are looked at too.
        return later + _OUT_OF_ORDER


def decode(line: bytes) -> TrailEntry:
    """Return the entry of a line of the log. Lines of older versions, with flat fields of the caller, are read too."""
    try:
        return _DECODE(line)
    except msgspec.ValidationError:
        return msgspec.convert(_with_caller(msgspec.json.decode(line)), TrailEntry)


def _with_caller(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an older line with the caller's fields, which stood among them, gathered in `caller`."""
    role = fields.get("role_arn", "")
    arn = fields.pop("caller", "")
    caller = {
        "kind": fields.pop("caller_kind", "") or "anonymous",
        "arn": arn,
        "name": (role or arn).rpartition("/")[2],
        "session_name": arn.rpartition("/")[2] if role else "",
        **{name: fields.pop(name, "") for name in ("account", "user_id", "role_arn", "access_key_id")},
    }
    invoked_by = fields.pop("invoked_by", "")
    if invoked_by and fields.get("parent"):
        fields["via"] = [invoked_by]
    else:
        caller["invoked_by"] = invoked_by
    return {**fields, "caller": caller}


def _readable(value: Any) -> Any:
    """Return the value with every character that UTF-8 cannot hold replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_readable(name): _readable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(TrailEntry).decode
