"""What a request could carry so that the policies, as they are, allow it: often better than one more statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from msgspec.structs import replace

from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.conditions.condition import spelling
from understudy_aws.policy.explanation.absent_keys import absent_key
from understudy_aws.policy.explanation.evaluation import (
    ConditionReport,
    Evaluation,
    LayerReport,
    StatementReport,
    evaluate,
)
from understudy_aws.policy.language.context_keys import is_absent, is_list_key
from understudy_aws.policy.language.question import Question

# The keys that a caller can choose: tags, how a role is assumed, the Region of the request.
_TAGS = (":requesttag/", ":resourcetag/", ":principaltag/")
_CHOSEN = frozenset(
    {
        "aws:tagkeys", "aws:requestedregion", "aws:multifactorauthpresent", "iam:permissionsboundary",
        "sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys",
    }
)  # fmt: skip
_POSITIVE = frozenset(
    {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "Bool", "ArnEquals", "ArnLike"}
)
ANY_VALUE = "any value"
# Tried at most, for each is a whole evaluation.
_MOST_TRIED = 16

ContextValues = dict[str, str | list[str]]


def alternative(question: Question, bindings: Bindings, evaluation: Evaluation) -> ContextValues:
    """Return the keys, as their authors spell them, with values that would allow the question as policies stand.

    Empty when the caller can send nothing that would. The answer is evaluated before it is given.
    """
    if evaluation.decision.allowed:
        return {}
    found = _sparing(evaluation) if evaluation.unmet is None else _fitting(evaluation.unmet)
    sendable = (values for values in found if values and all(_can_be_chosen(key, question) for key in values))
    for values in islice(sendable, _MOST_TRIED):
        if evaluate(_carrying(question, values), bindings).decision.allowed:
            return values
    return {}


def _fitting(unmet: LayerReport) -> Iterator[ContextValues]:
    """Return what would make an Allow of the refusing layer apply."""
    for statement in unmet.statements:
        about = statement.action and statement.resource and statement.principal
        if statement.effect == "Allow" and about and not statement.applies:
            yield _wanted(statement)


def _sparing(evaluation: Evaluation) -> Iterator[ContextValues]:
    """Return what would keep the statement that denies from applying: one of its conditions has to fail."""
    denial = next((layer.denial for layer in evaluation.layers if layer.denial is not None), None)
    for condition in denial.conditions if denial is not None else ():
        value = _opposite(condition)
        if value is not None:
            yield {condition.key: value}


def _wanted(statement: StatementReport) -> ContextValues:
    """Return what the conditions that do not hold want; nothing unless all of it can be read off them."""
    values: ContextValues = {}
    for condition in statement.conditions:
        if condition.holds:
            continue
        value = _value(condition)
        if value is None:
            return {}
        values[condition.key] = value
    return values


def _value(condition: ConditionReport) -> str | list[str] | None:
    """Return a value that would satisfy the condition, or None where that takes more than reading it off."""
    spelled = spelling(condition.operator)
    assert spelled is not None, "an unknown operator does not compile"
    if spelled.operator is None:
        value = ANY_VALUE if [each.lower() for each in condition.expected] == ["false"] else None
    else:
        first = condition.expected[0] if condition.expected else ""
        plain = not any(sign in first for sign in "*?$")
        value = first if spelled.operator.name in _POSITIVE and plain and condition.expected else None
    if value is None:
        return None
    return [value] if is_list_key(condition.key.lower()) else value


def _opposite(condition: ConditionReport) -> str | None:
    """Return a value for which the condition would not hold, or None where that takes more than reading it off."""
    spelled = spelling(condition.operator)
    assert spelled is not None, "an unknown operator does not compile"
    if spelled.operator is None:
        return ANY_VALUE if [each.lower() for each in condition.expected] == ["true"] else None
    if spelled.quantifier or not condition.expected or is_list_key(condition.key.lower()):
        return None
    if spelled.operator.name == "Bool":
        return "true" if [each.lower() for each in condition.expected] == ["false"] else None
    first = condition.expected[0]
    plain = not any(sign in first for sign in "*?$")
    return (
        first if spelled.operator.negated and spelled.operator.name.startswith("String") and plain else None
    )


def _can_be_chosen(key: str, question: Question) -> bool:
    lowered = key.lower()
    if lowered not in _CHOSEN and not any(tag in lowered for tag in _TAGS):
        return False
    if not is_absent(lowered, question.context):
        return True
    return absent_key(key, question).verdict in ("can", "circumstances")


def _carrying(question: Question, values: Mapping[str, str | list[str]]) -> Question:
    """Return the question as it would be put then: a tag that is sent is named among the tag keys too."""
    context = dict(question.context)
    before = context.get("aws:tagkeys", ())
    sent = [key.partition("/")[2] for key in values if key.lower().startswith("aws:requesttag/")]
    if sent:
        context["aws:tagkeys"] = list(
            dict.fromkeys([*([before] if isinstance(before, str) else before), *sent])
        )
    context.update({key.lower(): value for key, value in values.items()})
    return replace(question, context=context)
