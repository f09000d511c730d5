"""Verification of Signature Version 4 (signatures.md 6.1, 6.2).

Decisions where AWS's services differ:

- A body goes unsigned (`x-amz-content-sha256: UNSIGNED-PAYLOAD`) only over TLS, which then vouches for it;
  over plain HTTP that literal is a wrong signature. A hash that is not the body's is a wrong signature too,
  and so are S3's `STREAMING-…` forms, which no service here speaks.
- A presigned URL signs the body it is sent with; there is no unsigned body as in S3.
- A form body is payload and nothing else: only the query string is part of the canonical query.
- Names and values of the query are decoded (`+` is a blank, as in forms) and encoded again, so that what is
  verified is what will be read.
- Every `x-amz-…` header must be signed, as AWS's rules for signers ask: an unsigned `x-amz-target` would turn a
  Describe that somebody signed into a Delete.
- Whether the Region in the scope exists is for the caller to say (`region`): one endpoint serves them all.
- The wrong-signature text is given without AWS's optional echo of the canonical request, because that
  would carry the session token into whatever logs errors.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import msgspec

from understudy_aws.authn.errors import MISMATCH, MISSING, AuthenticationError
from understudy_aws.core.confidential import Confidential
from understudy_aws.core.deferred import deferred
from understudy_aws.core.http import HttpRequest

if TYPE_CHECKING:
    import email.utils as email_dates
else:
    email_dates = deferred("email.utils")

_Read = TypeVar("_Read")

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
SKEW: Final = timedelta(minutes=15)
LONGEST_PRESIGNED: Final = 604_800  # seconds: a week

_PRESIGNED_PARAMETERS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
)
# A session token may be added after signing (signatures.md 6.1): it must be the one that belongs to the key.
_MAY_BE_UNSIGNED: Final = frozenset({"x-amz-security-token"})
_REGULAR: Final = re.compile(
    rf"{ALGORITHM} Credential=((?:[^/,=\s]+/){{4}}[^/,=\s]+), ?SignedHeaders=([^,=\s]+), ?Signature="
)
# A signature is written in so many of them.
_HEX_DIGITS: Final = 64
_ISO_BASIC: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ALREADY_ENCODED: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_REGION_SHAPED: Final = re.compile(r"[a-z0-9-]{1,64}")


# What strangers send is remembered only as long as it is no longer than this.
_LONGEST_REMEMBERED: Final = 512


def _remembered(read: Callable[[str], _Read]) -> Callable[[str], _Read]:
    """Remember the latest thousand results of reading a text, but none for a long text."""
    cached = lru_cache(maxsize=1024)(read)
    return lambda text: cached(text) if len(text) <= _LONGEST_REMEMBERED else read(text)


class Scope(msgspec.Struct, frozen=True):
    """The scope of a credential: the access key id, the day, the Region and the service it was signed for."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str


class Signature(Confidential, frozen=True):
    """A signature as it was sent: well-formed, in time and for this service, but not yet verified.

    `date` is the signing time in ISO-8601 basic format; `token` is the session token, empty if none.
    """

    hidden = frozenset({"token"})

    scope: Scope
    date: str
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool
    token: str = ""


class _Claim(msgspec.Struct, frozen=True):
    """The part of an Authorization header before the signature, which a client repeats all day."""

    scope: Scope
    signed_headers: tuple[str, ...]


@_remembered
def _claim(text: str) -> _Claim | None:
    """Read an Authorization header up to its signature; None unless it is written as all SDKs write it."""
    found = _REGULAR.fullmatch(text)
    return None if found is None else _Claim(_scope(found[1]), _signed_headers(found[2]))


def read_signature(
    request: HttpRequest, *, service: str, now: datetime, region: str = "", skew: timedelta = SKEW
) -> Signature:
    """Read the signature of a request for `service` (the signing name) and check all but the signature.

    `region` is the only Region accepted in the scope; empty accepts any. Raises AuthenticationError, the
    first fault in the order AWS was seen to check (signatures.md 6.1).
    """
    headers = request.headers
    authorization = headers.get("authorization", "")
    claim = _claim(authorization[:-_HEX_DIGITS])
    if (
        claim is not None
        and authorization[-_HEX_DIGITS:].isalnum()
        and "X-Amz-Algorithm=" not in request.query
    ):
        text = headers.get("x-amz-date")
        if text and _ISO_BASIC.fullmatch(text):
            _check_time(text, now, skew, None)
            _check_headers(claim.signed_headers, headers)
            _check_scope(claim.scope, text, service, region)
            token = headers.get("x-amz-security-token", "")
            return Signature(
                claim.scope,
                text,
                claim.signed_headers,
                authorization[-_HEX_DIGITS:],
                presigned=False,
                token=token,
            )
    # Anything else is read slowly, for the words of its refusal.
    presigned = "X-Amz-Algorithm=" in request.query
    if presigned:
        if authorization:
            raise AuthenticationError(
                "incomplete",
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            )
        parts = _presigned_parts(request.query)
        token = parts.get("X-Amz-Security-Token", "")
    else:
        parts = _header_parts(authorization, headers)
        token = headers.get("x-amz-security-token", "")
    date = _signing_time(parts["X-Amz-Date"], presigned=presigned)
    _check_time(date, now, skew, _lifetime(parts["X-Amz-Expires"]) if presigned else None)
    signed_headers = _signed_headers(parts["SignedHeaders"])
    _check_headers(signed_headers, headers)
    if parts["Algorithm"] != ALGORITHM:
        raise AuthenticationError(
            "incomplete", f"Unsupported AWS 'algorithm': '{parts['Algorithm']}' (only {ALGORITHM} for now). "
        )
    scope = _scope(parts["Credential"])
    _check_scope(scope, date, service, region)
    return Signature(scope, date, signed_headers, parts["Signature"], presigned, token)


