"""Single permissions put together into statements that grant exactly their union, never a pair more.

A statement grants every combination of its actions, its resources and the values of its conditions. So two are put
together only when they differ in one of these alone: then the combinations of both are those of each.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import product

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.recording.narrowing import NarrowingCondition


class Grant(msgspec.Struct, frozen=True, order=True):
    """What one statement allows: all of `actions` on all of `resources`, where all `conditions` hold. Each sorted."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[NarrowingCondition, ...] = ()

    @property
    def service(self) -> str:
        return self.actions[0].partition(":")[0]


def grouped(grants: Iterable[Grant]) -> list[Grant]:
    """The same permissions in fewer statements, one service each, in an order that does not depend on theirs."""
    found = sorted(set(grants), key=_order)
    found = _values_united(found)
    # Resources first, so that it shows which actions have the same ones.
    found = _united(found, _all_but_resources, _with_resources)
    found = _united(found, _all_but_actions, _with_actions)
    found = _united(found, _all_but_resources, _with_resources)
    return sorted(found, key=_order)


def singles(grant: Grant) -> Iterator[Grant]:
    """The single permissions that a grant was put together of."""
    every = product(*(_single_values(condition) for condition in grant.conditions))
    for action, resource, conditions in product(grant.actions, grant.resources, every):
        yield Grant((action,), (resource,), conditions)


def _single_values(condition: NarrowingCondition) -> list[NarrowingCondition]:
    if condition.is_of_lists:
        return [condition]
    return [condition._replace(values=(value,)) for value in condition.values]


def _order(grant: Grant) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[NarrowingCondition, ...]]:
    return grant.service, grant.actions, grant.resources, grant.conditions


def _united(
    grants: list[Grant], same: Callable[[Grant], Hashable], put: Callable[[list[Grant]], Grant]
) -> list[Grant]:
    """Grants that are the `same` but for one thing, put together."""
    buckets: dict[Hashable, list[Grant]] = {}
    for grant in grants:
        buckets.setdefault(same(grant), []).append(grant)
    return [bucket[0] if len(bucket) == 1 else put(bucket) for bucket in buckets.values()]


def _all_but_resources(grant: Grant) -> Hashable:
    return grant.service, grant.actions, grant.conditions


def _all_but_actions(grant: Grant) -> Hashable:
    return grant.service, grant.resources, grant.conditions


def _with_resources(grants: list[Grant]) -> Grant:
    every = {resource for grant in grants for resource in grant.resources}
    return replace(grants[0], resources=tuple(sorted(every)))


def _with_actions(grants: list[Grant]) -> Grant:
    every = {action for grant in grants for action in grant.actions}
    return replace(grants[0], actions=tuple(sorted(every)))


def _values_united(grants: list[Grant]) -> list[Grant]:
    """Grants that differ in the values of one condition, put together; one condition after the other."""
    longest = max((len(grant.conditions) for grant in grants), default=0)
    for place in range(longest):
        grants = _united(grants, lambda grant, at=place: _all_but_values(grant, at), _with_values)  # type: ignore[misc]
    return grants


def _all_but_values(grant: Grant, place: int) -> Hashable:
    """Everything but the values of the condition in this place; a list of values means all of them, so it stays."""
    if place >= len(grant.conditions) or grant.conditions[place].is_of_lists:
        return grant
    condition = grant.conditions[place]._replace(values=())
    return (
        grant.actions,
        grant.resources,
        (*grant.conditions[:place], condition, *grant.conditions[place + 1 :]),
    )


def _with_values(grants: list[Grant]) -> Grant:
    """The grants, which differ in one condition's values."""
    columns = zip(*(grant.conditions for grant in grants), strict=True)
    conditions = tuple(
        column[0]._replace(values=tuple(sorted({value for each in column for value in each.values})))
        for column in columns
    )
    return replace(grants[0], conditions=conditions)
