"""Makes a certificate authority for one state, and a certificate of it for the server."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from understudy_aws.cli.profiles import read_text, write_private
from understudy_aws.core.clock import SystemClock
from understudy_aws.core.deferred import deferred
from understudy_aws.data.regions import APP_RUNNER_REGIONS, REGIONS
from understudy_aws.dataplane.edge import API_ADDRESSES, CREDENTIALS_ADDRESS

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
else:
    # Loading them takes as long as all the rest of a start, and few servers need them.
    x509 = deferred("cryptography.x509")
    hashes = deferred("cryptography.hazmat.primitives.hashes")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    ec = deferred("cryptography.hazmat.primitives.asymmetric.ec")

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397  # browsers and some clients refuse certificates that are valid longer than this
# An authority that ends sooner is replaced, so that no server outlives it.
_SPARE = timedelta(days=_SERVER_DAYS + 1)
# Clocks of clients in virtual machines are seldom further behind.
_BACKDATED = timedelta(days=1)
_EVERYWHERE = ("0.0.0.0", "::", "")


class Certificates(msgspec.Struct, frozen=True):
    """The files of a server with TLS: chain and key of the server, and the authority that its clients must trust."""

    server: Path
    authority: Path


def certificates_in(directory: Path, host: str) -> Certificates:
    """Return certificates for a server that listens on `host`; all files in `directory` are their owner's alone.

    The authority is kept as long as it is valid, so that a client that trusts it goes on doing so. Its private key
    is in `authority.pem`. The server's certificate is new at each start.
    """
    kept, public, server = (directory / name for name in ("authority.pem", "ca.pem", "server.pem"))
    authority = _read(read_text(kept))
    if authority is None:
        authority = _made_authority()
        write_private(kept, _key_text(authority[0]) + _text(authority[1]))
    key, certificate = authority
    write_private(public, _text(certificate))
    own_key = ec.generate_private_key(ec.SECP256R1())
    own = _signed_for(names_of(host), own_key, key, certificate)
    write_private(server, _text(own) + _text(certificate) + _key_text(own_key))
    return Certificates(server, public)


def names_of(host: str) -> list[str]:
    """Return the names and addresses by which clients may call a server that listens on `host`."""
    # The last ones are where programs in a VPC call it, and those in an engine's containers, what App Runner's services
    # are called, and what AWS's APIs are called, which programs find at VPC endpoints.
    ends = ("localhost", "com")  # in VPCs private services have the names that they have at AWS
    services = [f"*.{region}.awsapprunner.{end}" for region in APP_RUNNER_REGIONS for end in ends]
    in_regions = (f"{name}.{region}.amazonaws.com" for region in REGIONS for name in ("*", "api.ecr"))
    apis = ["*.amazonaws.com", *in_regions]
    names = ["localhost", "127.0.0.1", "::1", *API_ADDRESSES.values(), CREDENTIALS_ADDRESS, *services, *apis]
    more = socket.gethostname() if host in _EVERYWHERE else host
    return names if more in names or not more else [*names, more]


def _read(text: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    """Return the key and the certificate of an authority that can be used, or None."""
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
    return (key, certificate) if usable and isinstance(key, ec.EllipticCurvePrivateKey) else None


def _made_authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Understudy on {socket.gethostname()}"[:64])
    builder = (
        _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def _signed_for(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
) -> x509.Certificate:
    public = key.public_key()
    return (
        _builder(_name("Understudy"), authority.subject, public, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_spoken(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )


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
