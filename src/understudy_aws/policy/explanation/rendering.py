"""An explanation as lines of text for a terminal."""

from __future__ import annotations

import json

from understudy_aws.core.printable import printable
from understudy_aws.data import service_catalogue
from understudy_aws.policy.engine.conditions.condition import spelling
from understudy_aws.policy.explanation.alternatives import ANY_VALUE
from understudy_aws.policy.explanation.evaluation import ConditionReport, LayerReport, StatementReport
from understudy_aws.policy.explanation.explanation import Explanation
from understudy_aws.policy.explanation.remedy import MAX_REMEDIES, Remedy, statement_called
from understudy_aws.policy.language.context_keys import is_ambiguous
from understudy_aws.policy.language.document import PrincipalElement
from understudy_aws.policy.language.question import Question

# A person reads the nearest misses; the rest is in `to_dict`.
MAX_NEAR_MISSES = 8
# Principals, patterns or values listed in one line.
_MOST_LISTED = 6

# What people call the layers.
LAYERS = {
    "identity": "identity policies",
    "boundary": "permissions boundary",
    "session": "session policies",
    "scope": "scope-down policies",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "scp": "service control policies",
    "rcp": "resource control policies",
    "endpoint": "VPC endpoint policy",
}


def render(explanation: Explanation) -> str:
    """Return the explanation as lines of text, the most useful first. Lines are as long as they are."""
    question, decision = explanation.question, explanation.decision
    principal = question.principal
    who = principal.arn or principal.service or principal.kind
    verdict = "ALLOWED" if decision.allowed else "DENIED"
    indent = " " * (len(verdict) + 2)
    lines = [f"{verdict}  {question.action} on {question.resource}", f"{indent}for {who}"]
    lines += _because(explanation)
    lines += [remark.text for remark in explanation.remarks]
    if decision.allowed:
        return _joined(lines)
    lines += _section(_title_of_layers(question), _layer_lines(explanation))
    lines += _section("The request does not carry:", _absent_lines(explanation))
    lines += _section("Came close:", _near_miss_lines(explanation))
    lines += _section(
        "As the policies are, the request is allowed when it carries:", _alternative_lines(explanation)
    )
    if explanation.unchangeable:
        lines += ["", explanation.unchangeable]
    for number, remedy in enumerate(explanation.remedies, start=1):
        lines += ["", *_remedy_lines(remedy, number, explanation)]
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    """Join lines. A line break that a caller sent is spelled out, so that it makes no line of its own."""
    return "\n".join(map(printable, lines))


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _because(explanation: Explanation) -> list[str]:
    decision = explanation.decision
    if decision.layer == "root":
        return ["The root user may do whatever nothing denies."]
    if decision.effect == "implicit-deny":
        return [_sentence(explanation.reason)]
    statement = explanation.statement
    assert statement is not None, "a statement decided"
    if decision.allowed:
        return [f"Allowed by {one_of(decision.layer)} {_statement_of(explanation, statement)}"]
    lines = [_sentence(explanation.reason), f"It is {_statement_of(explanation, statement)}"]
    held = [f"  {_condition_line(each)}" for each in statement.conditions]
    return [*lines, *(["It applies because:", *held] if held else [])]


def one_of(layer: str) -> str:
    """Return what one policy of a layer is called."""
    return LAYERS[layer].replace("policies", "policy")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _named(explanation: Explanation, policy: str) -> str:
    return explanation.names.policy(policy)


def _statement_of(explanation: Explanation, report: StatementReport) -> str:
    """Return the policy and the statement; a resource's own policy needs no name but the resource's."""
    if report.policy == explanation.question.resource:
        return statement_called(report)
    return f"{_named(explanation, report.policy)}, {statement_called(report)}"


def _title_of_layers(question: Question) -> str:
    if question.is_cross_account and not question.principal.is_outside_iam:
        owner, own = question.resource_account, question.principal.account
        return f"What the policies say, of account {own} and of account {owner}, both of which must allow it:"
    return "What the policies say:"


def _layer_lines(explanation: Explanation) -> list[str]:
    """Return one line per layer, the one that decided marked."""
    principal = explanation.question.principal
    has_identity = not principal.is_outside_iam and principal.kind != "root"
    layers = [layer for layer in explanation.layers if layer.layer != "identity" or has_identity]
    labels = [_label(explanation, layer) for layer in layers]
    width = max(map(len, labels), default=0)
    return [
        f"{'>' if layer is explanation.deciding else ' '} {label.ljust(width)}  {_says(explanation, layer)}"
        for label, layer in zip(labels, layers, strict=True)
    ]


def _label(explanation: Explanation, layer: LayerReport) -> str:
    if layer.layer in ("scp", "rcp"):
        # Without the id or remark behind it, which the remedy has.
        level = explanation.names.level(layer.layer, layer.level)
        return f"{layer.layer.upper()}s, {level.rpartition(' (')[0] or level}"
    if layer.layer == "scope":
        return f"{one_of(layer.layer)} {layer.level + 1}"
    return LAYERS[layer.layer]


def _says(explanation: Explanation, layer: LayerReport) -> str:
    """Return the result of a layer in a few words."""
    if not layer.binds:
        return "do not bind this request"
    if layer.denial is not None:
        return f"DENIED by {_statement_of(explanation, layer.denial)}"
    if layer.allowance is not None:
        return f"allowed by {_statement_of(explanation, layer.allowance)}"
    if layer.layer == "rcp" or not layer.policies:
        return "nothing denied" if layer.policies else "none attached"
    return f"not allowed: {_implicit_denial(explanation, layer)}"


