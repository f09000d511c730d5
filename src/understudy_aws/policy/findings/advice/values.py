"""Advice on the values of conditions that their operators cannot read, or read otherwise than they look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from understudy_aws.policy.engine.conditions.binary import decoded_bytes
from understudy_aws.policy.engine.conditions.boolean import TRUTHS
from understudy_aws.policy.engine.conditions.date import milliseconds
from understudy_aws.policy.engine.conditions.numeric import number
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree
from understudy_aws.policy.language.json_text import LiteralNode, Node, NumberNode, StringNode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_IN_WORDS = "a date such as 2030-01-31 or 2030-01-31T23:59:59Z"


def _as_text(node: Node) -> str | None:
    """Return the value as conditions compare it; None for a list, an object and null."""
    if isinstance(node, StringNode | NumberNode):
        return node.value
    if isinstance(node, LiteralNode) and node.value is not None:
        return "true" if node.value else "false"
    return None


def _unreadable(
    policy: PolicyTree, operators: tuple[str, ...], is_readable: Callable[[str], bool], wanted: str
) -> Iterator[Problem]:
    """Values under operators of these beginnings that cannot be read. Values with variables are left out."""
    for condition, node, text in _values(policy, operators):
        if "${" not in text and not is_readable(text):
            yield Problem(
                f'{condition.operator.value} cannot read "{text}", so the condition on {condition.key.value} '
                "cannot hold by this value.",
                f"Write {wanted}.",
                (policy.at(node),),
            )


def _values(policy: PolicyTree, operators: tuple[str, ...]) -> Iterator[tuple[ConditionNode, Node, str]]:
    for _, condition in policy.conditions():
        if not condition.operator_name.startswith(operators):
            continue
        for node in condition.values:
            text = _as_text(node)
            if text is not None:
                yield condition, node, text


@check("TYPE_MISMATCH_BOOLEAN", "WARNING")
def no_boolean(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value under Bool or Null that is neither true nor false."""
    return _unreadable(policy, ("Bool", "Null"), lambda text: text.lower() in TRUTHS, '"true" or "false"')


@check("TYPE_MISMATCH_NUMBER", "WARNING")
def no_number(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value under a Numeric operator that is no number."""
    return _unreadable(policy, ("Numeric",), lambda text: number(text) is not None, 'a number such as "3600"')


@check("TYPE_MISMATCH_DATE", "WARNING")
def no_date(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value under a Date operator that is no date."""
    return _unreadable(policy, ("Date",), lambda text: milliseconds(text) is not None, _DATE_IN_WORDS)


@check("TYPE_MISMATCH_STRING", "WARNING")
def no_bytes(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value under BinaryEquals that is no base64."""
    wanted = "the bytes in base64, with = at the end where it takes it"
    return _unreadable(policy, ("Binary",), lambda text: decoded_bytes(text) is not None, wanted)


@check("INVALID_DATE_VALUE", "WARNING")
def doubtful_date(policy: PolicyTree) -> Iterator[Problem]:
    """Report a date that is a number or not a whole date, which may be read otherwise than meant."""
    for condition, node, text in _values(policy, ("Date",)):
        moment = milliseconds(text)
        if moment is None or _WHOLE_DATE.match(text) or condition.key.value.lower() == "aws:epochtime":
            continue
        yield Problem(
            f'"{text}" is not written as a date, and may be read as another one than is meant.',
            _date_instead(moment),
            (policy.at(node),),
        )


def _date_instead(moment: int) -> str:
    try:
        written = (_EPOCH + timedelta(milliseconds=moment)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"Write {_DATE_IN_WORDS}."
    return f'Write "{written}", if that is the moment you mean.'


@check("REDUNDANT_CONDITION_VALUE_NUM", "SUGGESTION")
def idle_bounds(policy: PolicyTree) -> Iterator[Problem]:
    """Several bounds where the widest one decides."""
    for _, condition in policy.conditions():
        name = condition.operator_name
        inequality = next(
            (each for each in ("LessThan", "GreaterThan") if name.startswith(f"Numeric{each}")), None
        )
        bounds = [number(_as_text(node) or "") for node in condition.values]
        known = [bound for bound in bounds if bound is not None]
        if inequality is None or len(known) < 2 or len(known) < len(bounds):
            continue
        widest: Decimal = max(known) if inequality == "LessThan" else min(known)
        written = _as_text(condition.values[known.index(widest)])
        yield Problem(
            f"One of {len(known)} bounds is enough for {condition.operator.value} to hold, so that only {written} "
            "counts.",
            f'Write "{condition.key.value}": "{written}".',
            (policy.at(condition.value),),
        )


CHECKS = (
    no_boolean,
    no_number,
    no_date,
    no_bytes,
    doubtful_date,
    idle_bounds,
)
