"""The policies that bind a request, by layer, and the plans that are made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec.structs import force_setattr, replace

from understudy_aws.policy.engine.conditions.condition import Test
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.matching import MatchesPrincipal, MatchesResource, PrincipalMatch
from understudy_aws.policy.engine.policies import CompiledStatement, NamedPolicy
from understudy_aws.policy.engine.rules import (
    assumes_service_linked_role,
    has_boundary_that_counts,
    rcps_govern,
    resource_policy_must_allow,
)
from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.question import Principal

Levels = tuple[tuple[NamedPolicy, ...], ...]

K = TypeVar("K")
V = TypeVar("V")
# Distinct actions a principal's plans are kept for; hostile action names only empty the memo.
MAX_PLANS = 512
# Distinct resource policies one principal's bindings are kept for.
MAX_RESOURCES = 64

# What the evaluation needs of one statement, in the order it needs it.
PlannedStatement = tuple[MatchesResource | None, Test | None, Decision, CompiledStatement]
PlannedPrincipalStatement = tuple[
    MatchesPrincipal, MatchesResource | None, Test | None, Decision, CompiledStatement
]


class Allows(msgspec.Struct, frozen=True):
    """The Allow statements of one layer that match an action, and the implicit denial for when none of them applies.

    `certain` is the decision of the first Allow if it has no further tests. `implicit_denials` holds such denials by
    the keys that were missing, and is shared by all plans. `has_variables` says that a resource of one of the
    statements has variables: such a statement may miss a key even where it is about another resource.
    """

    layer: str
    entries: tuple[PlannedStatement, ...]
    certain: Decision | None
    implicit_denial: Decision
    implicit_denials: dict[tuple[str, ...], Decision]
    has_variables: bool


class Plan(msgspec.Struct, frozen=True):
    """The statements that match one action: all Deny statements, then the Allow statements of each layer.

    A layer that does not bind, or that allows whatever is asked, is None. `plain` says that identity
    policies alone decide what no deny forbids.
    """

    denies: tuple[PlannedStatement, ...]
    resource_denies: tuple[PlannedPrincipalStatement, ...]
    scps: tuple[Allows, ...]
    scopes: tuple[Allows, ...]
    identity: Allows
    boundary: Allows | None
    session: Allows | None
    has_session_policies: bool
    resource_allows: tuple[PlannedPrincipalStatement, ...]
    resource_layer: str
    resource_must_allow: bool
    plain: bool


class Memo(dict[K, V]):
    """What was derived from policies. Two are always equal: bindings are equal if their policies are."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memo)

    def __hash__(self) -> int:  # type: ignore[override]  # a part of bindings, which are hashed by their policies
        return 0

    def __repr__(self) -> str:
        return f"<{len(self)} remembered>"


class Bindings(msgspec.Struct, frozen=True):
    """The policies that bind a principal and a resource.

    `session` is None when no session policy was passed; several are united. `scps` and `rcps` hold one
    tuple per level of the organization, root first. `resource` is the resource's own policy; `trust` says
    that it is a role's trust policy, which must allow explicitly. `scopes` are the scope-down policies of
    a session, one level each: all of them must allow, whatever else does. Build one per principal and keep it as long
    as its policies stay the same: it remembers a plan per action.
    """

    identity: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] | None = None
    scps: Levels = ()
    rcps: Levels = ()
    scopes: Levels = ()
    resource: NamedPolicy | None = None
    trust: bool = False
    plans: Memo[str, Plan] = msgspec.field(default_factory=Memo)
    exempt_plans: Memo[str, Plan] = msgspec.field(default_factory=Memo)
    with_resources: Memo[tuple[NamedPolicy | None, bool], Bindings] = msgspec.field(default_factory=Memo)

    def __post_init__(self) -> None:
        # A copy with other policies has other plans.
        for name in ("plans", "exempt_plans", "with_resources"):
            force_setattr(self, name, Memo())

    def with_resource(self, resource: NamedPolicy | None, *, trust: bool = False) -> Bindings:
        """Return the same bindings for a resource with this policy, remembered with their plans."""
        key = (resource, trust)
        known = self.with_resources.get(key)
        if known is None:
            known = replace(self, resource=resource, trust=trust)
            if len(self.with_resources) >= MAX_RESOURCES:
                self.with_resources.clear()
            self.with_resources[key] = known
        return known

    @property
    def resource_layer(self) -> str:
        """The name of the layer `resource` is."""
        return "trust" if self.trust else "resource"

    def plan(self, action: str, *, exempt: bool) -> Plan:
        """Return the plan for `action`; `exempt` principals (service-linked roles) know no SCP and no RCP."""
        memo = self.exempt_plans if exempt else self.plans
        plan = memo.get(action)
        if plan is None:
            plan = make_plan(self, action, exempt=exempt)
            if len(memo) >= MAX_PLANS:
                memo.clear()
            memo[action] = plan
        return plan


