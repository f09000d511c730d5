"""The members of a request by name, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain_name(name: str) -> str:
    """Return a name as all spellings of it are compared: `vpc_id`, `VpcId` and `vpcId` are `vpcid`."""
    return name.replace("_", "").lower()


def members(params: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the values of every member of a request, by `plain_name`; those that stand highest come first.

    A list is taken for its elements: the ids of `InstanceIds` are values of `instanceids`.
    """
    found: dict[str, list[Any]] = {}
    waiting: list[Mapping[str, Any]] = [params]
    while waiting:
        below: list[Mapping[str, Any]] = []
        for structure in waiting:
            for name, value in structure.items():
                values = value if isinstance(value, list) else [value]
                found.setdefault(plain_name(name), []).extend(each for each in values if each is not None)
                below += [each for each in values if isinstance(each, Mapping)]
        waiting = below
    return found
