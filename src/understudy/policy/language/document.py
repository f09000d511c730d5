"""A policy document as its author wrote it: JSON read strictly, elements in frozen values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from understudy.policy.language.positions import Position

INVALID_JSON = "This policy contains invalid Json"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
NO_ACTIONS = "Policy statement must contain actions."
NO_RESOURCES = "Policy statement must contain resources."

VERSIONS = ("2012-10-17", "2008-10-17")
KINDS = ("identity", "managed", "trust", "resource", "boundary", "session", "scp", "rcp")
RESOURCE_KINDS = frozenset({"trust", "resource", "rcp"})
PRINCIPAL_TYPES = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})

# The longest document AWS ships is under 100,000 characters; a request holds 131,072 (reference 2.5).
MAX_CHARACTERS = 262_144
MAX_STATEMENTS = 10_000
MAX_VALUES = 50_000

_TOP_LEVEL = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
        "Resource", "NotResource", "Condition",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BrokenPart:
    """What of a statement is wrong: an element such as `Action`, and of its strings the one that is meant."""

    element: str
    value: str = ""


class MalformedPolicy(Exception):
    """A document that is not a policy; `message` is AWS's text, `policy` the name it was to have.

    `review` also says where: `part` is what it stumbled over, in the statement of this number (from 0), and
    `place` the line and column of that in the text, both from 1; None where it cannot be told.
    """

    def __init__(self, message: str, *, policy: str = "", part: BrokenPart | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.policy = policy
        self.part = part
        self.statement: int | None = None
        self.place: Position | None = None


class NumberText(str):
    """A JSON number kept as its text: a condition compares numbers as their text (reference 4.1)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RawCondition:
    """One line of a Condition block: `operator` and `key` as written, values as text."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawPrincipal:
    """Principal or NotPrincipal: (type, value) pairs; `"*"` reads as ("AWS", "*")."""

    members: tuple[tuple[str, str], ...]
    inverted: bool


@dataclass(frozen=True, slots=True)
class RawStatement:
    """One statement. `resources` is None when neither Resource nor NotResource is there."""

    sid: str
    effect: str
    actions: tuple[str, ...] | None
    not_action: bool
    resources: tuple[str, ...] | None
    not_resource: bool
    principal: RawPrincipal | None
    conditions: tuple[RawCondition, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole policy. `version` is "" when the document names none."""

    version: str
    id: str
    statements: tuple[RawStatement, ...]

    @property
    def has_variables(self) -> bool:
        """Only version 2012-10-17 expands `${…}` (reference 4.2)."""
        return self.version == VERSIONS[0]


def read_document(text: str | bytes) -> Document:
    """The document in `text`.

    Raises MalformedPolicy with AWS's text (reference 2.5) when it is not JSON, names a key twice, has an
    element the grammar does not know (reference 4.1), or is beyond the limits of this module.
    """
    return _document(_json(text))


def _json(text: str | bytes) -> object:
    if len(text) > MAX_CHARACTERS:
        raise MalformedPolicy(SYNTAX)
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=NumberText,
            parse_float=NumberText,
            parse_constant=_not_a_constant,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(INVALID_JSON) from error
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # A key may not appear twice in one object: the second would silently win (reference 4.1).
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedPolicy(SYNTAX)
    return value


def _not_a_constant(name: str) -> object:
    raise MalformedPolicy(f"{INVALID_JSON}", policy=name)


def _document(value: object) -> Document:
    if not isinstance(value, dict) or not _TOP_LEVEL.issuperset(value) or "Statement" not in value:
        raise MalformedPolicy(SYNTAX)
    version = value.get("Version", "")
    identifier = value.get("Id", "")
    if ("Version" in value and version not in VERSIONS) or type(identifier) is not str:
        raise MalformedPolicy(SYNTAX)
    statements = value["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or len(statements) > MAX_STATEMENTS:
        raise MalformedPolicy(SYNTAX)
    return Document(str(version), identifier, tuple(_statement(each) for each in statements))


def _statement(value: object) -> RawStatement:
    if not isinstance(value, dict) or not _ELEMENTS.issuperset(value):
        raise MalformedPolicy(SYNTAX)
    sid = value.get("Sid", "")
    if type(sid) is not str or value.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy(SYNTAX)
    actions, not_action = _either(value, "Action", "NotAction")
    resources, not_resource = _either(value, "Resource", "NotResource")
    return RawStatement(
        sid,
        str(value["Effect"]),
        actions,
        not_action,
        resources,
        not_resource,
        _principal(value),
        _conditions(value),
    )


def _either(value: Mapping[str, object], name: str, inverse: str) -> tuple[tuple[str, ...] | None, bool]:
    if name in value and inverse in value:
        raise MalformedPolicy(SYNTAX)
    if inverse in value:
        return _texts(value[inverse]), True
    return (_texts(value[name]) if name in value else None), False


def _texts(value: object) -> tuple[str, ...]:
    """A string or a list of strings; numbers are not strings here."""
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES or not all(type(each) is str for each in values):
        raise MalformedPolicy(SYNTAX)
    return tuple(values)


def _principal(value: Mapping[str, object]) -> RawPrincipal | None:
    if "Principal" in value and "NotPrincipal" in value:
        raise MalformedPolicy(SYNTAX)
    inverted = "NotPrincipal" in value
    name = "NotPrincipal" if inverted else "Principal"
    if name not in value:
        return None
    block = value[name]
    if block == "*":
        return RawPrincipal((("AWS", "*"),), inverted)
    if not isinstance(block, dict) or not PRINCIPAL_TYPES.issuperset(block):
        raise MalformedPolicy(SYNTAX)
    members: list[tuple[str, str]] = []
    for kind, named in block.items():
        # Bare account numbers are sometimes written without quotes; their text is the account.
        values = named if isinstance(named, list) else [named]
        if len(values) > MAX_VALUES or not all(isinstance(each, str) for each in values):
            raise MalformedPolicy(SYNTAX)
        members.extend((kind, str(each)) for each in values)
    return RawPrincipal(tuple(members), inverted)


def _conditions(value: Mapping[str, object]) -> tuple[RawCondition, ...]:
    block = value.get("Condition", {})
    if not isinstance(block, dict):
        raise MalformedPolicy(SYNTAX)
    found: list[RawCondition] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise MalformedPolicy(SYNTAX)
        found.extend(RawCondition(operator, key, _values(named)) for key, named in keys.items())
    return tuple(found)


def _values(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES:
        raise MalformedPolicy(SYNTAX)
    texts: list[str] = []
    for each in values:
        if isinstance(each, bool):
            texts.append("true" if each else "false")
        elif isinstance(each, str):
            texts.append(str(each))
        else:
            raise MalformedPolicy(SYNTAX)
    return tuple(texts)
