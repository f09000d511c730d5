"""What a variable stands for where a pattern that holds it matches a text that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.patterns import STAR, Token, matcher
from understudy_aws.policy.language.variables import Template, Variable, resolve

# Texts that stand for a variable of one pattern, and letters of a text that is known, before some are left out.
_MOST = 64
_LONGEST = 512


def fillings(tokens: Template, key: str, context: Context, texts: Iterable[str]) -> tuple[list[str], bool]:
    """Return the values of `key` with which a pattern may match one of `texts`, and whether these are all.

    Other variables have the values of `context`; those without one, and the key's second place in a pattern, may stand
    for anything, so that some of the values returned match nothing.
    """
    found: dict[str, None] = {}
    complete = True
    for text in texts:
        each, all_found = _filling(tokens, key, context, text)
        found.update(dict.fromkeys(each))
        complete = complete and all_found
    return list(found), complete


def _filling(tokens: Template, key: str, context: Context, text: str) -> tuple[Sequence[str], bool]:
    at = next(at for at, token in enumerate(tokens) if isinstance(token, Variable) and token.key == key)
    if len(text) > _LONGEST:
        return (), False
    others = {each: held for each, held in context.items() if each != key}
    before = matcher(filled(tokens[:at], others))
    behind = matcher(filled(tokens[at + 1 :], others))
    starts = [place for place in range(len(text) + 1) if before(text[:place])]
    ends = [place for place in range(len(text) + 1) if behind(text[place:])]
    found = {text[start:end] for start in starts for end in ends if start <= end}
    most = sorted(found, key=lambda each: (-len(each), each))[:_MOST]
    return most, len(found) == len(most)


def filled(tokens: Template, context: Context) -> list[Token]:
    """Return a pattern with the values of its variables in it; those without one may stand for anything."""
    found: list[Token] = []
    for token in tokens:
        known = resolve([token], context)
        found.extend([STAR] if known is None else known)
    return found
