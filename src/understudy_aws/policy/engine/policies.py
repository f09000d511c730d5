"""Compiled policies. Each distinct document is compiled once and shared by everyone it is attached to."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import msgspec

from understudy_aws.policy.engine.conditions.condition import CompiledCondition, Test, compile_condition
from understudy_aws.policy.engine.matching import (
    MatchesPrincipal,
    MatchesResource,
    actions_matcher,
    matches_no_resource,
    missing_parts,
    principal_matcher,
    resources_matcher,
    whole_arns,
)
from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.document import (
    KINDS,
    KINDS_WITH_SHORT_ARNS,
    MAX_DOCUMENT,
    NO_ACTIONS,
    NO_RESOURCES,
    RESOURCE_KINDS,
    SYNTAX,
    Document,
    MalformedPolicy,
    Statement,
    read_document,
)
from understudy_aws.policy.language.patterns import Matches, lower_ascii
from understudy_aws.policy.language.variables import template, variable_keys

# Distinct documents kept compiled, the characters they may have together, and the distinct actions remembered by
# each of them.
MAX_POLICIES = 16_384
MAX_CHARACTERS = 32_000_000
MAX_ACTIONS = 512


class CompiledStatement(msgspec.Struct, frozen=True, eq=False):
    """One compiled statement; `written` is the statement as its author wrote it.

    `matches_resource` and `holds` are None when the statement asks nothing of the resource or the context.
    `keys` are the context keys it asks for, lower-cased, in the order they are written; `resource_keys` are
    those among them that its resources' variables ask for.
    """

    index: int
    sid: str
    denies: bool
    written: Statement
    matches_action: Matches
    matches_resource: MatchesResource | None
    matches_principal: MatchesPrincipal | None
    holds: Test | None
    conditions: tuple[CompiledCondition, ...]
    keys: tuple[str, ...]
    resource_keys: tuple[str, ...]


class CompiledPolicy:
    """An immutable compiled document, equal only to itself: the cache makes one per text and kind."""

    __slots__ = ("_by_action", "document", "kind", "statements", "text")

    def __init__(
        self, text: str, kind: str, document: Document, statements: tuple[CompiledStatement, ...]
    ) -> None:
        self.text = text
        self.kind = kind
        self.document = document
        self.statements = statements
        self._by_action: dict[str, tuple[CompiledStatement, ...]] = {}

    def statements_for(self, action: str) -> tuple[CompiledStatement, ...]:
        """Return the statements whose action element matches `action`, remembered for the actions asked about."""
        known = self._by_action.get(action)
        if known is None:
            lowered = lower_ascii(action)
            known = tuple(each for each in self.statements if each.matches_action(lowered))
            if len(self._by_action) >= MAX_ACTIONS:
                self._by_action.clear()
            self._by_action[action] = known
        return known

    def __repr__(self) -> str:
        return f"<Policy {self.kind}, {len(self.statements)} statements>"


class NamedPolicy(msgspec.Struct, frozen=True):
    """A compiled policy with its name: the ARN of a managed policy, or the name of an inline one."""

    name: str
    policy: CompiledPolicy


class _Compiled:
    """The compiled documents used last, least recently used out first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._policies: OrderedDict[tuple[str, str], CompiledPolicy] = OrderedDict()
        self._characters = 0

    def get(self, key: tuple[str, str]) -> CompiledPolicy | None:
        with self._lock:
            policy = self._policies.get(key)
            if policy is not None:
                self._policies.move_to_end(key)
            return policy

    def put(self, key: tuple[str, str], policy: CompiledPolicy) -> CompiledPolicy:
        with self._lock:
            known = self._policies.get(key)
            if known is not None:
                return known
            self._policies[key] = policy
            self._characters += len(policy.text)
            while len(self._policies) > MAX_POLICIES or self._characters > MAX_CHARACTERS:
                _key, oldest = self._policies.popitem(last=False)
                self._characters -= len(oldest.text)
            return policy


_COMPILED = _Compiled()


