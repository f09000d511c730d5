"""An identity provider for SAML as tests need one: honest, or as hostile as it gets."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from certificates import certificate, rsa_key
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml import CanonicalizationMethod, DigestAlgorithm, SignatureMethod, XMLSigner

AUDIENCE = "https://signin.aws.amazon.com/saml"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
NAMES = {"saml": SAML, "samlp": PROTOCOL, "ds": "http://www.w3.org/2000/09/xmldsig#"}
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Idp:
    """Signs what it is told to."""

    def __init__(self, entity_id="https://idp.example.com/", *, key=None, number=0, **dates):
        self.entity_id = entity_id
        self.key = key or rsa_key(number=number)
        self.certificate = certificate("idp.example.com", key=self.key, **dates)

    def der(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def metadata(self, *, use="signing", attributes="", body=None, prolog="") -> str:
        """A metadata document; `body` replaces the certificate's text."""
        return (
            f'{prolog}<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity_id}"'
            f'{attributes}><IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}"><KeyDescriptor use="{use}">'
            '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>'
            f"{self.der() if body is None else body}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            'Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>'
        )

    def response(self, *, assertion: str, issuer=None) -> etree._Element:
        """A response around an assertion, not signed yet."""
        return etree.fromstring(
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{SAML}" ID="_response" Version="2.0" '
            f'IssueInstant="2026-01-01T00:00:00Z" Destination="{AUDIENCE}">'
            f"<saml:Issuer>{issuer or self.entity_id}</saml:Issuer><samlp:Status><samlp:StatusCode "
            'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
            f"{assertion}</samlp:Response>"
        )

    def assertion(  # one keyword for each thing that a test changes
        self,
        now,
        attributes,
        *,
        id="_assertion",
        issuer=None,
        subject="ann@example.com",
        subject_format=PERSISTENT,
        recipient=AUDIENCE,
        audience=AUDIENCE,
        subject_until=timedelta(minutes=5),
        not_before=timedelta(minutes=-5),
        until=timedelta(minutes=5),
        session_until=None,
        confirmations=1,
        conditions=True,
        statement=True,
    ) -> str:
        """The text of an assertion; times are from `now`."""
        recipient_text = f' Recipient="{recipient}"' if recipient is not None else ""
        until_text = f' NotOnOrAfter="{instant(now + subject_until)}"' if subject_until is not None else ""
        confirmation = (
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f"<saml:SubjectConfirmationData{recipient_text}{until_text}/></saml:SubjectConfirmation>"
        )
        restriction = (
            f"<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"
            if audience
            else ""
        )
        format_text = f' Format="{subject_format}"' if subject_format else ""
        session = (
            f' SessionNotOnOrAfter="{instant(now + session_until)}"' if session_until is not None else ""
        )
        shown = "".join(
            f'<saml:Attribute Name="{name}">'
            + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in attributes.items()
        )
        before = f' NotBefore="{instant(now + not_before)}"' if not_before is not None else ""
        after = f' NotOnOrAfter="{instant(now + until)}"' if until is not None else ""
        return (
            f'<saml:Assertion xmlns:saml="{SAML}" ID="{id}" Version="2.0" IssueInstant="{instant(now)}">'
            f"<saml:Issuer>{issuer or self.entity_id}</saml:Issuer><saml:Subject><saml:NameID{format_text}>{subject}"
            f"</saml:NameID>{confirmation * confirmations}</saml:Subject>"
            + (f"<saml:Conditions{before}{after}>{restriction}</saml:Conditions>" if conditions else "")
            + (
                f'<saml:AuthnStatement AuthnInstant="{instant(now)}"{session}><saml:AuthnContext>'
                "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
                "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
                if statement
                else ""
            )
            + f"<saml:AttributeStatement>{shown}</saml:AttributeStatement></saml:Assertion>"
        )

    def sign(
        self,
        element,
        *,
        reference="_assertion",
        algorithm=SignatureMethod.RSA_SHA256,
        digest=DigestAlgorithm.SHA256,
        canonicalization=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    ) -> etree._Element:
        """The element with a signature of it; its place is after the issuer."""
        signer = XMLSigner(
            signature_algorithm=algorithm, digest_algorithm=digest, c14n_algorithm=canonicalization
        )
        signed = signer.sign(
            element, key=self.key, cert=[self.certificate], reference_uri=reference, id_attribute="ID"
        )
        signature = signed.find("ds:Signature", NAMES)
        signed.remove(signature)
        signed.insert(1, signature)
        return signed

    def signed_response(self, now, attributes, *, sign_response=False, **more) -> etree._Element:
        """A response with a signed assertion."""
        assertion = self.sign(etree.fromstring(self.assertion(now, attributes, **more)))
        response = self.response(assertion=etree.tostring(assertion).decode())
        return self.sign(response, reference="_response") if sign_response else response


def encoded(document) -> str:
    """A document as `SAMLAssertion` takes it."""
    data = document if isinstance(document, bytes) else etree.tostring(document)
    return base64.b64encode(data).decode()


def attributes_of(role: str, provider: str, session="ann", **more) -> dict[str, list[str]]:
    """The attributes that AWS needs, and more of AWS's: `SessionDuration`, `PrincipalTag:team` (with a colon)."""
    made = {f"{ATTRIBUTES}Role": [f"{role},{provider}"], f"{ATTRIBUTES}RoleSessionName": [session]}
    return made | {
        f"{ATTRIBUTES}{name}": value if isinstance(value, list) else [value] for name, value in more.items()
    }
