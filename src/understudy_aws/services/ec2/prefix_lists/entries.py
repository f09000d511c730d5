"""Reads the entries of prefix lists as requests write them, and adds and removes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.parameters import block_in, distinct, ipv6_cidr_in
from understudy_aws.services.ec2.prefix_lists.errors import (
    added_and_removed,
    entry_exists,
    full,
    no_such_entry,
)
from understudy_aws.services.ec2.prefix_lists.records import IPV6

_LONGEST_DESCRIPTION = 255

Entries = tuple[tuple[str, str], ...]
Given = Sequence[Mapping[str, Any]] | None


def entries_in(given: Given, family: str) -> dict[str, str]:
    """Return the descriptions of entries by their blocks, in the order of a request. Raises InvalidParameterValue."""
    found: dict[str, str] = {}
    for entry in given or ():
        description = entry.get("Description") or ""
        if len(description) > _LONGEST_DESCRIPTION:
            raise errors.invalid_value(
                description, "description", f"It is longer than {_LONGEST_DESCRIPTION} characters."
            )
        block = _block(entry, family)
        distinct([*found, block], "cidr")
        found[block] = description
    return found


def changed(entries: Entries, adding: Given, removing: Given, family: str, most: int) -> Entries:
    """Return entries without some and with others. A block that is there already gets another description.

    Raises InvalidParameterValue, InvalidPrefixListModification, PrefixListMaxEntriesExceeded.
    """
    new, gone = entries_in(adding, family), entries_in(removing, family)
    held = dict(entries)
    for block in gone:
        if block in new:
            raise added_and_removed(block)
        if block not in held:
            raise no_such_entry(block)
        del held[block]
    for block, description in new.items():
        if held.get(block) == description:
            raise entry_exists(block, description)
    held |= new
    if len(held) > most:
        raise full(most)
    return tuple(held.items())


def _block(entry: Mapping[str, Any], family: str) -> str:
    text = entry.get("Cidr")
    if not text:
        raise errors.missing("Cidr")
    return str(ipv6_cidr_in(text, "cidr") if family == IPV6 else block_in(text, "cidr"))
