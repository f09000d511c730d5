"""Whether each of many principals can do one thing: by an ordinary request, under conditions, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.access.agreement import told_together
from understudy_aws.policy.access.classes import (
    MANY_PATTERNS,
    patterns_meant,
    patterns_of_kinds,
    resources_told_apart,
)
from understudy_aws.policy.access.population import (
    TAGS,
    Accounts,
    Actor,
    Inquiry,
    Keys,
    keys_of_sessions,
)
from understudy_aws.policy.access.requests import Possible, Undecided, may_be_allowed, search
from understudy_aws.policy.engine.bindings import Bindings, Plan, PlannedStatement
from understudy_aws.policy.engine.decide import decide
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.matching import PrincipalMatch
from understudy_aws.policy.engine.policies import CompiledStatement
from understudy_aws.policy.language.question import Question

How = Literal["always", "sometimes", "unknown"]

# Actions that need no permission, and no Deny stops (sts.md 3.2).
NEEDS_NOTHING = frozenset({"sts:getcalleridentity", "sts:getsessiontoken"})
# The surer first.
RANKS: dict[How, int] = {"always": 0, "sometimes": 1, "unknown": 2}


class Statement(msgspec.Struct, frozen=True):
    """A statement that allows something: where it is, and the conditions under which it does."""

    layer: str
    policy: str
    statement: int
    sid: str
    conditions: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A role that is assumed on the way, by which action, and what allows that; `why` it could not be told."""

    role: str
    action: str
    how: How
    statements: tuple[Statement, ...]
    example: Keys
    absent: tuple[str, ...] = ()
    why: str = ""


class Access(msgspec.Struct, frozen=True):
    """How one principal can do it.

    `how` is `always` when an ordinary request is allowed, `sometimes` when only one is that carries the condition keys
    of `example` and none of `absent`, and `unknown` when that could not be told, for the reason `why`. `steps` are the
    roles that are assumed first, in order. `statements` are what allows the action itself, and `blocked` are the
    statements that deny ordinary requests. `resource` is an example of those that it can do it to, where a pattern was
    asked about.
    """

    principal: str
    kind: str
    how: How
    statements: tuple[Statement, ...] = ()
    blocked: tuple[Statement, ...] = ()
    example: Keys = msgspec.field(default_factory=dict)
    absent: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    outside: bool = False
    why: str = ""
    resource: str = ""


class Answer(msgspec.Struct, frozen=True):
    how: How
    statements: tuple[Statement, ...] = ()
    blocked: tuple[Statement, ...] = ()
    example: Keys = msgspec.field(default_factory=dict)
    absent: tuple[str, ...] = ()
    why: str = ""
    resource: str = ""


