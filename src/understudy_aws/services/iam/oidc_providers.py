"""OpenID Connect identity providers of an account (web-identity.md 36.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.data.oidc_thumbprints import published_thumbprints
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.context_providers import context_provider as checked_context_provider
from understudy_aws.services.iam.context_providers import shown as shown_context_provider
from understudy_aws.services.iam.listings import tags_listed
from understudy_aws.services.iam.oidc_provider_records import (
    OidcProvider,
    find,
    oidc_providers,
    provider_arn,
)
from understudy_aws.services.iam.tags import merged

PROVIDERS_PER_ACCOUNT = 100
CLIENT_IDS_PER_PROVIDER = 100
THUMBPRINTS_PER_PROVIDER = 5
_SCHEME = "https://"


def a_provider(call: Call, params: Params) -> Sequence[Target]:
    """Return the provider of that ARN, with its tags."""
    arn = params["open_id_connect_provider_arn"]
    known = find(call.tx, call.account, arn)
    keys = {**tags.resource_keys(known.tags if known else ()), **tags.request_keys(params)}
    return [Target(arn, {**keys, **_propagation_key(params)})]


def a_new_provider(call: Call, params: Params) -> Sequence[Target]:
    """Return the provider under the ARN it will have. Tags take a permission of their own."""
    arn = provider_arn(call.account, _without_scheme(params["url"]))
    target = Target(arn, {**tags.request_keys(params), **_propagation_key(params)})
    return (
        [target, replace(target, action="iam:TagOpenIDConnectProvider")] if params.get("tags") else [target]
    )


@operation("iam:CreateOpenIDConnectProvider", on=a_new_provider)
def create_open_id_connect_provider(
    call: Call,
    *,
    url: str,
    client_id_list: list[str] | None = None,
    thumbprint_list: list[str] | None = None,
    tags: list[dict[str, str]] | None = None,
    context_provider: dict[str, Any] | None = None,
) -> Answer:
    """Trust an issuer of tokens.

    A client id that is named twice counts once; thumbprints are kept as often as they are named.
    """
    name = _checked_url(url)
    clients = tuple(dict.fromkeys(client_id_list or ()))
    if len(clients) > CLIENT_IDS_PER_PROVIDER:
        raise errors.quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_PER_PROVIDER)
    thumbprints = _thumbprints(thumbprint_list or []) or published_thumbprints(name)
    kept = merged((), tags, ignore_case=False)
    context = checked_context_provider(context_provider) if context_provider is not None else None
    if oidc_providers.get(call.tx, call.account, name) is not None:
        raise errors.exists(f"Provider with url {_SCHEME}{name} already exists.")
    if oidc_providers.count(call.tx, call.account) >= PROVIDERS_PER_ACCOUNT:
        raise errors.quota("OpenIdConnectProvidersPerAccount", PROVIDERS_PER_ACCOUNT)
    if not thumbprints:
        thumbprints = call.gateway.issuers.thumbprints(call.tx, f"{_SCHEME}{name}")
    provider = OidcProvider(
        account=call.account,
        url=name,
        created=call.at,
        client_ids=clients,
        thumbprints=thumbprints,
        tags=kept,
        context=context,
    )
    oidc_providers.put(call.tx, provider)
    return {"OpenIDConnectProviderArn": provider.arn, "Tags": _listed(kept) or None}


@operation("iam:GetOpenIDConnectProvider", on=a_provider)
def get_open_id_connect_provider(call: Call, *, open_id_connect_provider_arn: str) -> Answer:
    """Return a provider, its URL without scheme and its tags by key."""
    provider = _existing(call, open_id_connect_provider_arn)
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
        "Tags": _listed(tuple(sorted(provider.tags))),
        **({"ContextProvider": shown_context_provider(provider.context)} if provider.context else {}),
    }


@operation("iam:ListOpenIDConnectProviders", on=all_resources)
def list_open_id_connect_providers(call: Call) -> Answer:
    """List the providers of the account by URL. This list has no pages."""
    return {
        "OpenIDConnectProviderList": [
            {"Arn": provider.arn} for provider in oidc_providers.scan(call.tx, call.account)
        ]
    }


@operation("iam:DeleteOpenIDConnectProvider", on=a_provider)
def delete_open_id_connect_provider(call: Call, *, open_id_connect_provider_arn: str) -> None:
    """Delete a provider. Roles that trust it stay as they are, and nobody can assume them through it."""
    provider = find(call.tx, call.account, open_id_connect_provider_arn)
    if provider is None:
        raise ApiError(
            "NoSuchEntity", f"OpenId connect Provider {open_id_connect_provider_arn} cannot be found.", 404
        )
    oidc_providers.delete(call.tx, provider)


@operation("iam:AddClientIDToOpenIDConnectProvider", on=a_provider)
def add_client_id_to_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> None:
    """Take the tokens of one more audience. One that is there already is no error."""
    provider = _existing(call, open_id_connect_provider_arn)
    if client_id in provider.client_ids:
        return
    if len(provider.client_ids) >= CLIENT_IDS_PER_PROVIDER:
        raise errors.quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_PER_PROVIDER)
    changed = msgspec.structs.replace(provider, client_ids=(*provider.client_ids, client_id))
    oidc_providers.put(call.tx, changed)


@operation("iam:RemoveClientIDFromOpenIDConnectProvider", on=a_provider)
def remove_client_id_from_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> None:
    """Take the tokens of an audience no more. One that is not there is no error."""
    provider = _existing(call, open_id_connect_provider_arn)
    left = tuple(each for each in provider.client_ids if each != client_id)
    oidc_providers.put(call.tx, msgspec.structs.replace(provider, client_ids=left))


@operation("iam:UpdateOpenIDConnectProvider", on=a_provider)
def update_open_id_connect_provider(
    call: Call,
    *,
    open_id_connect_provider_arn: str,
    context_provider: dict[str, Any] | None = None,
    remove_context_provider: bool = False,
) -> None:
    """Set, change or remove what a provider's tokens say of sessions. Sessions that are there keep theirs."""
    provider = _existing(call, open_id_connect_provider_arn)
    if (context_provider is not None) is remove_context_provider:
        raise errors.invalid_input("Specify either ContextProvider or RemoveContextProvider.")
    context = checked_context_provider(context_provider) if context_provider is not None else None
    oidc_providers.put(call.tx, msgspec.structs.replace(provider, context=context))


