"""A certificate authority for one state, and the certificates that it signs."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from understudy_aws.core.clock import SystemClock
from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
else:
    # Loading them takes as long as all the rest of a start, and few servers need them.
    exceptions = deferred("cryptography.exceptions")
    x509 = deferred("cryptography.x509")
    hashes = deferred("cryptography.hazmat.primitives.hashes")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    ec = deferred("cryptography.hazmat.primitives.asymmetric.ec")

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397  # browsers and some clients refuse certificates that are valid longer than this
# An authority that ends sooner is replaced, so that no server outlives it.
_SPARE = timedelta(days=_SERVER_DAYS + 1)
# A certificate that was kept and ends sooner is made anew.
_RENEWED_BEFORE = timedelta(days=30)
# Clocks of clients in virtual machines are seldom further behind.
_BACKDATED = timedelta(days=1)


class CertificateAuthority(msgspec.Struct, frozen=True):
    """The key and the certificate of an authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def certificate_text(self) -> str:
        """Return the certificate as PEM, which clients trust."""
        return _text(self.certificate)

    @property
    def text(self) -> str:
        """Return the key and the certificate as PEM."""
        return _key_text(self.key) + _text(self.certificate)

    def signed_for(self, names: Sequence[str]) -> str:
        """Return chain and key, as PEM, of a new certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        certificate = (
            _builder(_name("Understudy"), self.certificate.subject, public, _SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
            .add_extension(_names(names), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return _text(certificate) + _text(self.certificate) + _key_text(key)

    def has_signed_for(self, text: str, names: Sequence[str]) -> bool:
        """Whether a text is chain and key of a certificate for these names, which is not about to end."""
        try:
            certificate = x509.load_pem_x509_certificate(text.encode())
            certificate.verify_directly_issued_by(self.certificate)
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            key = serialization.load_pem_private_key(text.encode(), None)
        except (ValueError, TypeError, exceptions.InvalidSignature, x509.ExtensionNotFound):
            return False
        return (
            found.value == _names(names)
            and key.public_key() == certificate.public_key()
            and certificate.not_valid_after_utc > SystemClock().now() + _RENEWED_BEFORE
        )


def authority_in(text: str) -> CertificateAuthority | None:
    """Return the authority that a text has, or None where it has none that can be used."""
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        return None
    usable = (
        isinstance(key, ec.EllipticCurvePrivateKey)
        and key.public_key() == certificate.public_key()
        and certificate.not_valid_after_utc > SystemClock().now() + _SPARE
    )
    return (
        CertificateAuthority(key, certificate)
        if usable and isinstance(key, ec.EllipticCurvePrivateKey)
        else None
    )


def made_authority() -> CertificateAuthority:
    """Return a new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Understudy on {socket.gethostname()}"[:64])
    builder = (
        _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return CertificateAuthority(key, builder.sign(key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = SystemClock().now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, common)])


def _names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_spoken(name) for name in names])


def _spoken(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