class Asker:
    """Asks one question for many principals; those that differ in nothing the policies ask for are answered at once."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry = inquiry
        self._answers: dict[Any, Answer | None] = {}
        self._free = inquiry.action.lower() in NEEDS_NOTHING

    def answer(self, actor: Actor) -> Answer | None:
        """Return how the actor can, or None when it cannot."""
        if self._free:
            return Answer("always")
        if actor.principal.kind == "root" and self._inquiry.action.lower() == "sts:assumerole":
            # AWS lets no root user assume a role, whatever policies say (sts.md 3.1).
            return None
        if not self._inquiry.is_possible(actor):
            return None
        bindings = self._inquiry.bindings(actor)
        question = self._inquiry.question(actor)
        decision = decide(question, bindings)
        plan = bindings.plan(question.action, exempt=question.principal.service_linked)
        if decision.allowed:
            return Answer(
                "sometimes" if actor.outside else "always", statements_that_allow(question, plan, frozenset())
            )
        known = self._inquiry.known(actor)
        key = (what_matters(actor, known, plan), self._inquiry.what_else_may(actor))
        if key not in self._answers:
            self._answers[key] = self._searched(actor, question, known, bindings, plan)
        return self._answers[key]

    def _searched(
        self, actor: Actor, ordinary: Question, known: Question, bindings: Bindings, plan: Plan
    ) -> Answer | None:
        domain_of = self._inquiry.domain_of(actor, known)
        if not may_be_allowed(known, bindings, domain_of).allowed:
            return None
        found = search(known, bindings, domain_of, ordinary.context)
        if isinstance(found, Undecided):
            return Answer("unknown", why=found.why)
        if not isinstance(found, Possible):
            return None
        needed = least(ordinary, found, bindings)
        question = replace(ordinary, context=_with(ordinary.context, needed, found))
        shown = {key: value for key, value in needed.items() if value is not None}
        return Answer(
            "sometimes",
            statements_that_allow(question, plan, frozenset(needed)),
            _denying(ordinary, plan),
            shown,
            tuple(key for key, value in needed.items() if value is None),
        )


class PatternAsker:
    """Asks about resources that a pattern means, for each principal one of each kind that its statements tell apart.

    The default `*` means those that the action acts on, and requests that name none, which policies see as a star.
    """

    def __init__(self, accounts: Accounts, action: str, pattern: str, stated: Keys) -> None:
        self._accounts = accounts
        self._action = action
        self._pattern = pattern
        self._stated = stated
        self._askers: dict[str, Asker] = {}
        self._left_out: Answer | None = None

    def answer(self, actor: Actor) -> Answer | None:
        """Return the surest way in which the actor can, with its resource, or None when it cannot."""
        best: Answer | None = None
        self._left_out = None
        for resource in self._resources(actor):
            answer = self._of(resource).answer(actor)
            if answer is not None and (best is None or RANKS[answer.how] < RANKS[best.how]):
                best = replace(answer, resource="" if resource == self._pattern else resource)
            if best is not None and best.how == "always":
                return best
        return best or self._left_out

    def _resources(self, actor: Actor) -> Iterator[str]:
        principal = actor.principal
        plan = actor.bindings.plan(self._action, exempt=principal.service_linked)
        if self._pattern == "*" or not (plan.identity.entries or principal.kind == "root"):
            # The star as it stands. To whom nothing is allowed nothing need be told apart.
            yield self._pattern
        if plan.identity.entries or principal.kind == "root":
            if self._pattern == "*":
                patterns = patterns_of_kinds(self._action, principal.account)
            else:
                patterns = patterns_meant(self._pattern, principal.account)
            texts, complete = resources_told_apart(actor, self._action, patterns)
            if not complete:
                self._left_out = Answer("unknown", why=MANY_PATTERNS)
            yield from texts

    def _of(self, resource: str) -> Asker:
        asker = self._askers.get(resource)
        if asker is None:
            asker = Asker(Inquiry(self._accounts, self._action, resource, self._stated))
            self._askers[resource] = asker
        return asker


def least(ordinary: Question, found: Possible, bindings: Bindings) -> dict[str, str | list[str] | None]:
    """Return the condition keys in which an allowed request must differ from an ordinary one; None for absent ones."""
    differing = {
        key: found.question.context.get(key)
        for key in sorted({*found.question.context, *ordinary.context})
        if found.question.context.get(key) != ordinary.context.get(key)
    }
    for key in list(differing):
        together = told_together(key, found.chosen)
        fewer = {other: value for other, value in differing.items() if other not in together}
        if decide(replace(ordinary, context=_with(ordinary.context, fewer, found)), bindings).allowed:
            differing = fewer
    return differing


def _with(
    context: Mapping[str, str | list[str]], changed: Mapping[str, str | list[str] | None], _found: Possible
) -> dict[str, str | list[str]]:
    kept = {key: value for key, value in context.items() if key not in changed}
    return {**kept, **{key: value for key, value in changed.items() if value is not None}}


def what_matters(actor: Actor, known: Question, plan: Plan) -> Any:
    """Return what an answer depends on besides the inquiry."""
    keys = sorted({key for statement in _all_statements(plan) for key in statement.keys})
    principal = actor.principal
    chosen = keys_of_sessions(actor)
    return (
        tuple(
            (key, key in actor.keys if key.startswith(TAGS) else principal.user_id)
            for key in keys
            if key.startswith(chosen)
        ),
        tuple(
            None if layer is None else tuple((id(entry[3]), entry[2].policy) for entry in layer)
            for layer in _entries_of(plan)
        ),
        plan.has_session_policies,
        plan.resource_must_allow,
        principal.kind,
        principal.service_linked,
        principal.is_outside_iam,
        known.is_cross_account,
        known.resource_account,
        tuple(actor.domains.items()),
        tuple(
            (key, value if isinstance(value, str) else tuple(value))
            for key in keys
            if (value := known.context.get(key)) is not None
        ),
        tuple(
            entry[0](principal)
            for entries in (plan.resource_denies, plan.resource_allows)
            for entry in entries
        ),
    )


def _entries_of(plan: Plan) -> Iterator[Sequence[PlannedStatement] | None]:
    yield plan.denies
    for layer in (*plan.scps, *plan.scopes, plan.identity, plan.boundary, plan.session):
        yield None if layer is None else layer.entries


def _all_statements(plan: Plan) -> Iterator[CompiledStatement]:
    for layer in _entries_of(plan):
        for entry in layer or ():
            yield entry[3]
    for resource_entry in (*plan.resource_denies, *plan.resource_allows):
        yield resource_entry[4]


def access_of(actor: Actor, answer: Answer, steps: tuple[Step, ...] = ()) -> Access:
    return Access(
        actor.name,
        actor.kind,
        max((answer.how, *(step.how for step in steps)), key=RANKS.__getitem__),
        answer.statements,
        answer.blocked,
        answer.example,
        answer.absent,
        steps,
        actor.outside,
        answer.why or next((step.why for step in steps if step.why), ""),
        answer.resource,
    )


def statements_that_allow(question: Question, plan: Plan, needed: frozenset[str]) -> tuple[Statement, ...]:
    """Return the first statement of each layer that allows the question; conditions only if on `needed` keys."""
    resource, context = question.resource, question.context
    found = []
    best = PrincipalMatch.NONE
    granted: Statement | None = None
    for names, matches, holds, decision, statement in plan.resource_allows:
        grant = names(question.principal)
        applies = (matches is None or matches(resource, context)) and (holds is None or holds(context))
        if grant > best and applies:
            best, granted = grant, _shown(decision, statement, needed)
    if granted is not None:
        found.append(granted)
    for layer in (plan.identity, plan.boundary, plan.session, *plan.scopes, *plan.scps):
        for matches, holds, decision, statement in layer.entries if layer is not None else ():
            if (matches is None or matches(resource, context)) and (holds is None or holds(context)):
                found.append(_shown(decision, statement, needed))
                break
    return tuple(found)


def _denying(question: Question, plan: Plan) -> tuple[Statement, ...]:
    """Return the statements that deny an ordinary request."""
    resource, context = question.resource, question.context
    found = [
        _shown(decision, statement, frozenset(statement.keys))
        for matches, holds, decision, statement in plan.denies
        if (matches is None or matches(resource, context)) and (holds is None or holds(context))
    ]
    found += [
        _shown(decision, statement, frozenset(statement.keys))
        for names, matches, holds, decision, statement in plan.resource_denies
        if names(question.principal)
        and (matches is None or matches(resource, context))
        and (holds is None or holds(context))
    ]
    return tuple(found)


def _shown(decision: Decision, statement: CompiledStatement, needed: frozenset[str]) -> Statement:
    return Statement(
        decision.layer,
        decision.policy,
        decision.statement,
        decision.sid,
        tuple(
            f"{each.operator} {each.key}: {', '.join(each.values)}"
            for each in statement.conditions
            if not needed.isdisjoint(each.keys)
        ),
    )
