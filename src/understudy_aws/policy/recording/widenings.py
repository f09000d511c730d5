"""What a recorded statement allows beyond what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from understudy_aws.policy.recording.grouping import Permission, singles
from understudy_aws.policy.recording.narrowing import NarrowingCondition
from understudy_aws.policy.recording.observation import Observation
from understudy_aws.policy.recording.redundancy import has_wildcard
from understudy_aws.policy.recording.resources import EVERY_RESOURCE


class Widening(msgspec.Struct, frozen=True):
    """One place in a statement: what was `seen`, and what it `allows`."""

    sid: str
    seen: tuple[str, ...]
    allows: str


def widenings(
    statements: Sequence[tuple[str, Permission]], permissions: Mapping[Permission, Sequence[Observation]]
) -> tuple[Widening, ...]:
    """Return the widenings in statements, given by Sid and in their order."""
    found: list[Widening] = []
    for sid, permission in statements:
        seen: dict[str, set[str]] = {}
        if any(has_wildcard(pattern) and pattern != EVERY_RESOURCE for pattern in permission.resources):
            for single in singles(permission):
                pattern = single.resources[0]
                if has_wildcard(pattern) and pattern != EVERY_RESOURCE:
                    names = {each.question.resource for each in permissions.get(single, ())} - {pattern}
                    seen.setdefault(pattern, set()).update(names)
        found.extend(
            Widening(sid, tuple(sorted(names)), each) for each, names in sorted(seen.items()) if names
        )
        found.extend(Widening(sid, *each) for each in _loose(permission.conditions))
    return tuple(found)


def _loose(conditions: tuple[NarrowingCondition, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Conditions that hold for more than was seen: any drawn id, or fewer of the values that came together."""
    for condition in conditions:
        operator, key, values = condition
        if operator.endswith("Like"):
            yield (key,), f"{key} like {', '.join(values)}"
        elif (
            operator.startswith("ForAllValues:")
            and len(values) > 1
            and not _each_is_asked(conditions, values)
        ):
            yield values, f"any of these as {key}"


def _each_is_asked(conditions: tuple[NarrowingCondition, ...], tag_keys: tuple[str, ...]) -> bool:
    """Return whether every tag's value is asked for as well, so that none of them can be left away."""
    asked = {condition.key.partition("/")[2] for condition in conditions if "RequestTag/" in condition.key}
    return set(tag_keys) <= asked
