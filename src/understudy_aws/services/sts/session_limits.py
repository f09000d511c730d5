"""What temporary credentials cannot be used for, whatever policies say (sts.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from understudy_aws.authn.caller import Caller, TokenKind
from understudy_aws.core.errors import ApiError

# The STS operations these kinds of credentials may call; a role session may call all but the two below.
_ONLY_OF_STS: Mapping[TokenKind, frozenset[str]] = {
    "session-token": frozenset({"AssumeRole", "GetCallerIdentity", "GetScopedCredentials"}),
    "federation": frozenset({"GetCallerIdentity", "GetScopedCredentials"}),
}
_OF_IAM = frozenset({"assume-role", "assume-root", "delegation"})
_WITH_LONG_TERM_KEYS = frozenset({"GetSessionToken", "GetFederationToken"})


def check(caller: Caller, service: str, operation: str) -> None:
    """Raise if the caller's kind of credentials cannot be used for this operation.

    It also holds for calls that a service makes with the caller's credentials: AWS's services that make roles for a
    client without second factor were seen to pass on IAM's refusal.
    """
    if caller.session is None or service not in {"iam", "sts"}:
        return
    kind = caller.session.token_kind
    if service == "iam":
        if kind not in _OF_IAM and not (kind == "session-token" and caller.session.mfa):
            raise ApiError(
                "InvalidClientTokenId", "The security token included in the request is invalid", 403
            )
    elif operation in _WITH_LONG_TERM_KEYS or operation not in _ONLY_OF_STS.get(kind, {operation}):
        raise ApiError("AccessDenied", f"Cannot call {operation} with session credentials", 403)
