"""Single permissions put together into statements that allow exactly their union, never a pair more.

A statement allows every combination of its actions, its resources and the values of its conditions. So two are put
together only when they differ in one of these alone: then the combinations of both are those of each.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import product

import msgspec
from msgspec.structs import replace

from understudy_aws.policy.recording.narrowing import NarrowingCondition


class Permission(msgspec.Struct, frozen=True, order=True):
    """What one statement allows: all of `actions` on all of `resources`, where all `conditions` hold. Each sorted."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[NarrowingCondition, ...] = ()

    @property
    def service(self) -> str:
        return self.actions[0].partition(":")[0]


def grouped(permissions: Iterable[Permission]) -> list[Permission]:
    """Return the same permissions in fewer statements, one service each, in an order that does not depend on theirs."""
    found = sorted(set(permissions), key=_order)
    found = _values_united(found)
    # Resources first, so that it shows which actions have the same ones.
    found = _united(found, _all_but_resources, _with_resources)
    found = _united(found, _all_but_actions, _with_actions)
    found = _united(found, _all_but_resources, _with_resources)
    return sorted(found, key=_order)


def singles(permission: Permission) -> Iterator[Permission]:
    """Return the permissions for one action, resource and value each that this one was put together of."""
    every = product(*(_single_values(condition) for condition in permission.conditions))
    for action, resource, conditions in product(permission.actions, permission.resources, every):
        yield Permission((action,), (resource,), conditions)


def _single_values(condition: NarrowingCondition) -> list[NarrowingCondition]:
    if condition.is_of_lists:
        return [condition]
    return [condition._replace(values=(value,)) for value in condition.values]


def _order(
    permission: Permission,
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[NarrowingCondition, ...]]:
    return permission.service, permission.actions, permission.resources, permission.conditions


def _united(
    permissions: list[Permission],
    same: Callable[[Permission], Hashable],
    put: Callable[[list[Permission]], Permission],
) -> list[Permission]:
    """Grants that are the `same` but for one thing, put together."""
    buckets: dict[Hashable, list[Permission]] = {}
    for permission in permissions:
        buckets.setdefault(same(permission), []).append(permission)
    return [bucket[0] if len(bucket) == 1 else put(bucket) for bucket in buckets.values()]


def _all_but_resources(permission: Permission) -> Hashable:
    return permission.service, permission.actions, permission.conditions


def _all_but_actions(permission: Permission) -> Hashable:
    return permission.service, permission.resources, permission.conditions


def _with_resources(permissions: list[Permission]) -> Permission:
    every = {resource for permission in permissions for resource in permission.resources}
    return replace(permissions[0], resources=tuple(sorted(every)))


def _with_actions(permissions: list[Permission]) -> Permission:
    every = {action for permission in permissions for action in permission.actions}
    return replace(permissions[0], actions=tuple(sorted(every)))


def _values_united(permissions: list[Permission]) -> list[Permission]:
    """Permissions that differ in the values of one condition, put together; one condition after the other."""
    longest = max((len(permission.conditions) for permission in permissions), default=0)
    for place in range(longest):
        permissions = _united(permissions, partial(_all_but_values, place=place), _with_values)
    return permissions


def _all_but_values(permission: Permission, place: int) -> Hashable:
    """Return everything but the values of the condition in this place.

    A list of values means all of them, so it stays.
    """
    if place >= len(permission.conditions) or permission.conditions[place].is_of_lists:
        return permission
    condition = permission.conditions[place]._replace(values=())
    return (
        permission.actions,
        permission.resources,
        (*permission.conditions[:place], condition, *permission.conditions[place + 1 :]),
    )


def _with_values(permissions: list[Permission]) -> Permission:
    """Return the permissions, which differ in one condition's values."""
    columns = zip(*(permission.conditions for permission in permissions), strict=True)
    conditions = tuple(
        column[0]._replace(values=tuple(sorted({value for each in column for value in each.values})))
        for column in columns
    )
    return replace(permissions[0], conditions=conditions)
