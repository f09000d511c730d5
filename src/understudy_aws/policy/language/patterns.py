"""Patterns with `*` and `?`, matched without backtracking whatever their shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache


class Wild(Enum):
    """What a pattern may hold besides text: any run of characters, or exactly one UTF-16 unit."""

    STAR = "*"
    ONE = "?"


STAR = Wild.STAR
ONE = Wild.ONE

Token = str | Wild
Tokens = Sequence[Token]
Matches = Callable[[str], bool]

_WILD = re.compile(r"[*?]")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")


def wildcard_tokens(text: str) -> list[Token]:
    """`text` cut at its wildcards: "a*b" is ["a", STAR, "b"]."""
    if "*" not in text and "?" not in text:
        return [text] if text else []
    tokens: list[Token] = []
    at = 0
    for found in _WILD.finditer(text):
        if found.start() > at:
            tokens.append(text[at : found.start()])
        tokens.append(STAR if found.group() == "*" else ONE)
        at = found.end()
    if at < len(text):
        tokens.append(text[at:])
    return tokens


def literal(tokens: Tokens) -> str | None:
    """Return the text of a pattern without wildcards, else None."""
    text = ""
    for token in tokens:
        if isinstance(token, Wild):
            return None
        text += token
    return text


def literal_prefix(tokens: Tokens) -> str | None:
    """Return the text before the `*` of a pattern that ends in its only wildcard, else None."""
    if tokens and tokens[-1] is STAR:
        return literal(tokens[:-1])
    return None


def matcher(tokens: Tokens) -> Matches:
    """Return a function that tells whether a whole text matches.

    Each piece between stars is sought once, leftmost first, which is enough for a match to be found if there
    is one; so the cost is bounded by length of text times length of piece, never by their powers.
    """
    if ONE in tokens:
        return _with_single_characters(tokens)
    pieces = _pieces(tokens)
    if len(pieces) == 1:
        return pieces[0].__eq__
    first, *middle, last = pieces
    middle = [piece for piece in middle if piece]
    if middle:
        return _with_several_stars(first, tuple(middle), last)
    if not last:
        return _with_prefix(first)
    return _with_both_ends(first, last)


def split_at_colons(tokens: Tokens, limit: int) -> list[list[Token]]:
    """Return the pattern cut at its first `limit` colons, as `str.split(":", limit)` would cut a text."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, Wild):
            parts[-1].append(token)
            continue
        head, *rest = token.split(":", limit - len(parts) + 1)
        if head:
            parts[-1].append(head)
        parts.extend([piece] if piece else [] for piece in rest)
    return parts


def _pieces(tokens: Tokens) -> list[str]:
    pieces = [""]
    for token in tokens:
        if isinstance(token, Wild):
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces


def matches_everything(_text: str) -> bool:
    """True for every text; the matcher of `*`."""
    return True


def _with_prefix(first: str) -> Matches:
    if not first:
        return matches_everything
    return lambda text: text.startswith(first)


def _with_both_ends(first: str, last: str) -> Matches:
    least = len(first) + len(last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def _with_several_stars(first: str, middle: tuple[str, ...], last: str) -> Matches:
    start, tail = len(first), len(last)

    def matches(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = start, len(text) - tail
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return at <= end

    return matches


def _with_single_characters(tokens: Tokens) -> Matches:
    least = sum(len(utf16_units(token)) if isinstance(token, str) else token is ONE for token in tokens)
    start = utf16_units(tokens[0]) if isinstance(tokens[0], str) else ""
    end = utf16_units(tokens[-1]) if isinstance(tokens[-1], str) else ""
    compiled: re.Pattern[str] | None = None

    def matches(text: str) -> bool:
        nonlocal compiled
        units = utf16_units(text)
        # Compiling costs a thousand times as much as matching: what is too long for the text, or begins or ends
        # otherwise, is never compiled.
        if len(units) < least or not (units.startswith(start) and units.endswith(end)):
            return False
        if compiled is None:
            compiled = _compiled(_expression(tokens))
        return compiled.match(units) is not None

    return matches


def _expression(tokens: Tokens) -> str:
    """Return the pattern as a regular expression that never backtracks into a star."""
    runs: list[str] = [""]
    for token in tokens:
        if token is STAR:
            runs.append("")
        else:
            runs[-1] += "." if token is ONE else re.escape(utf16_units(str(token)))
    first, *rest = runs
    if not rest:
        return f"(?s:{first})\\Z"
    middle = "".join(f"(?>.*?{run})" for run in rest[:-1] if run)
    return f"(?s:{first}{middle}.*{rest[-1]})\\Z"


# Compiled expressions are many times as large as their text: of the long ones, which are hostile, few are kept.
_SHORT = 1024


def _compiled(expression: str) -> re.Pattern[str]:
    return _of_short(expression) if len(expression) <= _SHORT else _of_long(expression)


@lru_cache(maxsize=2048)
def _of_short(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


@lru_cache(maxsize=16)
def _of_long(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def utf16_units(text: str) -> str:
    """`text` with characters beyond U+FFFF as two halves: `?` counts UTF-16 units (policies.md 4.3)."""
    if text.isascii() or not _BEYOND_BMP.search(text):
        return text
    return _BEYOND_BMP.sub(_halves, text)


def _halves(found: re.Match[str]) -> str:
    code = ord(found.group()) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def lower_ascii(text: str) -> str:
    """`text` with A-Z in lower case and nothing else changed, so that no other letter becomes ASCII."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def any_matches(matchers: Iterable[Matches]) -> Matches:
    """Return a function that is true when one of `matchers` is."""
    several = tuple(matchers)
    if len(several) == 1:
        return several[0]

    def matches(text: str) -> bool:
        for each in several:  # noqa: SIM110 - a generator would cost more than the matching
            if each(text):
                return True
        return False

    return matches
