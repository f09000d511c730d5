"""Encrypted assertions, made by XML Encryption's own words (XML Encryption 1.1, 5.2 to 5.5)."""

from __future__ import annotations

import base64
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
DS = "http://www.w3.org/2000/09/xmldsig#"


def encrypted_response(
    idp, now, attributes, public_key, *, cipher="aes256-gcm", digest="", beside=False, signed=True
):
    """A response whose assertion only the owner of a key can read."""
    assertion = etree.fromstring(idp.assertion(now, attributes))
    text = etree.tostring(idp.sign(assertion) if signed else assertion)
    secret = os.urandom(int(cipher[3:6]) // 8)
    sums = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
    used = sums[digest or "sha1"]
    wrapped = public_key.encrypt(secret, padding.OAEP(padding.MGF1(hashes.SHA1()), used, None))
    named = f'<ds:DigestMethod Algorithm="{DS if digest == "sha1" else XENC}{digest}"/>' if digest else ""
    key = (
        f'<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{XENC}rsa-oaep-mgf1p">{named}</xenc:EncryptionMethod>'
        f"<xenc:CipherData><xenc:CipherValue>{coded(wrapped)}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    )
    space = XENC11 if cipher.endswith("gcm") else XENC
    inside, outside = ("", key) if beside else (f"<ds:KeyInfo>{key}</ds:KeyInfo>", "")
    return idp.response(
        assertion=f'<saml:EncryptedAssertion xmlns:xenc="{XENC}" xmlns:ds="{DS}"><xenc:EncryptedData>'
        f'<xenc:EncryptionMethod Algorithm="{space}{cipher}"/>{inside}<xenc:CipherData><xenc:CipherValue>'
        f"{coded(enciphered(text, secret, cipher))}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"
        f"{outside}</saml:EncryptedAssertion>"
    )


def enciphered(text, secret, cipher):
    if cipher.endswith("gcm"):
        nonce = os.urandom(12)
        return nonce + AESGCM(secret).encrypt(nonce, text, None)
    vector, missing = os.urandom(16), 16 - len(text) % 16
    padded = text + os.urandom(missing - 1) + bytes([missing])
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(padded) + encryptor.finalize()


def coded(data):
    return base64.b64encode(data).decode()
