"""A policy document as its author wrote it: JSON read strictly, elements in frozen values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from understudy_aws.policy.language.json_text import DuplicateKeyError, read_values
from understudy_aws.policy.language.positions import Position

INVALID_JSON = "This policy contains invalid Json"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
NO_ACTIONS = "Policy statement must contain actions."
NO_RESOURCES = "Policy statement must contain resources."

VERSIONS = ("2012-10-17", "2008-10-17")
KINDS = ("identity", "managed", "trust", "resource", "boundary", "session", "scp", "rcp")
# Kinds in which an ARN may lack parts, each of which is then `*` (policies.md 4.3).
KINDS_WITH_SHORT_ARNS = frozenset({"identity", "managed", "boundary"})
RESOURCE_KINDS = frozenset({"trust", "resource", "rcp"})
PRINCIPAL_TYPES = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})

# A request holds 131,072 (iam.md 2.5), but AWS ships longer documents: AWSSupportServiceRolePolicy has 152,297
# characters besides white space.
MAX_DOCUMENT = 262_144
MAX_STATEMENTS = 10_000
MAX_VALUES = 50_000

_TOP_LEVEL = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
        "Resource", "NotResource", "Condition",
    }
)  # fmt: skip


class BrokenPart(msgspec.Struct, frozen=True):
    """What of a statement is wrong: an element such as `Action`, and of its strings the one that is meant."""

    element: str
    value: str = ""


class MalformedPolicy(Exception):
    """A document that is not a policy; `message` is AWS's text, `policy` the name it was to have.

    What is wrong is told in one of two ways. `path` leads through the JSON, by keys and indexes, to a value of the
    wrong form, or with `at_key` to its key. `part` is an element that breaks a rule, in the statement with the index
    `statement`. `position` is where that is in the text; `review` sets it, and it is None where it cannot be told.
    """

    def __init__(self, message: str, *, policy: str = "", part: BrokenPart | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.policy = policy
        self.part = part
        self.statement: int | None = None
        self.path: tuple[str | int, ...] | None = None
        self.at_key = False
        self.position: Position | None = None


class _FormError(Exception):
    """A value of the wrong form, somewhere below `steps`; the callers put their own steps before these."""

    def __init__(self, *steps: str | int, at_key: bool = False, legacy: bool = False) -> None:
        super().__init__()
        self.steps = steps
        self.at_key = at_key
        self.legacy = legacy


class Condition(msgspec.Struct, frozen=True):
    """One line of a Condition block: `operator` and `key` as written, values as text."""

    operator: str
    key: str
    values: tuple[str, ...]


class PrincipalElement(msgspec.Struct, frozen=True):
    """Principal or NotPrincipal: (type, value) pairs; `"*"` reads as ("AWS", "*"), and is then `bare`."""

    members: tuple[tuple[str, str], ...]
    inverted: bool
    bare: bool = False


class Statement(msgspec.Struct, frozen=True):
    """One statement. `resources` is None when neither Resource nor NotResource is there."""

    sid: str
    effect: str
    actions: tuple[str, ...] | None
    not_action: bool
    resources: tuple[str, ...] | None
    not_resource: bool
    principal: PrincipalElement | None
    conditions: tuple[Condition, ...]


class Document(msgspec.Struct, frozen=True):
    """A whole policy. `version` is "" when the document names none.

    `oddly_ordered` says that a statement without a list stands before Version.
    """

    version: str
    id: str
    statements: tuple[Statement, ...]
    oddly_ordered: bool = False

    @property
    def has_variables(self) -> bool:
        """Only version 2012-10-17 expands `${…}` (policies.md 4.2)."""
        return self.version == VERSIONS[0]


def read_document(text: str | bytes) -> Document:
    """Return the document in `text`.

    Raises MalformedPolicy with AWS's text (iam.md 2.5) when it is not JSON, has a key twice in one object, has an
    element the grammar does not know (policies.md 4.1), or is beyond the limits of this module.
    """
    if len(text) > MAX_DOCUMENT:
        raise MalformedPolicy(SYNTAX)
    try:
        value = read_values(text.decode() if isinstance(text, bytes) else text)
    except DuplicateKeyError as error:
        # The second would silently win (policies.md 4.1).
        raise MalformedPolicy(SYNTAX) from error
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(INVALID_JSON) from error
    try:
        return _document(value)
    except _FormError as error:
        refused = MalformedPolicy(LEGACY if error.legacy else SYNTAX)
        refused.path, refused.at_key = error.steps, error.at_key
        raise refused from error


def declares_newest_version(text: str | bytes) -> bool:
    """Return whether the document, which is an object in JSON, has the version that CreatePolicy asks for."""
    value = read_values(text.decode() if isinstance(text, bytes) else text)
    return isinstance(value, dict) and value.get("Version") == VERSIONS[0]


def _document(value: object) -> Document:
    if not isinstance(value, dict) or "Statement" not in value:
        raise _FormError
    _refuse_unknown_keys(value, _TOP_LEVEL)
    version = value.get("Version", "")
    identifier = value.get("Id", "")
    if "Version" in value and version not in VERSIONS:
        raise _FormError("Version")
    if type(identifier) is not str:
        raise _FormError("Id")
    statements = value["Statement"]
    if isinstance(statements, dict):
        try:
            # What comes first was kept by the reading of the JSON.
            odd = "Version" in value and next(key for key in value if key != "Id") == "Statement"
            return Document(str(version), identifier, (_statement(statements),), odd)
        except _FormError as error:
            raise _below("Statement", error=error) from error
    if not isinstance(statements, list) or len(statements) > MAX_STATEMENTS:
        raise _FormError("Statement")
    read: list[Statement] = []
    try:
        for each in statements:
            read.append(_statement(each))  # noqa: PERF401 - its length is the index of the one that fails
    except _FormError as error:
        raise _below("Statement", len(read), error=error) from error
    return Document(str(version), identifier, tuple(read))


def _below(*steps: str | int, error: _FormError) -> _FormError:
    return _FormError(*steps, *error.steps, at_key=error.at_key, legacy=error.legacy)


def _refuse_unknown_keys(value: Mapping[str, object], known: frozenset[str]) -> None:
    if not known.issuperset(value):
        raise _FormError(next(key for key in value if key not in known), at_key=True)


def _statement(value: object) -> Statement:
    if not isinstance(value, dict):
        raise _FormError
    _refuse_unknown_keys(value, _ELEMENTS)
    sid = value.get("Sid", "")
    if type(sid) is not str:
        raise _FormError("Sid")
    effect = value.get("Effect")
    if effect not in ("Allow", "Deny"):
        # Another letter case passes IAM's check of the syntax and fails its legacy parsing (iam.md 2.5).
        legacy = isinstance(effect, str) and effect.lower() in ("allow", "deny")
        raise _FormError("Effect", legacy=legacy) if "Effect" in value else _FormError
    actions, not_action = _either(value, "Action", "NotAction")
    resources, not_resource = _either(value, "Resource", "NotResource")
    return Statement(
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
    if inverse in value:
        if name in value:
            raise _FormError(inverse, at_key=True)
        return _texts(value, inverse), True
    return (_texts(value, name) if name in value else None), False


def _texts(statement: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the value of an element, a string or a list of strings; numbers are not strings here."""
    value = statement[name]
    if type(value) is str:
        return (value,)
    if not isinstance(value, list) or len(value) > MAX_VALUES:
        raise _FormError(name)
    for index, each in enumerate(value):
        if type(each) is not str:
            raise _FormError(name, index)
    return tuple(value)


