"""Records of OpenID Connect identity providers (web-identity.md 36.1)."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.arn import iam, parse
from understudy_aws.services.iam.context_providers import ContextProvider
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

_KIND = "oidc-provider/"


class OidcProvider(Record, frozen=True, kw_only=True):
    """An issuer of tokens that an account trusts.

    `url` is the issuer's without `https://`, in the letters it was given in. `client_ids` are the audiences whose
    tokens are taken, `thumbprints` are SHA-1 sums of certificates in small hexadecimal letters; both in their order.
    With `context` its tokens set trusted context in sessions.
    """

    account: str
    url: str
    created: datetime
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: Tags = ()
    context: ContextProvider | None = None

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.url)


oidc_providers = Table(
    "iam/oidc-provider", OidcProvider, key=lambda provider: (provider.account, provider.url)
)


def provider_arn(account: str, url: str) -> str:
    """Return the ARN of the provider of a URL without `https://`."""
    return iam(account, f"{_KIND}{url}")


def find(tx: Transaction, account: str, arn: str) -> OidcProvider | None:
    """Return an account's provider of that ARN, or None."""
    parsed = parse(arn)
    if parsed is None or parsed.service != "iam" or parsed.account != account:
        return None
    if not parsed.resource.startswith(_KIND):
        return None
    return oidc_providers.get(tx, account, parsed.resource.removeprefix(_KIND))
