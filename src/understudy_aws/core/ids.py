"""Identifiers in the shapes AWS gives them. Only this module draws random numbers.

Shapes: iam.md 2.1 (IAM ids, access keys), 7.5 (EC2 ids), apprunner.md 1.3 (App Runner ids); those of
Organizations are the patterns of its API description.
"""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Iterator

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_TOKEN_HEAD = "IQoJb3JpZ2luX2Vj"  # noqa: S105 - how AWS's begin
_SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"  # noqa: S105 - an alphabet


class Ids:
    """Makes identifiers; seeded for tests and replays, otherwise from the system's randomness.

    Secrets (`secret_access_key`, `session_token`) never come from the seed.
    """

    def __init__(self, seed: int | None = None) -> None:
        # Thousands of ids a second need no system call each: a Mersenne twister started from the system's
        # randomness is unique enough for names, and names are all it is used for.
        self._random = random.Random(secrets.token_bytes(32) if seed is None else seed)  # noqa: S311

    def ec2(self, prefix: str) -> str:
        """Such as `vpc-0f…`: the prefix, a dash and 17 lower-case hexadecimal digits."""
        return f"{prefix}-0{self._random.getrandbits(64):016x}"

    def iam(self, prefix: str) -> str:
        """Such as `AROA…`: a four-letter prefix and 17 characters."""
        return prefix + "".join(self._random.choices(_BASE32, k=17))

    def saml(self, prefix: str) -> str:
        """Such as `SAMLSP…`: a six-letter prefix and 16 letters and digits; SAML providers and their keys."""
        return prefix + "".join(self._random.choices(_LOWER.upper(), k=16))

    def account(self) -> str:
        """An account id: 12 digits that do not begin with zero."""
        return f"{self._random.randrange(10**11, 10**12)}"

    def organizations(self, prefix: str, length: int) -> str:
        """Such as `o-4x8…`: a prefix, a dash and lower-case letters and digits."""
        return f"{prefix}-{''.join(self._random.choices(_LOWER, k=length))}"

    def hexadecimal(self) -> str:
        """32 lower-case hexadecimal digits: App Runner's ids."""
        return f"{self._random.getrandbits(128):032x}"

    def uuid(self) -> str:
        """A lower-case random UUID: request ids, deletion tasks."""
        digits = f"{self._random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def uuids(self) -> Iterator[bytes]:
        """UUIDs without end, in ASCII, for what needs very many: only the first eight digits of each are new.

        They are those of an odd number added again and again, so that none comes twice; the others are drawn anew
        after a thousand.
        """
        while True:
            first, rest = self._random.getrandbits(32), self.uuid()[8:].encode()
            for _ in range(1024):
                first = (first + 0x9E3779B1) & 0xFFFFFFFF
                yield b"%08x%b" % (first, rest)

    def access_key_id(self, prefix: str, account: str) -> str:
        """`AKIA…` or `ASIA…`, 20 characters, the account written into it as AWS does (iam.md 2.1)."""
        number = (int(account) << 7) | (1 << 47)
        head = base64.b32encode(number.to_bytes(6, "big") + bytes(4))[:9].decode()
        return prefix + head + "".join(self._random.choices(_BASE32, k=7))

    @staticmethod
    def secret_access_key() -> str:
        """A secret access key: 40 characters from the system's random source."""
        return "".join(secrets.choice(_SECRET) for _ in range(40))

    @staticmethod
    def session_token(least: int = 0) -> str:
        """A session token from the system's random source, as long as AWS's are or of `least` bytes if that is more."""
        token = _TOKEN_HEAD + base64.b64encode(secrets.token_bytes(180)).decode()
        missing = least - len(token)
        return token + secrets.token_urlsafe(missing)[:missing] if missing > 0 else token

    @staticmethod
    def signing_secret() -> bytes:
        """32 bytes from the system's random source, with which a server signs messages."""
        return secrets.token_bytes(32)

    @staticmethod
    def secret_bytes(length: int) -> bytes:
        """So many bytes from the system's random source: seeds of MFA devices, salts, passwords of services."""
        return secrets.token_bytes(length)

    @staticmethod
    def bearer_token() -> str:
        """The token of a server's administrative API, from the system's random source, in URL-safe base64."""
        return secrets.token_urlsafe(32)


def uniform(seed: str, least: float, most: float) -> float:
    """Return a number between `least` and `most` that depends on the seed alone; for simulations, not for secrets."""
    return random.Random(seed).uniform(least, most)  # noqa: S311 - no secret


def account_of(access_key_id: str) -> str:
    """Return the account that is encoded in an access key id (iam.md 2.1)."""
    head = base64.b32decode(access_key_id[4:].ljust(16, "A")[:16])[:6]
    return f"{(int.from_bytes(head, 'big') & 0x7FFFFFFFFF80) >> 7:012d}"
