"""Errors of condition operators: unknown ones, and ones that the key or the number of values does not go with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from understudy_aws.data import service_catalogue
from understudy_aws.policy.engine.conditions.condition import OPERATORS, spelling
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.findings.variables import variables_in
from understudy_aws.policy.language.json_text import ListNode, ObjectNode, StringNode
from understudy_aws.policy.language.nearest_names import MOST_GUESSES, Vocabulary

_QUANTIFIERS = ("", "ForAllValues:", "ForAnyValue:")
# The families whose operands may hold variables (policies.md 4.4).
_FAMILIES_WITH_VARIABLES = ("String", "Arn")


@lru_cache(maxsize=1)
def _operators() -> Vocabulary:
    names = [operator.name for operator in OPERATORS.values()]
    plain = [*names, *(f"{name}IfExists" for name in names), "Null"]
    return Vocabulary(f"{quantifier}{name}" for quantifier in _QUANTIFIERS for name in plain)


def _operator_keys(policy: PolicyTree) -> Iterator[StringNode]:
    """Return what stands where operators stand, even when no object of keys follows."""
    for statement in policy.statements:
        if statement.condition is not None and isinstance(statement.condition.value, ObjectNode):
            yield from (member.key for member in statement.condition.value.members)


@check("INVALID_CONDITION_OPERATOR", "ERROR")
def invalid_condition_operator(policy: PolicyTree) -> Iterator[Problem]:
    """Report an operator AWS does not know."""
    guesses = MOST_GUESSES
    for key in _operator_keys(policy):
        name = key.value
        if spelling(name) is not None or _is_null_if_exists(name):
            continue
        guesses -= 1
        meant = _operators().nearest(name) if guesses >= 0 else None
        if meant is not None:
            instead = f'Write "{meant}".'
        elif ":" in name:
            instead = f'Put the key into an operator: {{"StringEquals": {{"{name}": …}}}}.'
        else:
            instead = "Write an operator such as StringEquals, StringLike, ArnLike, Bool or IpAddress."
        yield Problem(f'"{name}" is no condition operator.', instead, (policy.at_key(key),))


def _is_null_if_exists(name: str) -> bool:
    return name.lower().rpartition(":")[2] == "nullifexists"


@check("NULL_WITH_IF_EXISTS", "ERROR")
def null_with_if_exists(policy: PolicyTree) -> Iterator[Problem]:
    """Null asks whether a key is there; to ask only if it is there makes no sense."""
    for key in _operator_keys(policy):
        if _is_null_if_exists(key.value):
            yield Problem(
                "Null takes no IfExists: it is the operator that asks whether a key is there.",
                f'Write "{key.value[: -len("IfExists")]}".',
                (policy.at_key(key),),
            )


@check("INVALID_CONDITION_MULTIPLE_BOOLEAN", "ERROR")
def invalid_condition_multiple_boolean(policy: PolicyTree) -> Iterator[Problem]:
    """Several Booleans where one key has one."""
    for _, condition in policy.conditions():
        if condition.operator_name not in ("Bool", "Null") or len(condition.values) < 2:
            continue
        if condition.spelled is not None and not condition.spelled.quantifier:
            yield Problem(
                f"{condition.key.value} is compared with {len(condition.values)} Booleans; it has one value.",
                'Write one value, "true" or "false".',
                (policy.at(condition.value),),
            )


@check("INVALID_CONDITION_DATA_TYPE", "ERROR")
def invalid_condition_data_type(policy: PolicyTree) -> Iterator[Problem]:
    """Report a list of values of several JSON types."""
    for _, condition in policy.conditions():
        if isinstance(condition.value, ListNode) and len({type(value) for value in condition.values}) > 1:
            yield Problem(
                f"The values of {condition.key.value} are of different JSON types.",
                "Write all of them as strings.",
                (policy.at(condition.value),),
            )


@check("MISSING_QUALIFIER", "ERROR")
def missing_qualifier(policy: PolicyTree) -> Iterator[Problem]:
    """Report a plain operator on a key that holds a list, which never matches (recorded, policies.md 4.4)."""
    for _, condition in policy.conditions():
        spelled = condition.spelled
        if spelled is None or spelled.is_null or spelled.quantifier:
            continue
        if service_catalogue.is_list_key(condition.key.value):
            operator = condition.operator.value
            yield Problem(
                f"{condition.key.value} holds a list; without a qualifier {operator} never matches it.",
                f'Write "ForAnyValue:{operator}" if one value in the list is enough, or '
                f'"ForAllValues:{operator}" if all of them have to match; that holds for an empty list too.',
                (policy.at(condition.value),),
            )


@check("INVALID_VARIABLE_FOR_OPERATOR", "ERROR")
def invalid_variable_for_operator(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable where no text is compared."""
    for _, condition in policy.conditions():
        name = condition.operator_name
        if not name or any(family in name for family in _FAMILIES_WITH_VARIABLES):
            continue
        for text in condition.texts:
            for variable in variables_in(text.value):
                yield Problem(
                    f"{condition.operator.value} compares no text; the variable {variable.text} stays as it is.",
                    "Write the value itself; only String and Arn operators fill variables in.",
                    (policy.at_part(text, variable.start, len(variable.text)),),
                )


CHECKS = (
    invalid_condition_operator,
    null_with_if_exists,
    invalid_condition_multiple_boolean,
    invalid_condition_data_type,
    missing_qualifier,
    invalid_variable_for_operator,
)