def verify(request: HttpRequest, signature: Signature, secret: str) -> None:
    """Compute the signature with `secret` and compare. Raises AuthenticationError when they differ."""
    canonical = "\n".join(
        (
            request.method,
            canonical_path(request.path),
            canonical_query(request.query),
            _canonical_headers(signature.signed_headers, request.headers),
            ";".join(signature.signed_headers),
            _payload_hash(request, presigned=signature.presigned),
        )
    )
    scope = signature.scope
    # Header values were decoded as Latin-1, so encoding them so gives back the bytes the client signed.
    digest = sha256(canonical.encode("latin-1")).hexdigest()
    string_to_sign = (
        f"{ALGORITHM}\n{signature.date}\n{scope.date}/{scope.region}/{scope.service}/{TERMINATOR}\n{digest}"
    )
    key = _signing_key(secret, scope.date, scope.region, scope.service)
    computed = hmac.digest(key, string_to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(computed.encode(), signature.signature.encode()):
        raise AuthenticationError("mismatch", MISMATCH)


def claimed_scope(request: HttpRequest) -> Scope | None:
    """Return the scope that a request claims, not yet verified; routing takes service and Region from it.

    None when there is no signature or it cannot be read; `read_signature` then says why.
    """
    authorization = request.headers.get("authorization", "")
    try:
        if authorization:
            return _scope(_pairs(authorization)["Credential"])
        return _scope(_query_parameters(request.query)["X-Amz-Credential"])
    except (AuthenticationError, KeyError):
        return None


def _header_parts(authorization: str, headers: Mapping[str, str]) -> dict[str, str]:
    if not authorization.startswith("AWS4-"):
        raise AuthenticationError("missing", MISSING)
    parts = _pairs(authorization)
    date = headers.get("x-amz-date") or headers.get("date") or ""
    missing = [
        f"Authorization header requires '{name}' parameter. "
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if not date:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        )
    if missing:
        raise AuthenticationError("incomplete", f"{''.join(missing)}Authorization={authorization}")
    parts["X-Amz-Date"] = date
    return parts


def _pairs(authorization: str) -> dict[str, str]:
    """Return the algorithm and the key=value pairs of an Authorization header."""
    algorithm, _, rest = authorization.strip().partition(" ")
    parts = {}
    for pair in rest.replace(",", " ").split():
        name, equals, value = pair.partition("=")
        if not equals:
            raise AuthenticationError(
                "incomplete",
                f"'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: "
                f"'{authorization}'.",
            )
        parts[name] = value
    parts["Algorithm"] = algorithm
    return parts


def _presigned_parts(query: str) -> dict[str, str]:
    parts = _query_parameters(query)
    missing = [
        f"AWS query-string parameters must include '{name}'. "
        for name in _PRESIGNED_PARAMETERS
        if not parts.get(name)
    ]
    if missing:
        raise AuthenticationError("incomplete", f"{''.join(missing)}Re-examine the query-string parameters.")
    for name in ("Algorithm", "Credential", "SignedHeaders", "Signature"):
        parts[name] = parts[f"X-Amz-{name}"]
    return parts


def _query_parameters(query: str) -> dict[str, str]:
    """Return the decoded query parameters; of a repeated one, the first."""
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        parameters.setdefault(_decoded(name).decode("latin-1"), _decoded(value).decode("latin-1"))
    return parameters


def _signing_time(text: str, *, presigned: bool) -> str:
    """Return the signing time in ISO-8601 basic format, also from a `Date` header in HTTP's format."""
    if _ISO_BASIC.fullmatch(text):
        return text
    if not presigned and text.endswith("GMT"):
        try:
            return _iso_basic(email_dates.parsedate_to_datetime(text))
        except ValueError:
            pass
    raise _not_a_date(text)


def _not_a_date(text: str) -> AuthenticationError:
    return AuthenticationError(
        "incomplete",
        f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601",
    )


@lru_cache(maxsize=256)
def _instant(date: str) -> datetime:
    """Return `20260102T030405Z` as a time. `strptime` would take longer than the whole verification."""
    try:
        return datetime(
            int(date[:4]),
            int(date[4:6]),
            int(date[6:8]),
            int(date[9:11]),
            int(date[11:13]),
            int(date[13:15]),
            tzinfo=UTC,
        )
    except ValueError:
        raise _not_a_date(date) from None


def _lifetime(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit()):
        raise AuthenticationError("incomplete", "X-Amz-Expires should be a number")
    if len(text) > len(str(LONGEST_PRESIGNED)) or int(text) > LONGEST_PRESIGNED:
        raise AuthenticationError(
            "incomplete",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {LONGEST_PRESIGNED} seconds",
        )
    if int(text) < 1:
        raise AuthenticationError("incomplete", "X-Amz-Expires must be greater than 0")
    return timedelta(seconds=int(text))


def _check_time(date: str, now: datetime, skew: timedelta, lifetime: timedelta | None) -> None:
    """Refuse a signature older than `skew` (or than a presigned URL's `lifetime`), or further ahead than `skew`."""
    at = _instant(date)
    age = now - at
    longest = skew if lifetime is None else lifetime
    if age > longest:
        raise AuthenticationError(
            "skew",
            f"Signature expired: {date} is now earlier than {_iso_basic(now - longest)} "
            f"({_iso_basic(now)} - {_length(longest)})",
        )
    if -age > skew:
        raise AuthenticationError(
            "skew",
            f"Signature not yet current: {date} is still later than {_iso_basic(now + skew)} "
            f"({_iso_basic(now)} + {_length(skew)})",
        )


def _iso_basic(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _length(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return f"{minutes} min." if not seconds else f"{minutes * 60 + seconds} sec."


@_remembered
def _signed_headers(text: str) -> tuple[str, ...]:
    return tuple(sorted(text.split(";")))


def _check_headers(signed_headers: tuple[str, ...], headers: Mapping[str, str]) -> None:
    if "host" not in signed_headers:
        raise AuthenticationError("scope", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    signed = frozenset(signed_headers)
    if not headers.keys() >= signed:
        name = next(name for name in signed_headers if name not in headers)
        raise AuthenticationError(
            "scope", f"'{name}' is named as a SignedHeader, but it does not exist in the HTTP request."
        )
    if "x-amz-" not in " ".join(headers.keys() - signed):
        return
    for name in headers:
        if name.startswith("x-amz-") and name not in signed and name not in _MAY_BE_UNSIGNED:
            raise AuthenticationError(
                "scope", f"'{name.title()}' must be a 'SignedHeader' in the AWS Authorization."
            )


@_remembered
def _scope(credential: str) -> Scope:
    parts = credential.split("/")
    if len(parts) != 5:
        raise AuthenticationError(
            "incomplete",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'",
        )
    return Scope(*parts)


def _check_scope(scope: Scope, date: str, service: str, region: str) -> None:
    faults = []
    if scope.region != region if region else not _REGION_SHAPED.fullmatch(scope.region):
        faults.append(f"Credential should be scoped to a valid region, not '{scope.region}'. ")
    if scope.service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'. ")
    if scope.terminator != TERMINATOR:
        faults.append(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{scope.terminator}'. "
        )
    if scope.date != date[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{date[:8]}', from '{date}'."
        )
    if faults:
        raise AuthenticationError("scope", "".join(faults))


@_remembered
def canonical_path(path: str) -> str:
    """Return a path as it is signed: no dot segments, no doubled slashes, encoded once more (as all but S3 do)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{trailing}", safe="/~", encoding="latin-1")


def canonical_query(query: str) -> str:
    """Return a query string as it is signed: encoded, sorted by name and value, without `X-Amz-Signature`."""
    if not query:
        return ""
    pairs = []
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name = _encoded(name)
        if name != "X-Amz-Signature":
            pairs.append((name, _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(text: str) -> str:
    return text if _ALREADY_ENCODED.fullmatch(text) else quote_from_bytes(_decoded(text), safe="-_.~")


def _decoded(text: str) -> bytes:
    """Return decoded bytes, not text: two different ill-formed sequences must not become the same character."""
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1"))


def _canonical_headers(names: tuple[str, ...], headers: Mapping[str, str]) -> str:
    """Return `name:value` lines with blanks trimmed and runs of blanks made one; each line ends with a line break."""
    text = "".join([f"{name}:{headers[name]}\n" for name in names])
    # Few values have such blanks; none is left out by the test, and it is one for all.
    if not ("  " in text or "\t" in text or ": " in text or " \n" in text):
        return text
    lines = []
    for name in names:
        value = headers[name]
        if "  " in value or "\t" in value or value[:1] == " " or value[-1:] == " ":
            value = " ".join([word for word in value.replace("\t", " ").split(" ") if word])
        lines.append(f"{name}:{value}\n")
    return "".join(lines)


def _payload_hash(request: HttpRequest, *, presigned: bool) -> str:
    """Return the hash that the client must have signed. Raises AuthenticationError when it names another one."""
    stated = request.headers.get("x-amz-content-sha256")
    if stated == UNSIGNED_PAYLOAD and request.secure and not presigned:
        return stated
    computed = sha256(request.body).hexdigest()
    if stated is not None and not hmac.compare_digest(stated.encode(), computed.encode()):
        raise AuthenticationError("mismatch", MISMATCH)
    return computed


@lru_cache(maxsize=4096)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the derived signing key. It is the same all day, so it is remembered."""
    key = hmac.digest(f"AWS4{secret}".encode(), date.encode(), "sha256")
    for part in (region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
