"""Authentication of a request: from its signature to its caller."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from understudy_aws.authn.caller import Caller
from understudy_aws.authn.credentials import Credential, CredentialSource
from understudy_aws.authn.errors import BAD_TOKEN, EXPIRED_TOKEN, UNKNOWN_KEY, AuthenticationError, answer
from understudy_aws.authn.sigv4 import SKEW, read_signature, verify
from understudy_aws.core.http import HttpRequest


def authenticate(
    request: HttpRequest,
    *,
    service: str,
    dialect: str,
    source: CredentialSource,
    now: datetime,
    region: str = "",
    skew: timedelta = SKEW,
) -> Caller:
    """Return who signed this request; `service` is the signing name of the service that was called.

    `dialect` (`errors.Dialect`) decides how a refusal is worded. `region`, when given, is the only Region that the
    scope may name. `skew` is how far the client's clock may be off. Raises ApiError, in the order
    of signatures.md 6.1: the signature's form, its time, its scope, the key, the signature, the session token.
    """
    try:
        signature = read_signature(request, service=service, now=now, region=region, skew=skew)
        credential = _known(source, signature.scope.access_key_id)
        verify(request, signature, credential.secret)
        _check_token(credential, signature.token, now)
    except AuthenticationError as refusal:
        raise answer(refusal.kind, refusal.message, dialect) from None
    return credential.caller


def _known(source: CredentialSource, access_key_id: str) -> Credential:
    """Return an active key. An inactive key, and one whose user is gone, is refused as an unknown one is."""
    credential = source.credential(access_key_id)
    if credential is None or not credential.active:
        raise AuthenticationError("unknown-key", UNKNOWN_KEY)
    return credential


def _check_token(credential: Credential, token: str, now: datetime) -> None:
    """Refuse a temporary key without its own session token, or that expired, and a long-term key with any token."""
    if not hmac.compare_digest(token.encode(), credential.session_token.encode()):
        raise AuthenticationError("token", BAD_TOKEN)
    if credential.expires_at is not None and now >= credential.expires_at:
        raise AuthenticationError("expired", EXPIRED_TOKEN)
