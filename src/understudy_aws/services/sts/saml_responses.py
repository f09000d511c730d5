"""SAML responses that are shown to STS: read, and believed only as far as a provider's issuer signed (saml.md 37.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.core.hardened_xml import Element, has_comments, read_xml, repeats_an_id, text_of
from understudy_aws.services.iam.saml_metadata import Issuer
from understudy_aws.services.iam.saml_provider_records import SamlProvider
from understudy_aws.services.sts.saml_encryption import decrypted
from understudy_aws.services.sts.saml_signatures import signed_part

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_NOT_SIGNED = (
    "its {} is not signed by a key that the provider's metadata name for its issuer, by RSA or ECDSA with SHA-2, whole "
    "and alone"
)
_FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"


class NoResponseError(Exception):
    """What is shown is no response that a provider can have made, in AWS's words; `reason` is a clause in ours."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class _FaultError(ValueError):
    """What is wrong with a response, as a clause without anything of the response in it."""


class Asserted(msgspec.Struct, frozen=True):
    """What an issuer says of somebody.

    `subject_type` is the format of the subject's name without SAML's own prefix. `recipient` is where the assertion was
    sent to. `session_until` is when the issuer's own session ends, if it says so.
    """

    issuer: str
    subject: str
    subject_type: str
    recipient: str
    attributes: Mapping[str, tuple[str, ...]]
    session_until: datetime | None = None


def asserted(encoded: str, provider: SamlProvider, now: datetime) -> Asserted:
    """Return what a response in Base64 asserts.

    Raises NoResponseError for what is none, InvalidIdentityToken for signatures that do not hold, and
    ExpiredTokenException. Only the signed part is read, as it was signed: what else the response says,
    nobody vouches for.
    """
    try:
        root = read_xml(base64.b64decode("".join(encoded.split()), validate=True))
        found = _the_assertion(root, provider)
        assertion = _signed_assertion(root, found, provider)
        return _read(assertion, now)
    except (ValueError, binascii.Error) as error:
        # AWS says this of whatever it cannot read (recorded).
        reason = (
            str(error)
            if isinstance(error, _FaultError)
            else "it is no XML in Base64, or has no date in its place"
        )
        raise NoResponseError("Invalid base64 SAMLResponse", reason) from error


def invalid(message: str, reason: str = "") -> ApiError:
    return ApiError("InvalidIdentityToken", message, reason=reason)


def _expired(what: str) -> ApiError:
    return ApiError("ExpiredTokenException", "Response has expired", reason=f"{what} has come")


def _the_assertion(root: Element, provider: SamlProvider) -> Element:
    """Return the one assertion of a response, decrypted where it is encrypted. Raises ValueError for another number."""
    if root.tag != f"{PROTOCOL}Response":
        raise _FaultError("it is no samlp:Response")
    if repeats_an_id(root):
        raise _FaultError("two of its elements have one id")
    plain = list(root.iter(f"{SAML}Assertion"))
    encrypted = list(root.iter(f"{SAML}EncryptedAssertion"))
    if len(plain) + len(encrypted) != 1 or (plain or encrypted)[0].getparent() is not root:
        raise _FaultError("it has not exactly one assertion, as a child of the response")
    if plain:
        if provider.encrypted:
            raise _FaultError("the provider takes encrypted assertions alone")
        return plain[0]
    found = _opened(encrypted[0], provider)
    if (
        found.tag != f"{SAML}Assertion"
        or repeats_an_id(found)
        or len(list(found.iter(f"{SAML}Assertion"))) != 1
    ):
        raise _FaultError("what is encrypted is no assertion")
    return found


def _opened(encrypted: Element, provider: SamlProvider) -> Element:
    try:
        return read_xml(decrypted(encrypted, provider.private_keys))
    except ValueError as error:
        raise _FaultError(
            "no private key of the provider opens it, or it is encrypted in a way that is not known"
        ) from error


