"""What the trail has of a call: who asked for what, what came of it, and of a refusal what explains it later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from understudy_aws.authn.errors import RefusedSignatureError
from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import account_in
from understudy_aws.core.clock import ticks
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import EVERYTHING, Call, Params
from understudy_aws.gateway.read_only import keeps_response
from understudy_aws.gateway.trail import (
    TrailEntry,
    presentable,
    presentable_message,
    presentable_response,
    presentable_signature_message,
    shortened,
)
from understudy_aws.wire.model import OperationShape

if TYPE_CHECKING:
    from understudy_aws.gateway.pipeline import Gateway

_LOG = logging.getLogger("understudy_aws.gateway")
# The codes with which services refuse a caller (policies.md 4.9, ec2.md 7.2).
_REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
# How the names of the operations begin that are refused because of what uses a resource.
_DELETING = ("Delete", "Detach", "Release", "Remove")
# What the trail keeps of what uses it: so many of a list, and so many in all.
_MOST_OF_LIST = 5
_MOST_NODES = 40


def entry_of(  # noqa: PLR0917 - what there is to tell of a call
    gateway: Gateway,
    call: Call,
    shape: OperationShape,
    params: Params,
    error: ApiError | None,
    started: int,
    sent: Callable[[], Params],
    answer: Answer | None,
) -> TrailEntry:
    """Return the trail's entry of a call. `sent` reads what was sent, as far as it can be read."""
    signature = error.kind if isinstance(error, RefusedSignatureError) else ""
    message = "" if error is None else error.message
    if signature:
        message = presentable_signature_message(message)
    elif message:
        message = presentable_message(message, shape.input, sent)
    return TrailEntry(
        request_id=call.request_id,
        at=call.at,
        service=call.service,
        operation=call.operation,
        region=shortened(call.region),
        caller=call.caller,
        signature=signature,
        via=call.via,
        parent=call.parent,
        during=call.during,
        source_ip=call.source_ip,
        user_agent=shortened(call.user_agent),
        secure=call.secure,
        vpc=call.vpc,
        vpc_endpoint=call.vpc_endpoint,
        parameters=presentable(params, shape.input),
        evaluations=tuple(call.evaluations),
        mode=gateway.authorizer.mode,
        outcome="ok" if error is None else error.code,
        message=message,
        reason="" if error is None else error.reason,
        status=200 if error is None else error.status,
        microseconds=(ticks() - started) // 1000,
        uses={} if error is None else _uses_at_refusal(gateway, call, params),
        response=presentable_response(answer, shape.output)
        if answer and error is None and keeps_response(shape.name)
        else {},
        not_known_yet=() if error is None else _not_known_yet(gateway, call, params, error),
    )


def _not_known_yet(
    gateway: Gateway, call: Call, params: Params, error: ApiError
) -> tuple[tuple[str, datetime, datetime], ...]:
    """Return the changes without which a call was refused: it is allowed once they are known everywhere."""
    if gateway.propagation is None or error.code not in _REFUSALS:
        return ()
    operation = gateway.registry.find(call.service, call.operation)
    if operation is None or operation.on is None:
        return ()
    # The same questions once more, on a sheet of their own.
    again = replace(call, evaluations=[], context={})
    try:
        with gateway.propagation.everything_known():
            targets = operation.on(again, params) or EVERYTHING
            if any(gateway.authorizer.refusal(again, operation.action, each) for each in targets):
                return ()
    except ApiError:
        return ()
    accounts = {call.account, *(account_in(each.resource) for each in targets)}
    changes = gateway.propagation.unknown(accounts)
    return tuple((each.what, each.at, each.known) for each in changes)


def _uses_at_refusal(gateway: Gateway, call: Call, params: Params) -> dict[str, Any]:
    """Return what holds the resource whose deletion was refused, bounded; {} for other refusals.

    What a policy refused is not looked at: its caller need not know the resource at all.
    """
    operation = gateway.registry.find(call.service, call.operation)
    if (
        not call.operation.startswith(_DELETING)
        or operation is None
        or operation.on is None
        or any(not evaluation.allowed for evaluation in call.evaluations)
    ):
        return {}
    uses, prefix = gateway.registry.uses, gateway.registry.prefix_of(call.service)
    if not uses.may_be_refused(prefix, call.operation):
        return {}
    try:
        arns = [target.resource for target in operation.on(call, params)]
        return uses.at_refusal(call.tx, call.operation, arns, most=_MOST_OF_LIST, most_nodes=_MOST_NODES)
    except (ApiError, LookupError):
        # The request does not say what it is about.
        return {}
    except Exception:  # noqa: BLE001 - the refusal stands, whatever there is to tell of it
        _LOG.exception("request %s: what uses its resource is not known", call.request_id)
        return {}
