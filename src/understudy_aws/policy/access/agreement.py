"""Condition keys of one request that must agree with each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from understudy_aws.policy.access.domains import CLOCK
from understudy_aws.policy.engine.conditions.condition import CompiledCondition, compile_condition
from understudy_aws.policy.language.context_keys import Context, is_absent
from understudy_aws.policy.language.document import Condition

REQUEST_TAG = "aws:requesttag/"
TAG_KEYS = "aws:tagkeys"
_AGE, _PRESENT = "aws:multifactorauthage", "aws:multifactorauthpresent"


def implied(key: str) -> dict[str, str]:
    """Return what a request carries besides a key: only with MFA is there an age of it (policies.md 4.5)."""
    return {_PRESENT: "true"} if key == _AGE else {}


def told_together(key: str, chosen: Collection[str]) -> tuple[str, ...]:
    """Return the keys that a request carries only together with `key`, and it."""
    if key in CLOCK:
        return CLOCK
    if key == _PRESENT:
        return (_PRESENT, _AGE)
    if TAG_KEYS in chosen and (key == TAG_KEYS or key.startswith(REQUEST_TAG)):
        return (TAG_KEYS, *(each for each in chosen if each.startswith(REQUEST_TAG)))
    return (key,)


def conditions_on_tag_keys(keys: Iterable[str]) -> list[CompiledCondition]:
    """Return conditions that tell apart which of the tags that are asked for is among a request's tag keys."""
    return [
        compile_condition(Condition("ForAnyValue:StringEqualsIgnoreCase", TAG_KEYS, (key,)), False, False)
        for key in _names(keys)
    ]


def tags_agree(context: Context, asked: Iterable[str]) -> bool:
    """Return whether a request's tag keys are those of its tags, as far as policies ask for both (policies.md 4.6)."""
    if TAG_KEYS not in asked:
        return True
    held = context.get(TAG_KEYS) or []
    keys = {key.lower() for key in ([held] if isinstance(held, str) else held)}
    tags = [*asked, *(key for key in context if key.startswith(REQUEST_TAG))]
    return all((name in keys) is not is_absent(REQUEST_TAG + name, context) for name in _names(tags))


def _names(keys: Iterable[str]) -> list[str]:
    return sorted({key.removeprefix(REQUEST_TAG) for key in keys if key.startswith(REQUEST_TAG)})
