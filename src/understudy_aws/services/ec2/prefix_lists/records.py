"""Managed prefix lists: the records, their states over time, and AWS's own lists (prefix-lists.md 16.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from understudy_aws.core.arn import ec2
from understudy_aws.data.aws_prefix_lists import prefix_lists_in
from understudy_aws.data.further_prefix_lists import WeighedPrefixList, further_lists_in
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags, unknown
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

IPV4, IPV6 = "IPv4", "IPv6"
CREATE, MODIFY, RESTORE, DELETE = "create", "modify", "restore", "delete"
AWS = "AWS"
# VPC user guide, "Amazon VPC quotas": of a list, then the oldest goes.
STORED_VERSIONS = 1000
_LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)
# `pl-` and 8 digits, as AWS's own lists have; those of an account have 17.
_LENGTH_OF_AWS = 11


class ManagedPrefixList(Record, frozen=True, kw_only=True):
    """A prefix list. Its entries are in `prefix_list_versions`.

    `change` is what was last done to it (`create`, `modify`, `restore` or `delete`). It takes until `until`, and then
    has failed if there is a `failure`. `renewed` says that it made the version; until then the one before holds.
    """

    account: str
    region: str
    id: str
    name: str
    family: str
    max_entries: int
    version: int = 1
    change: str = CREATE
    until: datetime = _LONG_AGO
    renewed: bool = False
    failure: str = ""
    tags: dict[str, str] = {}


class PrefixListVersion(Record, frozen=True, kw_only=True):
    """The entries of a prefix list as they were in one version: each block with its description, in order."""

    account: str
    region: str
    list: str
    number: int
    entries: tuple[tuple[str, str], ...] = ()


prefix_lists = Table(
    "ec2/prefix-list",
    ManagedPrefixList,
    key=lambda each: (each.account, each.region, each.id),
    ordered={"leaving": lambda each: each.until if each.change == DELETE and not each.failure else None},
)

prefix_list_versions = Table(
    "ec2/prefix-list-version",
    PrefixListVersion,
    key=lambda each: (each.account, each.region, each.list, f"{each.number:010}"),
)


def is_of_aws(id: str) -> bool:
    """Return whether an id is of a list that AWS manages, by its form."""
    return len(id) == _LENGTH_OF_AWS


@cache
def aws_lists(region: str) -> Mapping[str, ManagedPrefixList]:
    """Return the lists that AWS manages in a Region, by id. The most entries of one are its weight."""
    gateways = [WeighedPrefixList(each, 1) for each in prefix_lists_in(region).values()]
    found = [
        ManagedPrefixList(
            account=AWS,
            region=region,
            id=each.list.id,
            name=each.list.name,
            family=IPV6 if ":" in each.list.cidrs[0] else IPV4,
            max_entries=each.weight,
        )
        for each in (*gateways, *further_lists_in(region))
    ]
    return MappingProxyType({each.id: each for each in found})


@cache
def aws_blocks(region: str) -> Mapping[str, tuple[str, ...]]:
    """Return the blocks of the lists that AWS manages in a Region, by id."""
    gateways = prefix_lists_in(region).values()
    further = [each.list for each in further_lists_in(region)]
    return MappingProxyType({each.id: each.cidrs for each in (*gateways, *further)})


def prefix_list(
    tx: Transaction, account: str, region: str, id: str, now: datetime
) -> ManagedPrefixList | None:
    """Return the list of an account, or of AWS, of this id; None when there is none, or it was deleted."""
    found = prefix_lists.get(tx, account, region, id) or aws_lists(region).get(id)
    return None if found is None or has_gone(found, now) else found


def find_prefix_list(call: Call, id: str) -> ManagedPrefixList:
    """Return the account's list of this id, or AWS's.

    Raises InvalidPrefixListId.Malformed, InvalidPrefixListID.NotFound.
    """
    found = prefix_list(call.tx, call.account, call.region, id, call.at)
    if found is None:
        raise no_such("pl", id)
    return found


def find_own_prefix_list(call: Call, id: str) -> ManagedPrefixList:
    """Return the account's own list of this id. Raises as `find_prefix_list` does, also for one of AWS's."""
    found = find_prefix_list(call, id)
    if found.account == AWS:
        raise no_such("pl", id)
    return found


def has_gone(each: ManagedPrefixList, now: datetime) -> bool:
    """Return whether a list was deleted and that has taken its time."""
    return each.change == DELETE and not each.failure and each.until <= now


def is_under_way(each: ManagedPrefixList, now: datetime) -> bool:
    """Return whether a change of the list has not ended yet."""
    return now < each.until


def state_of(each: ManagedPrefixList, now: datetime) -> str:
    """Return the state of a list at a time."""
    if is_under_way(each, now):
        return f"{each.change}-in-progress"
    return f"{each.change}-{'failed' if each.failure else 'complete'}"


def version_of(each: ManagedPrefixList, now: datetime) -> int:
    """Return the version that holds at a time."""
    return each.version - 1 if each.renewed and is_under_way(each, now) else each.version


def entries_of(tx: Transaction, each: ManagedPrefixList, version: int) -> tuple[tuple[str, str], ...] | None:
    """Return the entries of a version of a list, or None when there is no such version."""
    if each.account == AWS:
        return tuple((block, "") for block in aws_blocks(each.region)[each.id])
    found = prefix_list_versions.get(tx, each.account, each.region, each.id, f"{version:010}")
    return None if found is None else found.entries


def put_version(tx: Transaction, each: ManagedPrefixList, entries: tuple[tuple[str, str], ...]) -> None:
    """Store the entries of a list's newest version. Of too many versions the oldest goes."""
    prefix_list_versions.put(
        tx,
        PrefixListVersion(
            account=each.account, region=each.region, list=each.id, number=each.version, entries=entries
        ),
    )
    oldest = f"{each.version - STORED_VERSIONS:010}"
    gone = prefix_list_versions.get(tx, each.account, each.region, each.id, oldest)
    if gone is not None:
        prefix_list_versions.delete(tx, gone)


