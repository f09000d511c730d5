"""Ask the policy engine whether a caller may act, and word a refusal as the service does."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from understudy_aws import policy as engine
from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import account_in
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.gateway.request_context import keys_for_owner, question_keys, request_keys
from understudy_aws.gateway.trail import EvaluatedQuestion, keepable
from understudy_aws.policy import Bindings, Decision, NamedPolicy, Question, compile_policy, decide, reason
from understudy_aws.store.database import Transaction
from understudy_aws.wire.model import load

_ENDPOINT = "endpoint"
# Refusals for which AWS gives no reason, not even an explicit deny (sts.md 3.4).
_UNEXPLAINED = frozenset({"sts:AssumeRoot"})

Mode = Literal["strict", "soft", "off"]


class Authorizer:
    """Asks the policy engine for one gateway, in one IAM mode.

    In mode `strict` a denied request is refused. In `soft` the denial is only noted in the trail, and in `off` the
    caller's policies are not asked. Both waive only the caller's own permissions: a resource of another account, and a
    service-linked role, are decided by the resource's own policy in every mode (`_is_protected`).
    """

    def __init__(self, policies: PolicySource, mode: Mode) -> None:
        self._policies = policies
        self.mode = mode

    def evaluate(self, call: Call, action: str, target: Target) -> Decision:
        """Return the policy engine's decision on one target, whatever the mode, and note it for the trail."""
        owner = _owner(call, target)
        bindings = self._policies.bindings(call.tx, call.caller, owner)
        if target.policy is not None or target.trust:
            bindings = bindings.with_resource(target.policy, trust=target.trust)
        decision = self._decide(call, action, target, owner, bindings)
        if decision.allowed and call.endpoint_policy is not None:
            return self._decide_at_endpoint(call, action, target, owner, call.endpoint_policy) or decision
        return decision

    def _decide_at_endpoint(
        self, call: Call, action: str, target: Target, owner: str, policy: NamedPolicy
    ) -> Decision | None:
        """Return the refusal by the policy of the VPC endpoint that a call came through, if that refuses it.

        It decides about what is asked of the endpoint's service alone, and must allow that (vpc-endpoints.md 15.2).
        """
        if (target.action or action).partition(":")[0] != action.partition(":")[0]:
            return None
        allowing = _MAY_DO_EVERYTHING.with_resource(policy, trust=True)
        decision = self._decide(call, action, target, owner, allowing, layer=_ENDPOINT)
        return None if decision.allowed else decision

    def refusal(self, call: Call, action: str, target: Target) -> Decision | None:
        """Return the decision that refuses the target in this mode, or None when the caller may go on."""
        if self.mode == "strict":
            decision = self.evaluate(call, action, target)
            return None if decision.allowed else decision
        if self.mode == "soft":
            decision = self.evaluate(call, action, target)
            if decision.allowed or not _is_protected(call, target):
                return None
            # The trail keeps the question once, with the answer that counts.
            call.evaluations.pop()
        elif not _is_protected(call, target):
            return None
        decision = self._decide(
            call,
            action,
            target,
            _owner(call, target),
            _MAY_DO_EVERYTHING.with_resource(target.policy, trust=target.trust),
        )
        return None if decision.allowed else decision

    def explain(self, tx: Transaction, caller: Caller, question: Question) -> engine.Explanation:
        """Explain what the policies that bind a caller decide about a question that was put."""
        bindings = self._policies.bindings(tx, caller, question.resource_account or caller.account)
        return engine.explain(question, bindings, asked_ahead=False)

    def membership(self, tx: Transaction, account: str) -> Membership | None:
        """Return an account's place in its organization, or None when it is in none."""
        return self._policies.membership(tx, account)

    def _decide(  # noqa: PLR0917 - what a question is made from
        self, call: Call, action: str, target: Target, owner: str, bindings: Bindings, layer: str = ""
    ) -> Decision:
        """Ask the policy engine. A `layer` is what decides where the bindings are made up for that alone."""
        if not call.context:
            call.context.update(request_keys(call.tx, call, self._policies))
        shared = keys_for_owner(call.tx, call, call.context, self._policies, owner)
        asked = target.action or action
        question = Question(
            principal=call.principal,
            action=asked,
            resource=target.resource,
            context=question_keys(call, shared, asked, owner, target.keys),
            resource_account=owner,
        )
        decision = decide(question, bindings)
        if layer:
            decision = replace(decision, layer=layer)
            if decision.allowed:
                return decision
        call.evaluations.append(_evaluation(question, decision, target, call))
        return decision


def _owner(call: Call, target: Target) -> str:
    """Return the account that owns a target: the one it names, else the one in its ARN, else the caller's."""
    return target.account or account_in(target.resource) or call.caller.account


def _is_protected(call: Call, target: Target) -> bool:
    """Whether the caller needs the resource's own policy to allow it, whatever permissions the caller has."""
    return target.linked_role or _owner(call, target) != call.caller.account


def denial(call: Call, action: str, named: str, decision: Decision, encoded_message: str) -> ApiError:
    """Return the refusal in AWS's words (policies.md 4.9, ec2.md 7.2); EC2 adds the `encoded_message` to it.

    `named` is how it names the resource; empty for one that is not named.
    """
    if call.caller.kind == "identity-provider":
        # Recorded: neither whom the token is about nor the role is named.
        return ApiError("AccessDenied", f"Not authorized to perform {action}", 403)
    where = f" on resource: {named}" if named else ""
    why = "" if action in _UNEXPLAINED else f" {reason(decision, action)}"
    text = f"User: {call.caller.arn} is not authorized to perform: {action}{where}{why}"
    if call.service == "ec2":
        return ApiError(
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. {text}. "
            f"Encoded authorization failure message: {encoded_message}",
            403,
        )
    service = load(call.service)
    code = "AccessDenied" if service.protocol == "query" else "AccessDeniedException"
    shape = service.operation(call.operation)
    # Organizations' description has it as an error of its own, without a status; most have it not at all.
    return ApiError(code, text, shape.errors.get(code, 403) if shape is not None else 403)


def _evaluation(question: Question, decision: Decision, target: Target, call: Call) -> EvaluatedQuestion:
    """Return a question as the trail keeps it. It holds only what is needed to ask it again."""
    owner = question.resource_account or ""
    if decision.allowed and target.policy is None:
        return EvaluatedQuestion(
            action=question.action,
            resource=question.resource,
            effect=decision.effect,
            layer=decision.layer,
            policy=decision.policy,
            statement=decision.statement,
            sid=decision.sid,
            account=owner if owner != call.caller.account else "",
            keys=keepable(target.keys, len(call.evaluations)),
        )
    return EvaluatedQuestion(
        action=question.action,
        resource=question.resource,
        effect=decision.effect,
        layer=decision.layer,
        policy=decision.policy,
        statement=decision.statement,
        sid=decision.sid,
        missing_keys=decision.missing_keys,
        context=dict(question.context),
        account=owner,
        resource_policy=target.policy.policy.text if target.policy is not None else "",
        trust=target.trust,
    )


_MAY_DO_EVERYTHING = Bindings(
    identity=(
        NamedPolicy(
            "",
            compile_policy(
                '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
            ),
        ),
    )
)
