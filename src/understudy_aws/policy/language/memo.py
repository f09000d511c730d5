"""A cache for functions of texts. Results for long texts are not kept, because callers could fill it with them."""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

_Texts = ParamSpec("_Texts")
_Answer = TypeVar("_Answer")

# The longest ARN there is (iam.md 2.5).
_LONGEST = 2048


def memoized(size: int) -> Callable[[Callable[_Texts, _Answer]], Callable[_Texts, _Answer]]:
    """Keep the latest `size` results of a function whose positional arguments are texts or sets of texts."""

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
