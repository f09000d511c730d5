"""An explanation for people and for programs: the verdict, what came close, and what would allow it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.decision import Decision, reason
from understudy_aws.policy.engine.policies import NamedPolicy
from understudy_aws.policy.explanation.absent_keys import AbsentKey, absent_key
from understudy_aws.policy.explanation.alternatives import ContextValues, alternative
from understudy_aws.policy.explanation.evaluation import Evaluation, LayerReport, StatementReport, evaluate
from understudy_aws.policy.explanation.remarks import Remark, misspelled, remarks
from understudy_aws.policy.explanation.remedy import NO_NAMES, Names, Remedy, remedies
from understudy_aws.policy.language.json_text import statement_spans
from understudy_aws.policy.language.positions import Span
from understudy_aws.policy.language.question import Question

# How many absent keys are explained, and how many statements are searched for misspelt actions. Policies written by
# people have fewer.
MAX_ABSENT_KEYS = 64
_MAX_SEARCHED = 50


class Explanation(msgspec.Struct, frozen=True):
    """The decision on `question`, every layer's statements, and for a denial the remedies in order.

    `deciding` is the report of the layer that decided. `unchangeable` says why there is no remedy, if there can
    be none. `alternative` are keys that, sent, would do without any. `remarks` are true of the question whatever
    the policies say.
    """

    question: Question
    decision: Decision
    layers: tuple[LayerReport, ...]
    remedies: tuple[Remedy, ...]
    deciding: LayerReport | None = None
    unchangeable: str = ""
    alternative: ContextValues = msgspec.field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    names: Names = NO_NAMES

    @property
    def remedy(self) -> Remedy | None:
        """The first change to make; None when the question was allowed."""
        return self.remedies[0] if self.remedies else None

    @property
    def reason(self) -> str:
        """AWS's clause for the denial, "" for an allow."""
        return reason(self.decision, self.question.action)

    @property
    def statement(self) -> StatementReport | None:
        """The statement that decided; None for an implicit denial and for the root user."""
        if self.deciding is None or self.decision.statement < 0:
            return None
        if self.decision.effect == "explicit-deny":
            return self.deciding.denial
        wanted = (self.decision.policy, self.decision.statement)
        return next(
            each for each in self.deciding.statements if each.applies and (each.policy, each.index) == wanted
        )

    @property
    def position(self) -> Span | None:
        """Where the deciding statement stands in its document."""
        return None if self.statement is None else self.statement.span

    def near_misses(self) -> Iterator[tuple[LayerReport, StatementReport]]:
        """Return the Allow statements, of layers that refuse, whose action matches while something else does not.

        A resource's own policy is short, and whom it names at all is worth knowing.
        """
        for layer in self._in_the_way():
            for statement in layer.statements:
                near = statement.action or layer.layer in ("trust", "resource")
                if statement.effect == "Allow" and near and not statement.applies:
                    yield layer, statement

    def misspellings(self) -> Iterator[tuple[LayerReport, StatementReport, str]]:
        """Allows of layers in the way that name an action which is none, and seem to mean the one asked for."""
        candidates = (
            (layer, statement)
            for layer in self._in_the_way()
            for statement in layer.statements
            if statement.effect == "Allow" and not statement.action
        )
        for layer, statement in islice(candidates, _MAX_SEARCHED):
            written = misspelled(statement.statement.written, self.question.action)
            if written:
                yield layer, statement, written

    def absent_keys(self) -> tuple[AbsentKey, ...]:
        """Return an explanation for each condition key that the deciding layer tests and the request does not carry."""
        spelled: dict[str, str] = {}
        for statement in self.deciding.statements if self.deciding is not None else ():
            for condition in statement.statement.conditions:
                spelled.setdefault(condition.key.lower(), condition.key)
        missing = self.decision.missing_keys[:MAX_ABSENT_KEYS]
        return tuple(absent_key(spelled.get(key, key), self.question) for key in missing)

    def _in_the_way(self) -> Iterator[LayerReport]:
        """Return the layers without an Allow that the remedies add one to."""
        if self.decision.effect != "implicit-deny":
            return
        blocking = {(remedy.layer, remedy.level) for remedy in self.remedies}
        for layer in self.layers:
            if layer is self.deciding or (
                layer.verdict == "implicit-deny" and (layer.layer, layer.level) in blocking
            ):
                yield layer

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "principal": self.question.principal.arn or self.question.principal.service,
            "action": self.question.action,
            "resource": self.question.resource,
            "decision": self._decision_dict(),
            "reason": self.reason,
            "layers": [self._layer_dict(layer) for layer in self.layers],
            "absent_keys": [
                {"key": each.key, "verdict": each.verdict, "text": each.text} for each in self.absent_keys()
            ],
            "remedies": [_remedy_dict(each) for each in self.remedies],
            "unchangeable": self.unchangeable,
            "alternative": self.alternative,
            "remarks": [{"kind": each.kind, "text": each.text} for each in self.remarks],
        }

    def _decision_dict(self) -> dict[str, Any]:
        decision = self.decision
        return {
            "allowed": decision.allowed,
            "effect": decision.effect,
            "layer": decision.layer,
            "policy": decision.policy,
            "statement": decision.statement,
            "sid": decision.sid,
            "position": span_dict(self.position),
            "missing_keys": list(decision.missing_keys),
        }

    def _layer_dict(self, layer: LayerReport) -> dict[str, Any]:
        return {
            "layer": layer.layer,
            "level": layer.level,
            "attached_to": self.names.level(layer.layer, layer.level)
            if layer.layer in ("scp", "rcp")
            else "",
            "verdict": layer.verdict,
            "decides": layer is self.deciding,
            "policies": list(layer.policies),
            "statements": [_statement_dict(each) for each in layer.statements],
        }


