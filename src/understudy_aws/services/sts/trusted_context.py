"""Trusted context of a session: on whose behalf it acts, as the token said that it was made for (web-identity.md 36.7).

It is kept among the session's claims, so that conditions of every request see it; nobody can change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy_aws.authn.caller import SessionFacts
from understudy_aws.services.iam.oidc_provider_records import OidcProvider
from understudy_aws.services.sts.web_claims import issuer_of
from understudy_aws.services.sts.web_tokens import Claims, invalid

SUBJECT = "aws:OriginIdentity/Subject"
ISSUER = "aws:OriginIdentity/Issuer"
PROVIDER = "aws:OriginIdentity/FederatedProviderArn"
_ORIGIN = "aws:OriginIdentity/"
_TRANSACTION = "aws:TransactionContext/IdentityProvider/"
_LONGEST = 128


def trusted_context(provider: OidcProvider, claims: Claims) -> dict[str, str]:
    """Return the context keys that a token sets, through its provider's context provider; none without one.

    Raises InvalidIdentityToken for a token that names no subject, and for a value of more than 128 characters.
    """
    context = provider.context
    if context is None:
        return {}
    subject = _value(claims, context.subject_source)
    if not subject:
        raise invalid(f"The token has no claim {context.subject_source}, from which the subject is taken.")
    kind = context.subject_type or _value(claims, context.subject_type_source)
    keys = {SUBJECT: subject, ISSUER: issuer_of(claims), PROVIDER: provider.arn}
    if kind:
        keys[f"{_ORIGIN}SubjectType"] = kind
    for source, target in context.keys:
        value = _value(claims, source)
        if len(value) > _LONGEST:
            raise invalid(f"The claim {source} has more than {_LONGEST} characters.")
        if value:
            keys[f"{_TRANSACTION}{target}"] = value
    return keys


def lowered(context: Mapping[str, str]) -> dict[str, str]:
    """Return context keys as conditions are asked about them."""
    return {key.lower(): value for key, value in context.items()}


def context_shown(context: Mapping[str, str]) -> dict[str, Any] | None:
    """Return trusted context as answers have it; None where there is none."""
    origin = {key.removeprefix(_ORIGIN): value for key, value in context.items() if key.startswith(_ORIGIN)}
    more = {
        key.removeprefix(_TRANSACTION): value
        for key, value in context.items()
        if key.startswith(_TRANSACTION)
    }
    if not origin:
        return None
    return {"OriginIdentity": origin, **({"TransactionContext": {"IdentityProvider": more}} if more else {})}


def context_of(session: SessionFacts | None, key: str) -> str:
    """Return the value of one context key of a session, or an empty text."""
    value = dict(session.claims).get(key.lower(), "") if session is not None else ""
    return value if isinstance(value, str) else ""


def _value(claims: Claims, name: str) -> str:
    """Return a claim that is a text or a whole number; what is neither counts as not there."""
    value = claims.get(name, "") if name else ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)
