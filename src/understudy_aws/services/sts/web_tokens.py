"""JSON Web Tokens that identity providers sign: read, and verified by the issuer's keys (web-identity.md 36.2).

What a token says is trusted only once `verify_signature` has returned. The signature is checked by PyJWT; the claims
are checked here, because AWS's rules are others than the library's.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError

if TYPE_CHECKING:
    import jwt
else:
    # Loading it takes as long as a start, and few requests have a token.
    jwt = deferred("jwt")

Claims = Mapping[str, Any]

REQUIRED = ("iss", "sub", "aud", "iat", "exp")
# Seconds that clocks may be apart.
TOLERANCE = 300
# Keys of each kind; of more none is used.
MOST_KEYS = 100
# The kind of key of each algorithm, and its curve.
_ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
_NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NOT_VALIDATED = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for "
    "requirements."
)
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
Keys = Sequence[Mapping[str, Any]]
"""The keys of an issuer, as its JWKS document lists them."""


class Token(msgspec.Struct, frozen=True):
    """A token that was read and not verified yet: its algorithm, the id of its key (empty for none), its claims."""

    text: str
    algorithm: str
    key_id: str
    claims: Claims


def invalid(message: str) -> ApiError:
    return ApiError("InvalidIdentityToken", message)


def not_validated() -> ApiError:
    """Return the refusal of a token that is well formed, and still not good."""
    return invalid(_NOT_VALIDATED)


def no_key() -> ApiError:
    """Return the refusal of a token whose key the issuer does not publish."""
    return invalid(_NO_KEY)


def read(text: str) -> Token:
    """Return a token as it is. Raises InvalidIdentityToken for what is no signed token of JSON."""
    try:
        head_text, body, signature = text.split(".")
        head, claims = _object(head_text), _object(body)
        _decoded(signature)
    except (ValueError, RecursionError) as error:
        raise invalid(_NO_JWT) from error
    algorithm, key_id = head.get("alg"), head.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS or not isinstance(key_id, str):
        raise invalid(_NO_JWT)
    if "crit" in head or head.get("b64", True) is not True:
        raise invalid(_NO_JWT)
    return Token(text, algorithm, key_id, claims)


def check_claims(claims: Claims) -> None:
    """Raise InvalidIdentityToken for a token that lacks a claim, or whose issuer or audience is none."""
    for name in REQUIRED:
        if name not in claims:
            raise invalid(f"Missing a required claim: {name}")
    if not isinstance(claims["iss"], str):
        raise not_validated()
    if claims["sub"] is None:
        raise ApiError("InternalFailure", "Unknown error validating third-party token", 500)
    if isinstance(claims["sub"], bool | list | dict | float):
        raise not_validated()
    audiences = claims["aud"]
    if not isinstance(audiences, str | list) or (
        isinstance(audiences, list) and not all(isinstance(each, str) for each in audiences)
    ):
        raise not_validated()
    if not audiences and isinstance(audiences, list):
        raise invalid("Claim is not allowed to be empty: aud")


def check_times(claims: Claims, at: datetime) -> None:
    """Raise unless a token is valid at a time, give or take five minutes."""
    issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
    not_before = _seconds(claims["nbf"]) if "nbf" in claims else 0
    now = int(at.timestamp())
    if issued > now + TOLERANCE:
        raise invalid(f"Token issued in the future: {issued}")
    if expires <= now - TOLERANCE:
        raise ApiError(
            "ExpiredTokenException",
            f"Token expired: current date/time {now - TOLERANCE} must be before the expiration date/time {expires}",
        )
    if not_before > now + TOLERANCE:
        raise invalid(
            f"Token not yet valid: current date/time {now + TOLERANCE} must be after or equal to the not-before "
            f"date/time {not_before}"
        )


def verify_signature(token: Token, keys: Keys) -> None:
    """Raise InvalidIdentityToken unless a key of the issuer's has signed the token."""
    found = key_of(token, keys)
    if found is None:
        raise no_key()
    try:
        key = jwt.PyJWK.from_dict(dict(found), algorithm=token.algorithm)
    except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise no_key() from error
    try:
        jwt.PyJWS(algorithms=[token.algorithm]).decode(token.text, key, algorithms=[token.algorithm])
    except (jwt.exceptions.PyJWTError, ValueError) as error:
        raise not_validated() from error


def key_of(token: Token, keys: Keys) -> Mapping[str, Any] | None:
    """Return the key a token names, or None; the only one that fits, where it names none.

    Of keys of the same id the last one counts. A key without id, for encryption or for certain uses alone is none.
    """
    kind, curve = _ALGORITHMS[token.algorithm]
    if sum(key.get("kty") == kind for key in keys) > MOST_KEYS:
        return None
    fitting = {
        key["kid"]: key
        for key in keys
        if isinstance(key.get("kid"), str)
        and key["kid"]
        and key.get("kty") == kind
        and (not curve or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and "key_ops" not in key
    }
    if token.key_id:
        return fitting.get(token.key_id)
    return next(iter(fitting.values())) if len(fitting) == 1 == len(keys) else None


def keys_in(document: bytes) -> Keys:
    """Return the keys of a JWKS document. Raises ValueError for what is none."""
    try:
        found = json.loads(document)
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError('It has no "keys".')
    return keys


def _object(part: str) -> dict[str, Any]:
    found = json.loads(_decoded(part))
    if isinstance(found, dict):
        return found
    raise ValueError("It is no object.")


def _decoded(part: str) -> bytes:
    """Return the bytes of a part of a token. Raises ValueError for other letters than those of base64url."""
    if not part or not part.isascii() or not part.replace("-", "").replace("_", "").isalnum():
        raise ValueError("It is no base64url.")
    text = part.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)


def _seconds(value: Any) -> int:
    """Return a time of a token, in whole seconds; also of digits in a text (recorded)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    raise invalid("Invalid timestamp in token claims.")
