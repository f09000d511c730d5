"""The life of a request, on one screen; read this first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import msgspec

from understudy_aws.authn.authenticate import authenticate
from understudy_aws.authn.caller import ANONYMOUS, Caller
from understudy_aws.authn.credentials import Credential
from understudy_aws.authn.sigv4 import SKEW
from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import PARTITION
from understudy_aws.core.clock import Clock, ticks
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest, HttpResponse
from understudy_aws.core.ids import Ids
from understudy_aws.core.simulated_latency import SimulatedLatency
from understudy_aws.data import service_principals
from understudy_aws.data.partitions import PARTITIONS
from understudy_aws.data.regions import GLOBAL_REGION
from understudy_aws.gateway.authorization import Authorizer, denial
from understudy_aws.gateway.awaited import AwaitedError
from understudy_aws.gateway.call import EVERYTHING, Call, Params, Target
from understudy_aws.gateway.client_tokens import answered_before, remember
from understudy_aws.gateway.issuers import Issuers
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.message_signing import MessageSigner
from understudy_aws.gateway.new_calls import call_of_client, call_of_service, identified
from understudy_aws.gateway.operations import Operation
from understudy_aws.gateway.propagation import Propagation
from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.trail import Trail
from understudy_aws.gateway.trail_entries import entry_of
from understudy_aws.gateway.unserved import unserved_targets
from understudy_aws.gateway.vpc_endpoints import (
    ThroughEndpoint,
    VpcEndpointSource,
    found_endpoint,
    other_service,
)
from understudy_aws.policy import Decision
from understudy_aws.store.database import Database, Transaction
from understudy_aws.store.protocol import DamagedError, StoreError
from understudy_aws.wire.model import OperationShape, load
from understudy_aws.wire.protocol import Route
from understudy_aws.wire.routing import RoutingError, route, spoken_by

_LOG = logging.getLogger("understudy_aws.gateway")
_REGIONS = PARTITIONS[PARTITION]


class LastUseNotes(Protocol):
    """Notes which caller used which service, where and when; IAM's last-used dates come from it."""

    def note(self, caller: Caller, service: str, region: str, at: datetime) -> None: ...


class CredentialLimits(Protocol):
    """Raises ApiError for an operation that this kind of credentials can never call; STS's session limits do."""

    def __call__(self, caller: Caller, service: str, operation: str) -> None: ...


class Credentials(Protocol):
    """Looks up access keys within a transaction; the directory does."""

    def credential(self, tx: Transaction, access_key_id: str) -> Credential | None:
        """Return the key as it stands now, or None when it is unknown or its owner is gone."""
        ...

    def end_session(self, tx: Transaction, access_key_id: str) -> None:
        """Make temporary credentials worthless from now on; those that are already change nothing."""
        ...


class _Credentials:
    """Looks up access keys within one transaction, for `authn`, which knows no transactions."""

    __slots__ = ("_source", "_tx")

    def __init__(self, source: Credentials, tx: Transaction) -> None:
        self._source = source
        self._tx = tx

    def credential(self, access_key_id: str) -> Credential | None:
        return self._source.credential(self._tx, access_key_id)


