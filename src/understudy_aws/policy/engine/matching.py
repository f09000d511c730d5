"""Matchers of actions, resources and principals."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum

from understudy_aws.policy.language.context_keys import Context, is_ambiguous
from understudy_aws.policy.language.document import PrincipalElement
from understudy_aws.policy.language.patterns import (
    STAR,
    Matches,
    Tokens,
    any_matches,
    literal,
    literal_prefix,
    lower_ascii,
    matcher,
    split_at_colons,
    wildcard_tokens,
)
from understudy_aws.policy.language.question import Principal
from understudy_aws.policy.language.variables import (
    Template,
    Variable,
    plain_tokens,
    resolve,
    template,
    values_of,
)

MatchesResource = Callable[[str, Context], bool]

# Of a pattern with variables, the sets of values whose matchers are kept, and the characters each may have.
_MOST_KEPT = 64
_LONGEST_KEPT = 512

# Patterns tried one after the other by one expression; more than these are sorted by their shapes first.
_MOST_ALTERNATIVES = 16


def has_wild_prefix(pattern: str) -> bool:
    """Return whether an action's service prefix has a wildcard, which AWS refuses, but for `*:*` (policies.md 4.3)."""
    prefix, colon, _name = pattern.partition(":")
    return bool(colon) and ("*" in prefix or "?" in prefix) and pattern != "*:*"


def actions_matcher(patterns: tuple[str, ...], inverted: bool, *, in_deny: bool) -> Matches:
    """Return a matcher of lower-cased actions. `${…}` in an action is plain text (policies.md 4.3).

    A pattern with a wildcard in its service prefix matches nothing; in a NotAction it lets the whole statement allow
    nothing, and spares nothing from a Deny.
    """
    readable = [pattern for pattern in patterns if not has_wild_prefix(pattern)]
    if inverted and not in_deny and len(readable) < len(patterns):
        return lambda _action: False
    matches = _texts_matcher([wildcard_tokens(lower_ascii(pattern)) for pattern in readable], matcher)
    return (lambda action: not matches(action)) if inverted else matches


_ARN_COLONS = 5
_A_VARIABLE = re.compile(r"\$\{[^}]*\}")


def missing_parts(pattern: str, *, variables: bool) -> int:
    """Return how many of an ARN's six parts a pattern lacks; 0 for one that ends in `*`, which stands for the rest.

    A colon within a variable separates no parts.
    """
    if not pattern.startswith("arn:") or pattern.endswith("*"):
        return 0
    if variables and "${" in pattern:
        pattern = _A_VARIABLE.sub("", pattern)
    return max(0, _ARN_COLONS - pattern.count(":"))


def whole_arns(patterns: tuple[str, ...], *, variables: bool) -> tuple[str, ...]:
    """Return the patterns with `*` for every part they lack: `arn:aws:sqs` is `arn:aws:sqs:*:*:*` (policies.md 4.3)."""
    return tuple(pattern + ":*" * missing_parts(pattern, variables=variables) for pattern in patterns)


def resources_matcher(
    patterns: tuple[str, ...] | None, inverted: bool, variables: bool, *, wide: bool
) -> MatchesResource | None:
    """Return a matcher of resource ARNs, or None when the statement is about every resource.

    `wide` says that matching more is the safe side, as where a Deny lists resources or an Allow spares some.
    """
    if patterns is None or (not inverted and "*" in patterns):
        return None
    plain: list[Tokens] = []
    filled: list[Template] = []
    for pattern in patterns:
        tokens = template(pattern, variables=variables, wildcards=True)
        fixed = plain_tokens(tokens)
        if fixed is None:
            filled.append(tokens)
        else:
            plain.append(fixed)
    matches = _plain_matcher(plain, wide) if plain else matches_no_resource
    if filled:
        matches = _filled_matcher(matches, tuple(filled), wide)
    return _inverted(matches) if inverted else matches


def matches_no_resource(_resource: str, _context: Context) -> bool:
    return False


def _inverted(matches: MatchesResource) -> MatchesResource:
    return lambda resource, context: not matches(resource, context)


def _plain_matcher(plain: list[Tokens], wide: bool) -> MatchesResource:
    """Return a matcher of patterns without variables.

    What is more than texts and prefixes is built when first needed.
    """
    texts = [literal(tokens) for tokens in plain]
    if None not in texts:
        exact = frozenset(texts)
        return lambda resource, _context: resource in exact
    prefixes = tuple(prefix for prefix in map(literal_prefix, plain) if prefix is not None)
    if len(prefixes) == len(plain):
        return lambda resource, _context: resource.startswith(prefixes)
    expression: Callable[[str], object] | None = None
    matches: Matches | None = None

    def deferred(resource: str, _context: Context) -> bool:
        nonlocal expression, matches
        if matches is None:
            expression = _expression(plain)
            matches = _texts_matcher(plain, lambda tokens: arn_matcher(tokens, wide=wide))
        if expression is None:
            return matches(resource)
        # A star can only cross a colon in a text that has more of them than separate its segments.
        return expression(resource) is not None or (resource.count(":") > 5 and matches(resource))

    return deferred


