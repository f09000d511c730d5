"""What a server tells and does for its owner, beside AWS's API: health, trail, explanations, reset."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

import msgspec

from understudy import __version__
from understudy.core.http import HttpRequest, HttpResponse
from understudy.data import service_linked_roles
from understudy.gateway.authorization import PolicySource
from understudy.gateway.pipeline import Gateway
from understudy.server.explanations import Explanations, NothingToExplainError
from understudy.server.moments import NoSuchMomentError
from understudy.server.recordings import AskedRecording, Recordings
from understudy.services import accounts
from understudy.services.apprunner.rehearsal import connector_of, rehearse
from understudy.services.iam.role_records import roles

Door = Callable[[HttpRequest], Any]

_TOKEN = "x-understudy-token"  # noqa: S105 - a header's name
_NEEDS_TOKEN = "This door takes the server's token, which is in server.json of its state directory."  # noqa: S105
_MOST_ENTRIES = 1000


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /_understudy/accounts` takes."""

    id: str


class AskedAhead(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /_understudy/explain` takes: who would do what to what, under which circumstances."""

    as_: str = msgspec.field(name="as")
    action: str
    resource: str = "*"
    context: dict[str, str | list[str]] = {}


class KeyKeeper(Protocol):
    """Keeps administrators' keys for the owner of this server."""

    def write_keys(self, account: str, access_key_id: str, secret_access_key: str) -> None: ...

    def forget_keys(self) -> None: ...


class _NobodyKeeps:
    """Until somebody keeps keys."""

    def write_keys(self, account: str, access_key_id: str, secret_access_key: str) -> None:
        """Who asked is told, and nobody else."""

    def forget_keys(self) -> None:
        """Nothing is kept."""


class RefusedError(Exception):
    """A door that stays shut: the HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Rehearsed(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /_understudy/rehearse` takes: the ARN of a VPC connector."""

    connector: str


class SideDoors:
    """Answers `/_understudy/…` and `/_localstack/health`, in JSON.

    Health and readiness answer everybody, because tools ask without keys; all else takes the token that the
    owner alone can read, so that no web page in a browser on this machine can reset or read anything.

    `forget` empties the store. `keeper` is told of the key pair of every account made here, and when all are
    forgotten. `facts` are settings that `status` repeats.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        policies: PolicySource,
        token: str,
        account: str,
        forget: Callable[[], None],
        facts: Mapping[str, str],
    ) -> None:
        self.token = token
        self.keeper: KeyKeeper = _NobodyKeeps()
        self._gateway = gateway
        self._explanations = Explanations(gateway, policies)
        self._recordings = Recordings(gateway)
        self._account = account
        self._forget = forget
        self._facts = facts
        self._started = gateway.clock.now()
        self._open: dict[tuple[str, str], Door] = {
            ("GET", "/_understudy/health"): self._health,
            ("GET", "/_understudy/ready"): self._ready,
            ("GET", "/_localstack/health"): self._localstack_health,
        }
        self._locked: dict[tuple[str, str], Door] = {
            ("POST", "/_understudy/reset"): self._reset,
            ("POST", "/_understudy/accounts"): self._new_account,
            ("POST", "/_understudy/explain"): self._explain,
            ("POST", "/_understudy/rehearse"): self._rehearse,
            ("POST", "/_understudy/record"): self._record,
            ("GET", "/_understudy/record"): self._record,
            ("GET", "/_understudy/trail"): self._trail,
            ("GET", "/_understudy/status"): self._status,
            ("GET", "/_understudy/roles"): self._roles,
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; a refusal is `{"error": one sentence}`."""
        try:
            status, answer = 200, self._answer(request)
        except RefusedError as refusal:
            status, answer = refusal.status, {"error": refusal.sentence}
        return HttpResponse(
            status, msgspec.json.encode(answer) + b"\n", (("Content-Type", "application/json"),)
        )

    def _answer(self, request: HttpRequest) -> Any:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.rstrip("/")
        given = request.headers.get(_TOKEN, "").encode("utf-8", "surrogateescape")
        known = hmac.compare_digest(given, self.token.encode())
        door = self._open.get((method, path))
        # A wrong token is refused at every door: it was meant for another server, which is gone.
        if door is not None and (known or not given):
            return door(request)
        if not known:
            raise RefusedError(403, _NEEDS_TOKEN)
        if method == "GET" and path.startswith("/_understudy/requests/"):
            return self._request(unquote(path.removeprefix("/_understudy/requests/")))
        door = self._locked.get((method, path))
        if door is not None:
            return door(request)
        if any(path == known for _, known in (*self._open, *self._locked)):
            raise RefusedError(405, f"{path} does not take {method}.")
        raise RefusedError(404, f"There is no {path} here.")

    def _health(self, _request: HttpRequest) -> Any:
        return {"status": "ok", "version": __version__}

    def _ready(self, _request: HttpRequest) -> Any:
        """Alive is not ready: there must be an account to call."""
        with self._gateway.database.transaction() as tx:
            if next(accounts.accounts.scan(tx), None) is None:
                raise RefusedError(503, "There is no account yet.")
        return {"status": "ready", "version": __version__}

    def _localstack_health(self, _request: HttpRequest) -> Any:
        """The address at which many tools look for a local AWS."""
        services = sorted({operation.service for operation in self._gateway.registry})
        return {
            "services": dict.fromkeys(services, "running"),
            "edition": "understudy",
            "version": __version__,
        }

    def _status(self, _request: HttpRequest) -> Any:
        database = self._gateway.database
        database.sync()
        with database.transaction() as tx:
            known = [{"id": account.id, "created": account.created} for account in accounts.accounts.scan(tx)]
        return {
            "version": __version__,
            "accounts": known,
            "records": {
                table: sum(1 for _ in database.store.load(table)) for table in database.store.tables()
            },
            "uptime_seconds": int((self._gateway.clock.now() - self._started).total_seconds()),
            **self._facts,
        }

    def _reset(self, _request: HttpRequest) -> Any:
        """Forget everything, and begin as at the first start: with one account and new keys."""
        self._forget()
        self.keeper.forget_keys()
        return self._make_account(self._account)

    def _new_account(self, request: HttpRequest) -> Any:
        wanted = _body(request, NewAccount).id
        if not re.fullmatch(r"[0-9]{12}", wanted):
            raise RefusedError(400, f"An account's id is 12 digits, not {wanted!r}.")
        with self._gateway.database.transaction() as tx:
            if accounts.accounts.get(tx, wanted) is not None:
                raise RefusedError(409, f"Account {wanted} exists already.")
        return self._make_account(wanted)

    def _make_account(self, account: str) -> Any:
        gateway = self._gateway
        with gateway.database.transaction() as tx:
            keys = accounts.make(tx, account, ids=gateway.ids, at=gateway.clock.now())
        # Nobody is told of keys that a crash could still take back.
        gateway.database.sync()
        self.keeper.write_keys(account, keys.access_key_id, keys.secret_access_key)
        return {
            "account": account,
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
        }

    def _trail(self, request: HttpRequest) -> Any:
        """The latest calls, the latest first; `before` a number looks further back."""
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        unknown = sorted(set(asked) - {"account", "limit", "before"})
        if unknown:
            raise RefusedError(400, f"The trail takes account, limit and before, not {unknown[0]!r}.")
        limit = _number(asked, "limit", most=_MOST_ENTRIES) or 100
        rows = self._gateway.database.log(
            account=asked.get("account"), before=_number(asked, "before", most=2**62), limit=limit
        )
        return {"entries": [{"number": row.sequence, "call": msgspec.Raw(row.body)} for row in rows]}

    def _request(self, request_id: str) -> Any:
        try:
            return self._explanations.of_request(request_id)
        except NothingToExplainError as error:
            raise RefusedError(404, str(error)) from error

    def _explain(self, request: HttpRequest) -> Any:
        asked = _body(request, AskedAhead)
        try:
            return self._explanations.ahead(asked.as_, asked.action, asked.resource, asked.context)
        except NothingToExplainError as error:
            raise RefusedError(400, str(error)) from error

    def _record(self, request: HttpRequest) -> Any:
        """The least-privilege policies for what was called; asked in a body, or in the query of a GET."""
        if request.method == "POST":
            asked = _body(request, AskedRecording)
        else:
            words = {name: values[-1] for name, values in parse_qs(request.query).items()}
            try:
                asked = msgspec.convert(words, AskedRecording, strict=False)
            except msgspec.ValidationError as error:
                raise RefusedError(400, f"The query is not what this door takes: {error}.") from error
        try:
            return self._recordings.of(asked)
        except NoSuchMomentError as error:
            raise RefusedError(400, str(error)) from error

    def _rehearse(self, request: HttpRequest) -> Any:
        """Use a connector as App Runner would, through the networking role, and leave nothing behind."""
        arn = _body(request, Rehearsed).connector
        connector = connector_of(self._gateway, arn)
        if connector is None:
            raise RefusedError(404, f"There is no active VPC connector {arn}.")
        steps = rehearse(self._gateway, connector)
        self._gateway.database.sync()
        return {
            "connector": arn,
            "held": all(step.held for step in steps),
            "steps": [
                {"title": step.title, "allowed": step.allowed, "answered": step.answered, "held": step.held}
                for step in steps
            ],
        }

    def _roles(self, _request: HttpRequest) -> Any:
        """The catalogue of service-linked roles, and the accounts in which each exists."""
        existing: dict[str, list[dict[str, str]]] = {}
        with self._gateway.database.transaction() as tx:
            for role in roles.scan(tx):
                if role.linked_service:
                    found = {"account": role.account, "arn": role.arn}
                    existing.setdefault(role.linked_service, []).append(found)
        return {
            "roles": [
                {
                    "principal": template.principal,
                    "role_name": template.role_name,
                    "policy": template.policy,
                    "custom_suffix": template.custom_suffix,
                    "creatable": template.creatable,
                    "existing": existing.get(template.principal, []),
                }
                for template in service_linked_roles.catalogue()
            ]
        }


def _body(request: HttpRequest, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(request.body, type=shape)
    except msgspec.DecodeError as error:
        raise RefusedError(400, f"The body is not what this door takes: {error}.") from error


def _number(asked: Mapping[str, str], name: str, *, most: int) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or not 1 <= int(text) <= most:
        raise RefusedError(400, f"{name} is a number from 1 to {most}, not {text!r}.")
    return int(text)
