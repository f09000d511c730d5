"""X.509 certificates: how they are read, and what is wrong with them in IAM's words (credentials.md 30.4)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam import errors

if TYPE_CHECKING:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
else:
    # Few requests need them, and loading them takes as long as a start.
    exceptions = deferred("cryptography.exceptions")
    x509 = deferred("cryptography.x509")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    ec = deferred("cryptography.hazmat.primitives.asymmetric.ec")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")

Certificate = Any  # cryptography's, which is loaded when one is read
_NO_INDEX = -1


def read(text: str) -> x509.Certificate | None:
    """Return the first certificate of a PEM text, or None for a text without one that can be read."""
    try:
        return _read_through([x509.load_pem_x509_certificate(text.encode("latin-1", "replace"))])[0]
    except (ValueError, x509.InvalidVersion, exceptions.UnsupportedAlgorithm):
        return None


def _read_through(certificates: list[x509.Certificate]) -> list[x509.Certificate]:
    """Return certificates whose every field that is used here can be read, which is tried only then."""
    for each in certificates:
        _ = each.subject, each.issuer, each.not_valid_before_utc, each.not_valid_after_utc
        _public_bytes(each.public_key())
    return certificates


def is_valid_at(certificate: x509.Certificate, at: datetime) -> bool:
    """Return whether a time is between the two dates of a certificate."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the id that IAM gives a signing certificate: the SHA-1 sum in Base32."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return base64.b32encode(hashlib.sha1(der, usedforsecurity=False).digest()).decode()


def server_certificate(body: str, private_key: str, chain: str | None, at: datetime) -> x509.Certificate:
    """Return the certificate of a server, with which its key and the chain agree. Raises MalformedCertificate."""
    certificate = read(body)
    if certificate is None:
        raise errors.malformed_certificate(
            "Unable to parse certificate. Please ensure the certificate is in PEM format."
        )
    if _public_bytes(_private_key(private_key).public_key()) != _public_bytes(certificate.public_key()):
        raise ApiError(
            "KeyPairMismatch",
            "The private key did not match the public key provided. Please verify the key material and try again.",
        )
    if at > certificate.not_valid_after_utc:
        raise errors.malformed_certificate(
            "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed."
        )
    if at < certificate.not_valid_before_utc:
        raise errors.malformed_certificate(
            "Certificate is not valid yet. The 'Not Before' date restriction on the certificate has not passed."
        )
    if chain is not None:
        _check_chain([certificate, *_read_chain(chain)], at)
    return certificate


def _private_key(text: str) -> Any:
    try:
        key = serialization.load_pem_private_key(text.encode("latin-1", "replace"), password=None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise _bad_key() from error
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise _bad_key()
    return key


def _bad_key() -> ApiError:
    return errors.malformed_certificate(
        "Unable to parse private key. Please ensure that it is an RSA or EC key in PEM format without a passphrase."
    )


def _public_bytes(key: Any) -> bytes:
    made: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def _read_chain(text: str) -> list[x509.Certificate]:
    try:
        return _read_through(x509.load_pem_x509_certificates(text.encode("latin-1", "replace")))
    except (ValueError, x509.InvalidVersion, exceptions.UnsupportedAlgorithm) as error:
        raise errors.malformed_certificate("") from error  # AWS says nothing more of it (credentials.md 30.4)


def _check_chain(certificates: Sequence[x509.Certificate], at: datetime) -> None:
    """Raise for a chain whose last certificate, which is trusted, does not certify the rest one by one.

    The positions that AWS tells are those of a path that is validated from its end on (RFC 5280, 6.1): -1 where nobody
    in the path was certified by the last one.
    """
    *path, trusted = certificates
    if path[-1].issuer != trusted.subject:
        raise _bad_chain(_NO_INDEX)
    issuers = [*path[1:], trusted]
    for index in range(len(path) - 1, -1, -1):
        certificate, issuer = path[index], issuers[index]
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm) as error:
            # A bad signature, another issuer, or a kind of key that cannot be verified.
            raise _bad_chain(index) from error
        if not is_valid_at(certificate, at) or (index and not _certifies_others(certificate)):
            raise _bad_chain(index)


def _certifies_others(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        # There is none, or what there is cannot be read.
        return False


def _bad_chain(index: int) -> ApiError:
    return errors.malformed_certificate(
        "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
        "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
        f"certificate is: {index}"
    )
