"""Associations of security groups with VPCs: the record, and its states over time (prefix-lists.md 16.4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

ASSOCIATING, ASSOCIATED, DISASSOCIATING = "associating", "associated", "disassociating"


class GroupAssociation(Record, frozen=True, kw_only=True):
    """A group that is associated with a VPC which is not its own.

    It is associating until `until`; with `leaving` it is disassociating until then, and is gone afterwards.
    """

    account: str
    region: str
    group: str
    vpc: str
    until: datetime
    leaving: bool = False


group_associations = Table(
    "ec2/security-group-vpc-association",
    GroupAssociation,
    key=lambda each: (each.account, each.region, each.group, each.vpc),
    indexes={"group": lambda each: (each.group,), "vpc": lambda each: (each.vpc,)},
    ordered={"leaving": lambda each: each.until if each.leaving else None},
)


def state_of(each: GroupAssociation, now: datetime) -> str:
    """Return the state of an association that is not gone."""
    if each.leaving:
        return DISASSOCIATING
    return ASSOCIATING if now < each.until else ASSOCIATED


def association(call: Call, group: str, vpc: str) -> GroupAssociation | None:
    """Return the association of a group of the caller's with a VPC; None when there is none or it has ended."""
    found = group_associations.get(call.tx, call.account, call.region, group, vpc)
    return None if found is None or has_ended(found, call.at) else found


def has_ended(each: GroupAssociation, now: datetime) -> bool:
    """Return whether an association was removed and is gone."""
    return each.leaving and each.until <= now


def group_association_changes() -> Controller:
    """Return the background work that removes associations whose end has taken its time."""

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for each in group_associations.in_order(tx, "leaving", last=now):
            yield Due(group_associations.key(each), each.account, each.until)

    async def reconcile(key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            each = group_associations.get(tx, *key)
            if each is not None and has_ended(each, world.clock.now()):
                group_associations.delete(tx, each)
        return None

    return Controller("security group associations", due, reconcile, poll_seconds=1.0)
