"""ARNs as policies write them: their parts with their places, and whether one can be of a resource type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from understudy_aws.data import service_catalogue
from understudy_aws.data.service_catalogue import ResourceType
from understudy_aws.policy.language.memo import memoized

PARTS = ("arn", "partition", "service", "region", "account", "resource")

_VARIABLE = re.compile(r"\$\{[^}]{0,512}\}?")
# What the catalogue leaves free in an ARN: at least one character.
_FREE = re.compile(r"\$\{[^}]*\}|\*")
_STARS = re.compile(r"\*\*+")
_WILD = re.compile(r"[*?]")
# As long as names of resources are; only keys of objects are longer.
_LONGEST_COMPARED = 512


class Part(msgspec.Struct, frozen=True):
    """One part of an ARN: its text, where it starts, and the text with every variable as a star."""

    text: str
    start: int
    pattern: str

    @property
    def is_fixed(self) -> bool:
        """Whether no wildcard and no variable is in it."""
        return "*" not in self.pattern and "?" not in self.pattern


class TypePatterns(msgspec.Struct, frozen=True):
    """What a resource type wants of an ARN, as patterns of `*` and `?`."""

    type: ResourceType
    region: str
    account: str
    resource: str


@memoized(4096)
def arn_parts(text: str) -> tuple[Part, ...]:
    """Return the parts of an ARN, at most six; a colon inside a variable separates nothing."""
    # Same length, so that places stay what they are.
    hidden = _VARIABLE.sub(lambda found: "*" * len(found.group()), text) if "${" in text else text
    parts: list[Part] = []
    start = 0
    for piece in hidden.split(":", len(PARTS) - 1):
        end = start + len(piece)
        parts.append(Part(text[start:end], start, _STARS.sub("*", piece) if "**" in piece else piece))
        start = end + 1
    return tuple(parts)


@lru_cache(maxsize=512)
def type_patterns(namespace: str) -> tuple[TypePatterns, ...]:
    """Return the resource types whose ARNs name this service."""
    found: list[TypePatterns] = []
    for resource_type in service_catalogue.resource_types_in(namespace):
        parts = resource_type.arn.split(":", len(PARTS) - 1)
        if len(parts) == len(PARTS):
            region, account, resource = (_STARS.sub("*", _FREE.sub("?*", part)) for part in parts[3:])
            found.append(TypePatterns(resource_type, region, account, resource))
    return tuple(found)


class _Places(msgspec.Struct, frozen=True):
    """Where in a pattern what stands, as bits of a number."""

    all: int
    stars: int
    singles: int
    characters: Mapping[str, int]


@memoized(4096)
def _places(pattern: str) -> _Places:
    places: dict[str, int] = {}
    for place, character in enumerate(pattern):
        places[character] = places.get(character, 0) | 1 << place
    stars, singles = places.pop("*", 0), places.pop("?", 0)
    return _Places((1 << (len(pattern) + 1)) - 1, stars, singles, places)


def overlap(one: str, other: str) -> bool:
    """Return whether some text matches both patterns of `*` and `?`.

    Reads the longer one from left to right and keeps, as bits of a number, every place of the shorter one that
    can have been reached; the cost is the length of the longer one times a few operations. Patterns longer than
    _LONGEST_COMPARED are taken to share a text, so that nothing is reported.
    """
    if len(one) > _LONGEST_COMPARED or len(other) > _LONGEST_COMPARED:
        return True
    if len(other) > len(one):
        one, other = other, one
    for outer, inner in ((one, other), (other, one)):
        if outer.startswith("*") and outer.endswith("*") and "*" in inner:
            # One star of the inner one can take in all that stands between the outer two.
            return True
    places = _places(other)
    stars, anything = places.stars, places.all & ~places.stars
    reached = _past_stars(1, stars)
    for character in one:
        if character == "*":
            # It can take in everything that follows any place reached.
            reached = places.all & -(reached & -reached)
            continue
        taken = anything if character == "?" else places.singles | places.characters.get(character, 0)
        reached = ((reached & taken) << 1) & places.all | reached & stars
        # As `_past_stars`, without the call.
        reached |= (reached & stars) << 1
        if not reached:
            return False
    return bool(reached >> len(other) & 1)


def _past_stars(reached: int, stars: int) -> int:
    """Return the places reached when a star stands for nothing. No two stars stand side by side."""
    return reached | (reached & stars) << 1


def types_of_resource(namespace: str, resource: str) -> tuple[TypePatterns, ...]:
    """Return the resource types of a service that the last part of an ARN, as a pattern, can be of."""
    start = _WILD.split(resource, maxsplit=1)[0]
    return tuple(
        found
        for found in type_patterns(namespace)
        if _may_start(found.resource, start) and overlap(resource, found.resource)
    )


def _may_start(pattern: str, start: str) -> bool:
    """Return a cheap first look: whether the fixed beginnings agree."""
    fixed = _WILD.split(pattern, maxsplit=1)[0]
    return fixed.startswith(start) or start.startswith(fixed)
