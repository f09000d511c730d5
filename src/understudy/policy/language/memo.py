"""Answers that are remembered, but never for long texts: a caller may send as many of those as it likes."""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

_Texts = ParamSpec("_Texts")
_Answer = TypeVar("_Answer")

# The longest ARN there is (iam.md 2.5).
_LONGEST = 2048


def memoized(size: int) -> Callable[[Callable[_Texts, _Answer]], Callable[_Texts, _Answer]]:
    """Remember the latest `size` answers of a function of texts, or sets of texts, given by their places."""

    def make(ask: Callable[_Texts, _Answer]) -> Callable[_Texts, _Answer]:
        uncached: Callable[..., _Answer] = ask
        cached: Callable[..., _Answer] = lru_cache(maxsize=size)(ask)

        @wraps(ask)
        def answer(*texts: Sized) -> _Answer:
            for text in texts:
                if len(text) > _LONGEST:
                    return uncached(*texts)
            return cached(*texts)

        return cast("Callable[_Texts, _Answer]", answer)

    return make
