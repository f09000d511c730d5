"""Who, where, when: given to every operation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from understudy.authn.caller import Caller
from understudy.core.answers import Answer
from understudy.core.ids import Ids
from understudy.core.simulated_latency import SimulatedLatency
from understudy.gateway.membership import Membership
from understudy.gateway.message_signing import MessageSigner
from understudy.gateway.trail import Evaluation, Trail
from understudy.policy import Decision, NamedPolicy, Principal
from understudy.store.database import Transaction

Params = Mapping[str, Any]
ContextKeys = Mapping[str, str | list[str]]


class Target(msgspec.Struct, frozen=True):
    """One thing a caller must be allowed to act on.

    `action` is the operation's own when empty. `keys` are condition keys of this resource, lower-cased
    (`ec2:vpc`, `aws:resourcetag/team`). `policy` is the resource's own policy; with `trust` it is a role's
    trust policy, which must always allow. `account` owns the resource: when empty, the account in its ARN, else the
    caller's. `linked_role` marks a service-linked role, whose trust policy counts in every IAM mode.
    """

    resource: str = "*"
    keys: ContextKeys = msgspec.field(default_factory=dict)
    action: str = ""
    policy: NamedPolicy | None = None
    trust: bool = False
    account: str = ""
    linked_role: bool = False


class Onward(Protocol):
    """What an operation may ask of the gateway: another operation, or another permission (`pipeline.Gateway`)."""

    def perform(
        self,
        caller: Caller,
        service: str,
        operation: str,
        params: Params,
        *,
        region: str,
        parent: Call | None,
    ) -> Answer: ...

    def evaluate(self, call: Call, action: str, target: Target) -> Decision: ...

    def require(self, call: Call, action: str, target: Target) -> None: ...

    def membership(self, tx: Transaction, account: str) -> Membership | None: ...

    @property
    def message_signer(self) -> MessageSigner: ...

    @property
    def trail(self) -> Trail: ...


class Call(msgspec.Struct, frozen=True, eq=False):
    """One operation being carried out for one caller. Made by the pipeline only, once for every request.

    `principal` is the caller as the policy engine sees one. `via` are the service principals it came through,
    `parent` the request it is made for (both empty for a client's own call). `evaluations` gathers the questions
    put to the policy engine, for the trail; `context` keeps the condition keys that are the same for all of them.
    """

    caller: Caller
    principal: Principal
    service: str
    operation: str
    region: str
    at: datetime
    request_id: str
    tx: Transaction
    ids: Ids
    gateway: Onward
    latency: SimulatedLatency
    source_ip: str = ""
    user_agent: str = ""
    secure: bool = False
    via: tuple[str, ...] = ()
    parent: str = ""
    evaluations: list[Evaluation] = msgspec.field(default_factory=list)
    context: dict[str, str | list[str]] = msgspec.field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account the call is made in."""
        return self.caller.account

    def allows(self, action: str, target: Target) -> bool:
        """Whether the caller may also do this; recorded in the trail, refused by nobody."""
        return self.gateway.evaluate(self, action, target).allowed

    def require(self, action: str, target: Target) -> None:
        """Refuse, in the service's denial text, unless the caller may also do this."""
        self.gateway.require(self, action, target)

    def onward(self, service: str, operation: str, /, **params: Any) -> Answer:
        """Call another service with the caller's own permissions, as AWS services do (forward access session).

        The other operation is authorized and written to the trail like any, inside this transaction;
        conditions see `aws:ViaAWSService` and `aws:CalledVia`. Raises its ApiError.
        """
        return self.gateway.perform(self.caller, service, operation, params, region=self.region, parent=self)
