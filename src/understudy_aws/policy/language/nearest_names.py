"""Finds the known name that is most like a misspelt one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

from understudy_aws.data import service_catalogue
from understudy_aws.data.partitions import ALL_REGIONS
from understudy_aws.policy.language.memo import memoized

# A document with more unknown names than this is not helped by guesses, and each one takes its time.
MOST_GUESSES = 50

# Names longer than this are not taken for misspelt ones.
_LONGEST = 100
# How many of the names that share the most pairs of letters are compared letter by letter.
_CANDIDATES = 6
_LEAST_ALIKE = 0.72


class Vocabulary:
    """Known names, searched without regard to letter case."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names` are kept in their own spelling."""
        self.names = tuple(names)
        self._by_lower = {name.lower(): name for name in self.names}
        self._sizes: list[int] = []
        self._holders: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            pairs = _pairs(name.lower())
            self._sizes.append(len(pairs))
            for pair in pairs:
                self._holders.setdefault(pair, []).append(number)

    def nearest(self, name: str) -> str | None:
        """Return the known name most like this one, None when none is like it."""
        lowered = name.lower()
        if lowered in self._by_lower:
            return self._by_lower[lowered]
        if len(name) > _LONGEST:
            return None
        pairs = _pairs(lowered)
        shared = Counter(number for pair in pairs for number in self._holders.get(pair, ()))
        # Of two that are as much alike the first, in whatever order the pairs come out of their set.
        alike = sorted(
            shared, key=lambda number: (-2 * shared[number] / (len(pairs) + self._sizes[number]), number)
        )
        best, best_ratio = None, _LEAST_ALIKE
        for number in alike[:_CANDIDATES]:
            candidate = self.names[number]
            ratio = SequenceMatcher(None, lowered, candidate.lower(), autojunk=False).ratio()
            if ratio > best_ratio:
                best, best_ratio = candidate, ratio
        return best


def _pairs(name: str) -> set[str]:
    """Return the pairs of neighbouring letters, with `^` before the first and `$` after the last."""
    marked = f"^{name}$"
    return {marked[at : at + 2] for at in range(len(marked) - 1)}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of a few known names most like this one, None when none is like it."""
    return Vocabulary(known).nearest(name)


@memoized(4096)
def nearest_action(prefix: str, name: str) -> str | None:
    """Return the action of the service most like `name`, in full; None when there is no such service or action."""
    vocabulary = _actions(prefix.lower())
    found = None if vocabulary is None else vocabulary.nearest(name)
    return None if found is None else f"{prefix.lower()}:{found}"


@memoized(4096)
def nearest_service(prefix: str) -> str | None:
    """Return the service prefix most like this one."""
    return _services().nearest(prefix)


@memoized(4096)
def nearest_region(region: str) -> str | None:
    """Return the region most like this one."""
    return _regions().nearest(region)


@memoized(4096)
def nearest_namespace(namespace: str) -> str | None:
    """Return the text most like this one that stands for a service in ARNs."""
    return _namespaces().nearest(namespace)


@lru_cache(maxsize=64)
def _actions(prefix: str) -> Vocabulary | None:
    service = service_catalogue.service(prefix)
    return None if service is None else Vocabulary(action.name for action in service.actions.values())


@lru_cache(maxsize=1)
def _services() -> Vocabulary:
    return Vocabulary(service_catalogue.everything())


@lru_cache(maxsize=1)
def _regions() -> Vocabulary:
    return Vocabulary(sorted(ALL_REGIONS))


@lru_cache(maxsize=1)
def _namespaces() -> Vocabulary:
    return Vocabulary(service_catalogue.arn_namespaces())
