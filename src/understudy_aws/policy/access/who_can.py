"""Who can do something: every principal, by itself or through roles that it can assume one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.access.domains import CLOCK
from understudy_aws.policy.access.population import (
    TAGS,
    Accounts,
    Actor,
    Inquiry,
    Keys,
    keys_of_sessions,
    outsiders,
)
from understudy_aws.policy.access.questions import NotAQuestion, check_action, check_resource, is_pattern
from understudy_aws.policy.access.requests import Possible, Undecided, may_be_allowed, search
from understudy_aws.policy.access.strangers import told_apart
from understudy_aws.policy.engine.bindings import Bindings, Plan, PlannedStatement
from understudy_aws.policy.engine.decide import decide
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.matching import PrincipalMatch, names_of
from understudy_aws.policy.engine.policies import CompiledStatement
from understudy_aws.policy.language.question import Question

How = Literal["always", "sometimes", "unknown"]
T = Generator[None, None, Any]

ASSUME = "sts:AssumeRole"
# Actions that need no permission, and no Deny stops (sts.md 3.2).
NEEDS_NOTHING = frozenset({"sts:getcalleridentity", "sts:getsessiontoken"})
_ASSUMING = {
    "federated": ("sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"),
}
# Principals looked at between two pauses, in which others are answered.
_AT_ONCE = 100


class Statement(msgspec.Struct, frozen=True):
    """A statement that allows something: where it is, and the conditions under which it does."""

    layer: str
    policy: str
    statement: int
    sid: str
    conditions: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A role that is assumed on the way, by which action, and what allows that."""

    role: str
    action: str
    how: How
    statements: tuple[Statement, ...]
    example: Keys
    absent: tuple[str, ...] = ()


class Access(msgspec.Struct, frozen=True):
    """How one principal can do it.

    `how` is `always` when an ordinary request is allowed, `sometimes` when only one is that carries the condition keys
    of `example` and none of `absent`, and `unknown` when that could not be told, for the reason `why`. `steps` are the
    roles that are assumed first, in order. `statements` are what allows the action itself, and `blocked` are the
    statements that deny ordinary requests.
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


class Report(msgspec.Struct, frozen=True):
    """Everybody who can, and how many principals were asked about."""

    action: str
    resource: str
    asked: int
    found: tuple[Access, ...]


class _Answer(msgspec.Struct, frozen=True):
    how: How
    statements: tuple[Statement, ...] = ()
    blocked: tuple[Statement, ...] = ()
    example: Keys = msgspec.field(default_factory=dict)
    absent: tuple[str, ...] = ()
    why: str = ""


def who_can(
    accounts: Accounts, action: str, resource: str, stated: Keys | None = None, *, chains: bool = True
) -> Report:
    """Return everybody who can do `action` to `resource`; `stated` are condition keys that the request carries.

    Raises NotAQuestion for an action or a resource that cannot be.
    """
    steps = who_can_in_steps(accounts, action, resource, stated, chains=chains)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            report: Report = end.value
            return report


def who_can_in_steps(
    accounts: Accounts, action: str, resource: str, stated: Keys | None = None, *, chains: bool = True
) -> Generator[None, None, Report]:
    """Do the same, with pauses in which others may be answered."""
    if is_pattern(action):
        raise NotAQuestion(f"Who can is asked of one action, such as ec2:CreateVpc, not of {action!r}.")
    check_action(action)
    check_resource(resource)
    inquiry = Inquiry(accounts, action, resource, stated or {})
    asker = _Asker(inquiry)
    everybody = [*accounts.actors]
    if inquiry.resource.policy is not None:
        named = [*outsiders(accounts, [inquiry.resource.policy])]
        everybody += named
        # Where everybody is meant, it is the conditions that say who.
        if any(actor.name == "*" and asker.answer(actor) is None for actor in named):
            names = {actor.name for actor in named}
            apart = told_apart(accounts, [inquiry.resource.policy])
            everybody += [actor for actor in apart if actor.name not in names]
    found: dict[str, Access] = {}
    for number, actor in enumerate(everybody):
        if number % _AT_ONCE == 0:
            yield
        answer = asker.answer(actor)
        if answer is not None:
            found[actor.name] = _access(actor, answer)
    if chains and action.lower() not in NEEDS_NOTHING:
        reached = yield from _through_roles(accounts, everybody, found)
        found.update(reached)
    order = {"always": 0, "sometimes": 1, "unknown": 2}
    return Report(
        action,
        resource,
        len(everybody),
        tuple(sorted(found.values(), key=lambda each: (len(each.steps), order[each.how], each.principal))),
    )


class _Asker:
    """Asks one question for many principals; those that differ in nothing the policies ask for are answered at once."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry = inquiry
        self._answers: dict[Any, _Answer | None] = {}
        self._free = inquiry.action.lower() in NEEDS_NOTHING

    def answer(self, actor: Actor) -> _Answer | None:
        """Return how the actor can, or None when it cannot."""
        if self._free:
            return _Answer("always")
        if actor.principal.kind == "root" and self._inquiry.action.lower() == "sts:assumerole":
            # AWS lets no root user assume a role, whatever policies say (sts.md 3.1).
            return None
        bindings = self._inquiry.bindings(actor)
        question = self._inquiry.question(actor)
        decision = decide(question, bindings)
        plan = bindings.plan(question.action, exempt=question.principal.service_linked)
        if decision.allowed:
            return _Answer(
                "sometimes" if actor.outside else "always", statements_that_allow(question, plan, frozenset())
            )
        known = self._inquiry.known(actor)
        key = what_matters(actor, known, plan)
        if key not in self._answers:
            self._answers[key] = self._searched(actor, question, known, bindings, plan)
        return self._answers[key]

    def _searched(
        self, actor: Actor, ordinary: Question, known: Question, bindings: Bindings, plan: Plan
    ) -> _Answer | None:
        domain_of = self._inquiry.domain_of(actor, known)
        if not may_be_allowed(known, bindings, domain_of).allowed:
            return None
        found = search(known, bindings, domain_of, ordinary.context)
        if isinstance(found, Undecided):
            return _Answer("unknown", why=found.why)
        if not isinstance(found, Possible):
            return None
        needed = least(ordinary, found, bindings)
        question = replace(ordinary, context=_with(ordinary.context, needed, found))
        shown = {key: value for key, value in needed.items() if value is not None}
        return _Answer(
            "sometimes",
            statements_that_allow(question, plan, frozenset(needed)),
            _denying(ordinary, plan),
            shown,
            tuple(key for key, value in needed.items() if value is None),
        )