def _signed_assertion(root: Element, assertion: Element, provider: SamlProvider) -> Element:
    """Return an assertion as its issuer signed it. A signature of the response must hold too, if there is one."""
    if has_comments(assertion):
        # Signatures pass them over, and they split texts.
        raise _FaultError("its assertion has comments or processing instructions")
    signatures = list(assertion.iter(SIGNATURE))
    if not signatures:
        raise NoResponseError(
            "Response (with optional signature) must contain an assertion with a mandatory signature",
            "its assertion is not signed",
        )
    if len(signatures) != 1 or signatures[0].getparent() is not assertion:
        raise _FaultError("its assertion has not exactly one signature, as its own child")
    issuer = _issuer(assertion, provider)
    signed = signed_part(assertion, issuer.certificates)
    if signed is None:
        raise invalid("Response signature invalid", _NOT_SIGNED.format("assertion"))
    outer = root.findall(SIGNATURE)
    if len(outer) > 1 or (outer and signed_part(root, issuer.certificates) is None):
        raise invalid("Response signature invalid", _NOT_SIGNED.format("response"))
    return signed


def _issuer(assertion: Element, provider: SamlProvider) -> Issuer:
    name = text_of(_one(assertion, "Issuer"))
    for each in provider.issuers:
        if each.entity_id == name:
            return each
    raise NoResponseError(
        "Issuer not present in specified provider",
        "the provider's metadata have no such entityID as its issuer",
    )


def _read(assertion: Element, now: datetime) -> Asserted:
    """Return what a signed assertion says. Raises ValueError for one that lacks what AWS needs."""
    if assertion.get("Version") != "2.0":
        raise _FaultError("its assertion is of another version than 2.0")
    subject = _one(assertion, "Subject")
    name = _one(subject, "NameID")
    confirmation = _one(subject, "SubjectConfirmation")
    data = _one(confirmation, "SubjectConfirmationData")
    if confirmation.get("Method") != _BEARER:
        raise _FaultError("its subject is confirmed by another method than bearer")
    _check_dates(data, now, must_end=True)
    _check_dates(_one(assertion, "Conditions"), now, must_end=False)
    return Asserted(
        issuer=text_of(_one(assertion, "Issuer")),
        subject=_some(text_of(name), "name of the subject"),
        subject_type=_some(name.get("Format"), "Format of the NameID").removeprefix(_FORMATS),
        recipient=_some(data.get("Recipient"), "Recipient"),
        attributes=_attributes(assertion),
        session_until=_session_end(assertion, now),
    )


def _check_dates(element: Element, now: datetime, *, must_end: bool) -> None:
    """Raise for what is over. That something begins later AWS does not mind, if only it is a date (saml.md 37.2)."""
    if element.get("NotBefore") is not None:
        _date(element.get("NotBefore"))
    end = element.get("NotOnOrAfter")
    if end is None and not must_end:
        return
    if now >= _date(_some(end, "NotOnOrAfter")):
        raise _expired("the NotOnOrAfter of its conditions or its subject")


def _session_end(assertion: Element, now: datetime) -> datetime | None:
    statements = assertion.findall(f"{SAML}AuthnStatement")
    if not statements:
        raise _FaultError("it has no AuthnStatement")
    ends = [_date(text) for each in statements if (text := each.get("SessionNotOnOrAfter")) is not None]
    if ends and now >= min(ends):
        raise _expired("the SessionNotOnOrAfter")
    return min(ends, default=None)


def _attributes(assertion: Element) -> Mapping[str, tuple[str, ...]]:
    """Return the values of each attribute. Raises ValueError for one that comes twice."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in assertion.findall(f"{SAML}AttributeStatement"):
        for attribute in statement.findall(f"{SAML}Attribute"):
            name = _some(attribute.get("Name"), "name of an attribute")
            if name in found:
                raise _FaultError("one of its attributes comes twice")
            found[name] = tuple(text_of(value) for value in attribute.findall(f"{SAML}AttributeValue"))
    return found


def _one(parent: Element, name: str) -> Element:
    """Return the one child of a name. Raises ValueError for another number."""
    found = parent.findall(f"{SAML}{name}")
    if len(found) != 1:
        raise _FaultError(f"it has not exactly one {name} where one belongs")
    return found[0]


def _some(text: str | None, what: str) -> str:
    if not text:
        raise _FaultError(f"it has no {what}")
    return text


def _date(text: str) -> datetime:
    """Return a date of SAML's, which is in UTC. Raises ValueError for what is none."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
