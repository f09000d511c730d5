"""Elastic IP addresses handed from one account to another: offered by one and accepted by the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.address_transfer_records import (
    OFFERED_FOR,
    AddressTransfer,
    address_transfers,
    described_transfer,
)
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import items_after, page_start, paginate
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.elastic_ip_records import (
    ElasticIp,
    elastic_ips,
    find_elastic_ip,
    target_of_elastic_ip,
)
from understudy_aws.services.ec2.elastic_ips import a_new_address, check_quota

_ACCOUNT = re.compile(r"[0-9]{12}")


def an_allocation(call: Call, params: Params) -> Sequence[Target]:
    """Return the address that the request names by its allocation id."""
    return [target_of_elastic_ip(call, params["allocation_id"])]


@operation("ec2:EnableAddressTransfer", on=an_allocation)
def enable_address_transfer(call: Call, *, allocation_id: str, transfer_account_id: str) -> Answer:
    """Offer an address to another account. A later offer takes the place of an earlier one."""
    if not _ACCOUNT.fullmatch(transfer_account_id) or transfer_account_id == call.account:
        raise errors.invalid_value(transfer_account_id, "transferAccountId")
    address = find_elastic_ip(call, allocation_id)
    made = AddressTransfer(
        account=call.account,
        region=call.region,
        allocation=address.id,
        ip=address.ip,
        to=transfer_account_id,
        expires=call.at + OFFERED_FOR,
    )
    return {"AddressTransfer": described_transfer(address_transfers.put(call.tx, made))}


@operation("ec2:DisableAddressTransfer", on=an_allocation)
def disable_address_transfer(call: Call, *, allocation_id: str) -> Answer:
    """Withdraw the offer of an address."""
    address = find_elastic_ip(call, allocation_id)
    found = address_transfers.get(call.tx, call.account, call.region, address.id)
    if found is None or not _stands(found, call.at):
        raise errors.invalid_value(allocation_id, "allocationId", "Its transfer is not enabled.")
    address_transfers.delete(call.tx, found)
    return {"AddressTransfer": described_transfer(found, withdrawn=True)}


@operation("ec2:AcceptAddressTransfer", on=a_new_address)
def accept_address_transfer(
    call: Call, *, address: str, tag_specifications: TagSpecifications = None
) -> Answer:
    """Take an address over that another account offers, with the tags of this request and none of its own.

    Raises AddressLimitExceeded, InvalidTransfer.AddressAssociated, InvalidTransfer.AddressCustomPtrSet.
    """
    tags = tags_for("elastic-ip", tag_specifications)
    held, offer = _offered(call, address)
    check_quota(call)
    if held.association:
        raise ApiError("InvalidTransfer.AddressAssociated", f"The address {address} is associated.")
    if held.pointer:
        raise ApiError(
            "InvalidTransfer.AddressCustomPtrSet", f"The address {address} has a reverse DNS name."
        )
    elastic_ips.delete(call.tx, held)
    id = call.ids.ec2("eipalloc")
    elastic_ips.put(
        call.tx, ElasticIp(account=call.account, region=call.region, id=id, ip=held.ip, tags=tags)
    )
    accepted = address_transfers.put(call.tx, replace(offer, accepted=call.at))
    return {"AddressTransfer": {**described_transfer(accepted), "AllocationId": id}}


@operation("ec2:DescribeAddressTransfers", on=all_resources)
def describe_address_transfers(
    call: Call,
    *,
    allocation_ids: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the account's offers that stand, and those that were accepted lately."""
    if allocation_ids and max_results is not None:
        raise errors.combination("allocationIds", "maxResults")
    wanted = frozenset(allocation_ids or ())
    shown = [
        transfer
        for transfer in address_transfers.scan(call.tx, call.account, call.region)
        if call.at < transfer.shown_until and (not wanted or transfer.allocation in wanted)
    ]
    for id in sorted(wanted.difference(transfer.allocation for transfer in shown)):
        # One that was not offered has no transfer; one that is not there is refused.
        find_elastic_ip(call, id)
    after, scope = page_start(call, None, max_results, next_token)
    left = items_after(shown, after, address_transfers.key)
    found, token = paginate(left, max_results, address_transfers.key, scope)
    return {"AddressTransfers": [described_transfer(transfer) for transfer in found], "NextToken": token}


def _stands(offer: AddressTransfer, now: datetime) -> bool:
    return offer.accepted is None and now < offer.expires


def _offered(call: Call, ip: str) -> tuple[ElasticIp, AddressTransfer]:
    """Return an address that is offered to the caller, and the offer. Raises InvalidAddress.NotFound."""
    for held in elastic_ips.where(call.tx, "ip", ip):
        offer = address_transfers.get(call.tx, held.account, held.region, held.id)
        if (
            offer is not None
            and (offer.to, offer.region) == (call.account, call.region)
            and _stands(offer, call.at)
        ):
            return held, offer
    raise errors.no_such_address(ip)
