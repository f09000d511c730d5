"""BinaryEquals: bytes, written as base64 on both sides."""

from __future__ import annotations

import base64
import binascii

from understudy_aws.policy.engine.conditions.operand import Comparison
from understudy_aws.policy.language.context_keys import Context


def equals(values: tuple[str, ...], _variables: bool) -> Comparison:
    """Byte for byte after decoding; a request's value that is no base64 equals nothing."""
    wanted: set[bytes] = set()
    broken = False
    for value in values:
        decoded = decoded_bytes(value)
        if decoded is None:
            broken = True
            break
        wanted.add(decoded)

    def compare(value: str, _context: Context) -> bool:
        return decoded_bytes(value) in wanted

    return Comparison(compare, broken=broken)


def decoded_bytes(text: str) -> bytes | None:
    """Return the bytes behind base64 `text`, or None."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
