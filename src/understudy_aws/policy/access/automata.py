"""Texts that tell patterns apart: one for each way in which a text can match some patterns of a set and not others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec

from understudy_aws.policy.language.patterns import (
    ONE,
    STAR,
    Token,
    Tokens,
    literal,
    literal_prefix,
    split_at_colons,
    utf16_units,
)

# States of all patterns together that are looked at before an answer is given up.
MOST_STATES = 20_000
_COLONS = 5
# Letters that stand for all those that no pattern names; the first that none does is taken.
_OTHERS = "xyzvwqkjuabcdefghilmnoprst0123456789"


class Step(msgspec.Struct, frozen=True):
    """One place of a pattern: the letters that fit there (None: every letter), and whether any number of them do."""

    letters: frozenset[str] | None
    repeated: bool = False
    crosses: bool = True

    def takes(self, letter: str) -> bool:
        """Return whether a letter fits. One that does not cross colons takes every letter but a colon."""
        if self.letters is not None:
            return letter in self.letters
        return self.crosses or letter != ":"


Pattern = tuple[Step, ...]


def whole(tokens: Tokens) -> Pattern:
    """Return a pattern whose wildcards cross everything, as those of StringLike."""
    return tuple(_steps(tokens, crosses=True))


def of_resource(tokens: Tokens, *, wide: bool) -> Pattern:
    """Return the pattern of a resource, as `matching.arn_matcher` reads it."""
    segments = split_at_colons(tokens, _COLONS)
    free = all(literal(each) is not None or literal_prefix(each) is not None for each in segments[:-1])
    return whole(tokens) if wide or free else _by_segments(segments)


def of_arn(tokens: Tokens) -> Pattern | None:
    """Return the pattern of an ARN in a condition, as ArnLike reads it; None when it is none."""
    segments: list[list[Token]] = [[STAR]] * (_COLONS + 1)
    if list(tokens) != [STAR]:
        segments = split_at_colons(tokens, _COLONS)
    return _by_segments(segments) if len(segments) == _COLONS + 1 else None


def any_arn() -> Pattern:
    """Return the pattern of every text that is an ARN to ArnLike: some of its parts must not be empty."""
    early: list[list[Token]] = [["arn"], [ONE, STAR], [ONE, STAR], [STAR], [STAR]]
    return _by_segments([*early, [ONE, STAR]])


def in_any_case(text: str) -> Pattern | None:
    """Return the pattern of a text in whatever case, or None for one beyond ASCII."""
    if not text.isascii():
        return None
    return tuple(Step(frozenset({letter.lower(), letter.upper()})) for letter in text)


def _by_segments(segments: Sequence[Tokens]) -> Pattern:
    steps: list[Step] = []
    for number, segment in enumerate(segments):
        if number:
            steps.append(Step(frozenset(":")))
        steps.extend(_steps(segment, crosses=number == len(segments) - 1))
    return tuple(steps)


def _steps(tokens: Tokens, *, crosses: bool) -> Iterator[Step]:
    for token in tokens:
        if token is STAR:
            yield Step(None, repeated=True, crosses=crosses)
        elif token is ONE:
            yield Step(None, crosses=crosses)
        else:
            for letter in utf16_units(str(token)):
                yield Step(frozenset({letter}))


class _Running:
    """A pattern that is matched letter by letter. Its state is a set of bits: the steps that may come next."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._loops = [step.repeated for step in pattern]
        self._after: dict[tuple[int, str], int] = {}
        self._letters: dict[int, frozenset[str]] = {}
        self.start = self._closed(1)
        self._end = 1 << len(pattern)

    def _closed(self, state: int) -> int:
        """Add the steps behind those that may be left out."""
        for at, loops in enumerate(self._loops):
            if loops and state >> at & 1:
                state |= 1 << (at + 1)
        return state

    def next(self, state: int, letter: str) -> int:
        """Return the state after a letter; 0 when no text that goes on so can match."""
        after = self._after.get((state, letter))
        if after is None:
            after = self._after[state, letter] = self._next(state, letter)
        return after

    def _next(self, state: int, letter: str) -> int:
        reached = 0
        for at in _bits(state):
            if at < len(self._pattern) and self._pattern[at].takes(letter):
                reached |= 1 << (at if self._loops[at] else at + 1)
        return self._closed(reached) if reached else 0

    def accepts(self, state: int) -> bool:
        return bool(state & self._end)

    def letters(self, state: int) -> frozenset[str]:
        """Return the letters that matter in a state."""
        known = self._letters.get(state)
        if known is None:
            known = self._letters[state] = frozenset(self._letters_in(state))
        return known

    def _letters_in(self, state: int) -> Iterator[str]:
        for at in _bits(state):
            if at < len(self._pattern):
                step = self._pattern[at]
                if step.letters is not None:
                    yield from step.letters
                elif not step.crosses:
                    yield ":"


def _bits(state: int) -> Iterator[int]:
    while state:
        low = state & -state
        yield low.bit_length() - 1
        state ^= low


def distinguishing_texts(
    patterns: Iterable[Pattern], *, within: Pattern | None = None
) -> tuple[list[str], bool]:
    """Return the shortest text of each class of texts that match the same of `patterns`, and whether all were found.

    Only texts that match `within` count, when that is given.
    """
    texts, complete = _distinguished(tuple(dict.fromkeys(patterns)), within)
    return list(texts), complete


@lru_cache(maxsize=512)
def _distinguished(distinct: tuple[Pattern, ...], within: Pattern | None) -> tuple[tuple[str, ...], bool]:
    running = [_Running(each) for each in (*(() if within is None else (within,)), *distinct)]
    other = _other_letter(distinct if within is None else (*distinct, within))
    start = tuple(each.start for each in running)
    found: dict[tuple[bool, ...], str] = {}
    halves: set[tuple[bool, ...]] = set()
    seen = {start}
    waiting = deque([(start, "")])
    while waiting:
        state, text = waiting.popleft()
        accepted = tuple(each.accepts(bits) for each, bits in zip(running, state, strict=True))
        if (within is None or accepted[0]) and accepted not in found:
            if _is_text(text):
                found[accepted] = text
            else:
                halves.add(accepted)
        live = [(at, each) for at, each in enumerate(running) if state[at]]
        letters = frozenset().union(*(each.letters(state[at]) for at, each in live))
        for letter in (*sorted(letters), other):
            reached = [0] * len(running)
            for at, each in live:
                reached[at] = each.next(state[at], letter)
            after = tuple(reached)
            if after in seen or (within is not None and not after[0]):
                continue
            if len(seen) >= MOST_STATES:
                return tuple(map(_joined, found.values())), False
            seen.add(after)
            waiting.append((after, text + letter))
    return tuple(map(_joined, found.values())), halves <= found.keys()


def _other_letter(patterns: Iterable[Pattern]) -> str:
    named = {letter for pattern in patterns for step in pattern for letter in step.letters or ()}
    return next((letter for letter in _OTHERS if letter not in named), "\u00e6")


def _is_text(text: str) -> bool:
    """Return whether no half of a character stands alone."""
    try:
        text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return False
    return True


def _joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16") if not text.isascii() else text
