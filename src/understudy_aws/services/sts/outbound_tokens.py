"""GetWebIdentityToken: a token about the caller, for services outside of AWS (web-identity.md 36.6)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.clock import iso_seconds
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam.outbound_federation import OutboundFederation, outbound_federations
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.tags import request_keys
from understudy_aws.services.iam.users import users
from understudy_aws.services.sts.trusted_context import ISSUER, PROVIDER, SUBJECT, context_of

if TYPE_CHECKING:
    import jwt
else:
    jwt = deferred("jwt")

ALGORITHMS = ("RS256", "ES384")
NAMESPACE = "https://sts.amazonaws.com/"
_SECONDS = 300
_OF_ORIGIN = "OriginIdentity"
# AWS has a limit and does not say which; a header of HTTP holds so much (docs/decisions/0046).
_MOST_BYTES = 8_192


def a_token(_call: Call, params: Params) -> Sequence[Target]:
    """Return what conditions see of a token that is asked for. Tags take a permission of their own."""
    target = Target(
        keys={
            "sts:identitytokenaudience": list(params["audience"]),
            "sts:durationseconds": str(params.get("duration_seconds") or _SECONDS),
            "sts:signingalgorithm": params["signing_algorithm"],
            **({"sts:subjectmode": params["subject_mode"]} if params.get("subject_mode") else {}),
            **({"sts:identitytokenscope": params["scope"].split(" ")} if params.get("scope") else {}),
            **request_keys(params),
        }
    )
    actions = [
        "",
        *(["sts:TagGetWebIdentityToken"] if params.get("tags") else []),
        *(["sts:SetWebIdentityTokenScope"] if params.get("scope") else []),
    ]
    return [replace(target, action=action) for action in actions]


@operation("sts:GetWebIdentityToken", on=a_token)
def get_web_identity_token(
    call: Call,
    *,
    audience: list[str],
    signing_algorithm: str,
    duration_seconds: int | None = None,
    scope: str | None = None,
    subject_mode: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Sign a token about the caller, or whom its session acts for, with the account's issuer."""
    if signing_algorithm not in ALGORITHMS:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{signing_algorithm}' at 'signingAlgorithm' failed to satisfy "
            "constraint: Member must satisfy enum value set: [RS256, ES384]",
        )
    requested = _request_tags(tags or ())
    of_origin = _is_of_origin(subject_mode)
    if scope is not None:
        _check_scope(scope, of_origin=of_origin, audiences=len(audience))
    federation = outbound_federations.get(call.tx, call.account)
    if federation is None or not federation.enabled:
        raise ApiError(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled for this account.",
            403,
        )
    expires = call.at + timedelta(seconds=duration_seconds or _SECONDS)
    session = call.caller.session
    if session is not None and expires > session.expires_at:
        raise ApiError(
            "SessionDurationEscalationException",
            "The requested token duration exceeds the original session expiration.",
            403,
        )
    principal = call.caller.role_arn or call.caller.arn
    claims = {
        "iss": federation.issuer,
        "aud": audience[0] if len(audience) == 1 else audience,
        "sub": _origin(call) if of_origin else principal,
        "iat": int(call.at.timestamp()),
        "exp": int(expires.timestamp()),
        "jti": call.ids.uuid(),
        **({"scope": scope} if scope is not None else {}),
        **({"subject_mode": _OF_ORIGIN} if of_origin else {}),
        NAMESPACE: {**_about(call, principal), **({"request_tags": requested} if requested else {})},
    }
    if len(json.dumps(claims)) > _MOST_BYTES:
        raise ApiError(
            "JWTPayloadSizeExceededException",
            "The requested token payload size exceeds the maximum allowed size.",
        )
    return {"WebIdentityToken": _signed(federation, signing_algorithm, claims), "Expiration": expires}


def _is_of_origin(mode: str | None) -> bool:
    """Return whether a subject mode asks for whom the session acts for. Raises ValidationError for one that is none."""
    if mode not in {None, "AWSIdentity", _OF_ORIGIN}:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{mode}' at 'subjectMode' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [AWSIdentity, {_OF_ORIGIN}]",
        )
    return mode == _OF_ORIGIN


def _check_scope(scope: str, *, of_origin: bool, audiences: int) -> None:
    """Raise ValidationError for scopes that cannot be asked for so. The texts are ours."""
    if not of_origin or audiences != 1:
        raise ApiError("ValidationError", f"Scope needs SubjectMode {_OF_ORIGIN} and exactly one audience.")
    values = scope.split(" ")
    if len(values) > len(set(values)):
        raise ApiError("ValidationError", "A scope value cannot be repeated.")


def _origin(call: Call) -> str:
    """Return whom the calling session acts for.

    Raises ValidationError where its trusted context does not say so, and AccessDenied for a subject that could be
    taken for another one (web-identity.md 36.7).
    """
    session = call.caller.session
    subject = context_of(session, SUBJECT)
    if not subject.strip() or not (context_of(session, ISSUER) or context_of(session, PROVIDER)):
        raise ApiError("ValidationError", "The calling session has no trusted identity propagation context.")
    odd = any(unicodedata.category(letter)[0] in "CZ" for letter in subject if letter != " ")
    if subject.lower().startswith("arn:") or subject != subject.strip(" ") or odd:
        raise ApiError("AccessDenied", "The subject of the calling session cannot be used in a token.", 403)
    return subject


def _request_tags(tags: Sequence[dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tags:
        if tag["Key"].lower() in map(str.lower, found):
            raise ApiError(
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            )
        found[tag["Key"]] = tag["Value"]
    return found


def _about(call: Call, principal: str) -> dict[str, Any]:
    """Return what a token says of the caller: the account, its organization, and the session as it was made."""
    about: dict[str, Any] = {
        "aws_account": call.account,
        "source_region": call.region,
        "principal_id": principal,
    }
    membership = call.gateway.membership(call.tx, call.account)
    if membership is not None:
        about |= {"org_id": membership.organization, "ou_path": [membership.path]}
    tags = _principal_tags(call)
    if tags:
        about["principal_tags"] = tags
    session = call.caller.session
    if session is not None:
        about["original_session_exp"] = iso_seconds(session.expires_at)
        if session.source_identity:
            about["source_identity"] = session.source_identity
        if session.provider:
            about["federated_provider"] = session.provider
    return about


def _principal_tags(call: Call) -> dict[str, str]:
    """Return the tags of the caller, the session's over those of the role or user, whatever their case."""
    caller = call.caller
    table: Any = {"role-session": roles, "user": users}.get(caller.kind)
    entity = table.get(call.tx, caller.account, caller.name.lower()) if table is not None else None
    of_session = caller.session.tags if caller.session is not None else ()
    overlaid = {key.lower() for key, _ in of_session}
    own = [
        (key, value)
        for key, value in (entity.tags if entity is not None else ())
        if key.lower() not in overlaid
    ]
    return dict([*own, *of_session])


def _signed(federation: OutboundFederation, algorithm: str, claims: dict[str, Any]) -> str:
    (key_id,) = (key["kid"] for key in json.loads(federation.keys)["keys"] if key["alg"] == algorithm)
    token: str = jwt.encode(
        claims, federation.private_keys[algorithm], algorithm=algorithm, headers={"kid": key_id, "typ": "JWT"}
    )
    return token
