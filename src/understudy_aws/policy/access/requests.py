"""Whether a request of some kind may be allowed: a search for its condition keys, and a proof when there are none.

A request is allowed when no Deny applies and every layer that must allow has a statement that does. Which values of the
condition keys make a difference is known (`values`), so that trying them is trying everything. A part of the keys that
cannot lead to an allowed request, whatever the others are, is given up early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.access.agreement import (
    REQUEST_TAG,
    TAG_KEYS,
    conditions_on_tag_keys,
    tags_agree,
)
from understudy_aws.policy.access.domains import CLOCK, Domain, DomainOf
from understudy_aws.policy.access.fillings import fillings
from understudy_aws.policy.access.values import Value, keys_of, second_of, values_to_try
from understudy_aws.policy.engine.bindings import (
    Allows,
    Bindings,
    Plan,
    PlannedPrincipalStatement,
    PlannedStatement,
)
from understudy_aws.policy.engine.conditions.condition import CompiledCondition
from understudy_aws.policy.engine.decide import decide, decide_by_plan
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.policies import CompiledStatement
from understudy_aws.policy.language.context_keys import is_list_key
from understudy_aws.policy.language.question import Question
from understudy_aws.policy.language.variables import template, variable_keys

Keys = Mapping[str, str | list[str]]
# Steps of a search before it is given up.
MOST_STEPS = 4_000

_NO, _MAYBE, _YES = 0, 1, 2
# Why no request is allowed where only some would be whose condition keys contradict each other.
CONTRADICTION = Decision(allowed=False, effect="implicit-deny", layer="request")


class Possible(msgspec.Struct, frozen=True):
    """A request that is allowed: its question with all its condition keys, and the decision.

    `chosen` are the keys that were chosen for it, with their values.
    """

    question: Question
    decision: Decision
    chosen: Keys


class Impossible(msgspec.Struct, frozen=True):
    """No such request is allowed. `decision` says which layer refuses them, as it does the most favourable one."""

    decision: Decision


class Undecided(msgspec.Struct, frozen=True):
    """Neither was found; `why` is a sentence."""

    why: str


Answer = Possible | Impossible | Undecided


def search(question: Question, bindings: Bindings, domain_of: DomainOf, ordinary: Keys) -> Answer:
    """Return an allowed request like `question`, whose context holds the keys that are known, or that there is none.

    `domain_of` answers what a request may carry under each other key. `ordinary` are values to try first.
    """
    return _Search(question, bindings, domain_of, ordinary).answer()


def may_be_allowed(question: Question, bindings: Bindings, domain_of: DomainOf) -> Decision:
    """Return the most favourable decision: every condition on a key that is not known is taken to be as it needs to be.

    It is wrong only in the one direction: a request of this kind that is allowed is never called refused.
    """
    plan = _plan(question, bindings)
    known = _Known(question.context, _free_keys(plan, domain_of))
    return decide_by_plan(question, _optimistic(plan, question, known))


class _Known(msgspec.Struct):
    """A context of which some keys are not known yet."""

    context: Keys
    unknown: frozenset[str]

    def holds(self, statement: CompiledStatement) -> int:
        """Return whether the statement's conditions hold."""
        answer = _YES
        for condition in statement.conditions:
            if not self.unknown.isdisjoint(condition.keys):
                answer = _MAYBE
            elif not condition.test(self.context):
                return _NO
        return answer


