"""How a `Call` begins: as a client's request, or made by a service to another."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from understudy_aws.authn.caller import Caller
from understudy_aws.core.http import HttpRequest
from understudy_aws.data.regions import region_of_calls
from understudy_aws.gateway.call import Call, Params
from understudy_aws.gateway.operations import Operation
from understudy_aws.gateway.request_context import principal_of
from understudy_aws.gateway.vpc_endpoints import ThroughEndpoint
from understudy_aws.store.database import Transaction
from understudy_aws.wire.model import OperationShape
from understudy_aws.wire.protocol import Route

if TYPE_CHECKING:
    from understudy_aws.gateway.pipeline import Gateway


def call_of_client(  # noqa: PLR0917 - everything a client's call consists of
    gateway: Gateway,
    tx: Transaction,
    found: Route,
    request: HttpRequest,
    caller: Caller,
    at: datetime,
    request_id: str,
    endpoint: ThroughEndpoint | None = None,
) -> Call:
    """Return the call of a client's request."""
    return Call(
        caller=caller,
        principal=principal_of(caller),
        service=found.service.id,
        operation=found.operation.name,
        region=region_of_calls(found.service.signing_name, found.region),
        at=at,
        request_id=request_id,
        tx=tx,
        ids=gateway.ids,
        gateway=gateway,
        latency=gateway.latency,
        source_ip=request.source_ip,
        user_agent=request.headers.get("user-agent", ""),
        secure=request.secure,
        vpc=request.vpc,
        vpc_endpoint=request.vpc_endpoint,
        endpoint_policy=endpoint.policy if endpoint is not None else None,
    )


def identified(call: Call, operation: Operation | None, params: Params) -> Call:
    """Return a call with its caller, where that is told by the request's parameters and not by a signature."""
    if operation is None or operation.identifies is None:
        return call
    caller = operation.identifies(call, params)
    return replace(call, caller=caller, principal=principal_of(caller))


def call_of_service(  # noqa: PLR0917 - everything an inner call consists of
    gateway: Gateway,
    tx: Transaction,
    shape: OperationShape,
    caller: Caller,
    region: str,
    parent: Call | None,
    during: str = "",
) -> Call:
    """Return a call that a service makes to another: for a client's call (`parent`), or as itself or as its role.

    `during` is the id of the client's call in whose course it makes one as itself.
    """
    service = "" if parent is None else gateway.registry.principal_of(parent.service)
    via = () if parent is None else (*parent.via, service)
    invoker = service or caller.invoked_by or caller.arn
    return Call(
        caller=caller,
        principal=principal_of(caller),
        service=shape.service.id,
        operation=shape.name,
        region=region_of_calls(shape.service.signing_name, region),
        at=gateway.clock.now() if parent is None else parent.at,
        request_id=gateway.ids.uuid(),
        tx=tx,
        ids=gateway.ids,
        gateway=gateway,
        latency=gateway.latency,
        # AWS shows the service itself as source and agent of such calls (apprunner.md 6).
        source_ip=invoker,
        user_agent=invoker,
        secure=True,
        via=via,
        parent="" if parent is None else parent.request_id,
        during=during,
    )
