"""Metadata of SAML identity providers: who issues assertions, and with which certificates (saml.md 37.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from understudy_aws.core.deferred import deferred
from understudy_aws.core.hardened_xml import Element, read_xml, text_of
from understudy_aws.services.iam import errors

if TYPE_CHECKING:
    from cryptography import exceptions, x509
else:
    # Few requests need them, and loading them takes as long as a start.
    exceptions = deferred("cryptography.exceptions")
    x509 = deferred("cryptography.x509")

_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"


class Issuer(msgspec.Struct, frozen=True):
    """One that signs assertions: its entity id, and the certificates of its signing keys in DER."""

    entity_id: str
    certificates: tuple[bytes, ...] = ()


def issuers_in(document: str) -> tuple[Issuer, ...]:
    """Return the issuers that a metadata document names. Raises InvalidInput for one that cannot be read.

    A certificate must be one; whether it is out of date is not looked at, nor is `validUntil`.
    """
    try:
        root = read_xml(document)
        issuers = [_issuer(each) for each in _entities(root)]
    except ValueError as error:
        raise errors.invalid_input("Could not parse metadata") from error
    found = tuple(each for each in issuers if each is not None)
    if not found:
        raise errors.invalid_input("SAML Providers must reference at least one SAML assertion issuer.")
    return found


def _entities(root: Element) -> Iterator[Element]:
    """Yield the EntityDescriptors: the root, or those in an EntitiesDescriptor. Raises ValueError for another root."""
    if root.tag == f"{_METADATA}EntityDescriptor":
        yield root
    elif root.tag == f"{_METADATA}EntitiesDescriptor":
        yield from root.iter(f"{_METADATA}EntityDescriptor")
    else:
        raise ValueError("This is no metadata.")


def _issuer(entity: Element) -> Issuer | None:
    """Return the issuer that an entity is, or None for one that issues nothing. Raises ValueError."""
    name = entity.get("entityID")
    if not name:
        raise ValueError("An entity has no entityID.")
    descriptors = entity.findall(f"{_METADATA}IDPSSODescriptor")
    if not descriptors:
        return None
    certificates: list[bytes] = []
    for descriptor in descriptors:
        for key in descriptor.findall(f"{_METADATA}KeyDescriptor"):
            found = [_certificate(each) for each in key.iter(f"{_SIGNATURE}X509Certificate")]
            if key.get("use", "signing") == "signing":
                certificates += found
    return Issuer(name, tuple(dict.fromkeys(certificates)))


def _certificate(element: Element) -> bytes:
    """Return a certificate in DER. Raises ValueError for what is none."""
    try:
        der = base64.b64decode("".join(text_of(element).split()), validate=True)
        x509.load_der_x509_certificate(der).public_key()
    except (binascii.Error, x509.InvalidVersion, exceptions.UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    return der
