"""What the issuers of accounts publish, for whoever verifies their tokens (web-identity.md 36.6).

At AWS each issuer is a host of its own. Here the host is in the header `Host`, or the path begins with it.
"""

from __future__ import annotations

import json
import re

from understudy_aws.core.http import HttpRequest, HttpResponse
from understudy_aws.services.iam.outbound_federation import HOST, OutboundFederation, outbound_federations
from understudy_aws.services.sts.outbound_tokens import ALGORITHMS
from understudy_aws.store.database import Database

_WELL_KNOWN = "/.well-known/"
_CONFIGURATION, _KEYS = f"{_WELL_KNOWN}openid-configuration", f"{_WELL_KNOWN}jwks.json"
_ID = re.compile(rf"/?([0-9a-f-]{{36}}){re.escape(HOST)}(?::\d+)?\Z")
_AS_JSON = (("Content-Type", "application/json"), ("Cache-Control", "public, max-age=300"))


def answer(database: Database, request: HttpRequest) -> HttpResponse | None:
    """Return a document of an issuer, or None for a request that is about none."""
    before, found, _ = request.path.partition(_WELL_KNOWN)
    if not found:
        return None
    named = _ID.match(before or request.headers.get("host", ""))
    if named is None:
        return None
    with database.transaction() as tx:
        known = outbound_federations.where(tx, "by_id", named[1])
    document = _document(known[0], request.path.removeprefix(before)) if known else None
    if document is None or request.method not in ("GET", "HEAD"):
        return HttpResponse(404, b"There is no such document.\n", (("Content-Type", "text/plain"),))
    return HttpResponse(200, document, _AS_JSON)


def _document(federation: OutboundFederation, path: str) -> bytes | None:
    if path == _KEYS:
        return federation.keys
    if path != _CONFIGURATION:
        return None
    return json.dumps(
        {
            "issuer": federation.issuer,
            "jwks_uri": f"{federation.issuer}{_KEYS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
            "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti"],
        }
    ).encode()
