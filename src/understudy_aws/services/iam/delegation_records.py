"""Requests of products for temporary permissions in an account: their states and what their maker is told of them.

The rules are in docs/reference/delegation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import iam
from understudy_aws.core.confidential import Confidential
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.tables import Record, Table

State = Literal["UNASSIGNED", "ASSIGNED", "PENDING_APPROVAL", "ACCEPTED", "FINALIZED", "REJECTED", "EXPIRED"]
# Those in which a request waits for nobody: that it is over by then is no news.
_ENDED = frozenset({"FINALIZED", "REJECTED"})
_UNCLAIMED_FOR = timedelta(days=1)
_KEPT_FOR = timedelta(days=7)


class DelegationRequest(Record, Confidential, frozen=True, kw_only=True):
    """A request for permissions of an account's principal, for so many seconds.

    `requestor` is the account of the product that asks. `policy` is what its template made with `parameters`, and
    `boundaries` are the permissions boundaries that roles made by it must have. `owner` is the ARN of whoever took it
    up, and `owner_account` that account, or the only one that may, or empty. `approver` is who accepted it: the
    credentials will be that principal's. `history` has the states from the second on and when each began. `token` is
    what the product gets credentials for, from `released` on.
    """

    hidden = frozenset({"token"})

    id: str
    requestor: str
    requestor_name: str
    workflow_id: str
    template_arn: str
    description: str
    policy: str
    session_seconds: int
    channel: str
    created: datetime
    expires: datetime
    parameters: tuple[dict[str, Any], ...] = ()
    boundaries: tuple[str, ...] = ()
    message: str | None = None
    redirect_url: str | None = None
    only_send_by_owner: bool = False
    owner_account: str = ""
    owner: str = ""
    approver: Caller | None = None
    notes: str | None = None
    rejection_reason: str | None = None
    history: tuple[tuple[State, datetime], ...] = ()
    token: str = ""

    @property
    def kept_state(self) -> State:
        """The state it came to; it may have expired since."""
        return self.history[-1][0] if self.history else "UNASSIGNED"

    @property
    def updated(self) -> datetime:
        return self.history[-1][1] if self.history else self.created

    @property
    def released(self) -> datetime | None:
        """When the product's access began."""
        return self.updated if self.kept_state == "FINALIZED" else None

    def state(self, now: datetime) -> State:
        return "EXPIRED" if now >= self.expires else self.kept_state

    def arn(self, account: str) -> str:
        """Its ARN, which is the owner's account's; for one that nobody owns yet, that of whoever looks at it."""
        return iam(self.owner_account or account, f"delegation-request/{self.id}")


delegation_requests = Table(
    "iam/delegation-request",
    DelegationRequest,
    key=lambda request: (request.id,),
    indexes={
        "by_owner_account": lambda request: (request.owner_account,) if request.owner else (),
        "by_workflow": lambda request: ((request.requestor, request.workflow_id),),
        "by_token": lambda request: (request.token,) if request.token else (),
    },
    ordered={"expires": lambda request: request.expires},
)

# AWS deletes them "eventually"; how long they are kept is not told.
expired_delegation_requests = Expiry(
    "expired delegation requests", delegation_requests, "expires", kept_for=timedelta(days=30)
)


def first_expiry(created: datetime) -> datetime:
    """Return when a request expires that nobody takes up."""
    return created + _UNCLAIMED_FOR


def next_expiry(changed: datetime) -> datetime:
    """Return when a request expires whose state does not change again."""
    return changed + _KEPT_FOR


def notifications(request: DelegationRequest, now: datetime) -> Iterator[dict[str, str]]:
    """Yield what IAM publishes about a request to the topic of its maker, the oldest first."""
    for state, at in request.history:
        yield _told(request, "StateChange", state, at)
        if state == "FINALIZED":
            yield {
                **_told(request, "ExchangeToken", state, at),
                "ExchangeToken": request.token,
                "ExpiresAt": _iso(access_end(request, at)),
            }
    if now >= request.expires and request.kept_state not in _ENDED:
        yield _told(request, "StateChange", "EXPIRED", request.expires)


def access_end(request: DelegationRequest, released: datetime) -> datetime:
    """Return when all credentials of a request end: counted from when its token was released."""
    return released + timedelta(seconds=request.session_seconds)


def _told(request: DelegationRequest, kind: str, state: State, at: datetime) -> dict[str, str]:
    return {
        "Type": kind,
        "RequestId": request.id,
        "RequestorWorkflowId": request.workflow_id,
        "State": state,
        "OwnerAccountId": request.owner_account,
        "UpdatedAt": _iso(at),
    }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
