"""An explanation for people and for programs: the verdict, what came close, and what would allow it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from understudy.policy.bindings import Bindings
from understudy.policy.decision import Decision, reason
from understudy.policy.explain import ConditionReport, LayerReport, StatementReport, evaluate
from understudy.policy.question import Question
from understudy.policy.remedy import Remedy, remedies

# A person reads the nearest misses; the rest is in `to_dict`.
MAX_NEAR_MISSES = 8


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision on `question`, every layer's statements, and for a denial the remedies in order."""

    question: Question
    decision: Decision
    layers: tuple[LayerReport, ...]
    remedies: tuple[Remedy, ...]

    @property
    def remedy(self) -> Remedy | None:
        """The first change to make; None when the question was allowed."""
        return self.remedies[0] if self.remedies else None

    @property
    def reason(self) -> str:
        """AWS's clause for the denial, "" for an allow."""
        return reason(self.decision, self.question.action)

    def near_misses(self) -> Iterator[tuple[LayerReport, StatementReport]]:
        """Allows of layers in the way whose action matched while something else did not."""
        for layer in self.layers:
            if layer.verdict != "silent":
                continue
            for statement in layer.statements:
                if statement.effect == "Allow" and statement.action and not statement.applies:
                    yield layer, statement

    def to_dict(self) -> dict[str, object]:
        """Everything, as JSON has it."""
        return {
            "principal": self.question.principal.arn or self.question.principal.service,
            "action": self.question.action,
            "resource": self.question.resource,
            "decision": _decision_dict(self.decision),
            "reason": self.reason,
            "layers": [_layer_dict(layer) for layer in self.layers],
            "remedies": [_remedy_dict(each) for each in self.remedies],
        }


def explain(question: Question, bindings: Bindings) -> Explanation:
    """Why `decide(question, bindings)` says what it says, and what would change it."""
    evaluation = evaluate(question, bindings)
    found = remedies(question, bindings, evaluation)
    return Explanation(question, evaluation.decision, evaluation.layers, found)


def render(explanation: Explanation) -> str:
    """The explanation as a few lines of text, the most useful first."""
    question, decision = explanation.question, explanation.decision
    principal = question.principal
    who = principal.arn or principal.service or principal.kind
    verdict = "ALLOWED" if decision.allowed else "DENIED"
    lines = [f"{verdict}  {question.action} on {question.resource}", f"         for {who}"]
    lines.append(_because(explanation))
    if decision.missing_keys:
        lines.append(f"The request does not carry: {', '.join(decision.missing_keys)}")
    if not decision.allowed:
        lines += _near_miss_lines(explanation)
        for number, remedy in enumerate(explanation.remedies, start=1):
            lines += ["", *_remedy_lines(remedy, number, len(explanation.remedies))]
    return "\n".join(lines)


def _because(explanation: Explanation) -> str:
    decision = explanation.decision
    if decision.layer == "root":
        return "The root user may do whatever nothing denies."
    if decision.effect == "implicit-deny":
        return _sentence(explanation.reason)
    said = f"{decision.layer} policy {decision.policy or '(unnamed)'}, statement {decision.statement}"
    said += f' "{decision.sid}"' if decision.sid else ""
    return f"Allowed by {said}." if decision.allowed else f"{_sentence(explanation.reason)} ({said})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _near_miss_lines(explanation: Explanation) -> list[str]:
    lines: list[str] = []
    for number, (layer, statement) in enumerate(explanation.near_misses()):
        if number == MAX_NEAR_MISSES:
            lines.append("  and others.")
            break
        if not lines:
            lines += ["", "Came close:"]
        sid = f' "{statement.sid}"' if statement.sid else ""
        lines.append(f"  {layer.layer} policy {statement.policy}, statement {statement.index}{sid}:")
        lines += [f"    {line}" for line in _mismatches(statement, explanation.question)]
    return lines


def _mismatches(statement: StatementReport, question: Question) -> list[str]:
    lines: list[str] = []
    if not statement.resource:
        lines.append(f"its resources do not include {question.resource}")
    if not statement.principal:
        lines.append("its principals do not include you")
    lines += [_condition_line(each) for each in statement.conditions if not each.holds]
    return lines


def _condition_line(report: ConditionReport) -> str:
    wanted = " or ".join(f'"{value}"' for value in report.expected) or "nothing"
    actual = "is not in the request"
    if report.actual is not None:
        actual = f"is {', '.join(map(_quoted, report.actual))}"
    note = f" ({report.note})" if report.note else ""
    return f"{report.operator} {report.key}: wants {wanted}; it {actual}{note}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _remedy_lines(remedy: Remedy, number: int, count: int) -> list[str]:
    order = "To allow it" if number == 1 else "and then"
    if count > 1 and number == 1:
        order = f"To allow it takes {count} changes: first"
    if remedy.kind == "lift":
        sid = f' "{remedy.sid}"' if remedy.sid else ""
        statement = f"statement {remedy.index}{sid} of {remedy.policy}"
        return [f"{order}, lift or narrow {statement} in {remedy.where}."]
    document = json.dumps(remedy.statement, indent=2)
    return [f"{order}, add to {remedy.where}:", *(f"  {line}" for line in document.splitlines())]


def _decision_dict(decision: Decision) -> dict[str, object]:
    return {
        "allowed": decision.allowed,
        "effect": decision.effect,
        "layer": decision.layer,
        "policy": decision.policy,
        "statement": decision.statement,
        "sid": decision.sid,
        "missing_keys": list(decision.missing_keys),
    }


def _layer_dict(layer: LayerReport) -> dict[str, object]:
    return {
        "layer": layer.layer,
        "level": layer.level,
        "verdict": layer.verdict,
        "statements": [_statement_dict(each) for each in layer.statements],
    }


def _statement_dict(statement: StatementReport) -> dict[str, object]:
    return {
        "policy": statement.policy,
        "index": statement.index,
        "sid": statement.sid,
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


def _remedy_dict(remedy: Remedy) -> dict[str, object]:
    return {
        "kind": remedy.kind,
        "layer": remedy.layer,
        "level": remedy.level,
        "where": remedy.where,
        "policy": remedy.policy,
        "statement": remedy.statement,
        "index": remedy.index,
        "sid": remedy.sid,
    }
