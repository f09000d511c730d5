"""The operations that describe managed prefix lists, their entries and what refers to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import TypeVar

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.errors import combination
from understudy_aws.services.ec2.api.filters import FilterTable, matching
from understudy_aws.services.ec2.api.listings import (
    SMALLEST_PAGE,
    Filters,
    items_after,
    page_start,
    paginate,
)
from understudy_aws.services.ec2.prefix_lists.changes import a_prefix_list
from understudy_aws.services.ec2.prefix_lists.errors import no_such_version
from understudy_aws.services.ec2.prefix_lists.records import (
    ManagedPrefixList,
    aws_blocks,
    aws_lists,
    described_prefix_list,
    entries_of,
    find_prefix_list,
    has_gone,
    prefix_lists,
    version_of,
)
from understudy_aws.services.ec2.prefix_lists.usage import users_of

T = TypeVar("T")
# EC2 API reference: pages of lists and of entries may be as small as this.
_SMALLEST_PAGE = 1

PREFIX_LIST_FILTERS: FilterTable = MappingProxyType(
    {
        "owner-id": lambda each: (each.account,),
        "prefix-list-id": lambda each: (each.id,),
        "prefix-list-name": lambda each: (each.name,),
    }
)
_AWS_FILTERS: FilterTable = MappingProxyType(
    {name: PREFIX_LIST_FILTERS[name] for name in ("prefix-list-id", "prefix-list-name")}
)


@operation("ec2:DescribeManagedPrefixLists", on=all_resources)
def describe_managed_prefix_lists(
    call: Call,
    *,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
    prefix_list_ids: list[str] | None = None,
) -> Answer:
    """Describe the account's lists in the Region and AWS's own."""
    own = prefix_lists.scan(call.tx, call.account, call.region)
    there = [each for each in own if not has_gone(each, call.at)]
    found, token = _selected(
        call, [*there, *aws_lists(call.region).values()], PREFIX_LIST_FILTERS,
        prefix_list_ids, filters, max_results, next_token, smallest=_SMALLEST_PAGE,
    )  # fmt: skip
    return {
        "PrefixLists": [described_prefix_list(each, call.at) for each in found],
        "NextToken": token,
    }


@operation("ec2:DescribePrefixLists", on=all_resources)
def describe_prefix_lists(
    call: Call,
    *,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
    prefix_list_ids: list[str] | None = None,
) -> Answer:
    """Describe AWS's own lists in the Region, with their blocks."""
    found, token = _selected(
        call, list(aws_lists(call.region).values()), _AWS_FILTERS,
        prefix_list_ids, filters, max_results, next_token,
    )  # fmt: skip
    blocks = aws_blocks(call.region)
    return {
        "PrefixLists": [
            {"Cidrs": list(blocks[each.id]), "PrefixListId": each.id, "PrefixListName": each.name}
            for each in found
        ],
        "NextToken": token,
    }


@operation("ec2:GetManagedPrefixListEntries", on=a_prefix_list)
def get_managed_prefix_list_entries(
    call: Call,
    *,
    prefix_list_id: str,
    target_version: int | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Tell the entries of a list, in its current version or an earlier one."""
    held = find_prefix_list(call, prefix_list_id)
    version = version_of(held, call.at) if target_version is None else target_version
    entries = entries_of(call.tx, held, version) if version <= version_of(held, call.at) else None
    if entries is None:
        raise no_such_version(version)
    found, token = _page(
        call, sorted(entries), lambda each: (each[0],), max_results, next_token, smallest=_SMALLEST_PAGE
    )
    shown = [{"Cidr": block, **({"Description": text} if text else {})} for block, text in found]
    return {"Entries": shown, "NextToken": token}


@operation("ec2:GetManagedPrefixListAssociations", on=a_prefix_list)
def get_managed_prefix_list_associations(
    call: Call, *, prefix_list_id: str, max_results: int | None = None, next_token: str | None = None
) -> Answer:
    """Tell which of the account's security groups and route tables refer to a list."""
    held = find_prefix_list(call, prefix_list_id)
    users = users_of(call.tx, (call.account, call.region, held.id))
    found, token = _page(call, users, lambda user: (user,), max_results, next_token)
    return {
        "PrefixListAssociations": [{"ResourceId": id, "ResourceOwner": call.account} for id in found],
        "NextToken": token,
    }


def _selected(  # noqa: PLR0917 - what a listing is asked for
    call: Call,
    lists: list[ManagedPrefixList],
    table: FilterTable,
    ids: Sequence[str] | None,
    filters: Filters,
    max_results: int | None,
    next_token: str | None,
    smallest: int = SMALLEST_PAGE,
) -> tuple[list[ManagedPrefixList], str | None]:
    """Return those of the lists that a call asks for, and the token of the next page."""
    matches = matching(filters, table)
    if ids:
        if max_results is not None:
            raise combination("prefixListIds", "maxResults")
        named: Iterable[ManagedPrefixList] = [find_prefix_list(call, id) for id in dict.fromkeys(ids)]
        known = {each.id for each in lists}
        return [each for each in named if each.id in known and (matches is None or matches(each))], None
    lists.sort(key=lambda each: each.id)
    wanted = filter(matches, lists) if matches else lists
    return _page(
        call, wanted, lambda each: (each.id,), max_results, next_token, filters=filters, smallest=smallest
    )


def _page(  # noqa: PLR0917 - what a page is asked for
    call: Call,
    items: Iterable[T],
    key: Callable[[T], tuple[str, ...]],
    max_results: int | None,
    next_token: str | None,
    filters: Filters = None,
    smallest: int = SMALLEST_PAGE,
) -> tuple[list[T], str | None]:
    after, scope = page_start(call, filters, max_results, next_token, smallest=smallest)
    return paginate(items_after(items, after, key), max_results, key, scope)