def _implicit_denial(explanation: Explanation, layer: LayerReport) -> str:
    about = sum(each.action and each.effect == "Allow" for each in layer.statements)
    policies = [_named(explanation, each) for each in layer.policies if each != explanation.question.resource]
    where = f" of {_listed(policies)}" if policies else ""
    if not about:
        return f"no statement{where} is about it"
    many, none = ("1 statement", "does not") if about == 1 else (f"{about} statements", "none of them does")
    return f"{many}{where} would, but {none} apply"


def _listed(texts: list[str]) -> str:
    more = len(texts) - _MOST_LISTED
    return ", ".join(texts[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _absent_lines(explanation: Explanation) -> list[str]:
    lines = [f"  {each.key}: {each.text}" for each in explanation.absent_keys()[:MAX_NEAR_MISSES]]
    more = len(explanation.decision.missing_keys) - len(lines)
    return [*lines, f"  and {more} others."] if more > 0 else lines


def _alternative_lines(explanation: Explanation) -> list[str]:
    lines = []
    for key, value in explanation.alternative.items():
        values = [value] if isinstance(value, str) else value
        alone = (
            ", and no other spelling of it" if is_ambiguous(key.lower(), explanation.question.context) else ""
        )
        lines.append(f"  {key} = {value if value == ANY_VALUE else ', '.join(map(_quoted, values))}{alone}")
    return lines


def _near_miss_lines(explanation: Explanation) -> list[str]:
    lines: list[str] = []
    misses = [
        *((layer, report, "") for layer, report in explanation.near_misses()),
        *explanation.misspellings(),
    ]
    for layer, statement, written in misses[:MAX_NEAR_MISSES]:
        lines.append(f"  {one_of(layer.layer)} {_statement_of(explanation, statement)}:")
        if written:
            lines.append(
                f"    it allows {written}, which is no action; is {explanation.question.action} meant?"
            )
        else:
            lines += [f"    {line}" for line in _mismatches(statement, explanation.question)]
    if len(misses) > MAX_NEAR_MISSES:
        lines.append(f"  and {len(misses) - MAX_NEAR_MISSES} others.")
    return lines


def _mismatches(statement: StatementReport, question: Question) -> list[str]:
    lines: list[str] = []
    written = statement.statement.written
    if not statement.action:
        of = "it is about all actions but" if written.not_action else "it is about"
        lines.append(f"{of} {_listed(list(written.actions or ()))}; not about {question.action}")
    if not statement.resource:
        of = "it is about all resources but" if written.not_resource else "it is about"
        lines.append(f"{of} {_listed(list(written.resources or ()))}; not about {question.resource}")
        if question.resource == "*" and service_catalogue.takes_only_wildcard(question.action):
            lines.append(f'{question.action} takes only "*", so a statement about resources never allows it')
    if not statement.principal and written.principal is not None:
        lines.append(_principals_line(written.principal))
    lines += [_condition_line(each) for each in statement.conditions if not each.holds]
    return lines


def _principals_line(written: PrincipalElement) -> str:
    """Return whom an Allow is about, for one whom it is not about."""
    if written.inverted:
        return "it has NotPrincipal, which AWS does not support with Allow: it lets nobody in"
    named = [value if kind == "AWS" else f"{kind} {value}" for kind, value in written.members]
    return f"it names {_listed(named) or 'nobody'}; not you"


def _condition_line(report: ConditionReport) -> str:
    actual = "it is not in the request"
    if report.actual is not None:
        actual = f"it is {', '.join(map(_quoted, report.actual)) or 'an empty list'}"
    note = f" ({report.note})" if report.note else ""
    return f"{report.operator} {report.key}: {_wanted(report)}; {actual}{note}"


def _wanted(report: ConditionReport) -> str:
    """Return what an operator wants of its key, in words."""
    spelled = spelling(report.operator)
    assert spelled is not None, "an unknown operator does not compile"
    if spelled.is_null:
        absent = {"true": "wants it absent", "false": "wants it there"}
        return " or ".join(absent.get(value.lower(), _quoted(value)) for value in report.expected)
    values = " or ".join(map(_quoted, report.expected[:_MOST_LISTED])) or "nothing"
    more = len(report.expected) - _MOST_LISTED
    wanted = values + (f" or {more} more" if more > 0 else "")
    return (
        f"wants anything but {wanted}" if spelled.operator and spelled.operator.negated else f"wants {wanted}"
    )


def _quoted(text: str) -> str:
    return f'"{text}"'


def _remedy_lines(remedy: Remedy, number: int, explanation: Explanation) -> list[str]:
    count = len(explanation.remedies)
    order = "To allow it" + (" as it is" if explanation.alternative else "")
    if count > 1:
        # No more are sought than these; there may be more to lift.
        changes = f"{'at least ' if count == MAX_REMEDIES else ''}{count} changes"
        order = f"{order} takes {changes}: first" if number == 1 else "and then"
    if remedy.statement is None:
        return [f"{order}, {remedy.change}."]
    document = json.dumps(remedy.statement, indent=2)
    return [f"{order}, {remedy.change}:", *(f"  {line}" for line in document.splitlines())]