def described_prefix_list(each: ManagedPrefixList, now: datetime) -> dict[str, Any]:
    """Return a list as answers describe it. AWS's own have neither a version nor a number of entries."""
    shown: dict[str, Any] = {
        "PrefixListId": each.id,
        "AddressFamily": each.family,
        "State": state_of(each, now),
        "PrefixListArn": prefix_list_arn(each),
        "PrefixListName": each.name,
        "Tags": tag_set(each.tags),
        "OwnerId": each.account,
    }
    if each.account != AWS:
        shown |= {"MaxEntries": each.max_entries, "Version": version_of(each, now)}
    if each.failure and not is_under_way(each, now):
        shown["StateMessage"] = each.failure
    return shown


@memoized
def prefix_list_arn(each: ManagedPrefixList) -> str:
    return ec2(each.region, each.account.lower(), f"prefix-list/{each.id}")


@memoized
def prefix_list_target(each: ManagedPrefixList) -> Target:
    """Return a list's ARN and the condition keys that policies see of it."""
    return Target(prefix_list_arn(each), resource_tags(each.tags))


def target_of_prefix_list(call: Call, id: str) -> Target:
    """Return the target of a list, which need not exist. One of AWS's is open to the caller's own policies alone."""
    found = prefix_list(call.tx, call.account, call.region, id, call.at)
    if found is None:
        return unknown(call, "prefix-list", id)
    return (
        prefix_list_target(found)
        if found.account != AWS
        else Target(prefix_list_arn(found), account=call.account)
    )


def remove(tx: Transaction, each: ManagedPrefixList) -> None:
    """Delete a list with its versions."""
    for version in list(prefix_list_versions.scan(tx, each.account, each.region, each.id)):
        prefix_list_versions.delete(tx, version)
    prefix_lists.delete(tx, each)


def prefix_list_deletions() -> Controller:
    """Return the background work that removes lists whose deletion has taken its time."""

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for each in prefix_lists.in_order(tx, "leaving", last=now):
            yield Due((each.account, each.region, each.id), each.account, each.until)

    async def reconcile(key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            each = prefix_lists.get(tx, *key)
            if each is not None and has_gone(each, world.clock.now()):
                remove(tx, each)
        return None

    return Controller("prefix list deletions", due, reconcile, poll_seconds=1.0)
