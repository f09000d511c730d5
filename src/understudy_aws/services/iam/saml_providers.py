"""SAML identity providers of an account (saml.md 37.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.listings import tags_listed
from understudy_aws.services.iam.saml_metadata import issuers_in
from understudy_aws.services.iam.saml_provider_records import (
    SamlPrivateKey,
    SamlProvider,
    find,
    provider_arn,
    saml_providers,
)
from understudy_aws.services.iam.tags import merged

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization
else:
    # Few requests need them, and loading them takes as long as a start.
    exceptions = deferred("cryptography.exceptions")
    serialization = deferred("cryptography.hazmat.primitives.serialization")

PROVIDERS_PER_ACCOUNT = 100
KEYS_PER_PROVIDER = 2
_YEARS = 100


def a_provider(call: Call, params: Params) -> Sequence[Target]:
    """Return the provider of that ARN, with its tags."""
    arn = params["saml_provider_arn"]
    known = find(call.tx, call.account, arn)
    return [Target(arn, {**tags.resource_keys(known.tags if known else ()), **tags.request_keys(params)})]


def a_new_provider(call: Call, params: Params) -> Sequence[Target]:
    """Return the provider under the ARN it will have. Tags take a permission of their own."""
    target = Target(provider_arn(call.account, params["name"]), tags.request_keys(params))
    return [target, replace(target, action="iam:TagSAMLProvider")] if params.get("tags") else [target]


@operation("iam:CreateSAMLProvider", on=a_new_provider)
def create_saml_provider(
    call: Call,
    *,
    saml_metadata_document: str,
    name: str,
    tags: list[dict[str, str]] | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
) -> Answer:
    """Trust the issuers that a metadata document names."""
    kept = merged((), tags, ignore_case=False)
    if assertion_encryption_mode == "Required" and add_private_key is None:
        raise errors.validation(
            "Unable to set assertion encryption mode to Required because no private key is provided."
        )
    issuers = issuers_in(saml_metadata_document)
    keys = (_private_key(call, add_private_key),) if add_private_key is not None else ()
    if saml_providers.get(call.tx, call.account, name.lower()) is not None:
        raise errors.exists(f"Provider with name {name} already exists.")
    if saml_providers.count(call.tx, call.account) >= PROVIDERS_PER_ACCOUNT:
        raise errors.quota("SAMLProvidersPerAccount", PROVIDERS_PER_ACCOUNT)
    provider = SamlProvider(
        account=call.account,
        name=name,
        id=call.ids.saml("SAMLSP"),
        document=saml_metadata_document,
        issuers=issuers,
        created=call.at,
        valid_until=_in_a_hundred_years(call.at),
        encrypted=assertion_encryption_mode == "Required",
        private_keys=keys,
        tags=kept,
    )
    saml_providers.put(call.tx, provider)
    return {"SAMLProviderArn": provider.arn, "Tags": _listed(kept) or None}


@operation("iam:GetSAMLProvider", on=a_provider)
def get_saml_provider(call: Call, *, saml_provider_arn: str) -> Answer:
    """Return a provider with its metadata as it was sent, and its tags by key. Private keys are told by their ids."""
    provider = _existing(call, saml_provider_arn)
    return {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.document,
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "Tags": _listed(tuple(sorted(provider.tags))),
        "AssertionEncryptionMode": "Required" if provider.encrypted else "Allowed",
        "PrivateKeyList": [{"KeyId": key.id, "Timestamp": key.created} for key in provider.private_keys],
    }


@operation("iam:ListSAMLProviders", on=all_resources)
def list_saml_providers(call: Call) -> Answer:
    """List the providers of the account by name. This list has no pages."""
    return {
        "SAMLProviderList": [
            {"Arn": provider.arn, "ValidUntil": provider.valid_until, "CreateDate": provider.created}
            for provider in saml_providers.scan(call.tx, call.account)
        ]
    }


@operation("iam:UpdateSAMLProvider", on=a_provider)
def update_saml_provider(
    call: Call,
    *,
    saml_provider_arn: str,
    saml_metadata_document: str | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
    remove_private_key: str | None = None,
) -> Answer:
    """Replace a provider's metadata, add or remove a private key, or change whether assertions must be encrypted."""
    provider = _existing(call, saml_provider_arn)
    changes = (saml_metadata_document, assertion_encryption_mode, add_private_key, remove_private_key)
    if all(each is None for each in changes):
        raise errors.validation(
            "Unable to update identity provider. No updates are defined for metadata or encryption assertion."
        )
    if add_private_key is not None and remove_private_key is not None:
        raise errors.validation(
            "Unable to add and remove private keys in the same request. Set a value for only one of the two "
            "parameters."
        )
    if saml_metadata_document is not None:
        provider = msgspec.structs.replace(
            provider,
            document=saml_metadata_document,
            issuers=issuers_in(saml_metadata_document),
            valid_until=_in_a_hundred_years(call.at),
        )
    if assertion_encryption_mode is not None:
        provider = msgspec.structs.replace(provider, encrypted=assertion_encryption_mode == "Required")
    if add_private_key is not None:
        provider = _with_key(provider, _private_key(call, add_private_key))
    if remove_private_key is not None:
        provider = _without_key(provider, remove_private_key)
    if provider.encrypted and not provider.private_keys:
        raise errors.invalid_input(
            "Failed to set assertion encryption mode to Required because no private key is present."
        )
    saml_providers.put(call.tx, provider)
    return {"SAMLProviderArn": provider.arn}