def explain(
    question: Question, bindings: Bindings, *, names: Names = NO_NAMES, asked_ahead: bool = True
) -> Explanation:
    """Return why `decide(question, bindings)` says what it says, and what would change it.

    `names` are for people to read. A question that was not `asked_ahead` was put by a service, so that nothing about
    it can be odd.
    """
    evaluation = evaluate(question, bindings)
    found = remedies(question, bindings, evaluation, names)
    unchangeable = next((names.fixed[each.layer] for each in found if each.layer in names.fixed), "")
    return Explanation(
        question,
        evaluation.decision,
        evaluation.layers,
        () if unchangeable else found,
        _deciding(evaluation),
        unchangeable,
        alternative(question, bindings, evaluation),
        remarks(question) if asked_ahead else (),
        names,
    )


def _deciding(evaluation: Evaluation) -> LayerReport | None:
    if evaluation.unmet is not None:
        return evaluation.unmet
    decision = evaluation.decision
    for layer in evaluation.layers:
        if decision.effect == "explicit-deny" and layer.denial is not None:
            return layer
        if decision.effect == "allow" and layer.layer == decision.layer:
            return layer
    return None


def position_of(decision: Decision, bindings: Bindings) -> Span | None:
    """Return where the statement of a decision stands in its document, from its opening brace to after its closing one.

    It is None for a decision no statement made, and where several policies of one name leave it open.
    """
    found = {
        statement_spans(named.policy.text)[decision.statement]
        for named in _policies_of(decision.layer, bindings)
        if named.name == decision.policy and _has_made(named, decision)
    }
    return found.pop() if len(found) == 1 else None


def _has_made(named: NamedPolicy, decision: Decision) -> bool:
    statements = named.policy.statements
    if not 0 <= decision.statement < len(statements):
        return False
    statement = statements[decision.statement]
    return (statement.sid, statement.denies) == (decision.sid, not decision.allowed)


def _policies_of(layer: str, bindings: Bindings) -> Iterator[NamedPolicy]:
    if layer in ("scp", "rcp", "scope"):
        levels = {"scp": bindings.scps, "rcp": bindings.rcps, "scope": bindings.scopes}
        for level in levels[layer]:
            yield from level
    elif layer == "identity":
        yield from bindings.identity
    elif layer == "session":
        yield from bindings.session or ()
    else:
        one = bindings.boundary if layer == "boundary" else bindings.resource
        if one is not None:
            yield one


def span_dict(span: Span | None) -> dict[str, Any] | None:
    """Return a span as JSON has it: lines and columns from 1."""
    if span is None:
        return None
    return {
        "start": {"line": span.start.line, "column": span.start.column},
        "end": {"line": span.end.line, "column": span.end.column},
    }


def _statement_dict(statement: StatementReport) -> dict[str, Any]:
    return {
        "policy": statement.policy,
        "index": statement.index,
        "sid": statement.sid,
        "position": span_dict(statement.span),
        "effect": statement.effect,
        "action": statement.action,
        "resource": statement.resource,
        "principal": statement.principal,
        "applies": statement.applies,
        "missing_keys": list(statement.missing_keys),
        "conditions": [
            {
                "operator": each.operator,
                "key": each.key,
                "expected": list(each.expected),
                "actual": None if each.actual is None else list(each.actual),
                "holds": each.holds,
                "note": each.note,
            }
            for each in statement.conditions
        ],
    }


def _remedy_dict(remedy: Remedy) -> dict[str, Any]:
    return {
        "kind": remedy.kind,
        "layer": remedy.layer,
        "level": remedy.level,
        "where": remedy.where,
        "change": remedy.change,
        "policy": remedy.policy,
        "statement": remedy.statement,
        "index": remedy.index,
        "sid": remedy.sid,
    }
