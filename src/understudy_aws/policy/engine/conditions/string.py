"""StringEquals, StringEqualsIgnoreCase, StringLike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understudy_aws.policy.engine.conditions.operand import Compare, Comparison
from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.patterns import Matches, any_matches, matcher
from understudy_aws.policy.language.variables import (
    Template,
    plain_tokens,
    resolve,
    resolved_text,
    template,
    variable_keys,
)


def equals(values: tuple[str, ...], variables: bool) -> Comparison:
    """Exact and case-sensitive; `${*}` is the way to write a literal star in a variable's company."""
    return _exact(values, variables, _unchanged)


def equals_ignoring_case(values: tuple[str, ...], variables: bool) -> Comparison:
    """Compares lower-cased text; lower-casing, not case folding (recorded, policies.md 4.4)."""
    return _exact(values, variables, str.lower)


def like(values: tuple[str, ...], variables: bool) -> Comparison:
    """Case-sensitive patterns: `*` any run, `?` one UTF-16 unit."""
    templates = [template(value, variables=variables, wildcards=True) for value in values]
    fixed = [matcher(tokens) for tokens in map(plain_tokens, templates) if tokens is not None]
    filled = tuple(tokens for tokens in templates if plain_tokens(tokens) is None)
    return Comparison(_like(fixed, filled), _keys(templates), matches=None if filled else any_matches(fixed))


def _unchanged(text: str) -> str:
    return text


def _exact(values: tuple[str, ...], variables: bool, form: Callable[[str], str]) -> Comparison:
    templates = [template(value, variables=variables, wildcards=False) for value in values]
    plain = [plain_tokens(tokens) for tokens in templates]
    fixed = frozenset(form("".join(map(str, tokens))) for tokens in plain if tokens is not None)
    filled = tuple(tokens for tokens in templates if plain_tokens(tokens) is None)
    exact = fixed if form is _unchanged and not filled else None
    return Comparison(_equal(fixed, filled, form), _keys(templates), exact=exact)


def _keys(templates: Sequence[Template]) -> tuple[str, ...]:
    return tuple(key for tokens in templates for key in variable_keys(tokens))


def _equal(fixed: frozenset[str], filled: tuple[Template, ...], form: Callable[[str], str]) -> Compare:
    if not filled and form is _unchanged:
        return lambda value, _context: value in fixed
    if not filled:
        return lambda value, _context: form(value) in fixed

    def compare(value: str, context: Context) -> bool:
        formed = form(value)
        if formed in fixed:
            return True
        for tokens in filled:
            wanted = resolved_text(tokens, context)
            if wanted is not None and form(wanted) == formed:
                return True
        return False

    return compare


def _like(fixed: list[Matches], filled: tuple[Template, ...]) -> Compare:
    matches = any_matches(fixed)
    if not filled:
        return lambda value, _context: matches(value)

    def compare(value: str, context: Context) -> bool:
        if matches(value):
            return True
        for tokens in filled:
            resolved = resolve(tokens, context)
            if resolved is not None and matcher(resolved)(value):
                return True
        return False

    return compare
