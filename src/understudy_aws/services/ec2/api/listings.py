"""What all Describe operations share: selection by id, filters and pages (ec2.md 7.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.ec2.api.errors import combination, invalid, invalid_value, unsupported
from understudy_aws.services.ec2.api.filters import FilterTable, matching
from understudy_aws.store.database import RecordKey
from understudy_aws.store.tables import Record, Table

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Filters = list[dict[str, Any]] | None

SMALLEST_PAGE = 5
LARGEST_PAGE = 1000


def select(
    call: Call,
    table: Table[R],
    find: Callable[[Call, str], R],
    filter_table: FilterTable,
    *,
    ids: Sequence[str] | None,
    filters: Filters,
    max_results: int | None,
    next_token: str | None,
    ids_name: str,
    among: Iterable[R] | None = None,
    smallest: int = SMALLEST_PAGE,
) -> tuple[list[R], str | None]:
    """Return the records a Describe call asks for, and the token of the next page.

    `find` returns a record by its id or raises; then the whole call fails. `among` are the only records that can match,
    in the order of their keys, when an index tells them. `smallest` is the fewest items that a page may be asked to
    have. Raises InvalidParameterCombination for ids together with a page size, and InvalidParameterValue.
    """
    matches = matching(filters, filter_table)
    if ids:
        if max_results is not None:
            raise combination(ids_name, "maxResults")
        records: Iterable[R] = [find(call, id) for id in dict.fromkeys(ids)]
        return (list(filter(matches, records)) if matches else list(records)), None
    after, scope = page_start(call, filters, max_results, next_token, smallest)
    if among is None:
        records = table.scan(call.tx, call.account, call.region, after=after)
    else:
        records = items_after(among, after, table.key)
    if matches is not None:
        records = filter(matches, records)
    return paginate(records, max_results, table.key, scope)


def page_start(
    call: Call,
    filters: Filters,
    max_results: int | None,
    next_token: str | None,
    smallest: int = SMALLEST_PAGE,
) -> tuple[RecordKey | None, str]:
    """Return the key after which the page begins, and the scope of this call's page tokens.

    `smallest` is the fewest items that a page may be asked to have. Raises InvalidParameterValue.
    """
    if max_results is not None and max_results < smallest:
        raise invalid_value(f" {max_results} ", "maxResults", f"Expecting a value greater than {smallest}.")
    if max_results is None and not next_token:
        return None, ""
    asked = hashlib.sha256(msgspec.json.encode([call.account, call.region, filters or []])).hexdigest()[:16]
    scope = f"{call.operation}:{asked}"
    if not next_token:
        return None, scope
    try:
        return key_after(next_token, scope), scope
    except BadTokenError as error:
        raise invalid(f"Invalid value '{next_token}' for NextToken.") from error


def paginate(
    items: Iterable[T], max_results: int | None, key: Callable[[T], Sequence[str]], scope: str
) -> tuple[list[T], str | None]:
    """Return a page of the items and the token of the next one. Without a page size it has all items."""
    if max_results is None:
        return list(items), None
    return page(items, min(max_results, LARGEST_PAGE), key, scope)


def items_after(items: Iterable[T], after: RecordKey | None, key: Callable[[T], RecordKey]) -> Iterator[T]:
    """Return the items whose keys come after `after`. They are in the order of their keys."""
    return iter(items) if after is None else (item for item in items if key(item) > after)


def refuse(**given: Any) -> None:
    """Raise for parameters that are not implemented, if they are given and ask for something."""
    for name, value in given.items():
        # A count of zero and a switch that is off ask for nothing.
        if value:
            words = name.split("_")
            raise unsupported("".join(word.capitalize() for word in words))


def value_of(attribute: Mapping[str, Any] | None) -> Any:
    """Return the value of an attribute that is being changed, such as `{"Value": true}`."""
    return None if attribute is None else attribute.get("Value")