@operation("iam:DeleteSAMLProvider", on=a_provider)
def delete_saml_provider(call: Call, *, saml_provider_arn: str) -> None:
    """Delete a provider. Roles that trust it stay as they are, and nobody can assume them through it."""
    saml_providers.delete(call.tx, _existing(call, saml_provider_arn))


@operation("iam:TagSAMLProvider", on=a_provider)
def tag_saml_provider(call: Call, *, saml_provider_arn: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    provider = _existing(call, saml_provider_arn)
    if not tags:
        raise errors.no_tags()
    kept = merged(provider.tags, tags, ignore_case=False)
    saml_providers.put(call.tx, msgspec.structs.replace(provider, tags=kept))


@operation("iam:UntagSAMLProvider", on=a_provider)
def untag_saml_provider(call: Call, *, saml_provider_arn: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    provider = _existing(call, saml_provider_arn)
    if not tag_keys:
        raise errors.no_tag_keys()
    kept = tags.without(provider.tags, tag_keys, ignore_case=False)
    saml_providers.put(call.tx, msgspec.structs.replace(provider, tags=kept))


@operation("iam:ListSAMLProviderTags", on=a_provider)
def list_saml_provider_tags(
    call: Call, *, saml_provider_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a provider's tags."""
    return tags_listed(_existing(call, saml_provider_arn).tags, "ListSAMLProviderTags", marker, max_items)


def _existing(call: Call, arn: str) -> SamlProvider:
    provider = find(call.tx, call.account, arn)
    if provider is None:
        raise ApiError("NoSuchEntity", f"Manifest not found for arn {arn}", 404)
    return provider


def _with_key(provider: SamlProvider, key: SamlPrivateKey) -> SamlProvider:
    """Return a provider with one more private key. The same key may be added twice, under two ids."""
    if len(provider.private_keys) >= KEYS_PER_PROVIDER:
        raise errors.limit(f"Private key limit of {KEYS_PER_PROVIDER} is reached.")
    return msgspec.structs.replace(provider, private_keys=(*provider.private_keys, key))


def _without_key(provider: SamlProvider, id: str) -> SamlProvider:
    """Return a provider without a private key. The last one stays while assertions must be encrypted."""
    left = tuple(key for key in provider.private_keys if key.id != id)
    if len(left) == len(provider.private_keys):
        raise errors.invalid_input(
            "Failed to remove private key because the Key ID does not match a private key."
        )
    if provider.encrypted and not left:
        raise errors.invalid_input("Failed to remove private key.")
    return msgspec.structs.replace(provider, private_keys=left)


def _private_key(call: Call, pem: str) -> SamlPrivateKey:
    """Return a new private key. Raises InvalidInput for a text that is no private key in PEM without a passphrase."""
    try:
        serialization.load_pem_private_key(pem.encode("latin-1", "replace"), password=None)
    except TypeError as error:
        raise errors.invalid_input("Invalid private key. Key is encrypted.") from error
    except (ValueError, exceptions.UnsupportedAlgorithm) as error:
        raise errors.invalid_input("Invalid private key. Key format is not recognized.") from error
    return SamlPrivateKey(call.ids.saml("SAMLPK"), call.at, pem)


def _in_a_hundred_years(at: datetime) -> datetime:
    """Return until when AWS says that a provider is valid, whatever its metadata says."""
    try:
        return at.replace(year=at.year + _YEARS)
    except ValueError:
        # The 29th of February.
        return at.replace(year=at.year + _YEARS, day=28)


def _listed(kept: tags.Tags) -> list[dict[str, str]]:
    return tags.listed(kept)
