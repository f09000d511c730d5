"""Pages of lists, and the tokens that say where the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from understudy_aws.store.database import RecordKey

T = TypeVar("T")


class BadTokenError(ValueError):
    """The page token was not issued for this question."""


def token_after(key: Sequence[str], scope: str) -> str:
    """Return a token for the items after `key`. It is valid for the same `scope`: operation and filters."""
    return base64.urlsafe_b64encode(msgspec.json.encode([scope, *key])).decode().rstrip("=")


def key_after(token: str, scope: str) -> RecordKey:
    """Return the key that a token holds. Raises BadTokenError for a token of another scope, or for any other text."""
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        parts = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str])
    except (binascii.Error, UnicodeEncodeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise BadTokenError(token) from error
    if not parts or parts[0] != scope:
        raise BadTokenError(token)
    return tuple(parts[1:])


def page(
    items: Iterable[T], size: int, key: Callable[[T], Sequence[str]], scope: str
) -> tuple[list[T], str | None]:
    """Return the first `size` items, and the token for the rest, or None when there is no rest."""
    taken = list(islice(items, size + 1))
    if len(taken) <= size:
        return taken, None
    return taken[:size], token_after(key(taken[size - 1]), scope)
