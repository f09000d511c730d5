"""Records of SAML identity providers (saml.md 37.1)."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.arn import iam, parse
from understudy_aws.core.confidential import Confidential
from understudy_aws.services.iam.saml_metadata import Issuer
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

_KIND = "saml-provider/"


class SamlPrivateKey(Confidential, frozen=True):
    """A key with which assertions for a provider are decrypted; `pem` is as it was sent, and never shown."""

    hidden = frozenset({"pem"})

    id: str
    created: datetime
    pem: str


class SamlProvider(Record, frozen=True, kw_only=True):
    """An identity provider that an account trusts, with its metadata and what was read in it.

    `encrypted` says that only encrypted assertions are taken.
    """

    account: str
    name: str
    id: str
    document: str
    issuers: tuple[Issuer, ...]
    created: datetime
    valid_until: datetime
    encrypted: bool = False
    private_keys: tuple[SamlPrivateKey, ...] = ()
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.name)


saml_providers = Table(
    "iam/saml-provider", SamlProvider, key=lambda provider: (provider.account, provider.name.lower())
)


def provider_arn(account: str, name: str) -> str:
    """Return the ARN of the provider of a name."""
    return iam(account, f"{_KIND}{name}")


def name_in(arn: str, account: str) -> str | None:
    """Return the name in the ARN of a provider of that account, or None for any other ARN."""
    parsed = parse(arn)
    if parsed is None or parsed.service != "iam" or parsed.account != account:
        return None
    return parsed.resource.removeprefix(_KIND) if parsed.resource.startswith(_KIND) else None


def find(tx: Transaction, account: str, arn: str) -> SamlProvider | None:
    """Return an account's provider of that ARN, or None."""
    name = name_in(arn, account)
    return saml_providers.get(tx, account, name.lower()) if name is not None else None
