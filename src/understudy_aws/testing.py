"""A whole understudy in a test: real boto3 clients, no sockets, a clock that can be moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from urllib3 import HTTPHeaderDict

from understudy_aws import app, settings
from understudy_aws.core.clock import SystemClock
from understudy_aws.core.confidential import Confidential
from understudy_aws.core.http import HttpRequest
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.store.protocol import Store

_ENDPOINT = "http://127.0.0.1:4566"
_CONFIG = Config(retries={"max_attempts": 0, "mode": "standard"}, parameter_validation=False)


class MovableClock:
    """The machine's clock, moved on as far as a test says."""

    def __init__(self) -> None:
        self._moved = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self._moved

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._moved += timedelta(seconds=seconds)


class Credentials(Confidential, frozen=True):
    """What a client signs with."""

    hidden = frozenset({"secret_access_key", "session_token"})

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class Understudy:
    """One understudy in this process. `settings` are `understudy.settings.Settings` by name; `store` replaces theirs.

    Clients do not check parameters before they send them, so that a test sees what the server says.
    """

    def __init__(
        self,
        *,
        state: str = "memory:",
        ids_seed: int | None = None,
        store: Store | None = None,
        **given: str | int,
    ) -> None:
        self.clock = MovableClock()
        self.app = app.build(
            settings.read({}, state=state, **given),
            clock=self.clock,
            ids=Ids(ids_seed),
            # Clients sign with the machine's clock, and tests move ours.
            skew=timedelta(days=3650),
            store=store,
        )
        self._session = _session()
        self.account = self.app.settings.first_account
        self.administrator = self.account_administrator(self.account)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.app.close()

    def account_administrator(self, account: str) -> Credentials:
        """Make another account; answers its administrator's credentials."""
        keys = self.app.make_account(account)
        return Credentials(keys.access_key_id, keys.secret_access_key)

    def client(self, service: str, *, region: str = "us-east-1", as_: Credentials | None = None) -> Any:
        """A boto3 client whose requests are answered in this process; the administrator's by default."""
        who = as_ or self.administrator
        client = self._session.client(
            service,
            region_name=region,
            endpoint_url=_ENDPOINT,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            aws_session_token=who.session_token,
            config=_CONFIG,
        )
        client.meta.events.register("before-send", self._answer)
        return client

    def user(self, name: str, policy: Mapping[str, Any] | None = None) -> Credentials:
        """Make a user with this one inline policy (or none) and an access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if policy is not None:
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def allowing(self, name: str, *actions: str, resource: str = "*") -> Credentials:
        """Make a user who may do these actions, and nothing else."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        return self.user(name, {"Version": "2012-10-17", "Statement": [statement]})

    def session_of(self, answer: Mapping[str, Any]) -> Credentials:
        """Credentials out of an STS answer."""
        found = answer["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def settle(self) -> None:
        """Do all background work that is due."""
        self.app.controllers.settle()

    def trail(self, limit: int = 1000) -> list[TrailEntry]:
        """The latest calls, oldest first."""
        return list(self.app.gateway.trail.newest(limit=limit))[::-1]

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = self.app.answer(_as_received(request))
        return AWSResponse(
            request.url, response.status, HTTPHeaderDict(response.headers), _Body(response.body)
        )


class _Body:
    """A response's body, as botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._content]


def _session() -> Any:
    """Loading API descriptions is what costs, so all understudies of a process share one session's."""
    if not _SESSIONS:
        _SESSIONS.append(boto3.Session())
    return _SESSIONS[0]


_SESSIONS: list[Any] = []


def _as_received(request: AWSPreparedRequest) -> HttpRequest:
    """What a server would have received of this request."""
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    headers.setdefault("host", url.netloc)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return HttpRequest(
        method=request.method,
        path=url.path or "/",
        query=url.query,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )
