"""The operations that make, change and delete managed prefix lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, changes_in, changing
from understudy_aws.services.ec2.prefix_lists import errors as refusals
from understudy_aws.services.ec2.prefix_lists.entries import Entries, changed, entries_in
from understudy_aws.services.ec2.prefix_lists.records import (
    AWS,
    DELETE,
    IPV4,
    IPV6,
    MODIFY,
    RESTORE,
    ManagedPrefixList,
    described_prefix_list,
    entries_of,
    find_prefix_list,
    is_under_way,
    prefix_lists,
    put_version,
    remove,
    state_of,
    target_of_prefix_list,
)
from understudy_aws.services.ec2.prefix_lists.usage import too_small_for, users_of

# VPC user guide, "Amazon VPC quotas".
LISTS_PER_REGION = 100
LARGEST_LIST = 1000
_LONGEST_NAME = 255
# How many ids a state message names (EC2 API reference, ModifyManagedPrefixList).
_NAMED = 10


def a_new_prefix_list(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a list: it, and its tags."""
    return a_new(call, params, "prefix-list")


def a_prefix_list(call: Call, params: Params) -> Sequence[Target]:
    """Return the list that the request names."""
    return [target_of_prefix_list(call, params["prefix_list_id"])]


def a_changed_prefix_list(call: Call, params: Params) -> Sequence[Target]:
    """Return the list that the request names, with what is changed of it."""
    target = target_of_prefix_list(call, params["prefix_list_id"])
    given = {name: value for name, value in params.items() if name != "current_version"}
    return [changing(target, changes_in(given, "prefix_list_id"))]


@operation("ec2:CreateManagedPrefixList", on=a_new_prefix_list)
def create_managed_prefix_list(
    call: Call,
    *,
    prefix_list_name: str,
    entries: list[dict[str, Any]] | None = None,
    max_entries: int,
    tag_specifications: TagSpecifications = None,
    address_family: str,
    client_token: str | None = None,  # noqa: ARG001 - the pipeline answers a repeated request
) -> Answer:
    """Make a list. Raises InvalidParameterValue, PrefixListMaxEntriesExceeded."""
    tags = tags_for("prefix-list", tag_specifications)
    if address_family not in (IPV4, IPV6):
        raise errors.invalid_value(address_family, "addressFamily")
    _check_name(prefix_list_name)
    _check_size(max_entries)
    first = tuple(entries_in(entries, address_family).items())
    if len(first) > max_entries:
        raise refusals.full(max_entries)
    if sum(1 for _ in prefix_lists.scan(call.tx, call.account, call.region)) >= LISTS_PER_REGION:
        raise errors.limit("PrefixListLimitExceeded", "prefix lists")
    id = call.ids.ec2("pl")
    made = ManagedPrefixList(
        account=call.account,
        region=call.region,
        id=id,
        name=prefix_list_name,
        family=address_family,
        max_entries=max_entries,
        until=call.at + timedelta(seconds=call.latency.prefix_list_seconds(id)),
        tags=tags,
    )
    return _begun(call, made, first)


@operation("ec2:ModifyManagedPrefixList", on=a_changed_prefix_list)
def modify_managed_prefix_list(
    call: Call,
    *,
    prefix_list_id: str,
    current_version: int | None = None,
    prefix_list_name: str | None = None,
    add_entries: list[dict[str, Any]] | None = None,
    remove_entries: list[dict[str, Any]] | None = None,
    max_entries: int | None = None,
    ipam_prefix_list_resolver_sync_enabled: bool | None = None,
) -> Answer:
    """Change a list's entries, which makes a new version, or its size; and its name.

    Raises PrefixListVersionMismatch, IncorrectState, InvalidPrefixListModification and others.
    """
    refuse(ipam_prefix_list_resolver_sync_enabled=ipam_prefix_list_resolver_sync_enabled)
    held = _changeable(call, prefix_list_id)
    if not add_entries and not remove_entries and max_entries is None and prefix_list_name is None:
        raise refusals.nothing_asked()
    if max_entries is not None and (add_entries or remove_entries):
        raise refusals.entries_and_size()
    _check_version(held, current_version)
    entries = entries_of(call.tx, held, held.version) or ()
    new = replace(
        _changing(call, held, MODIFY), name=held.name if prefix_list_name is None else prefix_list_name
    )
    _check_name(new.name)
    if max_entries is not None:
        _check_size(max_entries)
        if len(entries) > max_entries:
            raise refusals.full(max_entries)
        return _begun(call, _resized(call, new, max_entries))
    if not add_entries and not remove_entries:
        return _begun(call, new)
    new = replace(new, version=held.version + 1, renewed=True)
    return _begun(call, new, changed(entries, add_entries, remove_entries, held.family, held.max_entries))


