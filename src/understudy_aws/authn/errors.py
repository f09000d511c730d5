"""The errors of authentication, and their wording in each protocol (signatures.md 6.2, 6.3)."""

from __future__ import annotations

from typing import Final, Literal

from understudy_aws.core.errors import ApiError

Kind = Literal["missing", "incomplete", "scope", "unknown-key", "mismatch", "skew", "token", "expired"]
Dialect = Literal["query", "json", "json-1.1", "rest-json", "ec2"]


class AuthenticationError(Exception):
    """A signature that is not accepted: its kind of fault, and AWS's text for it.

    The kinds: `missing` (no credentials), `incomplete` (a malformed header or query string), `scope` (made for another
    service, Region or day, or a header that must be signed is not), `unknown-key`, `mismatch` (the signature is
    wrong), `skew` (too old, or from the future), `token` (the session token is missing, wrong, or sent with a
    long-term key), `expired` (the session is over).
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message


MISSING: Final = "Request is missing Authentication Token"
UNKNOWN_KEY: Final = "The security token included in the request is invalid."
BAD_TOKEN: Final = "The security token included in the request is invalid"  # noqa: S105 - a text
EXPIRED_TOKEN: Final = "The security token included in the request is expired"  # noqa: S105 - a text
MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)

_NOT_VALIDATED: Final = "AWS was not able to validate the provided access credentials"
_REQUEST_EXPIRED: Final = "Request has expired."

# Per dialect and kind: the code, the status, and the text where the protocol has one of its own.
# JSON: signatures.md 6.3 records 400 for front ends of DynamoDB's make, and Organizations' JSON 1.1 is answered by one.
# App Runner's list of common errors (apprunner.md 1.1) gives 403 and `IncompleteSignature`; so its whole family is
# 403, as on every JSON service that sits on an HTTP gateway, REST services among them.
# EC2: where two answers were recorded, the one that tells a stranger least is given.
_ANSWERS: Final[dict[str, dict[Kind, tuple[str, int, str | None]]]] = {
    "query": {
        "missing": ("MissingAuthenticationToken", 403, None),
        "incomplete": ("IncompleteSignature", 400, None),
        "scope": ("SignatureDoesNotMatch", 403, None),
        "unknown-key": ("InvalidClientTokenId", 403, None),
        "mismatch": ("SignatureDoesNotMatch", 403, None),
        "skew": ("SignatureDoesNotMatch", 403, None),
        "token": ("InvalidClientTokenId", 403, None),
        "expired": ("ExpiredToken", 403, None),
    },
    "json": {
        "missing": ("MissingAuthenticationTokenException", 403, "Missing Authentication Token"),
        "incomplete": ("IncompleteSignature", 403, None),
        "scope": ("InvalidSignatureException", 403, None),
        "unknown-key": ("UnrecognizedClientException", 403, None),
        "mismatch": ("InvalidSignatureException", 403, None),
        "skew": ("InvalidSignatureException", 403, None),
        "token": ("UnrecognizedClientException", 403, None),
        "expired": ("ExpiredTokenException", 403, None),
    },
    "json-1.1": {
        "missing": ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        "incomplete": ("IncompleteSignatureException", 400, None),
        "scope": ("InvalidSignatureException", 400, None),
        "unknown-key": ("UnrecognizedClientException", 400, None),
        "mismatch": ("InvalidSignatureException", 400, None),
        "skew": ("InvalidSignatureException", 400, None),
        "token": ("UnrecognizedClientException", 400, None),
        "expired": ("ExpiredTokenException", 400, None),
    },
    "ec2": {
        "missing": ("MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId"),
        "incomplete": ("IncompleteSignature", 400, None),
        "scope": ("AuthFailure", 401, None),
        "unknown-key": ("AuthFailure", 401, _NOT_VALIDATED),
        "mismatch": ("AuthFailure", 401, _NOT_VALIDATED),
        "skew": ("RequestExpired", 400, _REQUEST_EXPIRED),
        "token": ("AuthFailure", 401, _NOT_VALIDATED),
        "expired": ("RequestExpired", 400, _REQUEST_EXPIRED),
    },
}


class RefusedSignatureError(ApiError):
    """The error that a client gets for a signature that is not accepted; only the trail gets its `kind`."""

    def __init__(self, kind: Kind, code: str, message: str, status: int) -> None:
        super().__init__(code, message, status)
        self.kind: Kind = kind


def answer(kind: Kind, message: str, dialect: str) -> RefusedSignatureError:
    """Return the error as a protocol words it; `dialect` is one of `Dialect`."""
    code, status, text = _ANSWERS["json" if dialect == "rest-json" else dialect][kind]
    return RefusedSignatureError(kind, code, message if text is None else text, status)
