"""Issuers of tokens that are registered here, and the tokens that they mint (docs/decisions/0045)."""

from __future__ import annotations

import re
from typing import Any

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import AddIssuer, IssueToken
from understudy_aws.core.errors import UserError
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.iam.oidc_provider_records import oidc_providers
from understudy_aws.services.sts.local_issuers import (
    LocalIssuer,
    keys_of,
    local_issuers,
    minted,
    with_keys,
    with_new_key,
)
from understudy_aws.services.sts.token_claims import BY_NAME, claims_for
from understudy_aws.store.database import Transaction

_URL = re.compile(r"https://[^\s/?#@]+[^\s?#]*\Z")


def listed(gateway: Gateway) -> dict[str, Any]:
    """Return the registered issuers, without private keys, and for each the accounts that have a provider of it."""
    with gateway.database.transaction() as tx:
        trusting: dict[str, list[str]] = {}
        for provider in oidc_providers.scan(tx):
            trusting.setdefault(f"https://{provider.url}", []).append(provider.account)
        return {
            "issuers": [
                {
                    "issuer": each.url,
                    "mints": each.mints,
                    "keys": [str(key.get("kid", "")) for key in keys_of(each)],
                    "accounts": trusting.get(each.url, []),
                }
                for each in local_issuers.scan(tx)
            ]
        }


def add(gateway: Gateway, asked: AddIssuer) -> dict[str, Any]:
    """Register an issuer: with the keys that are given, or with one of its own, which an issuer keeps that has one.

    Raises InvalidRequestError for what is no URL of one, and for keys that are none.
    """
    url = _url(asked.issuer)
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        known = local_issuers.get(tx, url)
        if asked.keys:
            try:
                issuer = with_keys(url, now, asked.keys.encode())
            except ValueError as error:
                raise InvalidRequestError(f"The keys of {url} are no JWKS document: {error}") from error
        else:
            mints = known is not None and known.mints
            issuer = known if known is not None and mints else with_new_key(url, now, gateway.ids.uuid())
        local_issuers.put(tx, issuer)
    gateway.database.flush()
    return {
        "issuer": url,
        "mints": issuer.mints,
        "keys": [str(key.get("kid", "")) for key in keys_of(issuer)],
        "new": known is None,
    }


def issue(gateway: Gateway, asked: IssueToken) -> dict[str, Any]:
    """Mint a token. Raises NotFoundError without an issuer that mints, InvalidRequestError for claims that are none."""
    with gateway.database.transaction() as tx:
        issuer = _minting(tx, asked.issuer)
    try:
        claims = claims_for(issuer.url, asked.claims, gateway.clock.now(), gateway.ids, asked.seconds)
    except UserError as error:
        raise InvalidRequestError(str(error)) from error
    return {"token": minted(issuer, claims), "claims": claims}


def _minting(tx: Transaction, named: str) -> LocalIssuer:
    """Return the issuer of that name or URL; the only one that mints, if none is named."""
    minting = [each for each in local_issuers.scan(tx) if each.mints]
    if named:
        url = _url(named)
        found = [each for each in minting if each.url == url]
        if not found:
            raise NotFoundError(f"{url} mints no tokens here. `understudy oidc add {named}` makes it do so.")
        return found[0]
    if not minting:
        raise NotFoundError("No issuer mints tokens here. For example: understudy oidc add github")
    if len(minting) > 1:
        urls = ", ".join(each.url for each in minting)
        raise InvalidRequestError(f"Which issuer? There are {urls}.")
    return minting[0]


def _url(named: str) -> str:
    url = BY_NAME.get(named, named)
    if not _URL.match(url):
        raise InvalidRequestError(
            f"An issuer is {', '.join(BY_NAME)} or a URL such as https://id.example.com, not {named!r}."
        )
    return url
