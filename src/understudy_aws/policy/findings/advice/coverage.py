"""Which of many patterns match everything that another one matches, without comparing each with each."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from understudy_aws.policy.language.patterns import Matches, matcher, wildcard_tokens

# What stands in a text for the wildcards of the pattern it was, and for `${*}` and `${?}`, which are no
# wildcards: characters that are of use to nobody by their definition.
_ANY_RUN = "\ue000"
_ANY_ONE = "\ue001"
_STAR_ITSELF = "\ue002"
_MARK_ITSELF = "\ue003"
# A pattern with `*` in its middle is compared with every text behind the same beginning. Policies that fit AWS's
# quotas need a few hundred of these comparisons; what asks for more goes on with equal texts and prefixes only.
_MOST_COMPARISONS = 40_000
_MOST_PAIRS_OF_FAMILIES = 2_000
_MOST_STEPS = 5_000_000

# Prefixes are compared within a family: the parts of the texts in which a `*` must not run over its end.
Family = tuple[str, ...]


class Covered(msgspec.Struct, frozen=True):
    """One pattern and the ones it makes superfluous, as places in the list that was given."""

    by: int
    places: tuple[int, ...]


def covered_actions(actions: Sequence[str]) -> list[Covered]:
    """Return the actions that others of the list grant too; letter case does not count."""
    return _covered([((), text.lower()) for text in actions])


def covered_resources(arns: Sequence[str]) -> list[Covered]:
    """Return the resources that others of the list name too.

    In its first five parts a `*` stays within its part, in the last one it goes on to the end (policies.md 4.3).
    `*` covers every ARN; what has fewer parts is only compared with its like.
    """
    return _covered([_family(text) for text in arns])


def covers(pattern: str, other: str) -> bool:
    """Return whether the pattern matches everything that the other one matches.

    It is False for two that are too long to compare.
    """
    if "?" in pattern and len(pattern) * len(other) > _MOST_STEPS:
        return pattern == other
    return pattern == other or _matcher(pattern)(_as_text(other))


def _family(arn: str) -> tuple[Family, str]:
    if arn == "*":
        return ("*",) * 5, "*"
    *early, last = arn.replace("${*}", _STAR_ITSELF).replace("${?}", _MARK_ITSELF).split(":", 5)
    return (tuple(early), last) if len(early) == 5 else ((), arn)


def _covered(patterns: Sequence[tuple[Family, str]]) -> list[Covered]:
    by = {place: first for first, place in _repetitions(patterns)}
    families: dict[Family, list[int]] = defaultdict(list)
    for place, (family, _) in enumerate(patterns):
        if place not in by:
            families[family].append(place)
    search = _Search([text for _, text in patterns])
    for covering, narrower in _pairs(families):
        search.within(families[covering], families[narrower], same=covering == narrower)
    by.update(search.found)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in by:
        groups[_last(by, place)].append(place)
    return [Covered(cover, tuple(sorted(places))) for cover, places in sorted(groups.items())]


def _repetitions(patterns: Sequence[tuple[Family, str]]) -> Iterator[tuple[int, int]]:
    seen: dict[tuple[Family, str], int] = {}
    for place, pattern in enumerate(patterns):
        first = seen.setdefault(pattern, place)
        if first != place:
            yield first, place


def _pairs(families: Iterable[Family]) -> Iterator[tuple[Family, Family]]:
    """(wider, narrower) families; each is as wide as itself."""
    distinct = list(families)
    yield from ((family, family) for family in distinct)
    left = _MOST_PAIRS_OF_FAMILIES
    for wider in distinct:
        if not any(_is_wild(part) for part in wider):
            continue
        for narrower in distinct:
            left -= 1
            if left < 0:
                return
            if wider is not narrower and _is_wider(wider, narrower):
                yield wider, narrower


def _is_wider(wider: Family, narrower: Family) -> bool:
    return len(wider) == len(narrower) and all(map(covers, wider, narrower))


def _last(by: dict[int, int], place: int) -> int:
    """Return the end of the chain: what covers the place and is covered by nothing itself."""
    while place in by:
        place = by[place]
    return place


class _Search:
    """Finds for each text one pattern that covers it; `found` maps places to places."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.found: dict[int, int] = {}
        self.left = _MOST_COMPARISONS

    def within(self, covering: Sequence[int], narrower: Sequence[int], *, same: bool) -> None:
        """Look among `covering` for what covers each of `narrower`; `same` says that they are the same places."""
        if not same:
            self._equal(covering, narrower)
        wild = [place for place in covering if _is_wild(self.texts[place])]
        if not wild:
            return
        ordered = sorted((_as_text(self.texts[place]), place) for place in narrower)
        prefixes = sorted((self.texts[place][:-1], place) for place in wild if _is_prefix(self.texts[place]))
        self._by_prefix(prefixes, ordered)
        self._by_pattern([place for place in wild if not _is_prefix(self.texts[place])], ordered)

    def _equal(self, covering: Sequence[int], narrower: Sequence[int]) -> None:
        places = {self.texts[place]: place for place in covering}
        for place in narrower:
            if self.texts[place] in places:
                self._note(place, places[self.texts[place]])

    def _by_prefix(self, prefixes: list[tuple[str, int]], ordered: list[tuple[str, int]]) -> None:
        """Both in order, so that the prefixes of a text are those still open when the text comes up."""
        still_open: list[tuple[str, int]] = []
        at = 0
        for text, place in ordered:
            while at < len(prefixes) and prefixes[at][0] <= text:
                prefix = prefixes[at]
                at += 1
                _close(still_open, prefix[0])
                still_open.append(prefix)
            _close(still_open, text)
            cover = next((each for _, each in still_open if each != place), None)
            if cover is not None:
                self._note(place, cover)

    def _by_pattern(self, patterns: Sequence[int], ordered: list[tuple[str, int]]) -> None:
        for pattern in patterns:
            wanted = self.texts[pattern]
            start = wildcard_tokens(wanted)[0]
            beginning = start if isinstance(start, str) else ""
            matches = _matcher(wanted)
            for at in range(bisect_left(ordered, (beginning, -1)), len(ordered)):
                text, place = ordered[at]
                self.left -= 1 + (len(text) * len(wanted) // 16 if "?" in wanted else 0)
                if self.left < 0 or not text.startswith(beginning):
                    break
                if place != pattern and place not in self.found and matches(text):
                    self._note(place, pattern)

    def _note(self, place: int, cover: int) -> None:
        if place in self.found or _last(self.found, cover) == place:
            return
        self.found[place] = cover


def _close(still_open: list[tuple[str, int]], text: str) -> None:
    while still_open and not text.startswith(still_open[-1][0]):
        still_open.pop()


def _as_text(pattern: str) -> str:
    return pattern.replace("*", _ANY_RUN).replace("?", _ANY_ONE)


def _is_wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _is_prefix(pattern: str) -> bool:
    return pattern.endswith("*") and not _is_wild(pattern[:-1])


def _matcher(pattern: str) -> Matches:
    """Return a matcher of texts with stand-ins; `?` does not match what stands for a whole run."""
    return _with_single_characters(pattern) if "?" in pattern else matcher(wildcard_tokens(pattern))


def _with_single_characters(pattern: str) -> Matches:
    """`?` is matched within runs of equal length: the pieces between stars, each sought leftmost."""
    pieces = pattern.split("*")

    def matches(text: str) -> bool:
        first, *rest = pieces
        if not _fits(first, text[: len(first)]):
            return False
        if not rest:
            return len(text) == len(first)
        *middle, last = rest
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            at = _find(piece, text, at, end)
            if at < 0:
                return False
        return at <= end and _fits(last, text[end:])

    return matches


def _find(piece: str, text: str, at: int, end: int) -> int:
    """Just behind the leftmost place of the piece, or -1."""
    for start in range(at, end - len(piece) + 1):
        if _fits(piece, text[start : start + len(piece)]):
            return start + len(piece)
    return -1


def _fits(piece: str, text: str) -> bool:
    if len(piece) != len(text):
        return False
    return all(
        wanted == given or (wanted == "?" and given != _ANY_RUN)
        for wanted, given in zip(piece, text, strict=True)
    )
