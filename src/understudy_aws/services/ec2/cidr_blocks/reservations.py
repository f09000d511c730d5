"""The operations that reserve parts of a subnet."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors as api_errors
from understudy_aws.services.ec2.api.cidrs import Cidr, Ipv6Cidr, known, known_ipv6
from understudy_aws.services.ec2.api.filters import FilterTable, matching
from understudy_aws.services.ec2.api.listings import Filters, items_after, page_start, paginate
from understudy_aws.services.ec2.api.parameters import block_in, ipv6_cidr_in
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import named_tags, tagging
from understudy_aws.services.ec2.cidr_blocks import errors
from understudy_aws.services.ec2.cidr_blocks.reservation_records import (
    EXPLICIT,
    PREFIX,
    CidrReservation,
    cidr_reservations,
    described_reservation,
    find_reservation,
)
from understudy_aws.services.ec2.subnets import (
    Subnet,
    block_of,
    find_subnet,
    ipv6_block_of,
    target_of_subnet,
)
from understudy_aws.store.database import Transaction

_FILTERS: FilterTable = MappingProxyType(
    {
        "reservationType": lambda reservation: (reservation.type,),
        "subnet-id": lambda reservation: (reservation.subnet,),
    }
)


def a_subnet_to_reserve_in(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet that the request names, and the tagging of the new reservation."""
    targets = [target_of_subnet(call, params["subnet_id"])]
    tags = named_tags(params)
    if tags:
        targets += tagging(call, ec2(call.region, call.account, "subnet-cidr-reservation/*"), tags)
    return targets


@operation("ec2:CreateSubnetCidrReservation", on=a_subnet_to_reserve_in)
def create_subnet_cidr_reservation(
    call: Call,
    *,
    subnet_id: str,
    cidr: str,
    reservation_type: str,
    description: str | None = None,
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Reserve a block of a subnet. Addresses in it that are in use stay in use (vpcs.md 8.4)."""
    if reservation_type not in (PREFIX, EXPLICIT):
        raise api_errors.invalid_value(reservation_type, "reservationType")
    block = ipv6_cidr_in(cidr, "cidr") if ":" in cidr else block_in(cidr, "cidr")
    tags = tags_for("subnet-cidr-reservation", tag_specifications)
    subnet = find_subnet(call, subnet_id)
    _check_free(call.tx, subnet, block)
    made = cidr_reservations.put(
        call.tx,
        CidrReservation(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("scr"),
            subnet=subnet.id,
            block=str(block),
            type=reservation_type,
            description=description or "",
            tags=tags,
        ),
    )
    return {"SubnetCidrReservation": described_reservation(made)}


@operation("ec2:GetSubnetCidrReservations", on=all_resources)
def get_subnet_cidr_reservations(
    call: Call,
    *,
    subnet_id: str,
    filters: Filters = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the reservations of a subnet."""
    subnet = find_subnet(call, subnet_id)
    matches = matching(filters, _FILTERS)
    after, scope = page_start(call, filters, max_results, next_token)
    held = items_after(cidr_reservations.where(call.tx, "subnet", subnet.id), after, cidr_reservations.key)
    found, token = paginate(
        filter(matches, held) if matches else held, max_results, cidr_reservations.key, scope
    )
    return {
        "SubnetIpv4CidrReservations": [
            described_reservation(each) for each in found if ":" not in each.block
        ],
        "SubnetIpv6CidrReservations": [described_reservation(each) for each in found if ":" in each.block],
        "NextToken": token,
    }


@operation("ec2:DeleteSubnetCidrReservation", on=all_resources)
def delete_subnet_cidr_reservation(call: Call, *, subnet_cidr_reservation_id: str) -> Answer:
    """Delete a reservation. Its free addresses can be chosen again."""
    reservation = find_reservation(call, subnet_cidr_reservation_id)
    cidr_reservations.delete(call.tx, reservation)
    return {"DeletedSubnetCidrReservation": described_reservation(reservation)}


def _check_free(tx: Transaction, subnet: Subnet, block: Cidr | Ipv6Cidr) -> None:
    """Raise for a block that is no part of the subnet, or of which a part is reserved."""
    others = [each.block for each in cidr_reservations.where(tx, "subnet", subnet.id)]
    if isinstance(block, Cidr):
        own = block_of(subnet)
        inside = own is not None and own.holds(block)
        overlaps = any(":" not in other and block.overlaps(known(other)) for other in others)
    else:
        ipv6 = ipv6_block_of(subnet)
        inside = ipv6 is not None and ipv6.holds(block)
        overlaps = any(":" in other and block.overlaps(known_ipv6(other)) for other in others)
    if not inside:
        raise errors.reservation_outside(str(block), subnet.id)
    if overlaps:
        raise errors.reservation_overlaps(str(block))
