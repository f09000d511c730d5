"""A second interpreter, which evaluates every statement of every layer and keeps the reasons.

It evaluates every statement of every layer, keeps what it saw, and combines the layers by its own reading of
the evaluation order (policies.md 4.8), so that `explain(...).decision == decide(...)` is worth testing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.conditions.condition import CompiledCondition, spelling
from understudy_aws.policy.engine.decision import Decision
from understudy_aws.policy.engine.matching import PrincipalMatch
from understudy_aws.policy.engine.policies import CompiledPolicy, CompiledStatement, NamedPolicy
from understudy_aws.policy.engine.rules import (
    assumes_service_linked_role,
    has_boundary_that_counts,
    missing_keys,
    rcps_govern,
    resource_policy_must_allow,
)
from understudy_aws.policy.language.context_keys import Context, is_absent, is_ambiguous, is_list_key
from understudy_aws.policy.language.json_text import statement_spans
from understudy_aws.policy.language.patterns import lower_ascii
from understudy_aws.policy.language.positions import Span, has_lines
from understudy_aws.policy.language.question import Question


class ConditionReport(msgspec.Struct, frozen=True):
    """One condition with both its sides. `actual` is None when the request does not carry the key."""

    operator: str
    key: str
    expected: tuple[str, ...]
    actual: tuple[str, ...] | None
    holds: bool
    note: str


class StatementReport(msgspec.Struct, frozen=True):
    """What one statement had to say: each part that matched or did not. `source` is the policy it stands in."""

    policy: str
    index: int
    sid: str
    effect: str
    action: bool
    resource: bool
    principal_match: PrincipalMatch | None
    conditions: tuple[ConditionReport, ...]
    missing_keys: tuple[str, ...]
    compiled: CompiledPolicy

    @property
    def statement(self) -> CompiledStatement:
        """The statement itself."""
        return self.compiled.statements[self.index]

    @property
    def span(self) -> Span:
        """From the statement's opening brace to just after its closing one, read off the text when asked."""
        return statement_spans(self.compiled.text)[self.index]

    @property
    def has_lines(self) -> bool:
        """Whether the document has lines, so that a place in it can be looked up."""
        return has_lines(self.compiled.text)

    @property
    def principal(self) -> bool:
        """Whether the statement matches this principal. One without Principal matches whoever has the policy."""
        return self.principal_match is None or self.principal_match > PrincipalMatch.NONE

    @property
    def applies(self) -> bool:
        """Whether everything matches."""
        fits = self.action and self.resource and self.principal
        return fits and all(condition.holds for condition in self.conditions)


class LayerReport(msgspec.Struct, frozen=True):
    """One layer, or one level of it, with its `policies` by name.

    A layer that does not `bind` this principal was not counted.
    """

    layer: str
    level: int
    binds: bool
    statements: tuple[StatementReport, ...]
    policies: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`deny`, `allow`, `implicit-deny`, or `exempt` when the layer does not bind."""
        if not self.binds:
            return "exempt"
        if self.denial is not None:
            return "deny"
        return "allow" if self.allowance is not None else "implicit-deny"

    @property
    def denial(self) -> StatementReport | None:
        """The first statement that denies."""
        return self._first("Deny") if self.binds else None

    @property
    def allowance(self) -> StatementReport | None:
        """The first statement that allows."""
        return self._first("Allow")

    def _first(self, effect: str) -> StatementReport | None:
        return next((each for each in self.statements if each.effect == effect and each.applies), None)


class Evaluation(msgspec.Struct, frozen=True):
    """Every layer's report and the decision they add up to."""

    question: Question
    decision: Decision
    layers: tuple[LayerReport, ...]
    unmet: LayerReport | None


def evaluate(question: Question, bindings: Bindings) -> Evaluation:
    """Return the decision and everything that was looked at on the way."""
    layers = _layers(question, bindings)
    decision, unmet = _conclude(question, bindings, layers)
    return Evaluation(question, decision, layers, unmet)