def _filled_matcher(fixed: MatchesResource, filled: tuple[Template, ...], wide: bool) -> MatchesResource:
    patterns = [_Filled(tokens, wide) for tokens in filled]

    def matches(resource: str, context: Context) -> bool:
        if fixed(resource, context):
            return True
        for pattern in patterns:
            with_values = pattern.matcher(context)
            if with_values is None:
                if wide and pattern.is_ambiguous(context):
                    return True
            elif with_values(resource):
                return True
        return False

    return matches


class _Filled:
    """A resource pattern with variables; the same callers come again, so its last matchers are kept."""

    __slots__ = ("_known", "_tokens", "_variables", "_wide")

    def __init__(self, tokens: Template, wide: bool) -> None:
        self._tokens = tokens
        self._variables = tuple(token for token in tokens if isinstance(token, Variable))
        self._wide = wide
        self._known: dict[tuple[str, ...], Matches] = {}

    def is_ambiguous(self, context: Context) -> bool:
        """Return whether a variable stands for two tags, so that the pattern may mean anything (policies.md 4.4)."""
        return any(is_ambiguous(variable.key, context) for variable in self._variables)

    def matcher(self, context: Context) -> Matches | None:
        """Return the matcher with the request's values.

        Without one of them the pattern matches nothing (policies.md 4.3).
        """
        values = values_of(self._variables, context)
        if values is None:
            return None
        known = self._known.get(values)
        if known is None:
            resolved = resolve(self._tokens, context)
            assert resolved is not None, "every variable has a value"
            known = arn_matcher(resolved, wide=self._wide)
            if sum(map(len, values)) <= _LONGEST_KEPT:
                if len(self._known) >= _MOST_KEPT:
                    self._known.clear()
                self._known[values] = known
        return known


def arn_matcher(tokens: Tokens, *, wide: bool) -> Matches:
    """Return a matcher of one resource pattern.

    In the first five segments a star that ends its segment may go on beyond the colon, any other wildcard stays
    within (IAM user guide, "IAM JSON policy elements: Resource"); in the last one all cross colons and slashes.
    Where `wide`, all cross everywhere. Without any that must stay within, the pattern is matched as one text.
    """
    segments = split_at_colons(tokens, 5)
    if wide or all(map(_may_go_on, segments[:-1])):
        return matcher(tokens)
    count = len(segments)
    # The text before the first wildcard is cheap to compare, and settles the segments that lie within it.
    start = tokens[0] if isinstance(tokens[0], str) else ""
    settled = start.count(":")
    checks = tuple(
        (at, matcher(segment))
        for at, segment in enumerate(segments)
        if at >= settled and list(segment) != [STAR]
    )

    def matches(text: str) -> bool:
        if not text.startswith(start):
            return False
        parts = text.split(":", count - 1)
        if len(parts) != count:
            return False
        for at, check in checks:  # noqa: SIM110 - a generator would cost more than the matching
            if not check(parts[at]):
                return False
        return True

    return matches


def _may_go_on(segment: Tokens) -> bool:
    """Return whether a segment has no wildcard, or none but the star it ends with."""
    return literal(segment) is not None or literal_prefix(segment) is not None


def _expression(plain: list[Tokens]) -> Callable[[str], object] | None:
    """Return one regular expression for all patterns, if each is of the shape of `_free_segments`."""
    if len(plain) > _MOST_ALTERNATIVES:
        return None
    expressions = [_free_segments(tokens) for tokens in plain]
    if None in expressions:
        return None
    return re.compile("|".join(str(expression) for expression in expressions)).match


def _free_segments(tokens: Tokens) -> str | None:
    """`arn:aws:ec2:*:*:vpc/*` as a regular expression: each early segment a text or free, then text or a prefix.

    None for any other shape. Nothing in it can be matched in two ways, so no text makes it slow.
    """
    *early, last = split_at_colons(tokens, 5)
    if len(early) != 5:
        return None
    expression = ""
    for segment in early:
        text = literal(segment)
        if text is None and list(segment) != [STAR]:
            return None
        expression += ("[^:]*" if text is None else re.escape(text)) + ":"
    ending = literal_prefix(last)
    if ending is not None:
        return expression + re.escape(ending)
    text = literal(last)
    return None if text is None else expression + re.escape(text) + r"\Z"


