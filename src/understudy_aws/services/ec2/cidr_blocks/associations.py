"""Associations of blocks with VPCs and subnets, and their states over time (vpcs.md 8.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api.filters import Values
from understudy_aws.store.tables import Record

ASSOCIATING, ASSOCIATED = "associating", "associated"
DISASSOCIATING, DISASSOCIATED = "disassociating", "disassociated"
# One that was disassociated is still described for an hour and more (vpcs.md 8.1).
SHOWN_AFTERWARDS = timedelta(hours=1)


class BlockAssociation(Record, frozen=True, kw_only=True):
    """A block of addresses that a VPC or a subnet has, or has had.

    `leaving` says that it was disassociated. `until` is when it is associated, or disassociated if it is leaving; None
    for one that has long been associated.
    """

    id: str
    block: str
    leaving: bool = False
    until: datetime | None = None


Associations = tuple[BlockAssociation, ...]


def begun(call: Call, id: str, block: str) -> BlockAssociation:
    """Return a new association, which takes its time to be made."""
    seconds = call.latency.block_association_seconds(id)
    return BlockAssociation(
        id=id, block=block, until=call.at + timedelta(seconds=seconds) if seconds else None
    )


def ended(call: Call, association: BlockAssociation) -> BlockAssociation:
    """Return an association that is being removed."""
    seconds = call.latency.block_association_seconds(association.id)
    return replace(association, leaving=True, until=call.at + timedelta(seconds=seconds))


def replaced(associations: Associations, new: BlockAssociation) -> Associations:
    """Return associations with one of them replaced by its successor of the same id."""
    return tuple([new if each.id == new.id else each for each in associations])


def state_of(association: BlockAssociation, now: datetime) -> str:
    """Return the state of an association at a time."""
    done = association.until is None or association.until <= now
    if association.leaving:
        return DISASSOCIATED if done else DISASSOCIATING
    return ASSOCIATED if done else ASSOCIATING


def staying(associations: Iterable[BlockAssociation]) -> Iterator[BlockAssociation]:
    """Yield the associations that were not disassociated."""
    return (each for each in associations if not each.leaving)


def associated(associations: Iterable[BlockAssociation], now: datetime) -> Iterator[BlockAssociation]:
    """Yield the associations that are made and not being removed."""
    return (each for each in associations if state_of(each, now) == ASSOCIATED)


def current(associations: Associations, now: datetime) -> Associations:
    """Return associations without those that were removed so long ago that they are not described any more."""
    if not any(each.leaving for each in associations):
        return associations
    return tuple([each for each in associations if not _is_forgotten(each, now)])


def _is_forgotten(association: BlockAssociation, now: datetime) -> bool:
    return (
        association.leaving and association.until is not None and association.until + SHOWN_AFTERWARDS <= now
    )


def states(associations: Iterable[BlockAssociation], now: datetime) -> tuple[str, ...]:
    """Return the states of associations, in their order."""
    return tuple([state_of(each, now) for each in associations])


def association_filters(
    prefix: str, associations: Callable[[Any], Associations], now: datetime
) -> dict[str, Values]:
    """Return the filters of records by their associations; `associations` returns those of a record."""
    block = "ipv6-cidr-block" if prefix.startswith("ipv6") else "cidr-block"
    return {
        prefix + block: lambda record: [each.block for each in associations(record)],
        prefix + "association-id": lambda record: [each.id for each in associations(record)],
        prefix + "state": lambda record: states(associations(record), now),
    }


def described_ipv4(association: BlockAssociation, state: str) -> dict[str, Any]:
    """Return the association of an IPv4 block as answers describe it."""
    return {
        "AssociationId": association.id,
        "CidrBlock": association.block,
        "CidrBlockState": {"State": state},
    }


def described_ipv6(association: BlockAssociation, state: str) -> dict[str, Any]:
    """Return the association of an Amazon-provided IPv6 block as answers describe it."""
    return {
        "AssociationId": association.id,
        "Ipv6CidrBlock": association.block,
        "Ipv6CidrBlockState": {"State": state},
        "Ipv6AddressAttribute": "public",
        "IpSource": "amazon",
    }


def described_ipv6_of_vpc(association: BlockAssociation, state: str, region: str) -> dict[str, Any]:
    """Return the association of an IPv6 block with a VPC of a Region, as answers describe it."""
    return {
        **described_ipv6(association, state),
        "NetworkBorderGroup": region,
        "Ipv6Pool": AMAZON_POOL,
    }


AMAZON_POOL = "Amazon"
