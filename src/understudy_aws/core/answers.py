"""The results of operations: members by their AWS names, and descriptions of resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Answer = Mapping[str, Any]


class Description(dict[str, Any]):
    """A resource described by AWS's member names. Nothing may change it after it was made.

    `wire` keeps the text it renders of it in `rendered`, by shape and element name, so that a list of a thousand
    resources which were shown before is joined from texts and not rendered again.
    """

    __slots__ = ("rendered",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rendered: dict[Any, Any] = {}
