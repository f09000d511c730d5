"""Decides questions. The evaluation order is here, and nowhere else.

Within one account: an explicit deny anywhere; every SCP level; every scope-down policy of the session; the
resource's own policy, which may end the matter; identity policies; the permissions boundary; the session policies.
Across accounts both sides must allow (policies.md 4.8).
"""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.policy.engine.bindings import Allows, Bindings, Plan, implicit_denial
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.matching import PrincipalMatch
from understudy_aws.policy.engine.policies import CompiledStatement
from understudy_aws.policy.engine.rules import missing_keys
from understudy_aws.policy.language.context_keys import Context, is_absent
from understudy_aws.policy.language.question import Question

# Up to so many keys the tuple of the missing ones is built as it comes, which costs their number squared.
_FEW = 16

ROOT_MAY = Decision(True, "allow", "root")


def decide(question: Question, bindings: Bindings) -> Decision:
    """Return the decision of `bindings` on `question`. It takes half a microsecond once the action has a plan."""
    principal = question.principal
    exempt = principal.service_linked
    try:
        plan = (bindings.exempt_plans if exempt else bindings.plans)[question.action]
    except KeyError:
        plan = bindings.plan(question.action, exempt=exempt)
    resource, context = question.resource, question.context
    if plan.denies:
        for matches, holds, decision, statement in plan.denies:
            if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
                return _denied(decision, statement, context) if statement.keys else decision
    account, kind = question.resource_account, principal.kind
    if (
        plan.plain
        and (account is None or account == principal.account)
        and (kind == "role-session" or kind == "user")  # noqa: PLR1714 - a set would cost more
    ):
        # As `_verdict`, without the call.
        layer = plan.identity
        if layer.certain is not None:
            return layer.certain
        asked: tuple[str, ...] = ()
        for matches, holds, decision, statement in layer.entries:
            if matches is None or matches(resource, context):
                if holds is None or holds(context):
                    return decision
                asked += statement.keys
        return (
            _implicit_denial(layer, asked, question)
            if asked or layer.has_variables
            else layer.implicit_denial
        )
    return _decide_by_layers(question, plan)


def decide_by_plan(question: Question, plan: Plan) -> Decision:
    """Return the decision of a plan on `question`, in the same order; for plans that are made up."""
    resource, context = question.resource, question.context
    for matches, holds, decision, _statement in plan.denies:
        if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
            return decision
    return _decide_by_layers(question, plan)


def _decide_by_layers(question: Question, plan: Plan) -> Decision:
    """Go on in the evaluation order, after no identity, boundary, session, SCP or RCP statement has denied."""
    denied = _resource_denial(question, plan)
    if denied is not None:
        return denied
    grant, granted = _grant(question, plan)
    if question.principal.is_outside_iam:
        return granted or _resource_implicit_denial(question, plan)
    for level in (*plan.scps, *plan.scopes):
        verdict = _verdict(level, question)
        if not verdict.allowed:
            return verdict
    if question.principal.kind == "root":
        return _decide_for_root(question, plan, granted)
    if question.is_cross_account:
        _allowed, refused = _own_side(question, plan)
        return refused or granted or _resource_implicit_denial(question, plan)
    return _decide_in_account(question, plan, grant, granted)


def _decide_in_account(
    question: Question, plan: Plan, grant: PrincipalMatch, granted: Decision | None
) -> Decision:
    """Principal and resource in one account, where the resource's own policy may end the matter."""
    if granted is not None and grant is PrincipalMatch.DIRECT:
        return granted
    if granted is not None and grant is PrincipalMatch.ROLE:
        return _limits(question, plan) or granted
    if granted is None and plan.resource_must_allow:
        return _resource_implicit_denial(question, plan)
    allowed, refused = _own_side(question, plan)
    return refused or (granted if granted is not None and plan.resource_must_allow else allowed)


def _decide_for_root(question: Question, plan: Plan, granted: Decision | None) -> Decision:
    """Return the root user may do what nothing denies; other accounts and trust policies must still let it in."""
    if granted is None and (plan.resource_must_allow or question.is_cross_account):
        return _resource_implicit_denial(question, plan)
    return _limits(question, plan) or granted or ROOT_MAY


def _own_side(question: Question, plan: Plan) -> tuple[Decision, Decision | None]:
    """Return what the principal's own policies say: (the allow of an identity policy, the refusal if any)."""
    verdict = _verdict(plan.identity, question)
    return verdict, _limits(question, plan) if verdict.allowed else verdict


def _limits(question: Question, plan: Plan) -> Decision | None:
    """Return the refusal of the permissions boundary or of the session policies, which only ever limit."""
    for layer in (plan.boundary, plan.session):
        if layer is not None:
            verdict = _verdict(layer, question)
            if not verdict.allowed:
                return verdict
    # A federated user has what its session policies give and nothing without them (sts.md 3.2).
    if question.principal.kind == "federated" and not plan.has_session_policies:
        return implicit_denial("session", ())
    return None


def _verdict(layer: Allows, question: Question) -> Decision:
    """Return a layer's first allow, or its implicit denial with the keys that its other matching statements missed."""
    resource, context = question.resource, question.context
    asked: tuple[str, ...] = ()
    for matches, holds, decision, statement in layer.entries:
        if matches is None or matches(resource, context):
            if holds is None or holds(context):
                return decision
            asked += statement.keys
    return _implicit_denial(layer, asked, question) if asked or layer.has_variables else layer.implicit_denial


def _asked(layer: Allows, question: Question) -> tuple[str, ...]:
    """Return the keys a layer asks for; of a statement about other resources only those of its variables."""
    resource, context = question.resource, question.context
    return tuple(
        key
        for matches, _holds, _decision, statement in layer.entries
        for key in (
            statement.keys if matches is None or matches(resource, context) else statement.resource_keys
        )
    )


def _implicit_denial(layer: Allows, asked: tuple[str, ...], question: Question) -> Decision:
    """Return a layer's implicit denial, which names those of the keys it asked for that are absent."""
    if layer.has_variables:
        asked = _asked(layer, question)
    context = question.context
    missing: tuple[str, ...] = ()
    if len(asked) > _FEW:
        missing = tuple(dict.fromkeys(key for key in asked if is_absent(key, context)))
    else:
        for key in asked:
            # As `is_absent`, without the call.
            value = context.get(key)
            if not value and value != "" and key not in missing:
                missing += (key,)
    return layer.implicit_denials.get(missing) or implicit_denial(layer.layer, missing)


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


def _grant(question: Question, plan: Plan) -> tuple[PrincipalMatch, Decision | None]:
    """Return the strongest way in which the resource's own policy lets the principal in, and the statement."""
    best, granted = PrincipalMatch.NONE, None
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


def _resource_implicit_denial(question: Question, plan: Plan) -> Decision:
    resource, context = question.resource, question.context
    missing: list[str] = []
    for names, matches, _holds, _decision, statement in plan.resource_allows:
        if names(question.principal):
            fits = matches is None or matches(resource, context)
            missing.extend(missing_keys(statement, context, resource_matches=fits))
    return implicit_denial(plan.resource_layer, tuple(dict.fromkeys(missing)))


def _denied(decision: Decision, statement: CompiledStatement, context: Context) -> Decision:
    missing = missing_keys(statement, context)
    return replace(decision, missing_keys=missing) if missing else decision
