"""Advice on condition operators: which one a key, its values or their number ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.data.service_catalogue import condition_key_type, is_list_key
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree

# Types of condition keys in the catalogue, and the operators that compare them.
_OPERATORS = {
    "String": "String",
    "ARN": "Arn",
    "Bool": "Bool",
    "Numeric": "Numeric",
    "Date": "Date",
    "IPAddress": "IpAddress",
    "Binary": "Binary",
}
# Keys that numbers may be compared with too: the date aws:EpochTime, and tags (recorded: ValidatePolicy names
# "String, Numeric" for them).
_ALSO_NUMBERS = re.compile(r"aws:epochtime\Z|[a-z0-9-]+:[a-z]*tag/", re.IGNORECASE)
# AWS calls these single-valued and yet shows and accepts them under ForAllValues (recorded: ValidatePolicy on
# AmazonCodeGuruReviewerServiceRolePolicy).
_TREATED_AS_LISTS = frozenset({"codestar-connections:provideraction", "codeconnections:provideraction"})


@check("TYPE_MISMATCH", "WARNING")
def wrong_type(policy: PolicyTree) -> Iterator[Problem]:
    """Report an operator of another type than the key; text operators on ARNs are not counted here."""
    for _, condition in policy.conditions():
        wanted = _wanted(condition)
        used = _family(condition.operator_name)
        if wanted is None or not used or used == wanted or (used, wanted) == ("String", "Arn"):
            continue
        if used == "Numeric" and _ALSO_NUMBERS.match(condition.key.value):
            continue
        yield Problem(
            f"{condition.key.value} is of type {_type_name(wanted)}, and {condition.operator.value} compares "
            f"{_type_name(used)} values.",
            f'Write "{_respelled(condition, wanted)}" instead of "{condition.operator.value}".',
            (policy.at_key(condition.key),),
        )


@check("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", "SECURITY_WARNING")
def text_pattern_for_arn(policy: PolicyTree) -> Iterator[Problem]:
    """StringLike on an ARN, where a `*` runs over colons into other accounts."""
    for _, condition in policy.conditions():
        if condition.operator_name in ("StringLike", "StringNotLike") and _wanted(condition) == "Arn":
            yield Problem(
                f"{condition.key.value} is an ARN, and under {condition.operator.value} a * in it goes on over "
                "colons, into other services, Regions and accounts.",
                f'Write "{_respelled(condition, "Arn")}", in which a * stays within its part of the ARN.',
                (policy.at_key(condition.key),),
            )


def _wanted(condition: ConditionNode) -> str | None:
    """Return the family of operators for the key; None for a key whose type is unknown or has none."""
    if condition.spelled is None or condition.spelled.operator is None:
        return None
    kind = condition_key_type(condition.key.value)
    return None if kind is None else _OPERATORS.get(kind.removeprefix("ArrayOf"))


def _family(operator: str) -> str:
    name = operator.removeprefix("Not")
    return next((family for family in _OPERATORS.values() if name.startswith(family)), "")


def _type_name(family: str) -> str:
    return {"Arn": "ARN", "IpAddress": "IP address", "Bool": "Boolean"}.get(family, family)


def _respelled(condition: ConditionNode, family: str) -> str:
    """Return the operator of this family that does what the written one does, its prefix and suffix kept."""
    spelled = condition.spelled
    assert spelled is not None, "only known operators are respelled"
    assert spelled.operator is not None, "Null is for keys of every type"
    name = spelled.operator.name
    negated = spelled.operator.negated
    prefix, colon, _ = condition.operator.value.rpartition(":")
    suffix = "IfExists" if spelled.if_exists else ""
    return f"{prefix}{colon}{_counterpart(name, family, negated=negated)}{suffix}"


def _counterpart(name: str, family: str, *, negated: bool) -> str:
    if family == "IpAddress":
        return "NotIpAddress" if negated else "IpAddress"
    if family in ("Bool", "Binary"):
        return "Bool" if family == "Bool" else "BinaryEquals"
    if family == "Arn" or (family == "String" and "Like" in name):
        return f"{family}NotLike" if negated else f"{family}Like"
    inequality = next((each for each in ("LessThan", "GreaterThan") if each in name), "")
    if inequality and family != "String":
        return f"{family}{inequality}{'Equals' if name.endswith('Equals') else ''}"
    if family == "String" and name.startswith(("Arn", "IpAddress", "NotIpAddress")):
        return "StringNotLike" if negated else "StringLike"
    return f"{family}NotEquals" if negated else f"{family}Equals"


@check("WILDCARD_WITHOUT_LIKE_OPERATOR", "WARNING")
def literal_wildcard(policy: PolicyTree) -> Iterator[Problem]:
    """Report a `*` or `?` under an operator that takes it for itself."""
    for _, condition in policy.conditions():
        if not condition.operator_name.startswith("String") or "Equals" not in condition.operator_name:
            continue
        for text in condition.texts:
            if _has_wildcard(text.value):
                yield Problem(
                    f'{condition.operator.value} takes the wildcard in "{text.value}" literally.',
                    f'Write "{_like(condition)}" if a pattern is meant; if the character is, ${{*}} or ${{?}} says so.',
                    (policy.at(text),),
                )


def _has_wildcard(text: str) -> bool:
    if "*" not in text and "?" not in text:
        return False
    plain = text.replace("${*}", "").replace("${?}", "")
    return "*" in plain or "?" in plain


def _like(condition: ConditionNode) -> str:
    if condition_key_type(condition.key.value) in ("ARN", "ArrayOfARN"):
        return _respelled(condition, "Arn")
    prefix, colon, _ = condition.operator.value.rpartition(":")
    spelled = condition.spelled
    suffix = "IfExists" if spelled is not None and spelled.if_exists else ""
    return f"{prefix}{colon}{'StringNotLike' if 'Not' in condition.operator_name else 'StringLike'}{suffix}"


@check("FORALLVALUES_WITH_SINGLE_VALUED_KEY", "SECURITY_WARNING")
def all_values_of_one(policy: PolicyTree) -> Iterator[Problem]:
    """ForAllValues on a key with one value: it also holds where the request does not carry the key."""
    for statement, condition in policy.conditions():
        spelled = condition.spelled
        if not statement.allows or spelled is None or spelled.quantifier != "forallvalues" or spelled.is_null:
            continue
        key = condition.key.value
        if condition_key_type(key) is None or is_list_key(key) or key.lower() in _TREATED_AS_LISTS:
            continue
        yield Problem(
            f"{key} has one value, and {condition.operator.value} also holds where the request has none.",
            f'Write "{condition.operator.value.partition(":")[2]}".',
            (policy.at_key(condition.key),),
        )


@check("NULL_WITH_QUALIFIER", "SUGGESTION")
def quantified_null(policy: PolicyTree) -> Iterator[Problem]:
    """ForAllValues:Null and ForAnyValue:Null, whose answers never change."""
    for _, condition in policy.conditions():
        if condition.spelled is not None and condition.spelled.is_null and condition.spelled.quantifier:
            answer = "always" if condition.spelled.quantifier == "forallvalues" else "never"
            yield Problem(
                f"{condition.operator.value} {answer} holds.",
                'Write "Null": a key with several values is there or it is not.',
                (policy.at_key(condition.operator),),
            )


@check("EQUIVALENT_TO_NULL_FALSE", "SUGGESTION")
def is_present(policy: PolicyTree) -> Iterator[Problem]:
    """Report a pattern that every value fits asks only whether there is one."""
    yield from _equivalent_to_null(policy, "StringLike", "false", "has")


@check("EQUIVALENT_TO_NULL_TRUE", "SUGGESTION")
def is_absent(policy: PolicyTree) -> Iterator[Problem]:
    """Report a pattern that no value avoids asks only whether there is none."""
    yield from _equivalent_to_null(policy, "StringNotLike", "true", "does not have")


def _equivalent_to_null(policy: PolicyTree, operator: str, truth: str, verb: str) -> Iterator[Problem]:
    for _, condition in policy.conditions():
        spelled = condition.spelled
        if spelled is None or condition.operator_name != operator or spelled.if_exists or spelled.quantifier:
            continue
        star = next((text for text in condition.texts if text.value == "*"), None)
        if star is not None and not is_list_key(condition.key.value):
            key = condition.key.value
            yield Problem(
                f'{condition.operator.value} with "*" asks no more than whether the request {verb} {key}.',
                f'Say so: "Null": {{"{key}": "{truth}"}}.',
                (policy.at(star),),
            )


CHECKS = (
    wrong_type,
    text_pattern_for_arn,
    literal_wildcard,
    all_values_of_one,
    quantified_null,
    is_present,
    is_absent,
)
