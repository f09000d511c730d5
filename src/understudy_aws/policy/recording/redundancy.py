"""Finds the permissions that can be left out, because others allow everything that they were recorded for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from understudy_aws.policy.engine.policies import CompiledStatement, compile_uncached
from understudy_aws.policy.language.question import Question
from understudy_aws.policy.recording.documents import statement, text_of
from understudy_aws.policy.recording.grouping import Permission
from understudy_aws.policy.recording.narrowing import NarrowingCondition
from understudy_aws.policy.recording.observation import Observation

Permissions = Mapping[Permission, Sequence[Observation]]


def needed(permissions: Permissions) -> list[Permission]:
    """Return the permissions that are left when each must allow an observation that no other allows."""
    by_action: dict[str, list[Permission]] = {}
    for permission in permissions:
        by_action.setdefault(permission.actions[0].lower(), []).append(permission)
    return [each for several in by_action.values() for each in _of_one_action(several, permissions)]


def has_wildcard(pattern: str) -> bool:
    """Return whether a resource as a policy names it holds a star that is no text."""
    return "*" in pattern.replace("${*}", "")


def _of_one_action(several: list[Permission], permissions: Permissions) -> list[Permission]:
    index = _Index(several)
    compiled: dict[Permission, CompiledStatement] = {}
    remaining = dict.fromkeys(several)
    # The most particular first, so that it is the general ones that stay.
    for each in sorted(several, key=_particular):
        others = [other for other in index.that_may_cover(each) if other is not each and other in remaining]
        for other in others:
            if other not in compiled:
                compiled[other] = _compiled(other)
        if others and all(
            any(_allows(compiled[other], observation.question) for other in others)
            for observation in permissions[each]
        ):
            del remaining[each]
    return list(remaining)


def _particular(permission: Permission) -> tuple[int, bool, int, Permission]:
    """Return how particular it is; and of two alike one is always the first, whatever was seen first."""
    pattern = permission.resources[0]
    return -len(permission.conditions), has_wildcard(pattern), -len(pattern), permission


class _Index:
    """One action's permissions, found by what another has to say to be allowed by them.

    Thousands of permissions that differ in one value are common, and none of them allows what another does; so
    they are found by their exact values, and only patterns and lists are tried.
    """

    def __init__(self, several: list[Permission]) -> None:
        self._found: dict[Hashable, list[Permission]] = {}
        # The operators and keys that permissions on one resource ask for.
        self._shapes: dict[str, dict[tuple[tuple[str, str], ...], frozenset[str]]] = {}
        for each in several:
            pattern = each.resources[0]
            exact = tuple(one for one in each.conditions if one.is_exact)
            self._found.setdefault((pattern, _shape(each.conditions), exact), []).append(each)
            keys = frozenset(one.key for one in each.conditions)
            self._shapes.setdefault(pattern, {})[_shape(each.conditions)] = keys
        # What stands before the first star is the same in all that a pattern matches.
        self._broad = [(each.partition("*")[0], each) for each in self._shapes if has_wildcard(each)]

    def that_may_cover(self, permission: Permission) -> Iterator[Permission]:
        """Return the permissions that ask for no key and no exact value that this one does not ask for; itself too."""
        own = permission.resources[0]
        asked = {(one.operator, one.key): one for one in permission.conditions}
        keys = frozenset(one.key for one in permission.conditions)
        patterns = [pattern for start, pattern in self._broad if pattern != own and own.startswith(start)]
        for pattern in (own, *patterns):
            for shape, needed_keys in self._shapes[pattern].items():
                if needed_keys <= keys:
                    exact = tuple(
                        one for pair in shape if (one := asked.get(pair)) is not None and one.is_exact
                    )
                    yield from self._found.get((pattern, shape, exact), ())


def _shape(conditions: tuple[NarrowingCondition, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((one.operator, one.key) for one in conditions)


def _allows(compiled: CompiledStatement, question: Question) -> bool:
    matches, holds = compiled.matches_resource, compiled.holds
    return (matches is None or matches(question.resource, question.context)) and (
        holds is None or holds(question.context)
    )


def _compiled(permission: Permission) -> CompiledStatement:
    document = {"Version": "2012-10-17", "Statement": [statement(permission)]}
    return compile_uncached(text_of(document), "identity").statements[0]