def make_plan(bindings: Bindings, action: str, *, exempt: bool) -> Plan:
    """Return the statements of `bindings` that are about `action`, sorted for the evaluation."""
    scps: Levels = () if exempt else bindings.scps
    rcps = bindings.rcps if rcps_govern(action) and not exempt else ()
    boundary = () if bindings.boundary is None else (bindings.boundary,)
    session = bindings.session or ()
    layers = [("rcp", _flat(rcps)), ("scp", _flat(scps)), ("identity", bindings.identity)]
    layers += [("boundary", boundary), ("session", session), ("scope", _flat(bindings.scopes))]
    denies = [entry for layer, policies in layers for entry in _entries(layer, policies, action, denies=True)]
    levels = [_guard("scp", level, action) for level in scps]
    own = () if bindings.resource is None else (bindings.resource,)
    plan_boundary = None if bindings.boundary is None else _guard("boundary", boundary, action)
    plan_session = None if bindings.session is None else _guard("session", session, action)
    limiting_levels = tuple(level for level in levels if level is not None)
    guards = (_guard("scope", level, action) for level in bindings.scopes)
    scopes = tuple(guard for guard in guards if guard is not None)
    unlimited = not limiting_levels and not scopes and plan_boundary is None and plan_session is None
    return Plan(
        tuple(denies),
        _principal_entries(
            bindings.resource_layer, own, action, denies=True, bounded=bindings.boundary is not None
        ),
        limiting_levels,
        scopes,
        _allows("identity", bindings.identity, action),
        plan_boundary,
        plan_session,
        bindings.session is not None,
        _principal_entries(bindings.resource_layer, own, action, denies=False),
        bindings.resource_layer,
        resource_policy_must_allow(action, trust=bindings.trust, has_resource_policy=bool(own)),
        unlimited and not own and not bindings.trust,
    )


def _flat(levels: Levels) -> tuple[NamedPolicy, ...]:
    return tuple(named for level in levels for named in level)


def _entries(
    layer: str, policies: Iterable[NamedPolicy], action: str, *, denies: bool
) -> tuple[PlannedStatement, ...]:
    return tuple(
        (
            _governed_resource(layer, statement, action),
            statement.holds,
            statement_decision(layer, named.name, statement),
            statement,
        )
        for named in policies
        for statement in named.policy.statements_for(action)
        if statement.denies is denies
    )


def _governed_resource(layer: str, statement: CompiledStatement, action: str) -> MatchesResource | None:
    """Return the statement's resource matcher; an RCP's spares service-linked roles being assumed."""
    matches = statement.matches_resource
    if layer != "rcp" or not action.lower().startswith("sts:"):
        return matches

    def governed(resource: str, context: Context) -> bool:
        if assumes_service_linked_role(action, resource):
            return False
        return matches is None or matches(resource, context)

    return governed


def _principal_entries(
    layer: str, policies: Iterable[NamedPolicy], action: str, *, denies: bool, bounded: bool = False
) -> tuple[PlannedPrincipalStatement, ...]:
    """Return the statements of a resource's own policy.

    `bounded` says that the principal has a permissions boundary.
    """
    return tuple(
        (
            _matches_bounded(statement) if bounded else statement.matches_principal,
            statement.matches_resource,
            statement.holds,
            statement_decision(layer, named.name, statement),
            statement,
        )
        for named in policies
        for statement in named.policy.statements_for(action)
        if statement.denies is denies and statement.matches_principal is not None
    )


def _matches_bounded(statement: CompiledStatement) -> MatchesPrincipal:
    """Return the statement's matcher for a principal with a permissions boundary.

    No NotPrincipal of a Deny spares it.
    """
    matches, element = statement.matches_principal, statement.written.principal
    assert matches is not None, "the statement names principals"
    assert element is not None, "the statement names principals"
    if not (statement.denies and element.inverted):
        return matches

    def matches_bounded(principal: Principal) -> PrincipalMatch:
        if has_boundary_that_counts(principal, bounded=True):
            return PrincipalMatch.DIRECT
        return matches(principal)

    return matches_bounded


def _allows(layer: str, policies: Iterable[NamedPolicy], action: str) -> Allows:
    entries = _until_certain(_entries(layer, policies, action, denies=False))
    has_variables = any(statement.resource_keys for _matches, _holds, _decision, statement in entries)
    first = entries[0] if entries else None
    certain = first[2] if first is not None and first[0] is None and first[1] is None else None
    return Allows(
        layer, entries, certain, implicit_denial(layer, ()), implicit_denials_of(layer), has_variables
    )


def _guard(layer: str, policies: Iterable[NamedPolicy], action: str) -> Allows | None:
    """Return the allows of a layer that may stop a request; None when one of them allows whatever is asked."""
    allows = _allows(layer, policies, action)
    entries = allows.entries
    if entries and entries[-1][0] is None and entries[-1][1] is None:
        return None
    return allows


def _until_certain(entries: tuple[PlannedStatement, ...]) -> tuple[PlannedStatement, ...]:
    """Return the statements up to the first without further tests, because no later one is ever reached."""
    for at, entry in enumerate(entries):
        if entry[0] is None and entry[1] is None:
            return entries[: at + 1]
    return entries


def statement_decision(layer: str, policy: str, statement: CompiledStatement) -> Decision:
    """Return the decision on a question that this statement decides."""
    if statement.denies:
        return Decision(False, "explicit-deny", layer, policy, statement.index, statement.sid)
    return Decision(True, "allow", layer, policy, statement.index, statement.sid)


# Implicit denials already made, by layer and by missing keys; emptied when hostile questions fill them.
_IMPLICIT_DENIALS: dict[str, dict[tuple[str, ...], Decision]] = {}
_MAX_IMPLICIT_DENIALS = 1024


def implicit_denial(layer: str, missing: tuple[str, ...]) -> Decision:
    """Return the implicit denial of a layer, one object for each set of missing keys that keeps coming back."""
    known = implicit_denials_of(layer)
    decision = known.get(missing)
    if decision is None:
        decision = Decision(False, "implicit-deny", layer, missing_keys=missing)
        if len(known) >= _MAX_IMPLICIT_DENIALS:
            known.clear()
        known[missing] = decision
    return decision


def implicit_denials_of(layer: str) -> dict[tuple[str, ...], Decision]:
    """Return the implicit denials of a layer made so far, by missing keys."""
    return _IMPLICIT_DENIALS.setdefault(layer, {})