class _Search:
    """One search. `steps` counts how often a part of the keys was judged."""

    def __init__(self, question: Question, bindings: Bindings, domain_of: DomainOf, ordinary: Keys) -> None:
        self._question = question
        self._bindings = bindings
        self._plan = _plan(question, bindings)
        self._domains = _domains(_free_keys(self._plan, domain_of), domain_of)
        self._domain_of = domain_of
        tags = (key for key in question.context if key.startswith(REQUEST_TAG))
        self._asked = frozenset({*self._domains, *tags})
        # Keys that no such request carries are known too.
        self._absent: Keys = {key: [] for key, domain in self._domains.items() if domain.values == ()}
        self._ordinary = ordinary
        self._steps = 0
        self._undecided = ""

    def answer(self) -> Answer:
        best = self._judge(self._question.context, frozenset(self._all_keys()))
        if not best.allowed:
            return Impossible(best)
        exact: list[tuple[str, list[Value]]] = []
        inexact: list[tuple[str, list[Value]]] = []
        for key in self._domains:
            tried, complete = self._values(key, self._question.context)
            (exact if complete else inexact).append((key, tried))
        exact.sort(key=lambda each: len(each[1]))
        # Once the keys are known that variables ask for, what they are compared with is told exactly.
        variables = {key for each in _statements(self._plan) for c in each.conditions for key in c.keys[1:]}
        inexact.sort(key=lambda each: each[0] not in variables)
        found = self._try(self._question.context, {}, [*exact, *inexact], frozenset(k for k, _ in inexact))
        if found is not None:
            return found
        if self._undecided:
            return Undecided(self._undecided)
        return Impossible(self._refusal or best)

    _refusal: Decision | None = None

    def _all_keys(self) -> Iterator[str]:
        for key in self._domains:
            yield from (CLOCK if key in CLOCK else (key,))

    def _conditions_on(self, key: str) -> list[CompiledCondition]:
        names = CLOCK if key in CLOCK else (key,)
        found = [
            condition
            for statement in _statements(self._plan)
            for condition in statement.conditions
            if any(name in condition.keys for name in names)
        ]
        if key == TAG_KEYS:
            found += conditions_on_tag_keys(self._asked)
        return list({id(each): each for each in found}.values())

    def _values(self, key: str, context: Keys) -> tuple[list[Value], bool]:
        """Return the values of a key to try where `context` is known, and whether they are all."""
        domain = self._domains[key]
        values = values_to_try(key, self._conditions_on(key), domain, {**context, **self._absent})
        named, is_named = self._named_by_resource(key, context)
        tried = _ordinary_first(key, (*named, *values.tried), self._ordinary, domain)
        return tried, values.complete and (not is_named or domain.values is not None)

    def _named_by_resource(self, key: str, context: Keys) -> tuple[list[str], bool]:
        """Return the values with which a pattern that has the key as a variable is likely to match the resource.

        Also answer whether there is such a pattern.
        """
        found: list[str] = []
        is_named = False
        # Variables of list keys never have a value.
        for name in () if is_list_key(key) else CLOCK if key in CLOCK else (key,):
            for statement in _statements(self._plan):
                if name not in statement.resource_keys:
                    continue
                is_named = True
                found.append("")
                for pattern in statement.written.resources or ():
                    tokens = template(pattern, variables=True, wildcards=True)
                    if name in variable_keys(tokens):
                        found += fillings(tokens, name, context, [self._question.resource])[0]
        if key in CLOCK:
            found = [second for text in found if (second := second_of(text)) is not None]
        return [text for text in dict.fromkeys(found) if self._domains[key].has(text)], is_named

    def _may_also_carry(self, given: Keys, key: str, chosen: Keys) -> bool:
        """Return whether what goes with a key is what a request may carry, and what has been chosen for it."""
        for other, value in given.items():
            if chosen.get(other, value) != value:
                return False
            if other == key or key in CLOCK:
                continue
            domain = self._domain_of(other)
            if domain is None:
                if self._question.context.get(other) != value:
                    return False
            elif not (isinstance(value, str) and domain.has(value)):
                return False
        return True

    def _judge(self, context: Keys, unknown: frozenset[str]) -> Decision:
        self._steps += 1
        question = replace(self._question, context=context)
        return decide_by_plan(question, _optimistic(self._plan, question, _Known(context, unknown)))

    def _try(
        self,
        context: Keys,
        chosen: Keys,
        left: Sequence[tuple[str, Sequence[Value]]],
        inexact: frozenset[str],
    ) -> Possible | None:
        if self._steps > MOST_STEPS:
            self._undecided = f"there are more than {MOST_STEPS:,} combinations of condition keys to try"
            return None
        if not left:
            return self._decided(context, chosen)
        unknown = frozenset(name for key, _ in left for name in (CLOCK if key in CLOCK else (key,)))
        if chosen or self._steps > 1:
            judged = self._judge(context, unknown)
            if not judged.allowed:
                self._refusal = judged
                return None
        (key, values), *rest = left
        if key in inexact and not self._undecided:
            self._undecided = f"not all values of {key} that conditions may tell apart could be tried"
        for given in self._choices(key, values, context, chosen, exact=key not in inexact):
            found = self._try({**context, **given}, {**chosen, **given}, rest, inexact)
            if found is not None:
                return found
        return None

    def _choices(
        self, key: str, values: Sequence[Value], context: Keys, chosen: Keys, *, exact: bool
    ) -> Iterator[Keys]:
        """Yield the parts of a context that give a key its values, those that agree with what has been chosen."""
        if not exact:
            # Other keys have been chosen since, which variables may ask for.
            values = self._values(key, context)[0]
        for value in values:
            given = keys_of(key, value)
            if self._may_also_carry(given, key, chosen):
                yield given
            else:
                self._refusal = self._refusal or CONTRADICTION

    def _decided(self, context: Keys, chosen: Keys) -> Possible | None:
        if not tags_agree(context, self._asked):
            self._refusal = self._refusal or CONTRADICTION
            return None
        question = replace(self._question, context=context)
        decision = decide(question, self._bindings)
        if decision.allowed:
            return Possible(question, decision, chosen)
        self._refusal = decision
        return None


