"""Advice on elements that hold nothing: lists without values, objects without members."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import ConditionNode, Element, PolicyTree
from understudy_aws.policy.language.json_text import ListNode, ObjectNode


@check("EMPTY_ARRAY_ACTION", "SUGGESTION")
def empty_actions(policy: PolicyTree) -> Iterator[Problem]:
    """Action or NotAction with an empty list."""
    for statement in policy.statements:
        for element in _empty(statement.actions):
            yield Problem(
                f"{element.name.value} lists no action, so the statement is about none.",
                f"List the actions in {element.name.value}, or remove the statement.",
                (policy.at(element.value),),
            )


@check("EMPTY_ARRAY_RESOURCE", "SUGGESTION")
def empty_resources(policy: PolicyTree) -> Iterator[Problem]:
    """Resource or NotResource with an empty list."""
    for statement in policy.statements:
        for element in _empty(statement.resources):
            yield Problem(
                f"{element.name.value} lists no resource, so the statement is about none.",
                f'List ARNs in {element.name.value}, write "Resource": "*" for all, or remove the statement.',
                (policy.at(element.value),),
            )


def _empty(elements: tuple[Element, ...]) -> Iterator[Element]:
    return (each for each in elements if isinstance(each.value, ListNode) and not each.value.items)


@check("EMPTY_ARRAY_PRINCIPAL", "SUGGESTION")
def empty_principals(policy: PolicyTree) -> Iterator[Problem]:
    """Report a kind of principal with an empty list."""
    for statement in policy.statements:
        for principal in statement.principals:
            if not isinstance(principal.value, ObjectNode):
                continue
            for kind in principal.value.members:
                if isinstance(kind.value, ListNode) and not kind.value.items:
                    yield Problem(
                        f"{principal.name.value} lists nobody under {kind.key.value}.",
                        f"List the principals, or remove {kind.key.value}.",
                        (policy.at(kind.value),),
                    )


@check("EMPTY_OBJECT_PRINCIPAL", "SUGGESTION")
def no_principal(policy: PolicyTree) -> Iterator[Problem]:
    """Principal or NotPrincipal with an empty object."""
    for statement in policy.statements:
        for principal in statement.principals:
            if isinstance(principal.value, ObjectNode) and not principal.value.members:
                yield Problem(
                    f"{principal.name.value} names nobody, so the statement is about nobody.",
                    'Name the principals, such as {"AWS": "arn:aws:iam::111122223333:root"}.',
                    (policy.at(principal.value),),
                )


@check("EMPTY_OBJECT_CONDITION", "SUGGESTION")
def empty_condition(policy: PolicyTree) -> Iterator[Problem]:
    """Report a Condition, or one of its operators, with an empty object."""
    for statement in policy.statements:
        block = None if statement.condition is None else statement.condition.value
        if not isinstance(block, ObjectNode):
            continue
        if not block.members:
            yield Problem(
                "Condition holds no condition and always holds.",
                "Remove Condition, or write the operator, the key and the value it is to compare.",
                (policy.at(block),),
            )
        for operator in block.members:
            if isinstance(operator.value, ObjectNode) and not operator.value.members:
                yield Problem(
                    f"{operator.key.value} compares no key and always holds.",
                    f"Remove {operator.key.value}, or write the key and the value it is to compare.",
                    (policy.at(operator.value),),
                )


@check("EMPTY_ARRAY_CONDITION", "SUGGESTION")
def no_values(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key compared with an empty list under a plain operator."""
    for condition in _valueless(policy, ""):
        yield Problem(
            f"{condition.key.value} is compared with no value.",
            f"List the values, or remove {condition.key.value}.",
            (policy.at(condition.value),),
        )


@check("EMPTY_ARRAY_CONDITION_FORALLVALUES", "SUGGESTION")
def no_values_for_all(policy: PolicyTree) -> Iterator[Problem]:
    """ForAllValues with an empty list holds only where the key is absent."""
    for condition in _valueless(policy, "forallvalues"):
        yield _is_null_true(policy, condition)


@check("EMPTY_ARRAY_CONDITION_FORANYVALUE", "SUGGESTION")
def no_values_for_any(policy: PolicyTree) -> Iterator[Problem]:
    """ForAnyValue with an empty list never holds."""
    for condition in _valueless(policy, "foranyvalue"):
        yield Problem(
            f"{condition.operator.value} over no value never holds, so the statement never applies.",
            f"List the values that {condition.key.value} may have, or remove the statement.",
            (policy.at(condition.value),),
        )


@check("EMPTY_ARRAY_CONDITION_IFEXISTS", "SUGGESTION")
def no_values_if_exists(policy: PolicyTree) -> Iterator[Problem]:
    """IfExists with an empty list holds only where the key is absent."""
    for condition in _valueless(policy, "ifexists"):
        yield _is_null_true(policy, condition)


def _valueless(policy: PolicyTree, form: str) -> Iterator[ConditionNode]:
    """Conditions with an empty list; `form` is the set prefix or suffix in lower case, "" for neither."""
    for _, condition in policy.conditions():
        if condition.spelled is None or not isinstance(condition.value, ListNode) or condition.value.items:
            continue
        spelled = condition.spelled
        if form == (spelled.quantifier or ("ifexists" if spelled.if_exists else "")):
            yield condition


def _is_null_true(policy: PolicyTree, condition: ConditionNode) -> Problem:
    key = condition.key.value
    return Problem(
        f"{condition.operator.value} over no value holds only where the request has no {key}.",
        f'Say so: "Null": {{"{key}": "true"}}.',
        (policy.at(condition.value),),
    )


CHECKS = (
    empty_actions,
    empty_resources,
    empty_principals,
    no_principal,
    empty_condition,
    no_values,
    no_values_for_all,
    no_values_for_any,
    no_values_if_exists,
)
