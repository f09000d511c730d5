"""Policy variables: `${aws:username}`, defaults, and the escapes `${*}`, `${?}` and `${$}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from understudy_aws.policy.language.context_keys import Context, is_list_key
from understudy_aws.policy.language.patterns import Token, Tokens, wildcard_tokens

# ${name}, ${name, 'default'}; anything else between the braces is a variable that never has a value.
_VARIABLE = re.compile(r"\$\{(?:([^{}',]+)(?:,\s*'([^']*)'\s*)?|([^}]*))\}")
_ESCAPES = frozenset("*?$")


class Variable(msgspec.Struct, frozen=True):
    """A variable in a pattern: a lower-cased context key, and the default for requests without it.

    One that cannot `resolve` never has a value, not even its default (recorded of list-typed keys, policies.md 4.4).
    """

    key: str
    default: str | None
    resolves: bool


Template = Sequence["Token | Variable"]


def template(text: str, *, variables: bool, wildcards: bool) -> tuple[Token | Variable, ...]:
    """`text` as tokens. Without `variables` (version 2008-10-17) `${…}` is plain text (policies.md 4.2)."""
    tokens: list[Token | Variable] = []
    at = 0
    if variables and "${" in text:
        # Behind the last brace no variable ends; looking for one there costs the square of what is left.
        for found in _VARIABLE.finditer(text, 0, text.rfind("}") + 1):
            _append_text(tokens, text[at : found.start()], wildcards)
            _append_variable(tokens, found)
            at = found.end()
    _append_text(tokens, text[at:], wildcards)
    return tuple(tokens)


def _append_text(tokens: list[Token | Variable], text: str, wildcards: bool) -> None:
    if text:
        tokens.extend(wildcard_tokens(text) if wildcards else [text])


def _append_variable(tokens: list[Token | Variable], found: re.Match[str]) -> None:
    name, default = found.group(1), found.group(2)
    if name in _ESCAPES and default is None:
        tokens.append(name)
    else:
        key = (name or "").strip().lower()
        tokens.append(Variable(key, default, bool(key) and not is_list_key(key)))


def variable_keys(tokens: Template) -> tuple[str, ...]:
    """Return the context keys a template asks for, in order."""
    return tuple(token.key for token in tokens if isinstance(token, Variable) and token.key)


def resolve(tokens: Template, context: Context) -> list[Token] | None:
    """Return the template with the request's values in it, each one literal text; None when one has no value."""
    resolved: list[Token] = []
    for token in tokens:
        if isinstance(token, Variable):
            value = _value(token, context)
            if value is None:
                return None
            resolved.append(value)
        else:
            resolved.append(token)
    return resolved


def values_of(variables: Iterable[Variable], context: Context) -> tuple[str, ...] | None:
    """Return the request's values for these variables; None when one has none."""
    values: list[str] = []
    for variable in variables:
        value = _value(variable, context)
        if value is None:
            return None
        values.append(value)
    return tuple(values)


def _value(variable: Variable, context: Context) -> str | None:
    if not variable.resolves:
        return None
    value = context.get(variable.key)
    if isinstance(value, str):
        return value
    # A list is a list-typed key we had no name for; an empty one is an absent key.
    return None if value else variable.default


def plain_tokens(tokens: Template) -> Tokens | None:
    """Return the template as a pattern when it holds no variable, else None."""
    plain = [token for token in tokens if not isinstance(token, Variable)]
    return plain if len(plain) == len(tokens) else None


def resolved_text(tokens: Template, context: Mapping[str, str | list[str]]) -> str | None:
    """Return a template without wildcards as text, None when a variable has no value."""
    resolved = resolve(tokens, context)
    return None if resolved is None else "".join(str(token) for token in resolved)