def _layers(question: Question, bindings: Bindings) -> tuple[LayerReport, ...]:
    """Return the layers in the order in which an explicit denial is sought."""
    principal = question.principal
    governed = (
        rcps_govern(question.action)
        and not principal.service_linked
        and not assumes_service_linked_role(question.action, question.resource)
    )
    limited = not principal.service_linked
    reports = [
        _layer_report("rcp", level, policies, question, binds=governed)
        for level, policies in enumerate(bindings.rcps)
    ]
    reports += [
        _layer_report("scp", level, policies, question, binds=limited)
        for level, policies in enumerate(bindings.scps)
    ]
    reports.append(_layer_report("identity", 0, bindings.identity, question))
    if bindings.boundary is not None:
        reports.append(_layer_report("boundary", 0, (bindings.boundary,), question))
    if bindings.session is not None:
        reports.append(_layer_report("session", 0, bindings.session, question))
    reports += [
        _layer_report("scope", level, policies, question) for level, policies in enumerate(bindings.scopes)
    ]
    if bindings.resource is not None or bindings.trust:
        own = () if bindings.resource is None else (bindings.resource,)
        bounded = bindings.boundary is not None
        reports.append(_layer_report(bindings.resource_layer, 0, own, question, bounded=bounded))
    return tuple(reports)


def _layer_report(
    layer: str,
    level: int,
    policies: Iterable[NamedPolicy],
    question: Question,
    *,
    binds: bool = True,
    bounded: bool = False,
) -> LayerReport:
    by_resource = layer in ("resource", "trust")
    counted = tuple(policies)
    statements = tuple(
        _statement_report(named, statement, question, by_resource=by_resource, bounded=bounded)
        for named in counted
        for statement in named.policy.statements
    )
    return LayerReport(layer, level, binds, statements, tuple(named.name for named in counted))


def _statement_report(
    named: NamedPolicy, statement: CompiledStatement, question: Question, *, by_resource: bool, bounded: bool
) -> StatementReport:
    names, matches = statement.matches_principal, statement.matches_resource
    fits = matches is None or matches(question.resource, question.context)
    principal_match = None
    if by_resource and names is not None:
        principal_match = names(question.principal)
        element = statement.written.principal
        spares = statement.denies and element is not None and element.inverted
        if spares and has_boundary_that_counts(question.principal, bounded=bounded):
            principal_match = PrincipalMatch.DIRECT
    return StatementReport(
        named.name,
        statement.index,
        statement.sid,
        "Deny" if statement.denies else "Allow",
        statement.matches_action(lower_ascii(question.action)),
        fits,
        principal_match,
        tuple(
            _condition_report(each, question.context, denies=statement.denies)
            for each in statement.conditions
        ),
        missing_keys(statement, question.context, resource_matches=fits),
        named.policy,
    )


def _condition_report(condition: CompiledCondition, context: Context, *, denies: bool) -> ConditionReport:
    key = condition.key.lower()
    value = context.get(key)
    actual: tuple[str, ...] | None = None
    if value is not None and not is_absent(key, context):
        actual = (value,) if isinstance(value, str) else tuple(value)
    return ConditionReport(
        condition.operator,
        condition.key,
        condition.values,
        actual,
        condition.test(context),
        _note(condition, context, actual, denies=denies),
    )


def _note(
    condition: CompiledCondition, context: Context, actual: tuple[str, ...] | None, *, denies: bool
) -> str:
    """Return what a person would otherwise have to look up about this condition."""
    if condition.broken:
        return "a value of the policy cannot be read by this operator"
    ambiguous = [key for key in condition.keys if is_ambiguous(key, context)]
    if ambiguous:
        name = ambiguous[0].partition("/")[2]
        counted = "a Deny counts it as met" if denies else "an Allow counts it as not met"
        return f'there are several tags "{name}" in different letter case, so nothing can be said: {counted}'
    spelled = spelling(condition.operator)
    assert spelled is not None, "an unknown operator does not compile"
    is_list = is_list_key(condition.key.lower()) or isinstance(context.get(condition.key.lower()), list)
    if actual is not None and is_list and not spelled.quantifier and not spelled.is_null:
        return "this key holds a list: only ForAnyValue: or ForAllValues: can match it"
    filled = [f"${{{key}}} is {_shown(context.get(key))}" for key in condition.keys[1:]]
    return ", ".join(filled)


def _shown(value: str | list[str] | None) -> str:
    if isinstance(value, list):
        return "a list and cannot be used as a variable"
    return "absent" if value is None else f'"{value}"'