def _ordinary_first(key: str, values: Sequence[Value], ordinary: Keys, domain: Domain) -> list[Value]:
    """Return the values with the ordinary one first, where that is one that the key may have."""
    usual = ordinary.get("aws:epochtime" if key in CLOCK else key)
    if usual is None or (domain.values is not None and usual not in domain.values):
        return list(values)
    return [usual, *(each for each in values if each != usual)]


def _domains(keys: frozenset[str], domain_of: DomainOf) -> dict[str, Domain]:
    """Return the domains of keys, the clock's two as one."""
    found: dict[str, Domain] = {}
    for key in sorted(keys):
        name = CLOCK[0] if key in CLOCK else key
        domain = domain_of(name)
        if domain is not None:
            found[name] = domain
    return found


def _plan(question: Question, bindings: Bindings) -> Plan:
    return bindings.plan(question.action, exempt=question.principal.service_linked)


def _layers(plan: Plan) -> Iterator[Allows]:
    for layer in (*plan.scps, *plan.scopes, plan.identity, plan.boundary, plan.session):
        if layer is not None:
            yield layer


def _statements(plan: Plan) -> Iterator[CompiledStatement]:
    for entry in plan.denies:
        yield entry[3]
    for layer in _layers(plan):
        for entry in layer.entries:
            yield entry[3]
    for resource_entry in (*plan.resource_denies, *plan.resource_allows):
        yield resource_entry[4]


def _free_keys(plan: Plan, domain_of: DomainOf) -> frozenset[str]:
    """Return the keys that a plan's statements ask for and that are not known."""
    asked = {key for statement in _statements(plan) for key in statement.keys}
    free = {key for key in asked if domain_of(key) is not None}
    return frozenset(free | set(CLOCK)) if free & set(CLOCK) else frozenset(free)


def _optimistic(plan: Plan, question: Question, known: _Known) -> Plan:
    """Return the plan of what applies for sure among Denies, and may apply among Allows."""
    resource, context, unknown = question.resource, known.context, known.unknown

    def applies(matches: Callable[[str, Keys], bool] | None, statement: CompiledStatement) -> int:
        if matches is None:
            return known.holds(statement)
        if unknown.isdisjoint(statement.resource_keys):
            return known.holds(statement) if matches(resource, context) else _NO
        return min(_MAYBE, known.holds(statement))

    def kept(entries: Sequence[PlannedStatement], least: int) -> tuple[PlannedStatement, ...]:
        return tuple(
            (None, None, decision, statement)
            for matches, _holds, decision, statement in entries
            if applies(matches, statement) >= least
        )

    def named(
        entries: Sequence[PlannedPrincipalStatement], least: int
    ) -> tuple[PlannedPrincipalStatement, ...]:
        return tuple(
            (names, None, None, decision, statement)
            for names, matches, _holds, decision, statement in entries
            if applies(matches, statement) >= least
        )

    def layer(allows: Allows) -> Allows:
        return replace(allows, entries=kept(allows.entries, _MAYBE), certain=None, has_variables=False)

    return replace(
        plan,
        denies=kept(plan.denies, _YES),
        resource_denies=named(plan.resource_denies, _YES),
        scps=tuple(map(layer, plan.scps)),
        scopes=tuple(map(layer, plan.scopes)),
        identity=layer(plan.identity),
        boundary=None if plan.boundary is None else layer(plan.boundary),
        session=None if plan.session is None else layer(plan.session),
        resource_allows=named(plan.resource_allows, _MAYBE),
        plain=False,
    )
