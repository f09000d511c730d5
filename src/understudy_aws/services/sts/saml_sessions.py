"""AssumeRoleWithSAML: a role's session for somebody whose assertion STS is shown (saml.md 37.2, 37.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from understudy_aws.authn.caller import Caller
from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.request_context import stated_keys
from understudy_aws.gateway.tag_keys import tag_keys
from understudy_aws.services.iam.saml_provider_records import SamlProvider, name_in, saml_providers
from understudy_aws.services.iam.tags import entity_keys
from understudy_aws.services.sts import saml_claims
from understudy_aws.services.sts.packing import packed_size
from understudy_aws.services.sts.saml_responses import Asserted, NoResponseError, asserted, invalid
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


def asserted_user(call: Call, params: Params) -> Caller:
    """Return whom an assertion is about, once it is verified by the certificates of the provider.

    Raises InvalidIdentityToken or ExpiredTokenException.
    """
    provider = _provider(call, params)
    found = _asserted(call, params, provider)
    saml_claims.check_role(found, params["role_arn"], params["principal_arn"])
    return Caller(
        kind="identity-provider",
        account=provider.account,
        arn=provider.arn,
        user_id=f"{saml_claims.name_qualifier(found, provider)}:{found.subject}",
        name=found.subject,
    )


def _provider(call: Call, params: Params) -> SamlProvider:
    """Return the provider that the role's account has. Another account's cannot be trusted."""
    account = account_of_role(params["role_arn"])
    arn = parse(params["principal_arn"])
    if arn is None or arn.service != "iam" or not arn.resource.startswith("saml-provider/"):
        raise ApiError("ValidationError", "Principal ARN is invalid")
    name = name_in(params["principal_arn"], account)
    provider: SamlProvider | None = None
    if name is not None:
        # As it is known by now.
        provider = call.gateway.seen(call.tx, saml_providers, account, name.lower())
    if provider is None or provider.arn != params["principal_arn"]:
        raise invalid("Specified provider doesn't exist")
    return provider


def _asserted(call: Call, params: Params, provider: SamlProvider) -> Asserted:
    try:
        return asserted(params["saml_assertion"], provider, call.at)
    except NoResponseError as error:
        # AWS hands on what a service of its own says (recorded).
        raise invalid(
            f"{error} (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: "
            f"AuthSamlInvalidSamlResponseException; Request ID: {call.ids.uuid()}; Proxy: null)",
            error.reason,
        ) from error


def the_role_of_the_assertion(call: Call, params: Params) -> Sequence[Target]:
    """Return the role, which its trust policy must allow. A role that does not exist is denied like one that does.

    The tags and the source identity of an assertion take permissions of their own.
    """
    provider = _provider(call, params)
    found = _asserted(call, params, provider)
    tags, transitive = saml_claims.session_tags(found)
    identity = saml_claims.source_identity(found)
    arn = params["role_arn"]
    role = known_role(call, arn)
    keys: dict[str, str | list[str]] = {
        **stated_keys(saml_claims.condition_keys(found, provider)),
        "aws:federatedprovider": provider.arn,
        "sts:rolesessionname": saml_claims.session_name(found),
        **tag_keys("aws:requesttag", tags),
        **entity_keys(role.tags if role is not None else ()),
    }
    actions = ["sts:AssumeRoleWithSAML"]
    if tags:
        keys["aws:tagkeys"] = [key for key, _ in tags]
        actions.append("sts:TagSession")
    if transitive:
        keys["sts:transitivetagkeys"] = list(transitive)
    if identity:
        keys["sts:sourceidentity"] = identity
        actions.append("sts:SetSourceIdentity")
    return trusted_by(call, arn, role, keys, actions)


@operation("sts:AssumeRoleWithSAML", on=the_role_of_the_assertion, identifies=asserted_user)
def assume_role_with_saml(
    call: Call,
    *,
    role_arn: str,
    principal_arn: str,
    saml_assertion: str,
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make credentials of a role's session for whoever has an assertion that the role trusts.

    The issuer may let it last less long than the caller wants; its own session's end is the end of this one too.
    """
    params = {"role_arn": role_arn, "principal_arn": principal_arn, "saml_assertion": saml_assertion}
    provider = _provider(call, params)
    found = _asserted(call, params, provider)
    role = known_role(call, role_arn)
    if role is None:
        # With IAM off nothing was asked before.
        raise ApiError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", 403)
    wanted = duration_seconds or HOUR
    check_duration(call, role, wanted)
    expires = call.at + timedelta(seconds=min(wanted, saml_claims.longest_session(found)))
    if found.session_until is not None:
        expires = min(expires, found.session_until)
    arns_passed = session_policies(call, role.account, policy, policy_arns)
    tags, transitive = saml_claims.session_tags(found)
    name, identity = saml_claims.session_name(found), saml_claims.source_identity(found)
    session = begin_role_session(
        call,
        role,
        name,
        expires,
        minimum_session_token_size,
        policies=(policy,) if policy else None,
        policy_arns=arns_passed,
        tags=tags,
        transitive=transitive,
        source_identity=identity,
        provider=provider.arn,
        claims=tuple(saml_claims.session_keys(found, provider).items()),
    )
    return {
        **given_out(call, session),
        "AssumedRoleUser": assumed_role_user(role, name),
        "PackedPolicySize": packed_size(policy, arns_passed, tags),
        "Subject": found.subject,
        "SubjectType": found.subject_type,
        "Issuer": found.issuer,
        "Audience": found.recipient,
        "NameQualifier": saml_claims.name_qualifier(found, provider),
        "SourceIdentity": identity or None,
    }
