"""Lists in IAM's pages: MaxItems and Marker in, IsTruncated and Marker out (iam.md 2.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

from understudy.core.answers import Answer
from understudy.gateway.paging import BadTokenError, key_after, page
from understudy.services.iam import errors
from understudy.store.database import RecordKey

T = TypeVar("T")
PAGE = 100


def after(marker: str | None, scope: str, *, account: str = "", parts: int = 1) -> RecordKey | None:
    """The key a page begins behind. Raises ValidationError for a marker of no such list.

    A marker is the client's to make up: the key has at least so many `parts`, and where it begins with an account
    that one is the caller's, so that no marker leads into another account's records.
    """
    if marker is None:
        return None
    try:
        key = key_after(marker, _short(scope))
    except BadTokenError as error:
        raise errors.validation("Invalid Marker.") from error
    if len(key) < parts or (account and key[0] != account):
        raise errors.validation("Invalid Marker.")
    return key


def listing(
    name: str,
    items: Iterable[T],
    show: Callable[[T], Any],
    *,
    key: Callable[[T], Sequence[str]],
    scope: str,
    max_items: int | None,
) -> Answer:
    """The page that begins with the first of `items`, which the caller has made begin behind the marker."""
    taken, marker = page(items, max_items or PAGE, key, _short(scope))
    return {name: [show(item) for item in taken], "IsTruncated": marker is not None, "Marker": marker}


def sorted_listing(
    name: str,
    items: Sequence[T],
    show: Callable[[T], Any],
    *,
    key: Callable[[T], RecordKey],
    scope: str,
    max_items: int | None,
    marker: str | None,
) -> Answer:
    """A page of a list that is short and at hand, by `key`; what is deleted between two pages shifts nothing."""
    last_key = after(marker, scope)
    in_order = sorted(items, key=key)
    rest = in_order if last_key is None else [item for item in in_order if key(item) > last_key]
    return listing(name, rest, show, key=key, scope=scope, max_items=max_items)


def short_listing(
    name: str,
    items: Sequence[T],
    show: Callable[[T], Any],
    *,
    scope: str,
    max_items: int | None,
    marker: str | None,
) -> Answer:
    """A page of a list that is short and at hand; the marker counts."""
    last_key = after(marker, scope)
    if last_key is not None and not (last_key[0].isascii() and last_key[0].isdigit()):
        raise errors.validation("Invalid Marker.")
    first = int(last_key[0][:9]) if last_key is not None else 0
    numbered = list(enumerate(items))[first:]
    return listing(
        name,
        numbered,
        lambda pair: show(pair[1]),
        key=lambda pair: (str(pair[0] + 1),),
        scope=scope,
        max_items=max_items,
    )


def tags_listed(
    tags: Sequence[tuple[str, str]], scope: str, marker: str | None, max_items: int | None
) -> Answer:
    """A page of an entity's tags, by key as AWS sorts them. Keys of 128 letters fit into no marker: it counts."""
    return short_listing(
        "Tags",
        sorted(tags),
        lambda tag: {"Key": tag[0], "Value": tag[1]},
        scope=scope,
        max_items=max_items,
        marker=marker,
    )


def _short(scope: str) -> str:
    """A scope in few letters: markers may have 320, and a path prefix alone 512."""
    return blake2b(scope.encode(), digest_size=9).hexdigest()
