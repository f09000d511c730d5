"""ArnLike, which ArnEquals is another name for: six parts, each matched by itself."""

from __future__ import annotations

from collections.abc import Callable

from understudy_aws.policy.engine.conditions.operand import Comparison
from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.patterns import STAR, Matches, Token, Tokens, matcher, split_at_colons
from understudy_aws.policy.language.variables import Template, plain_tokens, resolve, template, variable_keys

_PARTS = 6

Parts = list[str]


def arn_parts(text: str) -> Parts | None:
    """Return the six parts of an ARN, the sixth with its colons; None when `text` is no ARN."""
    parts = text.split(":", _PARTS - 1)
    if len(parts) < _PARTS or parts[0] != "arn" or not (parts[1] and parts[2] and parts[5]):
        return None
    return parts


def like(values: tuple[str, ...], variables: bool) -> Comparison:
    """Compare ARNs part by part: a `*` in one of the first five parts cannot cross a colon.

    A value of the request that is no ARN gives None.
    """
    templates: list[Template] = []
    tests: list[Callable[[Parts, Context], bool]] = []
    broken = False
    for value in values:
        tokens = template(value, variables=variables, wildcards=True)
        test = _test(tokens)
        if test is None:
            broken = True
            break
        templates.append(tokens)
        tests.append(test)

    def compare(value: str, context: Context) -> bool | None:
        parts = arn_parts(value)
        if parts is None:
            return None
        return any(test(parts, context) for test in tests)

    keys = tuple(key for tokens in templates for key in variable_keys(tokens))
    return Comparison(compare, keys, broken)


def _test(tokens: Template) -> Callable[[Parts, Context], bool] | None:
    plain = plain_tokens(tokens)
    if plain is None:
        return _filled(tokens) if _may_be_arn(tokens) else None
    fixed = _part_matchers(plain)
    if fixed is None:
        return None
    return lambda parts, _context: all(map(_call, fixed, parts))


def _filled(tokens: Template) -> Callable[[Parts, Context], bool]:
    def test(parts: Parts, context: Context) -> bool:
        resolved = resolve(tokens, context)
        matchers = None if resolved is None else _part_matchers(resolved)
        return matchers is not None and all(map(_call, matchers, parts))

    return test


def _may_be_arn(tokens: Template) -> bool:
    """Return whether the variables of a pattern can make an ARN of it, going by how it begins."""
    first = tokens[0]
    return not isinstance(first, str) or first.startswith("arn:") or "arn:".startswith(first)


def _part_matchers(tokens: Tokens) -> list[Matches] | None:
    """Return one matcher per part; a lone `*` matches every ARN; None when the pattern is no ARN."""
    if list(tokens) == [STAR]:
        return [_always] * _PARTS
    parts: list[list[Token]] = split_at_colons(tokens, _PARTS - 1)
    if len(parts) != _PARTS:
        return None
    return [matcher(part) for part in parts]


def _always(_text: str) -> bool:
    return True


def _call(matches: Matches, text: str) -> bool:
    return matches(text)
