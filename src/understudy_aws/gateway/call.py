"""`Call`, which every operation is given: who calls, where and when; and `Target`, what it acts on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from understudy_aws.authn.caller import Caller
from understudy_aws.core.answers import Answer
from understudy_aws.core.ids import Ids
from understudy_aws.core.simulated_latency import SimulatedLatency
from understudy_aws.gateway.issuers import Issuers
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.message_signing import MessageSigner
from understudy_aws.gateway.trail import EvaluatedQuestion, Trail
from understudy_aws.policy import Decision, NamedPolicy, Principal
from understudy_aws.store.database import Transaction

Params = Mapping[str, Any]
ContextKeys = Mapping[str, str | list[str]]


class Target(msgspec.Struct, frozen=True):
    """One resource that the caller must be allowed to act on.

    `action` is the action asked for; empty means the operation's own. `keys` are the condition keys of this
    resource and of what is sent about it, lower-cased (`ec2:vpc`, `aws:resourcetag/team`). `policy` is the
    resource's own policy; with `trust` it is a role's trust policy, which must always allow. `account` owns the
    resource: when empty, the account in its ARN, else the caller's. `linked_role` marks a service-linked role,
    whose trust policy counts in every IAM mode.
    """

    resource: str = "*"
    keys: ContextKeys = msgspec.field(default_factory=dict)
    action: str = ""
    policy: NamedPolicy | None = None
    trust: bool = False
    account: str = ""
    linked_role: bool = False


EVERYTHING = (Target(),)
"""What a request acts on that names nothing: it still takes the permission."""


class Onward(Protocol):
    """The part of the gateway that operations use, to call other operations and ask for other permissions.

    `pipeline.Gateway` implements it.
    """

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

    def seen(self, tx: Transaction, table: Any, *key: str) -> Any: ...

    def is_service_principal(self, name: str) -> bool: ...

    @property
    def message_signer(self) -> MessageSigner: ...

    @property
    def trail(self) -> Trail: ...

    @property
    def issuers(self) -> Issuers: ...


class Call(msgspec.Struct, frozen=True, eq=False):
    """One operation that is carried out for one caller. Only the pipeline makes calls, one for each request.

    `principal` is the caller as the policy engine sees one. `via` are the service principals through which the call
    came, and `parent` is the id of the request for which a service made it; both are empty for a client's own call.
    `during` is the id of the request in whose course a service made the call as itself.
    `vpc_endpoint` is the endpoint of `vpc` that the request came through, if any; `source_ip` is then an address there,
    and `endpoint_policy` is the policy of the endpoint, unless it allows everything.
    `evaluations` collects the questions put to the policy engine, for the trail. `context` holds the condition keys
    that are the same for all of them, once the first question was put.
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
    vpc: str = ""
    vpc_endpoint: str = ""
    endpoint_policy: NamedPolicy | None = None
    via: tuple[str, ...] = ()
    parent: str = ""
    during: str = ""
    evaluations: list[EvaluatedQuestion] = msgspec.field(default_factory=list)
    context: dict[str, str | list[str]] = msgspec.field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account the call is made in."""
        return self.caller.account

    def allows(self, action: str, target: Target) -> bool:
        """Whether the caller may also do this. The trail notes the question; a denial refuses nothing."""
        return self.gateway.evaluate(self, action, target).allowed

    def require(self, action: str, target: Target) -> None:
        """Raise the service's access-denied error unless the caller may also do this."""
        self.gateway.require(self, action, target)

    def onward(self, service: str, operation: str, /, **params: Any) -> Answer:
        """Call another service with the caller's own permissions, as AWS services do (forward access session).

        The other operation is authorized and written to the trail as every call is, inside this transaction. Its
        conditions see `aws:ViaAWSService` and `aws:CalledVia`. Raises the other operation's ApiError.
        """
        return self.gateway.perform(self.caller, service, operation, params, region=self.region, parent=self)
