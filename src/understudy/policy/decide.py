"""The evaluation order, in one place: deny, allow, or silence; the reasons come along.

Within one account: an explicit deny anywhere; every SCP level; the resource's own policy, which may end the
matter; identity policies; the permissions boundary; the session policies. Across accounts both sides must
allow (reference 4.8).
"""

from __future__ import annotations

from dataclasses import replace

from understudy.policy.bindings import Bindings, Entry, Plan
from understudy.policy.context_keys import Context
from understudy.policy.decision import Decision
from understudy.policy.matching import Grant
from understudy.policy.policies import Statement
from understudy.policy.question import Question
from understudy.policy.rules import missing_keys

_BOUND_BY_IDENTITY = frozenset({"user", "role-session"})

ROOT_MAY = Decision(True, "allow", "root")

# Implicit denials already made, by layer and missing keys; emptied when hostile questions fill it.
_SILENCES: dict[tuple[str, tuple[str, ...]], Decision] = {}
_MAX_SILENCES = 4096


def decide(question: Question, bindings: Bindings) -> Decision:
    """Whether `bindings` let `question` be done: pure, and a microsecond once the action has a plan."""
    principal = question.principal
    exempt = principal.service_linked
    plan = (bindings.exempt_plans if exempt else bindings.plans).get(question.action)
    if plan is None:
        plan = bindings.plan(question.action, exempt=exempt)
    resource, context = question.resource, question.context
    for matches, holds, decision, statement in plan.denies:
        if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
            return _denied(decision, statement, context) if statement.keys else decision
    account = question.resource_account
    if (
        plan.plain
        and principal.kind in _BOUND_BY_IDENTITY
        and (account is None or account == principal.account)
    ):
        for matches, holds, decision, _statement in plan.identity:
            if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
                return decision
        return _silence("identity", plan.identity, question)
    return _decide_by_layers(question, plan)


def _decide_by_layers(question: Question, plan: Plan) -> Decision:
    """The full order, once no identity, boundary, session, SCP or RCP statement denies."""
    denied = _resource_denial(question, plan)
    if denied is not None:
        return denied
    grant, granted = _grant(question, plan)
    if question.principal.is_outside_iam:
        return granted or _resource_silence(question, plan)
    for level in plan.scps:
        if _allowance(level, question) is None:
            return _silence("scp", level, question)
    if question.principal.kind == "root":
        return _decide_for_root(question, plan, granted)
    if question.is_cross_account:
        _allowed, refused = _own_side(question, plan)
        return refused or granted or _resource_silence(question, plan)
    return _decide_in_account(question, plan, grant, granted)


def _decide_in_account(question: Question, plan: Plan, grant: Grant, granted: Decision | None) -> Decision:
    """Principal and resource in one account, where the resource's own policy may end the matter."""
    if granted is not None and grant is Grant.DIRECT:
        return granted
    if granted is not None and grant is Grant.ROLE:
        return _limits(question, plan) or granted
    if granted is None and plan.resource_must_allow:
        return _resource_silence(question, plan)
    allowed, refused = _own_side(question, plan)
    return refused or (granted if granted is not None and plan.resource_must_allow else allowed)


def _decide_for_root(question: Question, plan: Plan, granted: Decision | None) -> Decision:
    """The root user may do what nothing denies; other accounts and trust policies must still let it in."""
    if granted is None and (plan.resource_must_allow or question.is_cross_account):
        return _resource_silence(question, plan)
    return _limits(question, plan) or granted or ROOT_MAY


def _own_side(question: Question, plan: Plan) -> tuple[Decision, Decision | None]:
    """What the principal's own policies say: (the allow of an identity policy, the refusal if any)."""
    allowed = _allowance(plan.identity, question)
    if allowed is None:
        silent = _silence("identity", plan.identity, question)
        return silent, silent
    return allowed, _limits(question, plan)


def _limits(question: Question, plan: Plan) -> Decision | None:
    """The refusal of the permissions boundary or of the session policies, which only ever limit."""
    if plan.boundary is not None and _allowance(plan.boundary, question) is None:
        return _silence("boundary", plan.boundary, question)
    if plan.session is not None and _allowance(plan.session, question) is None:
        return _silence("session", plan.session, question)
    # A federated user has what its session policies give and nothing without them (reference 3.2).
    if question.principal.kind == "federated" and not plan.has_session_policies:
        return _silent("session", ())
    return None


def _allowance(entries: tuple[Entry, ...], question: Question) -> Decision | None:
    resource, context = question.resource, question.context
    for matches, holds, decision, _statement in entries:
        if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
            return decision
    return None


def _resource_denial(question: Question, plan: Plan) -> Decision | None:
    resource, context = question.resource, question.context
    for names, matches, holds, decision, statement in plan.resource_denies:
        if (
            names(question.principal)
            and (matches is None or matches(resource, context))
            and (holds is None or holds(context))
        ):
            return _denied(decision, statement, context)
    return None


def _grant(question: Question, plan: Plan) -> tuple[Grant, Decision | None]:
    """The strongest way in which the resource's own policy lets the principal in, and the statement."""
    best, granted = Grant.NONE, None
    resource, context = question.resource, question.context
    for names, matches, holds, decision, _statement in plan.resource_allows:
        grant = names(question.principal)
        if (
            grant > best
            and (matches is None or matches(resource, context))
            and (holds is None or holds(context))
        ):
            best, granted = grant, decision
    return best, granted


def _silence(layer: str, entries: tuple[Entry, ...], question: Question) -> Decision:
    """The implicit denial of a layer, with the keys its otherwise fitting statements missed."""
    resource, context = question.resource, question.context
    missing: dict[str, None] = {}
    for matches, _holds, _decision, statement in entries:
        if statement.keys:
            fits = matches is None or matches(resource, context)
            for key in statement.keys if fits else statement.resource_keys:
                # As rules.is_absent, without a call: an empty list is absent, an empty text is not.
                value = context.get(key)
                if not value and value != "":
                    missing[key] = None
    return _silent(layer, tuple(missing))


def _silent(layer: str, missing: tuple[str, ...]) -> Decision:
    """An implicit denial, one object for each layer and set of missing keys that keeps coming back."""
    known = _SILENCES.get((layer, missing))
    if known is None:
        known = Decision(False, "implicit-deny", layer, missing_keys=missing)
        if len(_SILENCES) >= _MAX_SILENCES:
            _SILENCES.clear()
        _SILENCES[layer, missing] = known
    return known


def _resource_silence(question: Question, plan: Plan) -> Decision:
    resource, context = question.resource, question.context
    missing: list[str] = []
    for names, matches, _holds, _decision, statement in plan.resource_allows:
        if names(question.principal):
            fits = matches is None or matches(resource, context)
            missing.extend(missing_keys(statement, context, resource_matches=fits))
    return _silent(plan.resource_layer, tuple(dict.fromkeys(missing)))


def _denied(decision: Decision, statement: Statement, context: Context) -> Decision:
    missing = missing_keys(statement, context)
    return replace(decision, missing_keys=missing) if missing else decision
