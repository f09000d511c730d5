"""An Understudy in the process of a test: real boto3 clients, no sockets, a clock that can be moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPHeaderDict

from understudy_aws import app, settings
from understudy_aws.admin.requests import AdminRequest
from understudy_aws.core.clock import SystemClock
from understudy_aws.core.http import HttpRequest
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.durable_operations import any_due
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.store.protocol import Store
from understudy_aws.testing.clients import Clients
from understudy_aws.testing.credentials import Credentials


class MovableClock:
    """The machine's clock, moved on as far as a test says."""

    def __init__(self) -> None:
        self._moved = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self._moved

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._moved += timedelta(seconds=seconds)


class Understudy(Clients):
    """One Understudy in this process. `given` are settings by name, and `store` replaces the one they name.

    With the clock at `instant`, tasks that a call has begun are done before the next call is answered, as on a server.
    Without `settles` they wait for `settle()`, so that a test can look at what is under way.
    """

    endpoint_url = "http://127.0.0.1:4566"  # nobody listens there: requests are answered before they are sent

    def __init__(
        self,
        *,
        state: str = "memory:",
        ids_seed: int | None = None,
        store: Store | None = None,
        settles: bool = True,
        **given: str | int,
    ) -> None:
        self.settles = settles
        self.clock = MovableClock()
        self.app = app.build(
            settings.read({}, state=state, **given),
            clock=self.clock,
            ids=Ids(ids_seed),
            # Clients sign with the machine's clock, and tests move ours.
            skew=timedelta(days=3650),
            store=store,
        )
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
        """Return a boto3 client whose requests are answered in this process; the administrator's by default."""
        client = super().client(service, region=region, as_=as_)
        client.meta.events.register("before-send", self._answer)
        return client

    def resource(self, service: str, *, region: str = "us-east-1", as_: Credentials | None = None) -> Any:
        """Return a boto3 resource whose requests are answered in this process; the administrator's by default."""
        resource = super().resource(service, region=region, as_=as_)
        resource.meta.client.meta.events.register("before-send", self._answer)
        return resource

    def answer_administrative(self, request: AdminRequest) -> Any:
        return self.app.admin.answer(request)

    def settle(self) -> None:
        """Do all background work that is due."""
        self.app.controllers.settle()

    def trail(self, limit: int = 1000) -> list[TrailEntry]:
        """The latest calls, oldest first."""
        return list(self.app.gateway.trail.newest(limit=limit))[::-1]

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = self.app.answer(as_received(request))
        # As on a server: whoever asks next finds ended what was due.
        if self.settles and self.app.settings.clock == "instant" and any_due(self.app.database, self.clock):
            self.settle()
        return AWSResponse(
            request.url, response.status, HTTPHeaderDict(response.headers), _Body(response.body)
        )


class _Body:
    """A response's body, as botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._content]


def as_received(request: AWSPreparedRequest) -> HttpRequest:
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
