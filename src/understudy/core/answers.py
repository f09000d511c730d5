"""What an operation answers: members by their AWS names, and views that are rendered once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Answer = Mapping[str, Any]


class View(dict[str, Any]):
    """A record described in AWS's words, never changed after it was made.

    Because it cannot change, `wire` keeps the text it rendered in `rendered` (by shape and element name),
    so that listing a thousand records costs a join and not a thousand renderings.
    """

    __slots__ = ("rendered",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rendered: dict[Any, Any] = {}
