"""One-time codes as a phone makes them (RFC 4226, RFC 6238), written from the RFCs alone."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime


def step_at(at: datetime) -> int:
    """The number of the half minute that a time is in."""
    return int(at.timestamp()) // 30


def code(seed: bytes, step: int) -> str:
    """The code that a device shows in a step; `seed` in Base32, as the API answers it."""
    secret = base64.b32decode(seed + b"=" * (-len(seed) % 8))
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def pair(seed: bytes, second: int) -> dict[str, str]:
    """Two codes that follow each other, as EnableMFADevice and ResyncMFADevice take them."""
    return {"AuthenticationCode1": code(seed, second - 1), "AuthenticationCode2": code(seed, second)}


def wrong(seed: bytes, around: int) -> str:
    """A code that no step near `around` has."""
    near = {code(seed, step) for step in range(around - 20, around + 21)}
    return next(text for text in (f"{number:06d}" for number in range(1000)) if text not in near)


class Phone:
    """A virtual device of a user, with its codes at the time of an Understudy."""

    def __init__(self, understudy, iam, name="phone", path="/"):
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Path=path)["VirtualMFADevice"]
        self.serial, self.seed = made["SerialNumber"], made["Base32StringSeed"]
        self._clock = understudy.clock
        left = 30 - self._clock.now().timestamp() % 30
        if left < 20:
            # So that a step does not end in the middle of a test.
            self._clock.advance(left)

    @property
    def now(self) -> int:
        """The step that it is."""
        return step_at(self._clock.now())

    def code(self, offset: int = 0) -> str:
        return code(self.seed, self.now + offset)

    def wrong(self) -> str:
        return wrong(self.seed, self.now)

    def enable(self, iam, user: str, offset: int = 0) -> None:
        iam.enable_mfa_device(UserName=user, SerialNumber=self.serial, **pair(self.seed, self.now + offset))

    def resync(self, iam, user: str, offset: int) -> None:
        iam.resync_mfa_device(UserName=user, SerialNumber=self.serial, **pair(self.seed, self.now + offset))