def least(ordinary: Question, found: Possible, bindings: Bindings) -> dict[str, str | list[str] | None]:
    """Return the condition keys in which an allowed request must differ from an ordinary one; None for absent ones."""
    differing = {
        key: found.question.context.get(key)
        for key in sorted({*found.question.context, *ordinary.context})
        if found.question.context.get(key) != ordinary.context.get(key)
    }
    for key in list(differing):
        # The clock's keys say the same moment.
        together = CLOCK if key in CLOCK else (key,)
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
        actor.name if actor.domains else "",
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


def _access(actor: Actor, answer: _Answer, steps: tuple[Step, ...] = ()) -> Access:
    how: How = answer.how
    if how == "always" and any(step.how != "always" for step in steps):
        how = "sometimes"
    return Access(
        actor.name,
        actor.kind,
        how,
        answer.statements,
        answer.blocked,
        answer.example,
        answer.absent,
        steps,
        actor.outside,
        answer.why,
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


# Chains of roles.


def _through_roles(
    accounts: Accounts, everybody: Sequence[Actor], direct: Mapping[str, Access]
) -> Generator[None, None, dict[str, Access]]:
    """Return the access of those who can assume a role that can, in as few steps as possible.

    Steps that ordinary requests can take are tried before those that take more.
    """
    found: dict[str, Access] = {}
    roles = {actor.name: actor for actor in everybody if actor.trust is not None}
    callers = _Callers([*everybody, *_trusted_from_outside(accounts, everybody)])
    asked = _Assuming(accounts)
    for certain in (True, False):
        frontier = [
            access
            for access in (*direct.values(), *found.values())
            if access.principal in roles
            and access.how != "unknown"
            and (access.how == "always" or not certain)
        ]
        number = 0
        while frontier:
            reached: list[Access] = []
            for behind in frontier:
                role = roles[behind.principal]
                for actor in callers.of(role):
                    number += 1
                    if number % _AT_ONCE == 0:
                        yield
                    known = found.get(actor.name) or direct.get(actor.name)
                    if known is not None and (not certain or "always" in {known.how, *_UNLESS[behind.how]}):
                        continue
                    step = asked.step(actor, role)
                    if step is None or (certain and step.how != "always"):
                        continue
                    made = found[actor.name] = _access_through(actor, step, behind)
                    if actor.name in roles:
                        reached.append(made)
            frontier = reached
    return found


# What somebody who can under conditions gains by a role: nothing, unless the role can without any.
_UNLESS: dict[How, tuple[How, ...]] = {"always": (), "sometimes": ("always",), "unknown": ("always",)}


def _access_through(actor: Actor, step: Step, behind: Access) -> Access:
    answer = _Answer(behind.how, behind.statements, behind.blocked, behind.example, behind.absent)
    return _access(actor, answer, (step, *behind.steps))


class _Assuming:
    """Asks who can assume roles, each role with an asker of its own for each action."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._askers: dict[tuple[str, str], _Asker] = {}

    def step(self, actor: Actor, role: Actor) -> Step | None:
        """Return the step in which an actor assumes a role, or None when it cannot."""
        if actor.name == role.name:
            return None
        for action in _ASSUMING.get(actor.kind, (ASSUME,)):
            asker = self._askers.get((action, role.name))
            if asker is None:
                asker = _Asker(Inquiry(self._accounts, action, role.name, {}))
                self._askers[action, role.name] = asker
            answer = asker.answer(actor)
            if answer is not None and answer.how != "unknown":
                return Step(role.name, action, answer.how, answer.statements, answer.example, answer.absent)
        return None


def _trusted_from_outside(accounts: Accounts, everybody: Sequence[Actor]) -> list[Actor]:
    known = {actor.name for actor in everybody}
    trusts = [actor.trust for actor in everybody if actor.trust is not None]
    return [each for each in outsiders(accounts, trusts) if each.name not in known]


class _Callers:
    """Those who may be able to assume a role, so that not everybody is asked about every role.

    A trust policy that names somebody lets him in by itself; one that names his account leaves it to his own policies,
    which name the role or have a pattern that it may match.
    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        self._by_own_name: dict[tuple[str, str], list[Actor]] = {}
        self._by_role: dict[str, list[Actor]] = {}
        self._by_pattern: list[tuple[Actor, tuple[PlannedStatement, ...]]] = []
        self._all = [actor for actor in actors if actor.principal.kind != "root"]
        for actor in self._all:
            for grant, name in names_of(actor.principal):
                if grant is not PrincipalMatch.ACCOUNT:
                    self._by_own_name.setdefault(name, []).append(actor)
            self._add_by_policies(actor)

    def _add_by_policies(self, actor: Actor) -> None:
        patterns = []
        plan = actor.bindings.plan(ASSUME, exempt=actor.principal.service_linked)
        for entry in plan.identity.entries:
            written = entry[3].written
            resources = written.resources or ()
            if written.not_resource or any(_may_be_wide(each) for each in resources):
                patterns.append(entry)
            else:
                for each in resources:
                    self._by_role.setdefault(each, []).append(actor)
        if patterns:
            self._by_pattern.append((actor, tuple(patterns)))

    def of(self, role: Actor) -> Iterator[Actor]:
        """Yield the actors that may be able to assume a role, each once."""
        assert role.trust is not None, "it is a role"
        names = {
            member
            for statement in role.trust.policy.statements
            if not statement.denies and statement.written.principal is not None
            for member in statement.written.principal.members
        }
        if ("AWS", "*") in names:
            yield from self._all
            return
        seen: set[str] = set()
        named = (actor for name in names for actor in self._by_own_name.get(name, ()))
        patterned = (actor for actor, entries in self._by_pattern if _may_match(actor, entries, role.name))
        for actor in (*named, *self._by_role.get(role.name, ()), *patterned):
            if actor.name not in seen:
                seen.add(actor.name)
                yield actor


_WILD = frozenset("*?$")
_COLONS = 5


def _may_be_wide(resource: str) -> bool:
    """Return whether a resource of a policy may be more than one: a pattern, or an ARN that lacks parts."""
    return not _WILD.isdisjoint(resource) or resource.count(":") < _COLONS


def _may_match(actor: Actor, entries: Sequence[PlannedStatement], role: str) -> bool:
    return any(
        matches is None or statement.resource_keys or matches(role, actor.keys)
        for matches, _holds, _decision, statement in entries
    )
