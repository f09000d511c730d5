"""What the claims of a token say about the session that it is shown for (web-identity.md 36.3, 36.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from understudy_aws.core.arn import parse
from understudy_aws.services.sts.web_tokens import Claims, invalid

ConditionKeys = dict[str, str | list[str]]

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
ROLES = "https://aws.amazon.com/roles"
# Claims of single issuers that conditions see besides those of every issuer.
_OF_ISSUERS: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": (
        "actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "repository_owner_id", "workflow",
        "ref", "environment", "enterprise_id",
    ),
    "gitlab.com": (
        "namespace_id", "project_id", "user_id", "user_login", "user_email", "user_access_level", "ref_protected",
        "pipeline_source", "runner_environment",
    ),
    "agent.buildkite.com": (
        "organization_slug", "organization_id", "pipeline_slug", "pipeline_id", "cluster_name", "cluster_id",
        "build_branch",
    ),
}  # fmt: skip
_IDENTITY = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_LETTERS = re.compile(r"[\w\s.:/=+\-@]*")
_MOST_TAGS = 50


class ClaimedTags(msgspec.Struct, frozen=True):
    """The session tags that a token has, by key, and the keys of those that are transitive."""

    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()


def subject(claims: Claims) -> str:
    """Return whom the token is about. A number is its digits (recorded)."""
    return str(claims["sub"])


def audience(claims: Claims) -> str:
    """Return the client a token was made for: the authorized party, where there is one.

    Raises InvalidIdentityToken for several audiences without one.
    """
    if "azp" in claims:
        party = claims["azp"]
        return party if isinstance(party, str) else ""
    audiences = audiences_of(claims)
    if len(audiences) > 1:
        raise invalid("Token audience contains more than one audience while authorized party is not present")
    return audiences[0]


def audiences_of(claims: Claims) -> list[str]:
    """Return all audiences of a token."""
    named = claims["aud"]
    return [named] if isinstance(named, str) else list(named)


def issuer_of(claims: Claims) -> str:
    """Return the issuer as providers, ARNs and condition keys name it: its URL without scheme."""
    return str(claims["iss"]).removeprefix("https://")


def condition_keys(claims: Claims) -> ConditionKeys:
    """Return the condition keys that a trust policy sees of a token: `ISSUER:sub` and the like, lower-cased."""
    issuer = issuer_of(claims)
    keys: ConditionKeys = {**session_keys(claims), f"{issuer}:oaud".lower(): audiences_of(claims)}
    for name in ("email", *_OF_ISSUERS.get(issuer, ())):
        if isinstance(claims.get(name), str):
            keys[f"{issuer}:{name}".lower()] = claims[name]
    return keys


def session_keys(claims: Claims) -> ConditionKeys:
    """Return the condition keys that every request of the session has of its token."""
    issuer = issuer_of(claims)
    keys: ConditionKeys = {
        f"{issuer}:aud".lower(): audience(claims),
        f"{issuer}:sub".lower(): subject(claims),
    }
    references = _texts(claims.get("amr"))
    if references:
        keys[f"{issuer}:amr".lower()] = references
    return keys


def source_identity(claims: Claims) -> str:
    """Return the source identity a token sets, or an empty text."""
    given = claims.get(SOURCE_IDENTITY, "")
    if given == "":
        return ""
    if not isinstance(given, str) or not _IDENTITY.fullmatch(given) or given.lower().startswith("aws:"):
        raise invalid("The source identity claim is invalid.")
    return given


def session_tags(claims: Claims) -> ClaimedTags:
    """Return the session tags of a token, in either of the two forms AWS documents.

    Raises InvalidIdentityToken for tags in another form, for a key twice and for reserved ones.
    """
    found: dict[str, tuple[str, str]] = {}
    transitive: Any = ()
    nested = claims.get(TAGS, {})
    if not isinstance(nested, dict):
        raise invalid("Session tags passed in claim are not in correct format.")
    principal_tags = nested.get("principal_tags", {})
    if not isinstance(principal_tags, dict):
        raise _not_in_form("principal_tags")
    for key, values in principal_tags.items():
        if not isinstance(values, list) or len(values) != 1:
            raise _not_in_form("principal_tags")
        _add(found, key, values[0])
    transitive = nested.get("transitive_tag_keys", ())
    beginning = f"{TAGS}/principal_tags/"
    for name, value in claims.items():
        if name.startswith(beginning):
            _add(found, name.removeprefix(beginning), value)
    transitive = claims.get(f"{TAGS}/transitive_tag_keys", transitive)
    if len(found) > _MOST_TAGS:
        raise _not_in_form("principal_tags")
    return ClaimedTags(tuple(found.values()), _transitive(transitive, found))


def authorized_by_issuer(claims: Claims, role_arn: str) -> bool:
    """Return whether a token says which roles it is for. Raises InvalidIdentityToken when this is not one of them."""
    named = claims.get(ROLES)
    if named is None:
        return False
    listed: Iterable[Any] = named.split(";") if isinstance(named, str) else named
    if not isinstance(named, str | list):
        raise invalid("The roles claim is not in a supported format")
    arns = [each.strip() for each in listed if isinstance(each, str)]
    valid = [each for each in arns if (arn := parse(each)) is not None and arn.resource.startswith("role/")]
    if not valid:
        raise invalid("The roles claim contains no valid role ARNs")
    if role_arn not in valid:
        raise invalid("The target role ARN is not present in the roles claim of the identity token")
    return True


def _add(found: dict[str, tuple[str, str]], key: str, value: Any) -> None:
    if (
        not isinstance(value, str)
        or not 1 <= len(key) <= 128
        or len(value) > 256
        or not _TAG_LETTERS.fullmatch(key)
        or not _TAG_LETTERS.fullmatch(value)
        or key.lower().startswith("aws:")
        or key.lower() in found
    ):
        raise _not_in_form("principal_tags")
    found[key.lower()] = (key, value)


def _transitive(named: Any, found: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Return the keys of transitive tags as the tags spell them."""
    if not isinstance(named, list | tuple) or not all(isinstance(each, str) for each in named):
        raise _not_in_form("transitive_tag_keys")
    if not all(each.lower() in found for each in named):
        raise _not_in_form("transitive_tag_keys")
    return tuple(found[each.lower()][0] for each in dict.fromkeys(named))


def _not_in_form(claim: str) -> Exception:
    return invalid(f"{claim} passed in claim is not in correct format.")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
