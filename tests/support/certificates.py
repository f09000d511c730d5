"""Keys and certificates that tests make for themselves: an authority, and what it certifies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@cache
def rsa_key(bits=2048, number=0):
    """An RSA key; the same for the same arguments."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(number=0):
    """A key on P-256, which is made in no time; the same for the same number."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(thing) -> str:
    """A certificate or a private key as PEM."""
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    return thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def ssh(key, comment="") -> str:
    """A public key as SSH writes it."""
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{text.decode()} {comment}".strip()


def public_pem(key) -> str:
    """A public key as PEM."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate(name="a.example", *, key=None, by=None, ca=False, start=-DAY, end=30 * DAY):
    """A certificate of a name, by itself or by (certificate, key) of an authority; dates are from now."""
    key = key or ec_key()
    issuer, signer = (by[0].subject, by[1]) if by else (None, key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
