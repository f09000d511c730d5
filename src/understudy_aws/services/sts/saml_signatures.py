"""Signatures in SAML: verified against the keys that metadata name, and against no others (decision 0047)."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from understudy_aws.core.deferred import deferred
from understudy_aws.core.hardened_xml import Element

if TYPE_CHECKING:
    from cryptography import exceptions, x509
    from lxml import etree
    from signxml import algorithms, verifier
    from signxml import exceptions as refusals
else:
    # Few requests need them, and loading them takes as long as a start.
    algorithms = deferred("signxml.algorithms")
    verifier = deferred("signxml.verifier")
    refusals = deferred("signxml.exceptions")
    exceptions = deferred("cryptography.exceptions")
    x509 = deferred("cryptography.x509")
    etree = deferred("lxml.etree")

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
# What SAML lets a signature do to what it signs: leave itself out, and write the rest down in one way.
_TRANSFORMS = frozenset({"http://www.w3.org/2000/09/xmldsig#enveloped-signature", _EXCLUSIVE})
# RSA and ECDSA with SHA-2. No sums keyed with something that everybody knows, and nothing that can be forged.
_METHODS = ("RSA_SHA256", "RSA_SHA384", "RSA_SHA512", "ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512")
_DIGESTS = ("SHA256", "SHA384", "SHA512")
# Of the keys that metadata name so many are tried. More are not in use at once.
_MOST_TRIED = 10


def signed_part(element: Element, certificates: Sequence[bytes]) -> Element | None:
    """Return an element as it was signed: what its own signature covers, or None if none of the certificates made it.

    The signature must be a child of the element, sign nothing but the element, by its ID, and change it in no way
    that SAML does not know. `certificates` are in DER; their dates do not count (saml.md 37.1).
    """
    signature = element.find(f"{_DS}Signature")
    if not _signs_alone(signature, element.get("ID")):
        return None
    # By itself, so that a reference finds the element and nothing beside it.
    alone = deepcopy(element)
    alone.tail = None
    for der in certificates[:_MOST_TRIED]:
        found = _verified(alone, x509.load_der_x509_certificate(der))
        if found is not None and found.tag == element.tag and found.get("ID") == element.get("ID"):
            return found
    return None


def _signs_alone(signature: Element, id: str | None) -> bool:
    references = list(signature.iter(f"{_DS}Reference"))
    if not id or len(references) != 1 or references[0].get("URI") != f"#{id}":
        return False
    if any(each.get("Algorithm") not in _TRANSFORMS for each in signature.iter(f"{_DS}Transform")):
        return False
    methods = list(signature.iter(f"{_DS}CanonicalizationMethod"))
    return len(methods) == 1 and methods[0].get("Algorithm") == _EXCLUSIVE


def _verified(element: Element, certificate: x509.Certificate) -> Element | None:
    """Return what a certificate's key signed of an element, read again from the signed bytes; None if it did not."""
    expected = verifier.SignatureConfiguration(
        require_x509=True,
        location="./",
        expect_references=1,
        signature_methods=frozenset(algorithms.SignatureMethod[name] for name in _METHODS),
        digest_algorithms=frozenset(algorithms.DigestAlgorithm[name] for name in _DIGESTS),
        ignore_ambiguous_key_info=True,
        verification_time=certificate.not_valid_before_utc,
    )
    try:
        result: Any = verifier.XMLVerifier().verify(
            element, x509_cert=certificate, id_attribute="ID", expect_config=expected
        )
    except (
        refusals.SignXMLException,
        exceptions.UnsupportedAlgorithm,
        etree.LxmlError,
        binascii.Error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ):
        # A signature of another key, and one that is not formed like a signature.
        return None
    signed: Element = result.signed_xml
    return signed
