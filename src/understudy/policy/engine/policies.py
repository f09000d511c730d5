"""A policy compiled: statements that answer, shared by everyone the document is attached to."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from understudy.policy.engine.conditions.condition import Condition, Test, compile_condition
from understudy.policy.engine.matching import (
    MatchesPrincipal,
    MatchesResource,
    actions_matcher,
    principal_matcher,
    resources_matcher,
)
from understudy.policy.language.context_keys import Context
from understudy.policy.language.document import (
    KINDS,
    NO_ACTIONS,
    NO_RESOURCES,
    RESOURCE_KINDS,
    SYNTAX,
    Document,
    MalformedPolicy,
    RawStatement,
    read_document,
)
from understudy.policy.language.patterns import Matches, lower_ascii
from understudy.policy.language.variables import template, variable_keys

# Distinct documents kept compiled, the characters they may have together, and the distinct actions remembered by
# each of them.
MAX_POLICIES = 16_384
MAX_CHARACTERS = 32_000_000
MAX_ACTIONS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One compiled statement; `raw` is what its author wrote.

    `matches_resource` and `holds` are None when the statement asks nothing of the resource or the context.
    `keys` are the context keys it asks for, lower-cased, in the order they are written; `resource_keys` are
    those among them that its resources' variables ask for.
    """

    index: int
    sid: str
    denies: bool
    raw: RawStatement
    matches_action: Matches
    matches_resource: MatchesResource | None
    matches_principal: MatchesPrincipal | None
    holds: Test | None
    conditions: tuple[Condition, ...]
    keys: tuple[str, ...]
    resource_keys: tuple[str, ...]


class Policy:
    """An immutable compiled document, equal only to itself: the cache makes one per text and kind."""

    __slots__ = ("_by_action", "document", "kind", "statements", "text")

    def __init__(self, text: str, kind: str, document: Document, statements: tuple[Statement, ...]) -> None:
        self.text = text
        self.kind = kind
        self.document = document
        self.statements = statements
        self._by_action: dict[str, tuple[Statement, ...]] = {}

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements whose action element matches `action`, remembered for the actions asked about."""
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


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A shared policy under its name here: the ARN of a managed policy, the name of an inline one."""

    name: str
    policy: Policy


class _Compiled:
    """The compiled documents used last, least recently used out first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._policies: OrderedDict[tuple[str, str], Policy] = OrderedDict()
        self._characters = 0

    def get(self, key: tuple[str, str]) -> Policy | None:
        with self._lock:
            policy = self._policies.get(key)
            if policy is not None:
                self._policies.move_to_end(key)
            return policy

    def put(self, key: tuple[str, str], policy: Policy) -> Policy:
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


def compile_policy(text: str | bytes, *, name: str = "", kind: str = "identity") -> Policy:
    """The policy in `text`, compiled once per distinct text and kind.

    Stored documents are read leniently: names, sizes and vendors are `review`'s to judge. Raises
    MalformedPolicy (with `name` in it) when the document cannot be understood.
    """
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
        policy = compile_afresh(plain, kind)
    except MalformedPolicy as error:
        error.policy = name
        raise
    return _COMPILED.put(key, policy)


def compile_afresh(text: str, kind: str) -> Policy:
    """`text` compiled without being remembered: for documents that are only supposed."""
    document = read_document(text)
    statements = tuple(
        compile_statement(raw, index, kind=kind, variables=document.has_variables)
        for index, raw in enumerate(document.statements)
    )
    return Policy(text, kind, document, statements)


def compile_statement(raw: RawStatement, index: int, *, kind: str, variables: bool) -> Statement:
    """One statement compiled; raises MalformedPolicy when an element it needs is missing or out of place."""
    _check_elements(raw, kind)
    assert raw.actions is not None, "checked above"
    denies = raw.effect == "Deny"
    conditions = tuple(compile_condition(each, variables, denies) for each in raw.conditions)
    asked = [key for condition in conditions for key in condition.keys]
    in_resources = [
        key
        for pattern in raw.resources or ()
        for key in variable_keys(template(pattern, variables=variables, wildcards=False))
    ]
    return Statement(
        index,
        raw.sid,
        denies,
        raw,
        actions_matcher(raw.actions, raw.not_action),
        resources_matcher(raw.resources, raw.not_resource, variables, wide=denies is not raw.not_resource),
        principal_matcher(raw.principal, in_deny=denies),
        _all_hold(tuple(condition.test for condition in conditions)),
        conditions,
        tuple(dict.fromkeys(asked + in_resources)),
        tuple(dict.fromkeys(in_resources)),
    )


def _check_elements(raw: RawStatement, kind: str) -> None:
    if raw.actions is None:
        raise MalformedPolicy(NO_ACTIONS)
    if kind in RESOURCE_KINDS:
        if raw.principal is None:
            raise MalformedPolicy("Missing required field Principal")
    elif raw.principal is not None:
        raise MalformedPolicy("Policy document should not specify a principal.")
    elif raw.resources is None:
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
