"""AssumeRoleWithWebIdentity: a role's session for somebody whose token STS is shown (web-identity.md 36.2 to 36.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from understudy_aws.authn.caller import Caller
from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.tag_keys import tag_keys
from understudy_aws.services.iam.oidc_provider_records import OidcProvider, oidc_providers
from understudy_aws.services.iam.tags import entity_keys
from understudy_aws.services.sts import web_claims, web_tokens
from understudy_aws.services.sts.packing import size_with_token
from understudy_aws.services.sts.sessions import (
    HOUR,
    account_of_role,
    assumed_role_user,
    begin_role_session,
    check_duration,
    given_out,
    known_role,
    session_policies,
    trusted_by,
)
from understudy_aws.services.sts.trusted_context import context_shown, lowered, trusted_context
from understudy_aws.services.sts.web_tokens import Claims
from understudy_aws.wire.model import load

# Providers of OAuth tokens, which are no JWTs (web-identity.md 36.2).
_OF_OAUTH = {
    "www.amazon.com": ("InvalidIdentityToken", "Provided Token is not a Login With Amazon token", 400),
    "graph.facebook.com": ("IDPRejectedClaim", "The identity provider rejected the token.", 403),
}


def bearer(call: Call, params: Params) -> Caller:
    """Return whom the token is about, once it is verified by the keys of the provider that the role's account trusts.

    Raises InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError or IDPRejectedClaim, and AwaitedError
    while the issuer is asked for its keys.
    """
    account = account_of_role(params["role_arn"])
    if params.get("provider_id") is not None:
        raise _no_token_of(params["provider_id"])
    token = web_tokens.read(params["web_identity_token"])
    claims = token.claims
    web_tokens.check_claims(claims)
    provider = _provider(call, account, claims)
    keys = call.gateway.issuers.keys(
        call.tx,
        str(claims["iss"]),
        provider.thumbprints,
        lambda known: web_tokens.key_of(token, known) is not None,
    )
    web_tokens.verify_signature(token, keys)
    web_tokens.check_times(claims, call.at)
    audience = web_claims.audience(claims)
    if audience not in provider.client_ids:
        raise web_tokens.not_validated()
    web_claims.authorized_by_issuer(claims, params["role_arn"])
    subject = web_claims.subject(claims)
    return Caller(
        kind="identity-provider",
        account=account,
        arn=provider.arn,
        user_id=f"{provider.arn}:{audience}:{subject}",
        name=subject,
    )


def _no_token_of(provider_id: str) -> ApiError:
    """Return the refusal for a provider of OAuth tokens: none of them can be asked from here."""
    known = _OF_OAUTH.get(provider_id)
    if known is None:
        return ApiError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    return ApiError(*known)


def _provider(call: Call, account: str, claims: Claims) -> OidcProvider:
    issuer = str(claims["iss"])
    known: OidcProvider | None = call.gateway.seen(
        call.tx, oidc_providers, account, web_claims.issuer_of(claims)
    )
    if known is None or not issuer.startswith("https://"):
        raise web_tokens.invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    return known


def the_role_of_the_token(call: Call, params: Params) -> Sequence[Target]:
    """Return the role, which its trust policy must allow. A role that does not exist is denied like one that does.

    The tags and the source identity of a token take permissions of their own (web-identity.md 36.4).
    """
    arn, claims = params["role_arn"], _verified(call, params)
    tags, identity = web_claims.session_tags(claims), web_claims.source_identity(claims)
    role = known_role(call, arn)
    keys: dict[str, str | list[str]] = {
        **web_claims.condition_keys(claims),
        **lowered(_context(call, claims)),
        "aws:federatedprovider": call.caller.arn,
        "sts:rolesessionname": params["role_session_name"],
        "sts:roleauthorizedbyidp": "true" if web_claims.authorized_by_issuer(claims, arn) else "false",
        **tag_keys("aws:requesttag", tags.tags),
        **entity_keys(role.tags if role is not None else ()),
    }
    actions = ["sts:AssumeRoleWithWebIdentity"]
    if tags.tags:
        keys["aws:tagkeys"] = [key for key, _ in tags.tags]
        actions.append("sts:TagSession")
    if tags.transitive:
        keys["sts:transitivetagkeys"] = list(tags.transitive)
    if identity:
        keys["sts:sourceidentity"] = identity
        actions.append("sts:SetSourceIdentity")
    return trusted_by(call, arn, role, keys, actions)


def _context(call: Call, claims: Claims) -> dict[str, str]:
    """Return the trusted context that the token sets."""
    return trusted_context(_provider(call, call.account, claims), claims)


def _verified(call: Call, params: Params) -> Claims:
    """Return the claims of the token that the caller of this very call is known by."""
    assert call.caller.kind == "identity-provider", "its token was verified"
    return web_tokens.read(params["web_identity_token"]).claims


@operation("sts:AssumeRoleWithWebIdentity", on=the_role_of_the_token, identifies=bearer)
def assume_role_with_web_identity(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    provider_id: str | None = None,  # noqa: ARG001 - `bearer` refuses whoever has one
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make credentials of a role's session for whoever has a token that the role trusts.

    The session may outlive the token (recorded).
    """
    claims = _verified(call, {"web_identity_token": web_identity_token})
    role = known_role(call, role_arn)
    if role is None:
        # With IAM off nothing was asked before.
        raise ApiError("AccessDenied", f"The role {role_arn} cannot be assumed.", 403)
    duration = duration_seconds or HOUR
    check_duration(call, role, duration)
    arns_passed = session_policies(call, role.account, policy, policy_arns)
    tags, identity = web_claims.session_tags(claims), web_claims.source_identity(claims)
    audience, subject = web_claims.audience(claims), web_claims.subject(claims)
    told = (web_claims.issuer_of(claims), audience, subject, identity)
    context = _context(call, claims)
    packed = size_with_token(policy, arns_passed, tags.tags, told)
    session = begin_role_session(
        call,
        role,
        role_session_name,
        call.at + timedelta(seconds=duration),
        minimum_session_token_size,
        policies=(policy,) if policy else None,
        policy_arns=arns_passed,
        tags=tags.tags,
        transitive=tags.transitive,
        source_identity=identity,
        provider=call.caller.arn,
        claims=tuple(
            (name, value if isinstance(value, str) else tuple(value))
            for name, value in {**web_claims.session_keys(claims), **lowered(context)}.items()
        ),
    )
    return {
        **_told(call, context),
        **given_out(call, session),
        "SubjectFromWebIdentityToken": subject,
        "AssumedRoleUser": assumed_role_user(role, role_session_name),
        "PackedPolicySize": packed,
        "Provider": call.caller.arn,
        "Audience": audience,
        "SourceIdentity": identity or None,
    }


def _told(call: Call, context: dict[str, str]) -> Answer:
    """Return the trusted context as the answer has it, which descriptions before October 2026 have no member for."""
    shape = load("sts").operation(call.operation)
    name = "TrustedIdentityPropagationContext"
    known = shape is not None and shape.output is not None and name in shape.output.members
    return {name: context_shown(context)} if known else {}
