"""Outbound identity federation: an account's issuer of tokens about its principals (web-identity.md 36.6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.confidential import Confidential
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.store.tables import Record, Table

if TYPE_CHECKING:
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
else:
    jwt = deferred("jwt")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    ec = deferred("cryptography.hazmat.primitives.asymmetric.ec")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")

HOST = ".tokens.sts.global.api.aws"
_BITS = 2048
_KEY_IDS = {"RS256": "RSA_0", "ES384": "EC384_0"}


class OutboundFederation(Record, Confidential, frozen=True, kw_only=True):
    """The issuer of an account, which it keeps once it has one.

    `id` is the first part of its host. `private_keys` are in PEM, by the algorithm they sign with; `keys` is the JWKS
    document of their public halves.
    """

    hidden = frozenset({"private_keys"})

    account: str
    id: str
    private_keys: dict[str, bytes]
    keys: bytes
    enabled: bool = True

    @property
    def issuer(self) -> str:
        return f"https://{self.id}{HOST}"


outbound_federations = Table(
    "iam/outbound-federation",
    OutboundFederation,
    key=lambda federation: (federation.account,),
    indexes={"by_id": lambda federation: (federation.id,)},
)


@operation("iam:EnableOutboundWebIdentityFederation", on=all_resources)
def enable_outbound_web_identity_federation(call: Call) -> Answer:
    """Let principals of the account have tokens about themselves. Enabled again, the issuer is the same."""
    known = outbound_federations.get(call.tx, call.account)
    if known is not None and known.enabled:
        raise ApiError(
            "FeatureEnabled",
            "Outbound identity federation is already enabled for your AWS account. You cannot enable the feature "
            "multiple times.",
            409,
        )
    federation = replace(known, enabled=True) if known is not None else _new(call.account, call.ids)
    outbound_federations.put(call.tx, federation)
    return {"IssuerIdentifier": federation.issuer}


@operation("iam:DisableOutboundWebIdentityFederation", on=all_resources)
def disable_outbound_web_identity_federation(call: Call) -> None:
    """Let nobody have new tokens. Those that are out stay good, so the keys are published further."""
    outbound_federations.put(call.tx, replace(_enabled(call), enabled=False))


@operation("iam:GetOutboundWebIdentityFederationInfo", on=all_resources)
def get_outbound_web_identity_federation_info(call: Call) -> Answer:
    """Tell the issuer of the account."""
    return {"IssuerIdentifier": _enabled(call).issuer, "JwtVendingEnabled": True}


def _enabled(call: Call) -> OutboundFederation:
    known = outbound_federations.get(call.tx, call.account)
    if known is None or not known.enabled:
        raise ApiError(
            "FeatureDisabled", "Outbound identity federation is disabled for your AWS account.", 404
        )
    return known


def _new(account: str, ids: Ids) -> OutboundFederation:
    """Return an issuer with a key for each algorithm."""
    private: dict[str, Any] = {
        "RS256": rsa.generate_private_key(public_exponent=65537, key_size=_BITS),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
    }
    published = [
        {**_public(key), "kid": _KEY_IDS[algorithm], "use": "sig", "alg": algorithm}
        for algorithm, key in private.items()
    ]
    return OutboundFederation(
        account=account,
        id=ids.uuid(),
        private_keys={algorithm: _pem(key) for algorithm, key in private.items()},
        keys=json.dumps({"keys": published}).encode(),
    )


def _public(key: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    members = kind.to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in members.items() if name != "key_ops"}


def _pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made
