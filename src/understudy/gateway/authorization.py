"""Put the question to the policy engine, and say a refusal in the service's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from understudy.authn.caller import Caller
from understudy.core.clock import iso_seconds
from understudy.core.errors import ApiError
from understudy.gateway.call import Call, Target
from understudy.gateway.membership import Membership
from understudy.gateway.trail import Evaluation, keepable
from understudy.policy import Bindings, Decision, Principal, Question, decide, reason
from understudy.store.database import Transaction
from understudy.wire.model import load

Mode = Literal["strict", "soft", "off"]


class PolicySource(Protocol):
    """Knows which policies bind a caller, and which tags a caller carries; IAM's directory answers.

    `owner` is the account of the resource acted on, whose resource control policies count: the caller's own when
    empty.
    """

    def bindings(self, tx: Transaction, caller: Caller, owner: str = "") -> Bindings: ...

    def tags(self, tx: Transaction, caller: Caller) -> Mapping[str, str]: ...

    def membership(self, tx: Transaction, account: str) -> Membership | None: ...


class Authorizer:
    """Decides for one gateway; `mode` says whether a refusal refuses (strict), is noted (soft) or not asked (off)."""

    def __init__(self, policies: PolicySource, mode: Mode) -> None:
        self._policies = policies
        self.mode = mode

    def evaluate(self, call: Call, action: str, target: Target) -> Decision:
        """Decide one target and note it for the trail. The answer is the policy engine's, whatever the mode."""
        bindings = self._policies.bindings(call.tx, call.caller, target.account)
        if target.policy is not None or target.trust:
            bindings = bindings.with_resource(target.policy, trust=target.trust)
        question = Question(
            principal=call.principal,
            action=target.action or action,
            resource=target.resource,
            context=self._context(call, target),
            resource_account=target.account or call.account,
        )
        decision = decide(question, bindings)
        call.evaluations.append(_evaluation(question, decision, target, len(call.evaluations)))
        return decision

    def membership(self, tx: Transaction, account: str) -> Membership | None:
        """An account's place in its organization; None when it is in none."""
        return self._policies.membership(tx, account)

    def _context(self, call: Call, target: Target) -> dict[str, str | list[str]]:
        if not call.context:
            call.context.update(self._of_the_call(call))
        if not target.account or target.account == call.account:
            return {**call.context, "aws:resourceaccount": call.account, **target.keys}
        own = {key: value for key, value in call.context.items() if key not in _OF_THE_RESOURCE}
        theirs = organization_keys("resource", self._policies.membership(call.tx, target.account))
        return {**own, **theirs, "aws:resourceaccount": target.account, **target.keys}

    def _of_the_call(self, call: Call) -> dict[str, str | list[str]]:
        """The condition keys that are the same for all targets of a call."""
        caller = call.caller
        context: dict[str, str | list[str]] = {
            "aws:currenttime": iso_seconds(call.at),
            "aws:epochtime": str(int(call.at.timestamp())),
            "aws:requestedregion": call.region,
            "aws:securetransport": "true" if call.secure else "false",
            "aws:sourceip": call.source_ip,
            "aws:useragent": call.user_agent,
            "aws:principalarn": caller.role_arn or caller.arn,
            "aws:principalaccount": caller.account,
            "aws:principaltype": _PRINCIPAL_TYPES[caller.kind],
            "aws:principalisawsservice": "true" if caller.kind == "service" else "false",
            "aws:userid": caller.user_id,
            "aws:viaawsservice": "true" if call.via else "false",
        }
        if caller.kind == "user":
            context["aws:username"] = caller.name
        elif caller.kind == "service":
            context |= _service_keys(caller)
        if call.via:
            context["aws:calledvia"] = list(call.via)
            context["aws:calledviafirst"] = call.via[0]
            context["aws:calledvialast"] = call.via[-1]
        if caller.session is not None:
            context["aws:tokenissuetime"] = iso_seconds(caller.session.issued_at)
            context["aws:multifactorauthpresent"] = "true" if caller.session.mfa else "false"
            if caller.session.source_identity:
                context["aws:sourceidentity"] = caller.session.source_identity
        for name, value in self._policies.tags(call.tx, caller).items():
            context[f"aws:principaltag/{name.lower()}"] = value
        if call.service == "ec2":
            context["ec2:region"] = call.region
        # Own resources are what most calls are about, so their keys are kept with the call's.
        membership = self._policies.membership(call.tx, caller.account)
        if membership is not None:
            context.update(organization_keys("resource", membership))
            if caller.kind not in ("service", "anonymous"):
                context.update(organization_keys("principal", membership))
        return context


def _service_keys(caller: Caller) -> dict[str, str | list[str]]:
    """What is known of a service principal, and of the resource it acts for."""
    keys: dict[str, str | list[str]] = {
        "aws:principalservicename": caller.arn,
        "aws:principalservicenameslist": [caller.arn],
    }
    if caller.source_arn:
        keys["aws:sourcearn"] = caller.source_arn
        keys["aws:sourceaccount"] = caller.source_account
    return keys


def organization_keys(whose: str, membership: Membership | None) -> dict[str, str | list[str]]:
    """`aws:PrincipalOrgID` and so on, of whose account is in an organization (policies.md 4.6)."""
    if membership is None:
        return {}
    return {f"aws:{whose}orgid": membership.organization, f"aws:{whose}orgpaths": [membership.path]}


def principal_of(caller: Caller) -> Principal:
    """The caller as the policy engine sees one."""
    return Principal(
        kind=caller.kind,
        arn=caller.arn,
        account=caller.account,
        role_arn=caller.role_arn,
        service=caller.arn if caller.kind == "service" else "",
        service_linked=caller.service_linked,
        user_id=caller.user_id,
    )


def denial(call: Call, action: str, target: Target, decision: Decision, encoded_message: str) -> ApiError:
    """The refusal in AWS's words (policies.md 4.9, ec2.md 7.2); `encoded_message` is EC2's encoded message."""
    asked = target.action or action
    where = "" if target.resource == "*" else f" on resource: {target.resource}"
    text = f"User: {call.caller.arn} is not authorized to perform: {asked}{where} {reason(decision, asked)}"
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


def _evaluation(question: Question, decision: Decision, target: Target, earlier: int) -> Evaluation:
    """The question for the trail, with what it takes to put it again; on every request, so no more than that."""
    if decision.allowed and target.policy is None:
        return Evaluation(
            action=question.action,
            resource=question.resource,
            effect=decision.effect,
            layer=decision.layer,
            policy=decision.policy,
            statement=decision.statement,
            sid=decision.sid,
            account=target.account,
            keys=keepable(target.keys, earlier),
        )
    return Evaluation(
        action=question.action,
        resource=question.resource,
        effect=decision.effect,
        layer=decision.layer,
        policy=decision.policy,
        statement=decision.statement,
        sid=decision.sid,
        missing_keys=decision.missing_keys,
        context=dict(question.context),
        account=question.resource_account or "",
        resource_policy=target.policy.policy.text if target.policy is not None else "",
        trust=target.trust,
    )


_OF_THE_RESOURCE = frozenset({"aws:resourceorgid", "aws:resourceorgpaths"})
_PRINCIPAL_TYPES = {
    "root": "Account",
    "user": "User",
    "role-session": "AssumedRole",
    "federated": "FederatedUser",
    "service": "Service",
    "anonymous": "Anonymous",
}
