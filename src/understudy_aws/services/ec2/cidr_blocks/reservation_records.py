"""Reservations of parts of a subnet: the record, and which addresses they keep (vpcs.md 8.4)."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.answers import Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.cidrs import Cidr, Ipv6Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

PREFIX, EXPLICIT = "prefix", "explicit"


class CidrReservation(Record, frozen=True, kw_only=True):
    """A block of a subnet that AWS does not choose single addresses from.

    `type` is `prefix` for a block whose prefixes AWS gives to interfaces, or `explicit` for one whose addresses are
    given out by name alone.
    """

    account: str
    region: str
    id: str
    subnet: str
    block: str
    type: str
    description: str = ""
    tags: dict[str, str] = {}


cidr_reservations = Table(
    "ec2/subnet-cidr-reservation",
    CidrReservation,
    key=lambda reservation: (reservation.account, reservation.region, reservation.id),
    indexes={"subnet": lambda reservation: (reservation.subnet,)},
)

RESERVATION_REFERENCES: References = (
    # It goes with its subnet.
    Reference("is in", lambda reservation: (reservation.subnet,), index="subnet"),
)


def reserved_ipv4(tx: Transaction, subnet: str, type: str = "") -> list[Cidr]:
    """Return the IPv4 blocks of a subnet that are reserved, or those of one type."""
    return [
        known(each.block)
        for each in cidr_reservations.where(tx, "subnet", subnet)
        if ":" not in each.block and type in ("", each.type)
    ]


def reserved_ipv6(tx: Transaction, subnet: str, type: str = "") -> list[Ipv6Cidr]:
    """Return the IPv6 blocks of a subnet that are reserved, or those of one type."""
    return [
        known_ipv6(each.block)
        for each in cidr_reservations.where(tx, "subnet", subnet)
        if ":" in each.block and type in ("", each.type)
    ]


def find_reservation(call: Call, id: str) -> CidrReservation:
    """Return the reservation of this id. Raises InvalidSubnetCidrReservationID.NotFound."""
    found = cidr_reservations.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("scr", id)
    return found


@memoized
def described_reservation(reservation: CidrReservation) -> Description:
    """Return a reservation as answers describe it."""
    shown: dict[str, Any] = {
        "SubnetCidrReservationId": reservation.id,
        "SubnetId": reservation.subnet,
        "Cidr": reservation.block,
        "ReservationType": reservation.type,
        "OwnerId": reservation.account,
        "Tags": tag_set(reservation.tags),
    }
    if reservation.description:
        shown["Description"] = reservation.description
    return Description(shown)


@memoized
def reservation_target(reservation: CidrReservation) -> Target:
    """Return a reservation's ARN and the condition keys that policies see of it."""
    arn = ec2(reservation.region, reservation.account, f"subnet-cidr-reservation/{reservation.id}")
    return Target(arn, resource_tags(reservation.tags))