def _conclude(
    question: Question, bindings: Bindings, layers: tuple[LayerReport, ...]
) -> tuple[Decision, LayerReport | None]:
    """Return the decision, and of an implicit denial the layer in which no statement allows."""
    for layer in layers:
        if layer.denial is not None:
            return _by_statement(layer, layer.denial), None
    by_name = {layer.layer: layer for layer in layers if layer.layer not in ("scp", "rcp", "scope")}
    own = by_name.get(bindings.resource_layer)
    principal_match, granting = _strongest(own)
    needs = _needs(question, bindings, principal_match)
    for name in needs:
        unmet = _unmet_layer(name, layers, granting, own, bindings)
        if unmet is not None:
            return _by_implicit_denial(unmet), unmet
    if granting is not None and own is not None and _resource_decides(question, bindings, principal_match):
        return _by_statement(own, granting), None
    if question.principal.kind == "root":
        return Decision(True, "allow", "root"), None
    identity = by_name["identity"].allowance
    assert identity is not None, "without a grant, identity policies were needed"
    return _by_statement(by_name["identity"], identity), None


def _needs(question: Question, bindings: Bindings, principal_match: PrincipalMatch) -> tuple[str, ...]:
    """Return the layers that must allow this question, in the order in which the first that does not is named."""
    principal = question.principal
    if principal.is_outside_iam:
        return ("grant",)
    # Whatever allows a request besides.
    every = ("scp", "scope")
    limits = ("boundary", "session")
    must = resource_policy_must_allow(
        question.action, trust=bindings.trust, has_resource_policy=bindings.resource is not None
    )
    if principal.kind == "root":
        return (*every, "grant", *limits) if must or question.is_cross_account else (*every, *limits)
    if principal.kind == "federated" and bindings.session is None:
        limits = ("boundary", "passed-session")
    if question.is_cross_account:
        return (*every, "identity", *limits, "grant")
    if principal_match is PrincipalMatch.DIRECT:
        return every
    if principal_match is PrincipalMatch.ROLE:
        return (*every, *limits)
    return (*every, "grant", "identity", *limits) if must else (*every, "identity", *limits)


def _unmet_layer(
    need: str,
    layers: tuple[LayerReport, ...],
    granting: StatementReport | None,
    own: LayerReport | None,
    bindings: Bindings,
) -> LayerReport | None:
    """Return the report of the layer that does not meet `need`, or None when the need is met."""
    if need == "grant":
        return None if granting is not None else own or LayerReport(bindings.resource_layer, 0, True, ())
    if need == "passed-session":
        return LayerReport("session", 0, True, ())
    for layer in layers:
        if layer.layer == need and layer.binds and layer.allowance is None:
            return layer
    return None


def _resource_decides(question: Question, bindings: Bindings, principal_match: PrincipalMatch) -> bool:
    """Return whether an allowed question is answered in the name of the resource's own policy."""
    if question.principal.kind == "root" or question.principal.is_outside_iam or question.is_cross_account:
        return True
    return principal_match > PrincipalMatch.ACCOUNT or resource_policy_must_allow(
        question.action, trust=bindings.trust, has_resource_policy=bindings.resource is not None
    )


def _strongest(own: LayerReport | None) -> tuple[PrincipalMatch, StatementReport | None]:
    best, granting = PrincipalMatch.NONE, None
    for statement in own.statements if own is not None else ():
        principal_match = statement.principal_match or PrincipalMatch.NONE
        if statement.effect == "Allow" and statement.applies and principal_match > best:
            best, granting = principal_match, statement
    return best, granting


def _by_statement(layer: LayerReport, statement: StatementReport) -> Decision:
    decision = Decision(
        True, "allow", layer.layer, statement.policy, statement.index, statement.sid
    )  # fmt: skip
    if statement.effect == "Allow":
        return decision
    return replace(decision, allowed=False, effect="explicit-deny", missing_keys=statement.missing_keys)


def _by_implicit_denial(layer: LayerReport) -> Decision:
    missing = [
        key
        for statement in layer.statements
        if statement.effect == "Allow" and statement.action and statement.principal
        for key in statement.missing_keys
    ]
    return Decision(False, "implicit-deny", layer.layer, missing_keys=tuple(dict.fromkeys(missing)))
