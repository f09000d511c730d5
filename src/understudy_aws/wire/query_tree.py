"""Reads parameters from a form: `Tags.member.1.Key=a` is a list of structures.

A form is first made a tree by the dots in its names; then a reader made once from the shape walks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import Shape
from understudy_aws.wire.scalars import blob, boolean, decimal_number, small_number, timestamp, whole_number

DEEPEST = 32
# `read(node, name)`: a node is text or a mapping of nodes; `name` is where it stood, for refusals.
Reader = Callable[[Any, str], Any]

SCALARS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": small_number,
    "long": whole_number,
    "float": decimal_number,
    "double": decimal_number,
    "boolean": boolean,
    "blob": blob,
    "timestamp": timestamp,
}


def tree(fields: Mapping[str, str], malformed: Callable[[str], ApiError]) -> dict[str, Any]:
    """Make a tree of a form by the dots in its names. Raises `malformed(name)` for a name with two kinds of value."""
    root: dict[str, Any] = {}
    for name, value in fields.items():
        if "." not in name:
            if type(root.get(name)) is dict:
                raise malformed(name)
            root[name] = value
            continue
        *parents, last = name.split(".")
        if len(parents) > DEEPEST:
            raise malformed(name)
        node = root
        for parent in parents:
            below = node.setdefault(parent, {})
            if type(below) is not dict:
                raise malformed(name)
            node = below
        if type(node.get(last)) is dict:
            raise malformed(name)
        node[last] = value
    return root


def ordered(
    node: Mapping[str, Any], name: str, *, lowest: int, refuse: Callable[[str], ApiError]
) -> list[tuple[int, Any]]:
    """Return the entries of a list in order of their numbers; `1` and `01` are the same number."""
    entries: dict[int, Any] = {}
    for index, below in node.items():
        try:
            number = whole_number(index)
        except ValueError:
            raise refuse(f"{name}.{index}") from None
        if number < lowest:
            raise refuse(f"{name}.{index}")
        known = entries.get(number)
        if type(known) is dict and type(below) is dict:
            known.update(below)
        else:
            entries[number] = below
    return sorted(entries.items(), key=itemgetter(0)) if len(entries) > 1 else list(entries.items())


def scalar_reader(shape: Shape, refuse: Callable[[Shape, str, str], ApiError]) -> Reader:
    """Return the function that converts text to a scalar; it raises `refuse(shape, name, text)`."""
    convert = SCALARS[shape.type]

    def read_scalar(node: Any, name: str) -> Any:
        if type(node) is dict:
            raise refuse(shape, name, "")
        try:
            return convert(node)
        except ValueError:
            raise refuse(shape, name, node) from None

    return read_scalar