def compile_policy(text: str | bytes, *, name: str = "", kind: str = "identity") -> CompiledPolicy:
    """Return the policy in `text`, compiled once per distinct text and kind.

    Stored documents are read leniently: names, sizes and service prefixes are checked by `review` alone. Raises
    MalformedPolicy (with `name` in it) when the document cannot be understood.
    """
    if len(text) > MAX_DOCUMENT:
        # Refused before it is decoded, or hashed to look for it.
        raise MalformedPolicy(SYNTAX, policy=name)
    try:
        plain = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise MalformedPolicy(SYNTAX, policy=name) from error
    key = (plain, kind)
    policy = _COMPILED.get(key)
    if policy is not None:
        return policy
    assert kind in KINDS, f"{kind} is no kind of policy"
    try:
        policy = compile_uncached(plain, kind)
    except MalformedPolicy as error:
        error.policy = name
        raise
    return _COMPILED.put(key, policy)


def compile_uncached(text: str, kind: str) -> CompiledPolicy:
    """Return the policy in `text`, not kept in the cache.

    It is for documents that nobody has stored, such as a proposed change.
    """
    document = read_document(text)
    statements = tuple(
        compile_statement(written, index, kind=kind, variables=document.has_variables)
        for index, written in enumerate(document.statements)
    )
    return CompiledPolicy(text, kind, document, statements)


def compile_statement(written: Statement, index: int, *, kind: str, variables: bool) -> CompiledStatement:
    """Return one statement compiled; raises MalformedPolicy when an element it needs is missing or out of place."""
    _check_elements(written, kind)
    assert written.actions is not None, "checked above"
    denies = written.effect == "Deny"
    conditions = tuple(compile_condition(each, variables, denies) for each in written.conditions)
    asked = [key for condition in conditions for key in condition.keys]
    in_resources = [
        key
        for pattern in written.resources or ()
        for key in variable_keys(template(pattern, variables=variables, wildcards=False))
    ]
    return CompiledStatement(
        index,
        written.sid,
        denies,
        written,
        actions_matcher(written.actions, written.not_action, in_deny=denies),
        _matches_resource(written, kind, variables=variables),
        principal_matcher(written.principal, in_deny=denies),
        _all_hold(tuple(condition.test for condition in conditions)),
        conditions,
        tuple(dict.fromkeys(asked + in_resources)),
        tuple(dict.fromkeys(in_resources)),
    )


def _matches_resource(written: Statement, kind: str, *, variables: bool) -> MatchesResource | None:
    """Return the matcher of the statement's resources, where ARNs may lack parts (policies.md 4.3).

    Identity policies and boundaries have `*` for missing parts. Elsewhere AWS refuses such ARNs; where one gets in all
    the same, it has `*` in a Deny and matches nothing in an Allow. An Allow with such a NotResource grants nothing.
    """
    patterns, inverted, denies = written.resources, written.not_resource, written.effect == "Deny"
    if patterns and any(missing_parts(pattern, variables=variables) for pattern in patterns):
        if inverted and not denies:
            return matches_no_resource
        if kind in KINDS_WITH_SHORT_ARNS or (denies and not inverted):
            whole = whole_arns(patterns, variables=variables)
            # A wildcard of a Deny may cross colons, so that the ARN can be whole as it is.
            patterns = whole if inverted or not denies else (*whole, *patterns)
    return resources_matcher(patterns, inverted, variables, wide=denies is not inverted)


def _check_elements(written: Statement, kind: str) -> None:
    if written.actions is None:
        raise MalformedPolicy(NO_ACTIONS)
    if kind in RESOURCE_KINDS:
        if written.principal is None:
            raise MalformedPolicy("Missing required field Principal")
    elif written.principal is not None:
        raise MalformedPolicy("Policy document should not specify a principal.")
    elif written.resources is None:
        raise MalformedPolicy(NO_RESOURCES)


def _all_hold(tests: tuple[Test, ...]) -> Test | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda context: first(context) and second(context)

    def holds(context: Context) -> bool:
        for test in tests:  # noqa: SIM110 - a generator would cost more than the testing
            if not test(context):
                return False
        return True

    return holds
