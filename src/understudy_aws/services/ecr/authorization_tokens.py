"""What `docker login` takes: a token that stands for the access key of who asked for it (registry.md 24.3)."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ecr.records import AuthorizationToken, authorization_tokens, host_of

USER = "AWS"
_VALID_FOR = timedelta(hours=12)


@operation("ecr:GetAuthorizationToken", on=all_resources)
def get_authorization_token(call: Call, *, registry_ids: list[str] | None = None) -> Answer:
    """Return a token for the caller's registry, or one for each that is named."""
    given = []
    for account in registry_ids or (call.account,):
        secret = call.ids.bearer_token()
        token = AuthorizationToken(
            key=key_of(secret),
            account=account,
            region=call.region,
            access_key_id=call.caller.access_key_id,
            expires=call.at + _VALID_FOR,
        )
        authorization_tokens.put(call.tx, token)
        given.append(
            {
                "authorizationToken": base64.b64encode(f"{USER}:{secret}".encode()).decode(),
                "expiresAt": token.expires,
                "proxyEndpoint": f"https://{host_of(account, call.region)}",
            }
        )
    return {"authorizationData": given}


def key_of(secret: str) -> str:
    """Return what a token's secret is found by. The secret itself is not kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
