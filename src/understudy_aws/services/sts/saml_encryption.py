"""Assertions that are encrypted for a provider (XML Encryption 1.1; saml.md 37.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy_aws.core.deferred import deferred
from understudy_aws.core.hardened_xml import Element, text_of
from understudy_aws.services.iam.saml_provider_records import SamlPrivateKey

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import ciphers, hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers import aead, algorithms, modes
else:
    # Few requests need them, and loading them takes as long as a start.
    exceptions = deferred("cryptography.exceptions")
    ciphers = deferred("cryptography.hazmat.primitives.ciphers")
    hashes = deferred("cryptography.hazmat.primitives.hashes")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    padding = deferred("cryptography.hazmat.primitives.asymmetric.padding")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")
    aead = deferred("cryptography.hazmat.primitives.ciphers.aead")
    algorithms = deferred("cryptography.hazmat.primitives.ciphers.algorithms")
    modes = deferred("cryptography.hazmat.primitives.ciphers.modes")

_XENC = "http://www.w3.org/2001/04/xmlenc#"
_XENC11 = "http://www.w3.org/2009/xmlenc11#"
_DS = "http://www.w3.org/2000/09/xmldsig#"
# Length of the key in bytes, and whether the cipher tells what was changed.
_CIPHERS = {
    f"{_XENC}aes128-cbc": (16, False),
    f"{_XENC}aes256-cbc": (32, False),
    f"{_XENC11}aes128-gcm": (16, True),
    f"{_XENC11}aes256-gcm": (32, True),
}
_OAEP = frozenset({f"{_XENC}rsa-oaep-mgf1p", f"{_XENC11}rsa-oaep"})
_HASHES = {
    f"{_DS}sha1": "SHA1",
    f"{_XENC}sha256": "SHA256",
    f"{_XENC}sha512": "SHA512",
    f"{_XENC11}mgf1sha1": "SHA1",
    f"{_XENC11}mgf1sha256": "SHA256",
    f"{_XENC11}mgf1sha512": "SHA512",
}
_NONCE, _BLOCK = 12, 16


def decrypted(element: Element, keys: Sequence[SamlPrivateKey]) -> bytes:
    """Return what an EncryptedAssertion holds. Raises ValueError, always the same, if no key opens it."""
    try:
        data = _only(element, _XENC, "EncryptedData")
        length, tells = _CIPHERS[_algorithm(data)]
        # The key may stand beside the data or in it.
        wrapped = _only(element, _XENC, "EncryptedKey")
        content = _content(data)
        for key in keys:
            secret = _unwrapped(wrapped, key)
            if secret is not None and len(secret) == length:
                return _opened(secret, content, tells=tells)
    except (KeyError, binascii.Error, exceptions.InvalidTag, exceptions.UnsupportedAlgorithm) as error:
        raise ValueError("The assertion cannot be decrypted.") from error
    raise ValueError("The assertion cannot be decrypted.")


def _unwrapped(wrapped: Element, key: SamlPrivateKey) -> bytes | None:
    """Return the secret that was encrypted for a private key, or None if it was not for this one."""
    private = serialization.load_pem_private_key(key.pem.encode("latin-1", "replace"), password=None)
    if not isinstance(private, rsa.RSAPrivateKey) or _algorithm(wrapped) not in _OAEP:
        return None
    method = wrapped.find(f"{{{_XENC}}}EncryptionMethod")
    digest = method.find(f"{{{_DS}}}DigestMethod")
    mask = method.find(f"{{{_XENC11}}}MGF")
    oaep = padding.OAEP(
        mgf=padding.MGF1(_hash(mask)),
        algorithm=_hash(digest),
        label=None,
    )
    try:
        return private.decrypt(_content(wrapped), oaep)
    except ValueError:
        return None


def _hash(element: Element | None) -> hashes.HashAlgorithm:
    name = "SHA1" if element is None else _HASHES[element.get("Algorithm")]
    made: hashes.HashAlgorithm = getattr(hashes, name)()
    return made


def _opened(secret: bytes, content: bytes, *, tells: bool) -> bytes:
    """Return the text under a cipher. Raises ValueError or InvalidTag for what cannot be one."""
    if tells:
        return aead.AESGCM(secret).decrypt(content[:_NONCE], content[_NONCE:], None)
    if len(content) < 2 * _BLOCK or len(content) % _BLOCK:
        raise ValueError("The assertion cannot be decrypted.")
    decryptor = ciphers.Cipher(algorithms.AES(secret), modes.CBC(content[:_BLOCK])).decryptor()
    text = decryptor.update(content[_BLOCK:]) + decryptor.finalize()
    if not 1 <= text[-1] <= _BLOCK:
        raise ValueError("The assertion cannot be decrypted.")
    return text[: -text[-1]]


def _algorithm(element: Element) -> str:
    return str(element.find(f"{{{_XENC}}}EncryptionMethod").get("Algorithm"))


def _content(element: Element) -> bytes:
    value = element.find(f"{{{_XENC}}}CipherData/{{{_XENC}}}CipherValue")
    if value is None:
        raise ValueError("The assertion cannot be decrypted.")
    return base64.b64decode("".join(text_of(value).split()), validate=True)


def _only(parent: Element, namespace: str, name: str) -> Element:
    """Return the one element of a name below another. Raises ValueError for another number."""
    (found,) = parent.iter(f"{{{namespace}}}{name}")
    return found