@operation("ec2:RestoreManagedPrefixListVersion", on=a_prefix_list)
def restore_managed_prefix_list_version(
    call: Call, *, prefix_list_id: str, previous_version: int, current_version: int
) -> Answer:
    """Make a new version of a list with the entries of an earlier one. Raises PrefixListVersionMismatch."""
    held = _changeable(call, prefix_list_id)
    _check_version(held, current_version)
    entries = entries_of(call.tx, held, previous_version)
    if entries is None:
        raise refusals.no_such_version(previous_version)
    if len(entries) > held.max_entries:
        raise refusals.full(held.max_entries)
    new = replace(_changing(call, held, RESTORE), version=held.version + 1, renewed=True)
    return _begun(call, new, entries)


@operation("ec2:DeleteManagedPrefixList", on=a_prefix_list)
def delete_managed_prefix_list(call: Call, *, prefix_list_id: str) -> Answer:
    """Delete a list. One that something refers to is not deleted: its state says so (prefix-lists.md 16.1)."""
    held = _changeable(call, prefix_list_id)
    users = users_of(call.tx, prefix_lists.key(held))
    gone = _changing(call, held, DELETE)
    if users:
        gone = replace(gone, failure=_told("are currently referencing this prefix list", users))
    answer = _begun(call, gone)
    if not users and gone.until <= call.at:
        remove(call.tx, gone)
    return answer


def _changeable(call: Call, id: str) -> ManagedPrefixList:
    """Return a list that can be changed now. Raises IncorrectState, and OperationNotPermitted for one of AWS's."""
    held = find_prefix_list(call, id)
    if held.account == AWS:
        raise refusals.aws_managed(id)
    if is_under_way(held, call.at):
        raise refusals.under_way(id, state_of(held, call.at))
    return held


def _changing(call: Call, held: ManagedPrefixList, change: str) -> ManagedPrefixList:
    until = call.at + timedelta(seconds=call.latency.prefix_list_seconds(held.id))
    return replace(held, change=change, until=until, renewed=False, failure="")


def _resized(call: Call, new: ManagedPrefixList, most: int) -> ManagedPrefixList:
    """Return a list with another size. What refers to it must have the room, or the change fails."""
    resized = replace(new, max_entries=most)
    full = too_small_for(call.tx, resized, call.at) if most > new.max_entries else []
    return replace(new, failure=_told("do not support the new maximum size", full)) if full else resized


def _told(what: str, ids: Sequence[str]) -> str:
    return f"The following VPC Resource(s) {what}: {', '.join(ids[:_NAMED])}."


def _begun(call: Call, new: ManagedPrefixList, entries: Entries | None = None) -> Answer:
    """Store a changed list, and the entries of its new version. The answer tells the change as under way."""
    prefix_lists.put(call.tx, new)
    if entries is not None:
        put_version(call.tx, new, entries)
    shown = described_prefix_list(new, call.at)
    shown["State"] = f"{new.change}-in-progress"
    shown.pop("StateMessage", None)
    shown["Version"] = new.version - 1 if new.renewed else new.version
    return {"PrefixList": shown}


def _check_version(held: ManagedPrefixList, given: int | None) -> None:
    if given is not None and given < 1:
        raise refusals.version_too_low()
    if given is not None and given != held.version:
        raise refusals.wrong_version()


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME:
        raise errors.invalid_value(name, "prefixListName", f"It must have 1 to {_LONGEST_NAME} characters.")
    if name.startswith("com.amazonaws"):
        raise refusals.reserved_name(name)


def _check_size(most: int) -> None:
    if not 1 <= most <= LARGEST_LIST:
        raise refusals.wrong_size()
