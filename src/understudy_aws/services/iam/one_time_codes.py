"""One-time codes of virtual MFA devices (RFC 6238), and the picture by which a phone learns a device's seed."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import quote

from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    import segno
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.twofactor import hotp
else:
    # Few requests need them, and loading them takes as long as a start.
    segno = deferred("segno")
    hashes = deferred("cryptography.hazmat.primitives.hashes")
    hotp = deferred("cryptography.hazmat.primitives.twofactor.hotp")

SEED_BYTES = 40  # 64 letters in Base32
_STEP_SECONDS = 30
_DIGITS = 6
# How far the second of two codes may be from a device's own time (credentials.md 30.1).
_FURTHEST_BEHIND, _FURTHEST_AHEAD = 998, 1000


def step_at(at: datetime) -> int:
    """Return the number of the step of thirty seconds that a time is in."""
    return int(at.timestamp()) // _STEP_SECONDS


def is_code_of(seed: bytes, step: int, code: str) -> bool:
    """Return whether a device with this seed shows this code in this step."""
    return compare_digest(_generator(seed).generate(step), code.encode())


def step_of_pair(seed: bytes, around: int, first: str, second: str) -> int | None:
    """Return the step of the second of two codes that follow each other, or None for what are no such codes.

    Those nearest to `around` are tried first.
    """
    generator, codes = _generator(seed), (first.encode(), second.encode())
    shown: dict[int, bytes] = {}

    def at(step: int) -> bytes:
        if step not in shown:
            shown[step] = generator.generate(step)
        return shown[step]

    for step in _nearest_first(around):
        if step > 0 and at(step) == codes[1] and at(step - 1) == codes[0]:
            return step
    return None


def _nearest_first(around: int) -> Iterator[int]:
    yield around
    for distance in range(1, _FURTHEST_AHEAD + 1):
        yield around + distance
        if distance <= _FURTHEST_BEHIND:
            yield around - distance


def _generator(seed: bytes) -> hotp.HOTP:
    return hotp.HOTP(seed, _DIGITS, hashes.SHA1(), enforce_key_length=False)


def base32(seed: bytes) -> bytes:
    """Return a seed as it is typed into a phone."""
    return base64.b32encode(seed).rstrip(b"=")


def qr_code(seed: bytes, device: str, account: str) -> bytes:
    """Return a PNG picture that phones read a device's seed from (credentials.md 30.1)."""
    label = quote(f"{device}@{account}", safe="@")
    picture = io.BytesIO()
    segno.make_qr(f"otpauth://totp/{label}?secret={base32(seed).decode()}").save(picture, kind="png", scale=4)
    return picture.getvalue()
