"""Pages of App Runner's lists (apprunner.md 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from understudy_aws.gateway import paging
from understudy_aws.services.apprunner import errors
from understudy_aws.store.database import RecordKey

T = TypeVar("T")
# Without MaxResults everything comes in one answer.
_EVERYTHING = 1_000_000


def key_after(next_token: str | None, scope: str) -> RecordKey | None:
    """Return the key that a page token holds, or None without a token. Raises for a token of another question.

    `scope` is the operation and all parameters that the next page must repeat.
    """
    if not next_token:
        return None
    try:
        return paging.key_after(next_token, scope)
    except paging.BadTokenError as error:
        raise errors.invalid_request("The provided NextToken is invalid.") from error


def page(
    items: Iterable[T], max_results: int | None, key: Callable[[T], Sequence[str]], scope: str
) -> tuple[list[T], str | None]:
    """Return the items of one page, and the token for the rest, or None when there is no rest."""
    return paging.page(items, max_results or _EVERYTHING, key, scope)


def page_after(
    items: Iterable[T],
    max_results: int | None,
    next_token: str | None,
    key: Callable[[T], Sequence[str]],
    scope: Sequence[Any],
) -> tuple[list[T], str | None]:
    """Return one page of a short list that is in the order of its keys."""
    named = " ".join(str(each) for each in scope)
    after = key_after(next_token, named)
    rest = items if after is None else (item for item in items if tuple(key(item)) > after)
    return page(rest, max_results, key, named)
