"""Signed messages that only this server can read back: EC2's encoded authorization failure messages.

A message holds a request id and a keyed digest (HMAC-SHA256) of it. The details of the refusal stay in the trail, so
the message itself tells a client nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_DIGEST_BYTES = 24


class MessageSigner:
    """Signs texts with one secret of at least 32 bytes, and reads back what it signed."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, text: str) -> str:
        """Return a message that holds `text` and its digest: URL-safe base64 without padding, as AWS's messages are."""
        body = text.encode()
        return base64.urlsafe_b64encode(self._digest(body) + body).decode().rstrip("=")

    def verify(self, message: str) -> str | None:
        """Return the text of a message that was signed with this secret, or None for every other text."""
        try:
            raw = base64.urlsafe_b64decode(message.encode("ascii") + b"=" * (-len(message) % 4))
            text = raw[_DIGEST_BYTES:].decode()
        except (binascii.Error, UnicodeError):
            return None
        return text if hmac.compare_digest(self.sign(text), message) else None

    def _digest(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, hashlib.sha256)[:_DIGEST_BYTES]
