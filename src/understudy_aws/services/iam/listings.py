"""Pages of IAM's lists: MaxItems and Marker in, IsTruncated and Marker out (iam.md 2.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.iam import errors
from understudy_aws.store.database import RecordKey

T = TypeVar("T")
PAGE = 100


def after(marker: str | None, scope: str, *, account: str = "", parts: int = 1) -> RecordKey | None:
    """Return the key after which the page begins, or None. Raises ValidationError for a marker of another list.

    Clients can invent markers. So the key must have at least `parts` parts, and the first of them must be `account`
    where keys begin with an account; no marker leads into the records of another one.
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
    """Return a page of `items`, which begin after the marker."""
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
    """Return a page of a short list in memory, sorted by `key`.

    Deletions between two pages do not shift the next page.
    """
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
    """Return a page of a short list in memory. The marker is the number of items before it."""
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
    """Return a page of an entity's tags, sorted by key as at AWS.

    Markers are numbers; keys of 128 letters are too long.
    """
    return short_listing(
        "Tags",
        sorted(tags),
        lambda tag: {"Key": tag[0], "Value": tag[1]},
        scope=scope,
        max_items=max_items,
        marker=marker,
    )


def _short(scope: str) -> str:
    """Return a digest of a scope. Markers have at most 320 characters, and a path prefix alone may have 512."""
    return blake2b(scope.encode(), digest_size=9).hexdigest()
