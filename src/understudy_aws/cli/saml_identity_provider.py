"""An identity provider for SAML of one's own: its key, its metadata, and the responses that it signs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from understudy_aws.cli.profiles import read_text, write_private
from understudy_aws.core.deferred import deferred
from understudy_aws.core.ids import Ids

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from lxml import etree
    from signxml import algorithms, signer
else:
    x509 = deferred("cryptography.x509")
    hashes = deferred("cryptography.hazmat.primitives.hashes")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")
    etree = deferred("lxml.etree")
    algorithms = deferred("signxml.algorithms")
    signer = deferred("signxml.signer")

ENTITY_ID = "https://idp.understudy.localhost/"
AUDIENCE = "https://signin.aws.amazon.com/saml"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_BITS = 2048
_YEARS = timedelta(days=3650)
# AWS gives five minutes from an assertion to its use.
_VALID = timedelta(minutes=5)
_BACKDATED = timedelta(minutes=1)


class IdentityProvider(msgspec.Struct, frozen=True):
    """A key and the certificate by which metadata name it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def metadata(self) -> bytes:
        """Return the metadata document, as `iam:CreateSAMLProvider` takes it."""
        root = etree.Element(f"{{{_METADATA}}}EntityDescriptor", nsmap={None: _METADATA}, entityID=ENTITY_ID)
        descriptor = _add(root, _METADATA, "IDPSSODescriptor", protocolSupportEnumeration=_PROTOCOL)
        key = _add(descriptor, _METADATA, "KeyDescriptor", use="signing")
        data = _add(_add(key, _SIGNATURE, "KeyInfo"), _SIGNATURE, "X509Data")
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        _add(data, _SIGNATURE, "X509Certificate", base64.b64encode(der).decode())
        _add(descriptor, _METADATA, "SingleSignOnService", Binding=_REDIRECT, Location=f"{ENTITY_ID}sso")
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))

    def response(
        self,
        subject: str,
        attributes: Mapping[str, Sequence[str]],
        now: datetime,
        *,
        recipient: str = AUDIENCE,
    ) -> bytes:
        """Return a response with a signed assertion of somebody, good for five minutes."""
        assertion = self._signed(_assertion(subject, attributes, now, recipient))
        root = etree.Element(
            f"{{{_PROTOCOL}}}Response", nsmap={"samlp": _PROTOCOL, "saml": _ASSERTION}, **_head(now)
        )
        root.set("Destination", recipient)
        _add(root, _ASSERTION, "Issuer", ENTITY_ID)
        status = _add(root, _PROTOCOL, "Status")
        _add(status, _PROTOCOL, "StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Success")
        root.append(assertion)
        return bytes(etree.tostring(root))

    def _signed(self, assertion: Any) -> Any:
        signing = signer.XMLSigner(
            signature_algorithm=algorithms.SignatureMethod.RSA_SHA256,
            digest_algorithm=algorithms.DigestAlgorithm.SHA256,
            c14n_algorithm=algorithms.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        signed = signing.sign(
            assertion,
            key=self.key,
            cert=[self.certificate],
            reference_uri=assertion.get("ID"),
            id_attribute="ID",
        )
        # The schema has the signature after the issuer.
        signed.insert(1, signed.find(f"{{{_SIGNATURE}}}Signature"))
        return signed


def identity_provider_in(directory: Path, now: datetime) -> IdentityProvider:
    """Return the identity provider kept in a directory, which is made at first; its key is for its owner alone."""
    kept = directory / "saml-idp.pem"
    text = read_text(kept).encode()
    try:
        key = serialization.load_pem_private_key(text, None)
        certificate = x509.load_pem_x509_certificate(text)
    except ValueError:
        key = None
    if isinstance(key, rsa.RSAPrivateKey):
        return IdentityProvider(key, certificate)
    made = _made(now)
    pem = made.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(kept, (pem + made.certificate.public_bytes(serialization.Encoding.PEM)).decode())
    return made


def _made(now: datetime) -> IdentityProvider:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Understudy's identity provider")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _YEARS)
    )
    return IdentityProvider(key, builder.sign(key, hashes.SHA256()))


def _assertion(subject: str, attributes: Mapping[str, Sequence[str]], now: datetime, recipient: str) -> Any:
    end = _instant(now + _VALID)
    root = etree.Element(f"{{{_ASSERTION}}}Assertion", nsmap={"saml": _ASSERTION}, **_head(now))
    _add(root, _ASSERTION, "Issuer", ENTITY_ID)
    about = _add(root, _ASSERTION, "Subject")
    _add(about, _ASSERTION, "NameID", subject, Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")
    confirmation = _add(
        about, _ASSERTION, "SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"
    )
    _add(confirmation, _ASSERTION, "SubjectConfirmationData", NotOnOrAfter=end, Recipient=recipient)
    conditions = _add(root, _ASSERTION, "Conditions", NotBefore=_instant(now - _BACKDATED), NotOnOrAfter=end)
    _add(_add(conditions, _ASSERTION, "AudienceRestriction"), _ASSERTION, "Audience", recipient)
    statement = _add(root, _ASSERTION, "AuthnStatement", AuthnInstant=_instant(now))
    context = _add(statement, _ASSERTION, "AuthnContext")
    _add(context, _ASSERTION, "AuthnContextClassRef", "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified")
    told = _add(root, _ASSERTION, "AttributeStatement")
    for name, values in attributes.items():
        attribute = _add(told, _ASSERTION, "Attribute", Name=name)
        for value in values:
            _add(attribute, _ASSERTION, "AttributeValue", value)
    return root


def _head(now: datetime) -> dict[str, str]:
    # An ID of XML does not begin with a digit.
    return {"ID": f"_{Ids().uuid()}", "Version": "2.0", "IssueInstant": _instant(now)}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _add(parent: Any, namespace: str, name: str, text: str | None = None, /, **attributes: str) -> Any:
    made = etree.SubElement(parent, f"{{{namespace}}}{name}", nsmap=None, **attributes)
    made.text = text
    return made
