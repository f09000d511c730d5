"""How a policy names the resource that was observed: exactly, or so that the next run's ids fit too."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import msgspec

from understudy_aws.data import service_catalogue
from understudy_aws.policy.engine.matching import missing_parts
from understudy_aws.policy.engine.review import review
from understudy_aws.policy.language.document import MalformedPolicy

EVERY_RESOURCE = "*"

# One action by its full name. A name with a wildcard in it would stand for others as well.
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+\Z")
_SPECIAL = re.compile(r"[*?$]")
# Ids as AWS draws them: vpc-0f…, 32 hexadecimal digits, a UUID.
_DRAWN = re.compile(
    r"[a-z]+(?:-[a-z]+)*-(?:[0-9a-f]{17}|[0-9a-f]{8})"
    r"|[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
_COUNTED = re.compile(r"[0-9]+")
_BARE_ID = re.compile(r"([a-z]+(?:-[a-z]+)*-)(?:[0-9a-f]{17}|[0-9a-f]{8})")


class Named(msgspec.Struct, frozen=True):
    """A resource as a policy names it; `widened` says that a drawn id in it became a star."""

    pattern: str
    widened: bool = False


def escaped(text: str) -> str:
    """`text` for a place where stars are wildcards, so that it stands for itself alone (policies.md 4.2)."""
    return _SPECIAL.sub(lambda found: f"${{{found.group()}}}", text)


def literal(text: str) -> str:
    """`text` for a place where stars are text: only policy variables have to be told apart."""
    return text.replace("${", "${$}{")


def named(action: str, resource: str, *, pending: bool, portable: bool) -> Named | None:
    """Return the resource of an action as a policy names it; None when no policy can name this and nothing else."""
    if not _ACTION.match(action):
        return None
    if resource == EVERY_RESOURCE or service_catalogue.takes_only_wildcard(action):
        return Named(EVERY_RESOURCE)
    if missing_parts(resource, variables=False):
        # A policy would have stars for the missing parts, and the resource has no such parts.
        return None
    found = widen(resource, pending=pending) if portable else Named(_pattern(resource, pending=pending))
    # Where the text fixes too little, a star of the caller's own would reach beyond account or Region.
    places = resource.split(":", 5)[:5]
    if any(_SPECIAL.search(place) for place in places) or not _is_accepted(found.pattern):
        return None
    return found


def widen(arn: str, *, pending: bool = False) -> Named:
    """Return the ARN with a star for every id that AWS drew; partition, service, Region, account and type stay.

    Names are chosen by people and stay too: the catalogue says which part of an ARN is one. A version that is
    counted beside a drawn id is AWS's as well.
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return Named(_pattern(arn, pending=pending))
    kind, *rest = parts[5].split("/")
    roles = _roles(arn, len(rest))
    # Where an id was still to be drawn stands a star already.
    drawn = [
        (pending and piece == EVERY_RESOURCE) or (role != "name" and _DRAWN.fullmatch(piece) is not None)
        for piece, role in zip(rest, roles, strict=True)
    ]
    if any(drawn):
        drawn = [
            already or (role == "version" and _COUNTED.fullmatch(piece) is not None)
            for already, piece, role in zip(drawn, rest, roles, strict=True)
        ]
    pieces = [
        EVERY_RESOURCE if is_drawn else _piece(piece, pending=pending)
        for piece, is_drawn in zip(rest, drawn, strict=True)
    ]
    text = ":".join(map(escaped, parts[:5]))
    pattern = "/".join([f"{text}:{_piece(kind, pending=pending)}", *pieces])
    return Named(pattern, pattern != _pattern(arn, pending=pending))


def widen_id(text: str) -> str | None:
    """`sg-*` for `sg-0f…`; None for what is no such id."""
    found = _BARE_ID.fullmatch(text)
    return None if found is None else f"{found.group(1)}*"


def _pattern(resource: str, *, pending: bool) -> str:
    return "/".join(_piece(piece, pending=pending) for piece in resource.split("/"))


def _piece(piece: str, *, pending: bool) -> str:
    """Return a part between slashes. Only a star that is a whole part can stand for an id still to be drawn."""
    return piece if pending and piece == EVERY_RESOURCE else escaped(piece)


def _roles(arn: str, count: int) -> list[str]:
    """Return what each part after the type is by the catalogue: "name", "version", or "" for anything else."""
    for kind in service_catalogue.resource_types_of(arn):
        places = kind.arn.split(":", 5)[5].split("/")[1:]
        if len(places) == count:
            return [
                "name" if "Name" in place else "version" if "Version" in place else "" for place in places
            ]
    # IAM's names have paths of any length, and none of its ARNs holds an id.
    return ["name" if arn.split(":", 3)[2] in ("iam", "sts") else ""] * count


@lru_cache(maxsize=4096)
def _is_accepted(pattern: str) -> bool:
    statement = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": pattern}
    try:
        review(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "managed")
    except MalformedPolicy:
        return False
    return pattern.startswith("arn:")
