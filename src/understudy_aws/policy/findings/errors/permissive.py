"""Errors of conditions that let in more than they say: wildcards and variables in values that tell who is who."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check
from understudy_aws.policy.findings.condition_keys import SENSITIVE_KEYS
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode
from understudy_aws.policy.findings.variables import WrittenVariable, variables_in
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.positions import Location

_USER_ID = "aws:userid"
# AWS does not say for which keys it wants six characters; these tell who asks, or for whom.
_IDENTIFYING_KEYS = frozenset(
    {
        "aws:principalarn", "aws:principalorgpaths", "aws:resourceorgpaths", "aws:sourcearn",
        "aws:sourceorgpaths", "aws:vpceorgpaths",
    }
)  # fmt: skip
_LEAST_FIXED = 6
# These compare two facts of one request, which nobody can choose, as in "aws:ResourceAccount equals the account of
# whoever asks"; AWS's own managed policies do so. A tag or a name can be chosen.
_FACTS = SENSITIVE_KEYS | _IDENTIFYING_KEYS

_WILD = re.compile(r"[*?]+")
_VARIABLE = re.compile(r"\$\{[^}]{0,512}\}")


def _compared(policy: PolicyTree) -> Iterator[tuple[StatementNode, ConditionNode, StringNode]]:
    """Return every value that a String or ARN operator compares."""
    for statement, condition in policy.conditions():
        if condition.operator_name.startswith(("String", "Arn")):
            for text in condition.texts:
                yield statement, condition, text


def _expands_wildcards(condition: ConditionNode) -> bool:
    """Like operators do, and every ARN operator."""
    return "Like" in condition.operator_name or condition.operator_name.startswith("Arn")


def _widens(statement: StatementNode, condition: ConditionNode) -> bool:
    """Return whether a value that fits too much lets in too much: a positive Allow, or a negated Deny."""
    return statement.allows != ("Not" in condition.operator_name)


def _wild_places(policy: PolicyTree, text: StringNode) -> tuple[Location, ...]:
    plain = _VARIABLE.sub(lambda found: " " * len(found.group()), text.value)
    found = islice(_WILD.finditer(plain), MOST_TOLD)
    return tuple(policy.at_part(text, each.start(), len(each.group())) for each in found)


def _variable_places(policy: PolicyTree, text: StringNode) -> tuple[Location, ...]:
    return tuple(
        policy.at_part(text, variable.start, len(variable.text))
        for variable in _free_variables(text.value)[:MOST_TOLD]
    )


def _free_variables(text: str) -> list[WrittenVariable]:
    return [
        variable
        for variable in variables_in(text)
        if not variable.is_escape and variable.name.strip().lower() not in _FACTS
    ]


@check("WILDCARD_USAGE_TOO_PERMISSIVE", "ERROR")
def wildcard_usage_too_permissive(policy: PolicyTree) -> Iterator[Problem]:
    """Report a wildcard in a value that must be exact, or with too little before it."""
    for statement, condition, text in _compared(policy):
        if not _expands_wildcards(condition):
            continue
        places = _wild_places(policy, text)
        if places:
            yield from _too_wide(statement, condition, text, _Signs("wildcard", _WILD, places))


@check("VARIABLE_USAGE_TOO_PERMISSIVE", "ERROR")
def variable_usage_too_permissive(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable in a value that must be exact, or with too little before it."""
    if not policy.has_variables:
        return
    for statement, condition, text in _compared(policy):
        places = _variable_places(policy, text)
        if places:
            yield from _too_wide(statement, condition, text, _Signs("variable", _VARIABLE, places))


class _Signs(msgspec.Struct, frozen=True):
    """What makes a value fit more than itself: its name, its form and where it stands in the value."""

    what: str
    form: re.Pattern[str]
    places: tuple[Location, ...]


def _too_wide(
    statement: StatementNode, condition: ConditionNode, text: StringNode, signs: _Signs
) -> Iterator[Problem]:
    key, what, places = condition.key.value, signs.what, signs.places
    if key.lower() in SENSITIVE_KEYS:
        yield Problem(
            f"{key} tells who is who; a {what} in its value can fit anybody.",
            "Write each value in full.",
            places,
        )
    elif not _widens(statement, condition):
        return
    elif key.lower() == _USER_ID:
        if not _is_good_user_id(text.value, signs.form):
            yield Problem(
                f'In "{text.value}" the {what} can stand for another user or role.',
                f"Keep the {what} behind the colon, as in AROAEXAMPLEID:*, or let it be all that stands before it.",
                places,
            )
    elif key.lower() in _IDENTIFYING_KEYS and not _has_enough_before(text.value, signs.form):
        yield Problem(
            f'"{text.value}" fixes too little of {key} before its {what}.',
            f"Write at least {_LEAST_FIXED} characters in front of the {what}.",
            places,
        )


def _is_good_user_id(text: str, signs: re.Pattern[str]) -> bool:
    """Left of the colon there is no sign, or nothing but one."""
    hidden = _VARIABLE.sub(lambda found: "$" * len(found.group()), text)
    colon = hidden.find(":")
    if colon < 0:
        return False
    left = text[:colon]
    return signs.search(left) is None or signs.fullmatch(left) is not None


def _has_enough_before(text: str, signs: re.Pattern[str]) -> bool:
    """Return whether enough characters stand in a row before one of the signs."""
    *before, _ = signs.split(text)
    return any(len(piece) >= _LEAST_FIXED for piece in before)


CHECKS = (wildcard_usage_too_permissive, variable_usage_too_permissive)
