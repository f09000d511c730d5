"""The catalogue of AWS services: actions, resource types and condition keys, read per service when asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from sys import intern
from typing import Any

import msgspec

from understudy_aws.data.compressed_documents import CompressedDocuments

# Written by tools/generate_service_catalogue.py, where their shape is told.
_INDEX = Path(__file__).with_name("service_catalogue.index")
_DOCUMENTS = CompressedDocuments(_INDEX, _INDEX.with_suffix(".documents"))

# What stands for free text in a key or an ARN: `${TagKey}`, and in a few ARNs a star.
_FREE = re.compile(r"\$\{[^}]*\}|\*")


class ActionResource(msgspec.Struct, frozen=True):
    """One resource type that an action acts on; `required` means that every call names one."""

    name: str
    required: bool
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]


class Action(msgspec.Struct, frozen=True):
    """One action; its own `condition_keys` are those that hang on no resource type."""

    service: str
    name: str
    access_level: str
    resources: tuple[ActionResource, ...]
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """The action as policies write it, such as `ec2:CreateTags`."""
        return f"{self.service}:{self.name}"

    def resource(self, name: str) -> ActionResource | None:
        """What the action says of this resource type, or None if it does not act on it."""
        return next((found for found in self.resources if found.name == name), None)

    def all_condition_keys(self) -> frozenset[str]:
        """Every condition key that the catalogue grants the action, for whatever resource type."""
        return frozenset(self.condition_keys).union(*(found.condition_keys for found in self.resources))


class ResourceType(msgspec.Struct, frozen=True):
    """One resource type; its ARN holds `${Name}` where text is free."""

    service: str
    name: str
    arn: str
    condition_keys: tuple[str, ...]


class Service(msgspec.Struct, frozen=True):
    """One service; `actions` are by lower-case name, for the letter case of actions does not count.

    `condition_keys` holds each key's type, which is empty for a key AWS names and does not describe.
    """

    prefix: str
    name: str
    actions: Mapping[str, Action]
    resource_types: Mapping[str, ResourceType]
    condition_keys: Mapping[str, str]


def everything() -> Sequence[str]:
    """The prefix of every service, by the alphabet; services stay on disk until asked for."""
    return tuple(_index().services)


def name_of(prefix: str) -> str:
    """The name of the service of this prefix, which stays on disk; raises KeyError for none such."""
    return _index().services[prefix].name


def service(prefix: str) -> Service | None:
    """The service of this prefix in whatever letter case, or None if AWS has none such."""
    lowered = prefix.lower()
    return _service(lowered) if lowered in _index().services else None


# Bounded, for a caller may ask about as many names as it can invent.
@lru_cache(maxsize=8192)
def action(name: str) -> Action | None:
    """The action of a full name such as `ec2:CreateTags`, in whatever letter case; None if AWS has none such."""
    prefix, _, own = name.partition(":")
    found = service(prefix)
    return None if found is None else found.actions.get(own.lower())


def takes_only_wildcard(name: str) -> bool:
    """Whether only `Resource: "*"` can allow the action; of an action unknown here nothing is claimed."""
    found = action(name)
    return found is not None and not found.resources


@lru_cache(maxsize=8192)
def condition_key_type(key: str) -> str | None:
    """The type of a condition key, such as `String` or `ArrayOfARN`, in whatever letter case; None if unknown.

    `aws:RequestTag/team` is known by `aws:RequestTag/${TagKey}`.
    """
    lowered = key.lower()
    keys = _keys(lowered.partition(":")[0])
    exact = keys.exact.get(lowered)
    if exact is not None:
        return exact
    return next((kind for pieces, kind in keys.patterns if _captured(pieces, lowered) is not None), None)


def global_condition_keys() -> tuple[str, ...]:
    """The keys of every request, `aws:…`, in AWS's spelling."""
    return tuple(_index().keys.get("aws", {}))


def is_list_key(key: str) -> bool:
    """Whether the key holds a list however many values a request sends, so that plain operators never match it.

    The `amr` of any identity provider is a list (policies.md 4), also of those the catalogue does not know
    and of Cognito, whose entry says otherwise.
    """
    kind = condition_key_type(key)
    if kind is not None and kind.startswith("ArrayOf"):
        return True
    # A tag's key may end so too; an issuer has no colon before its path.
    host, slash, _path = key.partition("/")
    return key.lower().endswith(":amr") and (not slash or ":" not in host)


def resource_types_of(arn: str) -> list[ResourceType]:
    """The resource types an ARN can be of, the most specific first; stars in the ARN count as text.

    A type whose free parts need no `:` or `/` wins over those that do. Among the latter only the types that
    fix the most text count: `bucket/a/b` is an object, not a bucket, and `user/a/b` still is a user.
    """
    return list(_types_of(arn))


@lru_cache(maxsize=8192)
def _types_of(arn: str) -> tuple[ResourceType, ...]:
    parts = arn.split(":", 3)
    if len(parts) < 4 or parts[0] != "arn":
        return ()
    exact: list[tuple[int, ResourceType]] = []
    loose: list[tuple[int, ResourceType]] = []
    for prefix in _index().namespaces.get(parts[2], ()):
        for pieces, found in _patterns(prefix):
            captured = _captured(pieces, arn)
            if captured is not None:
                free = any("/" in text or ":" in text for text in captured)
                (loose if free else exact).append((sum(map(len, pieces)), found))
    most = max((fixed for fixed, _ in loose), default=0)
    matches = exact or [pair for pair in loose if pair[0] == most]
    return tuple(found for _, found in sorted(matches, key=lambda pair: -pair[0]))


