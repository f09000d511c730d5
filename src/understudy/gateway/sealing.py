"""Opaque messages only this server can read back: EC2's encoded authorization failure message.

A message carries a request id and a keyed digest of it. What it stands for is in the trail, so a message
gives nothing away, however long somebody looks at it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_DIGEST = 24


class Seal:
    """Makes and opens messages with one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def close(self, text: str) -> str:
        """An opaque message for a text, in AWS's alphabet for these (URL-safe base64)."""
        body = text.encode()
        return base64.urlsafe_b64encode(self._digest(body) + body).decode().rstrip("=")

    def open(self, message: str) -> str | None:
        """The text of a message of ours, to the last character; None for anything else."""
        try:
            raw = base64.urlsafe_b64decode(message.encode("ascii") + b"=" * (-len(message) % 4))
            text = raw[_DIGEST:].decode()
        except (binascii.Error, UnicodeError):
            return None
        return text if hmac.compare_digest(self.close(text), message) else None

    def _digest(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, hashlib.sha256)[:_DIGEST]
