"""Pages of Organizations' lists: MaxResults and NextToken in, NextToken out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.organizations import errors

T = TypeVar("T")
PAGE = 20


def listing(
    name: str,
    items: Iterable[T],
    show: Callable[[T], Any],
    *,
    key: Callable[[T], str],
    scope: str,
    max_results: int | None,
    next_token: str | None,
) -> Answer:
    """Return a page of a list in memory, sorted by `key`. Deletions between two pages do not shift the next page.

    `scope` is the operation and what was asked. Raises InvalidInput for a token of another scope.
    """
    last_key = ""
    if next_token:
        try:
            last_key = key_after(next_token, scope)[0]
        except (BadTokenError, IndexError) as error:
            raise errors.invalid("INVALID_NEXT_TOKEN", "You provided a token that isn't valid.") from error
    rest = [item for item in sorted(items, key=key) if not last_key or key(item) > last_key]
    taken, token = page(rest, max_results or PAGE, lambda item: (key(item),), scope)
    return {name: [show(item) for item in taken], "NextToken": token}