def resource_types_in(namespace: str) -> tuple[ResourceType, ...]:
    """Every resource type whose ARN has this text where the service stands; none for a namespace AWS has not."""
    return tuple(found for prefix in _index().namespaces.get(namespace, ()) for _, found in _patterns(prefix))


def arn_namespaces() -> Sequence[str]:
    """Every text that stands for a service in an ARN, in no order."""
    return tuple(_index().namespaces)


class _Place(msgspec.Struct, frozen=True):
    """Where a service's document lies in its file."""

    name: str
    offset: int
    length: int


class _Index(msgspec.Struct, frozen=True):
    """The whole index: services by prefix, prefixes by ARN namespace, the keys no service holds by prefix."""

    services: Mapping[str, _Place]
    namespaces: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, Mapping[str, str]]


class _Keys(msgspec.Struct, frozen=True):
    """The types of the keys of one prefix: by lower-case name, and by pattern for those with a free part."""

    exact: Mapping[str, str]
    patterns: tuple[tuple[tuple[str, ...], str], ...]


@cache
def _index() -> _Index:
    _, *lines = _INDEX.read_text("utf-8").splitlines()
    services: dict[str, _Place] = {}
    namespaces: dict[str, tuple[str, ...]] = {}
    keys: dict[str, dict[str, str]] = {}
    for line in lines:
        kind, *fields = line.split("\t")
        if kind == "key":
            key, key_type = fields
            keys.setdefault(key.partition(":")[0].lower(), {})[key] = key_type
        else:
            prefix, name, spaces, offset, length = fields
            services[prefix] = _Place(name, int(offset), int(length))
            for space in spaces.split(",") if spaces else ():
                namespaces[space] = (*namespaces.get(space, ()), prefix)
    # App Runner lists WAF's web ACLs too, but what an ARN names is for the service it names to say.
    own = {space: (space,) if space in prefixes else prefixes for space, prefixes in namespaces.items()}
    return _Index(services, own, keys)


@cache
def _service(prefix: str) -> Service:
    place = _index().services[prefix]
    keys, sets, resources, actions = json.loads(_DOCUMENTS.text(place.offset, place.length))
    spelled = tuple(keys)
    key_sets = [tuple(spelled[number] for number in members) for members in sets]
    types = [ResourceType(prefix, name, arn, key_sets[number]) for name, arn, number in resources]
    return Service(
        prefix,
        place.name,
        {entry[0].lower(): _action(prefix, entry, types, key_sets) for entry in actions},
        {found.name: found for found in types},
        keys,
    )


def _action(
    prefix: str, entry: Sequence[Any], types: Sequence[ResourceType], key_sets: Sequence[tuple[str, ...]]
) -> Action:
    name, level, rows = entry
    resources: list[ActionResource] = []
    own_keys: tuple[str, ...] = ()
    dependent: dict[str, None] = {}
    for of, required, key_set, row_dependent in rows:
        if row_dependent:
            dependent.update(dict.fromkeys(row_dependent))
        if of < 0:
            own_keys = key_sets[key_set]
        else:
            resources.append(
                ActionResource(types[of].name, required == 1, key_sets[key_set], tuple(row_dependent))
            )
    return Action(prefix, name, intern(level), tuple(resources), own_keys, tuple(dependent))


# Bounded, for a key may begin with any text.
@lru_cache(maxsize=1024)
def _keys(prefix: str) -> _Keys:
    """The keys that begin with the prefix; a service's own word on its keys wins over another's."""
    own = service(prefix)
    known = {**_index().keys.get(prefix, {}), **(own.condition_keys if own is not None else {})}
    exact = {key.lower(): kind for key, kind in known.items() if kind}
    patterns = [(_pieces(key.lower()), kind) for key, kind in exact.items() if "${" in key]
    # The pattern that fixes the most text knows the key best.
    patterns.sort(key=lambda pattern: -sum(map(len, pattern[0])))
    return _Keys(exact, tuple(patterns))


@cache
def _patterns(prefix: str) -> tuple[tuple[tuple[str, ...], ResourceType], ...]:
    return tuple((_pieces(found.arn), found) for found in _service(prefix).resource_types.values())


def _pieces(pattern: str) -> tuple[str, ...]:
    """The fixed texts of a pattern, in order; between two of them stands free text."""
    return tuple(_FREE.split(pattern))


def _captured(pieces: Sequence[str], text: str) -> list[str] | None:
    """The free texts, each as short as can be and never empty, or None where the pattern does not fit.

    A search from left to right never goes back, so that no ARN however long takes more than a moment.
    """
    first, *rest = pieces
    if not rest:
        return [] if text == first else None
    if not text.startswith(first):
        return None
    *middle, last = rest
    captured: list[str] = []
    at = len(first)
    for piece in middle:
        found = text.find(piece, at + 1)
        if found < 0:
            return None
        captured.append(text[at:found])
        at = found + len(piece)
    end = len(text) - len(last)
    if end <= at or not text.endswith(last):
        return None
    return [*captured, text[at:end]]
