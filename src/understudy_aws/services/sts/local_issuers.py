"""Issuers of tokens that stand here for those of the outside: GitHub, an EKS cluster, GitLab, or anybody's.

An issuer whose private key is here mints tokens; of one that is only known by its public keys tokens are taken. Neither
needs the network (docs/decisions/0045).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy_aws.core.confidential import Confidential
from understudy_aws.core.deferred import deferred
from understudy_aws.services.sts.web_tokens import Keys, keys_in
from understudy_aws.store.tables import Record, Table, memoized

if TYPE_CHECKING:
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
else:
    jwt = deferred("jwt")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")

_BITS = 2048
_ALGORITHM = "RS256"


class LocalIssuer(Record, Confidential, frozen=True, kw_only=True):
    """An issuer by its URL. `keys` is its JWKS document; `private_key` (PEM) is empty where it mints nothing here."""

    hidden = frozenset({"private_key"})

    url: str
    keys: bytes
    created: datetime
    private_key: bytes = b""

    @property
    def mints(self) -> bool:
        return bool(self.private_key)


local_issuers = Table("sts/local-issuer", LocalIssuer, key=lambda issuer: (issuer.url,))


def with_new_key(url: str, created: datetime, key_id: str) -> LocalIssuer:
    """Return an issuer with an RSA key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    # AWS takes no key that says what it is for in this way (web-identity.md 36.2).
    public.pop("key_ops", None)
    document = {"keys": [{**public, "kid": key_id, "use": "sig", "alg": _ALGORITHM}]}
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return LocalIssuer(url=url, keys=json.dumps(document).encode(), created=created, private_key=pem)


def with_keys(url: str, created: datetime, document: bytes) -> LocalIssuer:
    """Return an issuer that is known by its JWKS document alone. Raises ValueError for a document that is none."""
    keys_in(document)
    return LocalIssuer(url=url, keys=document, created=created)


@memoized
def keys_of(issuer: LocalIssuer) -> Keys:
    """Return the public keys of an issuer."""
    return keys_in(issuer.keys)


def minted(issuer: LocalIssuer, claims: Mapping[str, Any]) -> str:
    """Return a token with these claims, signed by an issuer that mints."""
    (key,) = keys_of(issuer)
    token: str = jwt.encode(
        dict(claims), issuer.private_key, algorithm=_ALGORITHM, headers={"kid": key["kid"], "typ": "JWT"}
    )
    return token