@operation("iam:UpdateOpenIDConnectProviderThumbprint", on=a_provider)
def update_open_id_connect_provider_thumbprint(
    call: Call, *, open_id_connect_provider_arn: str, thumbprint_list: list[str]
) -> None:
    """Replace all thumbprints of a provider."""
    provider = _existing(call, open_id_connect_provider_arn)
    if not thumbprint_list:
        raise errors.invalid_input("Thumbprint list must contain at least one entry.")
    changed = msgspec.structs.replace(provider, thumbprints=_thumbprints(thumbprint_list))
    oidc_providers.put(call.tx, changed)


@operation("iam:TagOpenIDConnectProvider", on=a_provider)
def tag_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, tags: list[dict[str, str]]
) -> None:
    """Add tags. They replace those of the same key."""
    provider = _existing(call, open_id_connect_provider_arn)
    if not tags:
        raise errors.no_tags()
    kept = merged(provider.tags, tags, ignore_case=False)
    oidc_providers.put(call.tx, msgspec.structs.replace(provider, tags=kept))


@operation("iam:UntagOpenIDConnectProvider", on=a_provider)
def untag_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, tag_keys: list[str]
) -> None:
    """Remove tags."""
    provider = _existing(call, open_id_connect_provider_arn)
    if not tag_keys:
        raise errors.no_tag_keys()
    kept = tags.without(provider.tags, tag_keys, ignore_case=False)
    oidc_providers.put(call.tx, msgspec.structs.replace(provider, tags=kept))


@operation("iam:ListOpenIDConnectProviderTags", on=a_provider)
def list_open_id_connect_provider_tags(
    call: Call, *, open_id_connect_provider_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a provider's tags."""
    provider = _existing(call, open_id_connect_provider_arn)
    return tags_listed(provider.tags, "ListOpenIDConnectProviderTags", marker, max_items)


def _propagation_key(params: Params) -> dict[str, str]:
    """Return the condition key of a request that lets a provider's tokens set trusted context."""
    return {"iam:enableidentitypropagation": "true"} if params.get("context_provider") is not None else {}


def _existing(call: Call, arn: str) -> OidcProvider:
    provider = find(call.tx, call.account, arn)
    if provider is None:
        raise ApiError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    return provider


def _without_scheme(url: str) -> str:
    return url.removeprefix(_SCHEME)


def _checked_url(url: str) -> str:
    """Return what a provider of this URL is called: the URL without its scheme and without AWS's own port, 443."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise errors.validation("Invalid Open ID Connect Provider URL") from error
    if not parts.scheme or not parts.hostname:
        raise errors.validation("Invalid Open ID Connect Provider URL")
    if not url.startswith(_SCHEME):
        raise errors.invalid_input("Invalid Open ID Connect Provider URL. The URL must begin with https://.")
    if "?" in url or "#" in url or "@" in parts.netloc:
        # Recorded: no other word than this one.
        raise errors.invalid_input("Unknown")
    host = parts.netloc.removesuffix(":443") if port == 443 else parts.netloc
    return f"{host}{parts.path}"


def _thumbprints(given: list[str]) -> tuple[str, ...]:
    if len(given) > THUMBPRINTS_PER_PROVIDER:
        raise errors.invalid_input("Thumbprint list must contain fewer than 5 entries.")
    return tuple(each.lower() for each in given)


def _listed(kept: tags.Tags) -> list[dict[str, str]]:
    return tags.listed(kept)