class Gateway(msgspec.Struct, frozen=True):
    """Carries out every call: clients' calls by `handle`, the services' own calls by `perform`.

    `held_sessions` are the role sessions that services of this process hold, by access key id
    (`gateway/role_sessions.py`). Its references are weak: a session that no service holds any more drops out.
    `further_services` are service principals that count as AWS's besides those that are known. `endpoints` looks up the
    VPC endpoints that requests come through, `issuers` knows what identity providers publish. `propagation` knows the
    changes that are not known everywhere yet, with the clock at `aws`.
    """

    database: Database
    registry: Registry
    credentials: Credentials
    authorizer: Authorizer
    trail: Trail
    message_signer: MessageSigner
    clock: Clock
    ids: Ids
    latency: SimulatedLatency
    last_use: LastUseNotes
    limits: CredentialLimits
    issuers: Issuers
    skew: timedelta = SKEW
    held_sessions: WeakValueDictionary[str, object] = msgspec.field(default_factory=WeakValueDictionary)
    further_services: frozenset[str] = frozenset()
    endpoints: VpcEndpointSource | None = None
    propagation: Propagation | None = None

    def is_service_principal(self, name: str) -> bool:
        """Whether AWS has this service principal, as far as is known or was said."""
        return name in self.further_services or service_principals.is_known(name)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one HTTP request. The answer may be given once the database says that all is durable."""
        started, at, request_id = ticks(), self.clock.now(), self.ids.uuid()
        try:
            found = route(request, self.registry.addresses)
        except RoutingError as error:
            return error.protocol.render_error(error, None, request_id)
        with self.database.transaction() as tx:
            return self._answer(tx, found, request, at, request_id, started)

    def _answer(  # noqa: PLR0917 - what a request has before it is known whose it is
        self, tx: Transaction, found: Route, request: HttpRequest, at: datetime, request_id: str, started: int
    ) -> HttpResponse:
        """Answer a request within its transaction: the trail's entry stays, whatever becomes of the operation."""
        protocol, service = found.protocol, found.service
        call: Call | None = None
        params: Params = {}
        failure: ApiError | None = None
        answer: Answer | None = None
        try:
            endpoint = self._endpoint_of(tx, request)
            caller = self._authenticated(tx, found, request, at, endpoint)
            call = call_of_client(self, tx, found, request, caller, at, request_id, endpoint)
            operation = self.registry.find(service.id, found.operation.name)
            self.last_use.note(caller, service.id, call.region, at)
            params = protocol.parse(found) if operation is not None else protocol.parse_unchecked(found)
            call = identified(call, operation, params)
            with tx.savepoint():
                answer = self._carry_out(call, operation, found.operation, params)
                response = protocol.render(found.operation, answer, request_id)
        except AwaitedError:
            # Nothing has happened: the request is answered when what it waits for is there.
            raise
        except ApiError as refusal:
            # Its trace would keep this call alive, and with it the request's body, until the next collection.
            failure = refusal.with_traceback(None)
            response = protocol.render_error(refusal, service, request_id)
        except StoreError as error:
            _LOG.warning("request %s: %s:%s: %s", request_id, service.id, found.operation.name, error)
            failure = _unavailable(error, protocol.unavailable)
            response = protocol.render_error(failure, service, request_id)
        except Exception:  # noqa: BLE001 - a bug of ours is an answer too, and leaves nothing behind
            _LOG.exception("request %s: %s:%s failed", request_id, service.id, found.operation.name)
            failure = ApiError(
                "InternalFailure", f"Understudy failed on this request; its id is {request_id}.", 500
            )
            response = protocol.render_error(failure, service, request_id)
        if call is None:
            call = call_of_client(self, tx, found, request, ANONYMOUS, at, request_id)
        sent = partial(protocol.parse_unchecked, found)
        entry = entry_of(self, call, found.operation, params, failure, started, sent, answer)
        self.trail.record(tx, entry)
        return response

    def _endpoint_of(self, tx: Transaction, request: HttpRequest) -> ThroughEndpoint | None:
        """Return the VPC endpoint that a request came through, if it came through one."""
        if not request.vpc_endpoint:
            return None
        return found_endpoint(self.endpoints, tx, request.vpc, request.vpc_endpoint)

    def _authenticated(
        self,
        tx: Transaction,
        found: Route,
        request: HttpRequest,
        at: datetime,
        endpoint: ThroughEndpoint | None,
    ) -> Caller:
        """Return who signed a request; nobody, where the operation is there for callers without credentials.

        An endpoint leads to one service in one Region, for which alone requests through it can be signed.
        """
        service = found.service
        if found.operation.is_unsigned:
            if endpoint is not None and endpoint.service != service.signing_name:
                raise other_service(endpoint)
            return ANONYMOUS
        own = found.region if found.region in _REGIONS else GLOBAL_REGION
        caller = authenticate(
            request,
            service=service.signing_name if endpoint is None else endpoint.service,
            dialect=service.dialect,
            source=_Credentials(self.credentials, tx),
            now=at,
            # The signature must be for the Region that the client calls from, and AWS must have that Region.
            region=own if endpoint is None else endpoint.region,
            skew=self.skew,
        )
        if endpoint is not None and endpoint.service != service.signing_name:
            # Signed for the endpoint's service, and its head names an operation of another.
            raise other_service(endpoint)
        return caller

    def not_durable(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request whose changes could not be made durable; its body may be gone."""
        protocol, service = spoken_by(request, self.registry.addresses)
        failure = _unavailable(self.database.refusal, protocol.unavailable)
        return protocol.render_error(failure, service, self.ids.uuid())

    def perform(
        self,
        caller: Caller,
        service: str,
        operation: str,
        params: Params,
        *,
        region: str,
        parent: Call | None = None,
        tx: Transaction | None = None,
        request: HttpRequest | None = None,
        during: str = "",
    ) -> Answer:
        """Carry out an operation for a caller inside the server: another service's, or a service's own session.

        Authorized, carried out as one transaction and written to the trail like a client's call. Raises its
        ApiError. `parent` is the call it is made for, with that caller's permissions; it is then a part of that
        call's transaction, or else of `tx`, or a transaction of its own. `request` is the client's that it is a part
        of, where clients ask by another protocol than AWS's. `during` is the id of the call in whose course a service
        makes it as itself.
        """
        shape = load(service).operation(operation)
        assert shape is not None, f"{service} has no operation {operation}"
        if parent is not None:
            answer = self._inner(
                call_of_service(self, parent.tx, shape, caller, region, parent), shape, params
            )
        else:
            with self.database.transaction() if tx is None else nullcontext(tx) as open_tx:
                call = call_of_service(self, open_tx, shape, caller, region, None, during)
                if request is not None:
                    call = self._of_client(call, request)
                self.last_use.note(caller, service, call.region, call.at)
                answer = self._inner(call, shape, params)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _of_client(self, call: Call, request: HttpRequest) -> Call:
        """Return a call with what the request has that it is a part of. Raises for an endpoint of another service."""
        endpoint = self._endpoint_of(call.tx, request)
        if endpoint is not None and endpoint.service != load(call.service).signing_name:
            raise other_service(endpoint)
        return msgspec.structs.replace(
            call,
            source_ip=request.source_ip,
            user_agent=request.headers.get("user-agent", ""),
            secure=request.secure,
            vpc=request.vpc,
            vpc_endpoint=request.vpc_endpoint,
            endpoint_policy=endpoint.policy if endpoint is not None else None,
        )

    def _inner(self, call: Call, shape: OperationShape, params: Params) -> Answer | Exception:
        """Carry out a call in a savepoint, and write its trail entry into the transaction around it."""
        started = ticks()
        failure: ApiError | None = None
        outcome: Answer | Exception
        try:
            with call.tx.savepoint():
                operation = self.registry.find(call.service, shape.name)
                outcome = self._carry_out(call, operation, shape, params) or {}
        except ApiError as refusal:
            outcome = failure = refusal
        except StoreError as error:
            outcome, failure = error, _unavailable(error)
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            outcome, failure = error, ApiError("InternalFailure", "Understudy failed on this call.", 500)
        answer = None if isinstance(outcome, Exception) else outcome
        entry = entry_of(self, call, shape, params, failure, started, lambda: params, answer)
        self.trail.record(call.tx, entry)
        return outcome

    def _carry_out(
        self, call: Call, operation: Operation | None, shape: OperationShape, params: Params
    ) -> Answer | None:
        """Authorize the call, answer a dry run or a repeated client token, and otherwise run the operation.

        Of an operation that is not served, who may not call it is told that first.
        """
        if call.caller.session is not None and self.authorizer.mode != "off":
            self.limits(call.caller, call.service, call.operation)
        if operation is None:
            raise self._not_served(call, shape, params)
        if operation.on is not None:
            targets = operation.on(call, params) or EVERYTHING
            for target in targets:
                self.require(call, operation.action, target)
            if operation.passes_roles:
                self._require_passing(call, params, targets)
        if "dry_run" in params:
            params = _without_dry_run(params)
        if not params.keys() <= operation.takes:
            raise _served_without(operation, shape, params)
        token = params.get(shape.idempotency_token_member) if shape.idempotency_token_member else None
        if token is None or operation.keeps_tokens:
            return operation.function(call, **params)
        answer: Answer | None = answered_before(call, token, params)
        if answer is None:
            answer = operation.function(call, **params) or {}
            remember(call, token, params, answer)
        return answer

    def _require_passing(self, call: Call, params: Params, targets: Sequence[Target]) -> None:
        """Ask for the permission to hand on the roles that a call hands to a service."""
        for target in self.registry.passed_roles(call, params, targets):
            self.require(call, target.action, target)

    def _not_served(self, call: Call, shape: OperationShape, params: Params) -> ApiError:
        """Return the refusal of a known operation that is not served, once its caller is known to be allowed."""
        prefix = self.registry.prefix_of(call.service)
        action = f"{prefix}:{shape.name}"
        if not shape.is_unsigned:
            targets = unserved_targets(call, prefix, params, self.registry)
            for target in targets:
                self.require(call, action, target)
            self._require_passing(call, params, targets)
        return ApiError("NotImplemented", f"Understudy knows {action} but does not serve it.", 501)

    def require(self, call: Call, action: str, target: Target) -> None:
        """Raise the access-denied error unless the caller may; the IAM mode decides which denials count."""
        decision = self.authorizer.refusal(call, action, target)
        if decision is not None:
            named = self.registry.resource_words(call, action, target)
            raise denial(
                call, target.action or action, named, decision, self.message_signer.sign(call.request_id)
            )

    def evaluate(self, call: Call, action: str, target: Target) -> Decision:
        """Return the policies' decision, for an operation that needs it without refusing."""
        return self.authorizer.evaluate(call, action, target)

    def membership(self, tx: Transaction, account: str) -> Membership | None:
        """Return an account's place in its organization, or None when it is in none."""
        return self.authorizer.membership(tx, account)

    def seen(self, tx: Transaction, table: Any, *key: str) -> Any:
        """Return a record of IAM's as it is known to others by now, or None."""
        return table.get(tx, *key) if self.propagation is None else self.propagation.seen(tx, table, key)


def _without_dry_run(params: Params) -> Params:
    """Return the other parameters. Raises DryRunOperation where a dry run is all that was asked for."""
    others = dict(params)
    if others.pop("dry_run"):
        raise ApiError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    return others


def _served_without(operation: Operation, shape: OperationShape, params: Params) -> ApiError:
    """Return the error for members of a newer API description, which the operation does not take."""
    unknown = ", ".join(sorted(shape.members.get(name, name) for name in params.keys() - operation.takes))
    return ApiError("NotImplemented", f"Understudy serves {operation.action} without {unknown}.", 501)


def _unavailable(reason: object, code: str = "ServiceUnavailable") -> ApiError:
    """Return the error of a request that the store failed: 503, on which clients retry."""
    said = (
        reason
        if isinstance(reason, DamagedError)
        else f"What the request changed could not be kept: {reason}"
    )
    return ApiError(code, str(said), 503)