def _principal(value: Mapping[str, object]) -> PrincipalElement | None:
    inverted = "NotPrincipal" in value
    name = "NotPrincipal" if inverted else "Principal"
    if name not in value:
        return None
    if inverted and "Principal" in value:
        raise _FormError(name, at_key=True)
    block = value[name]
    if block == "*":
        return PrincipalElement((("AWS", "*"),), inverted, bare=True)
    if not isinstance(block, dict):
        raise _FormError(name)
    members: list[tuple[str, str]] = []
    for kind, named in block.items():
        if kind not in PRINCIPAL_TYPES:
            raise _FormError(name, kind, at_key=True)
        # Bare account numbers are sometimes written without quotes; their text is the account.
        values = named if isinstance(named, list) else [named]
        if len(values) > MAX_VALUES or not all(isinstance(each, str) for each in values):
            raise _FormError(name, kind)
        members.extend((kind, str(each)) for each in values)
    return PrincipalElement(tuple(members), inverted)


def _conditions(value: Mapping[str, object]) -> tuple[Condition, ...]:
    if "Condition" not in value:
        return ()
    block = value["Condition"]
    if not isinstance(block, dict):
        raise _FormError("Condition")
    found: list[Condition] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise _FormError("Condition", operator)
        for key, given in keys.items():
            values = _condition_values(given)
            if values is None:
                raise _FormError("Condition", operator, key)
            found.append(Condition(operator, key, values))
    return tuple(found)


def _condition_values(value: object) -> tuple[str, ...] | None:
    """Return the values of a condition as text.

    It is None when one of them is no string, number or boolean, or when they are too many.
    """
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES:
        return None
    texts: list[str] = []
    for each in values:
        if isinstance(each, bool):
            texts.append("true" if each else "false")
        elif isinstance(each, str):
            texts.append(str(each))
        else:
            return None
    return tuple(texts)
