"""Tokens that say where the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from understudy.store.database import RecordKey

T = TypeVar("T")


class BadTokenError(ValueError):
    """A page token that no answer of ours to this question can have carried."""


def token_after(key: Sequence[str], scope: str) -> str:
    """A token for what follows `key`; `scope` names the operation and its filters, and must come again."""
    return base64.urlsafe_b64encode(msgspec.json.encode([scope, *key])).decode().rstrip("=")


def key_after(token: str, scope: str) -> RecordKey:
    """The key a token stands for; raises BadTokenError for a token of another question, or of no question."""
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
    """The first `size` of items that start where they should, and the token for the rest, if there is one."""
    taken = list(islice(items, size + 1))
    if len(taken) <= size:
        return taken, None
    return taken[:size], token_after(key(taken[size - 1]), scope)
