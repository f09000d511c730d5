"""Passwords of users: how they are kept, and what an account's password policy says of one."""

from __future__ import annotations

import hashlib
from hmac import compare_digest

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.credential_records import LoginProfile
from understudy_aws.services.iam.password_policy import PasswordPolicy

SALT_BYTES = 16
# Of earlier passwords as many are kept as a policy may ask about.
_KEPT = 24
# scrypt with these takes some 40 ms and 16 MiB.
_COST, _BLOCKS, _LANES = 2**14, 8, 1
_SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
# Without a policy of its own an account asks for these (credentials.md 30.2).
_SHORTEST, _KINDS = 8, 3


def hashed(password: str, salt: bytes) -> bytes:
    """Return the slow hash by which a password is kept."""
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCKS, p=_LANES)


def is_password(profile: LoginProfile, password: str) -> bool:
    """Return whether this is the password of a login profile."""
    return compare_digest(hashed(password, profile.salt), profile.hash)


def check(policy: PasswordPolicy | None, password: str, *, names: tuple[str, ...] = ()) -> None:
    """Raise PasswordPolicyViolation for a password that an account's policy does not allow.

    Without a policy AWS's own counts: `names` are those of the account, which no password may be.
    """
    missing = {
        "uppercase letter": not any("A" <= each <= "Z" for each in password),
        "lowercase letter": not any("a" <= each <= "z" for each in password),
        "number": not any("0" <= each <= "9" for each in password),
        "symbol": _SYMBOLS.isdisjoint(password),
    }
    wrong = [f"Password should have at least one {kind}" for kind, absent in missing.items() if absent]
    if policy is not None:
        asked = {
            "uppercase letter": policy.uppercase,
            "lowercase letter": policy.lowercase,
            "number": policy.numbers,
            "symbol": policy.symbols,
        }
        wrong = [
            f"Password should have at least one {kind}" for kind in missing if missing[kind] and asked[kind]
        ]
        if len(password) < policy.shortest:
            wrong.insert(0, _too_short(policy.shortest))
    elif len(missing) - len(wrong) < _KINDS:
        more = _KINDS - len(missing) + len(wrong)
        wrong = [f"Password should meet {more} more of the following requirements: {', '.join(wrong)}"]
        if len(password) < _SHORTEST:
            wrong.insert(0, _too_short(_SHORTEST))
    else:
        wrong = [_too_short(_SHORTEST)] if len(password) < _SHORTEST else []
        if password in names:
            wrong.append("Password should not be identical to the account name or email address")
    if wrong:
        raise violation(", ".join(wrong))


def check_reuse(policy: PasswordPolicy | None, profile: LoginProfile, hash: bytes) -> None:
    """Raise PasswordPolicyViolation for one of as many earlier passwords as the policy says."""
    earlier = (profile.hash, *profile.earlier)[: policy.remembered or 0] if policy is not None else ()
    if any(compare_digest(hash, each) for each in earlier):
        raise violation("Password has been used before")


def remembered(profile: LoginProfile) -> tuple[bytes, ...]:
    """Return the hashes of the passwords before the next one."""
    return (profile.hash, *profile.earlier)[:_KEPT]


def violation(message: str) -> ApiError:
    return ApiError("PasswordPolicyViolation", message)


def _too_short(shortest: int) -> str:
    return f"Password should have a minimum length of {shortest}"