def _texts_matcher(patterns: list[Tokens], build: Callable[[Tokens], Matches]) -> Matches:
    """Return one matcher for many patterns, the cheapest shapes first."""
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Matches] = []
    for tokens in patterns:
        text, prefix = literal(tokens), literal_prefix(tokens)
        if text is not None:
            exact.add(text)
        elif prefix is not None:
            prefixes.append(prefix)
        else:
            others.append(build(tokens))
    matchers: list[Matches] = []
    if exact:
        matchers.append(frozenset(exact).__contains__)
    if prefixes:
        starts = tuple(prefixes)
        matchers.append(lambda text: text.startswith(starts))
    return any_matches([*matchers, *others])


class PrincipalMatch(IntEnum):
    """How an element names a principal. The higher, the fewer other layers must allow too (policies.md 4.8)."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


MatchesPrincipal = Callable[[Principal], PrincipalMatch]

_ANYBODY = "*"


def principal_matcher(raw: PrincipalElement | None, *, in_deny: bool) -> MatchesPrincipal | None:
    """Return a matcher of the principal, or None when the statement names none."""
    if raw is None:
        return None
    # An empty value names nobody. Without this it would match principals without an ARN or account.
    members = frozenset(member for member in raw.members if member[1])
    if raw.inverted:
        return _not_principal(members, in_deny=in_deny)
    if ("AWS", _ANYBODY) in members:
        return _anybody if in_deny else _anybody_of_aws

    def matches(principal: Principal) -> PrincipalMatch:
        best = PrincipalMatch.NONE
        for grant, name in names_of(principal):
            if grant > best and name in members:
                best = grant
        return best

    return matches


def _anybody(_principal: Principal) -> PrincipalMatch:
    return PrincipalMatch.DIRECT


def _anybody_of_aws(principal: Principal) -> PrincipalMatch:
    """Let everybody in but those whom an identity provider alone knows: these must be let in by its name (recorded)."""
    if principal.kind == "federated" and principal.is_outside_iam:
        return PrincipalMatch.NONE
    return PrincipalMatch.DIRECT


def names_of(principal: Principal) -> list[tuple[PrincipalMatch, tuple[str, str]]]:
    """Return every (type, value) by which a policy can name this principal, and what each naming is worth."""
    if principal.kind == "anonymous":
        return []
    if principal.kind == "service":
        return [(PrincipalMatch.DIRECT, ("Service", principal.service))]
    if principal.is_outside_iam:
        return [(PrincipalMatch.DIRECT, ("Federated", principal.arn))]
    # An account's number and its root ARN are one principal (policies.md 4.3).
    partition = principal.arn.split(":", 2)[1] if principal.arn.startswith("arn:") else "aws"
    root = f"arn:{partition}:iam::{principal.account}:root"
    names = [(PrincipalMatch.ACCOUNT, ("AWS", principal.account)), (PrincipalMatch.ACCOUNT, ("AWS", root))]
    if principal.kind == "root":
        return names
    names.append((PrincipalMatch.DIRECT, ("AWS", principal.arn)))
    unique_id = principal.user_id.partition(":")[0]
    if principal.kind == "role-session":
        names.append((PrincipalMatch.ROLE, ("AWS", principal.role_arn)))
        if unique_id:
            names.append((PrincipalMatch.ROLE, ("AWS", unique_id)))
    elif principal.kind == "user" and unique_id:
        names.append((PrincipalMatch.DIRECT, ("AWS", unique_id)))
    return names


def _not_principal(members: frozenset[tuple[str, str]], *, in_deny: bool) -> MatchesPrincipal:
    """NotPrincipal.

    A Deny spares only who is named in full: the session, its role and its account. An Allow lets nobody in: AWS does
    not support it (policies.md 4.3).
    """
    if not in_deny or ("AWS", _ANYBODY) in members:
        return lambda _principal: PrincipalMatch.NONE

    def matches(principal: Principal) -> PrincipalMatch:
        named = [_is_named(principal, members, match) for match in _chain(principal)]
        return PrincipalMatch.NONE if named and all(named) else PrincipalMatch.DIRECT

    return matches


def _chain(principal: Principal) -> list[PrincipalMatch]:
    return sorted({grant for grant, _name in names_of(principal)})


def _is_named(principal: Principal, members: frozenset[tuple[str, str]], grant: PrincipalMatch) -> bool:
    return any(name in members for worth, name in names_of(principal) if worth == grant)
