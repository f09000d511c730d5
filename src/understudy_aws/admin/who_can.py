"""Answers who can do something, and whether a claim about that holds, over all principals of the state."""

from __future__ import annotations

from typing import Any

import msgspec

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.everybody import Everybody
from understudy_aws.admin.requests import Prove, WhoCan
from understudy_aws.core.http import Steps
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.gateway.request_context import stated_keys
from understudy_aws.policy import NotAQuestion, parse_claim, prove_in_steps, who_can_in_steps


def in_steps(gateway: Gateway, policies: PolicySource, asked: WhoCan) -> Steps[dict[str, Any]]:
    """Return who can, in short steps. Raises InvalidRequestError for an action or a resource that cannot be."""
    everybody = Everybody(gateway, policies, gateway.clock.now())
    yield from everybody.look_up()
    context = stated_keys(asked.context)
    try:
        report = yield from who_can_in_steps(
            everybody,
            asked.action,
            asked.resource,
            context,
            chains=not asked.direct,
            account=asked.account,
        )
    except NotAQuestion as error:
        raise InvalidRequestError(str(error)) from error
    answer: dict[str, Any] = msgspec.to_builtins(report)
    return answer


def proved_in_steps(gateway: Gateway, policies: PolicySource, asked: Prove) -> Steps[dict[str, Any]]:
    """Prove a claim or find what contradicts it, in short steps. Raises InvalidRequestError for what is no claim."""
    try:
        claim = parse_claim(asked.claim)
        everybody = Everybody(gateway, policies, gateway.clock.now())
        yield from everybody.look_up()
        proof = yield from prove_in_steps(everybody, claim, asked.account)
    except NotAQuestion as error:
        raise InvalidRequestError(str(error)) from error
    answer: dict[str, Any] = msgspec.to_builtins(proof)
    return answer
