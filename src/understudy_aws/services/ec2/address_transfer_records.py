"""Transfers of Elastic IP addresses to other accounts: the record, and how it is described."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.tables import Record, Table

# How long an offer stands, and how long one that was accepted is shown (VPC user guide, "Transfer Elastic IP
# addresses").
OFFERED_FOR = timedelta(days=7)
SHOWN_FOR = timedelta(days=14)


class AddressTransfer(Record, frozen=True, kw_only=True):
    """An offer of `account` to hand an address, known there as `allocation`, to the account `to`."""

    account: str
    region: str
    allocation: str
    ip: str
    to: str
    expires: datetime
    accepted: datetime | None = None

    @property
    def shown_until(self) -> datetime:
        """When the transfer is described no more."""
        return self.expires if self.accepted is None else self.accepted + SHOWN_FOR


address_transfers = Table(
    "ec2/address-transfer",
    AddressTransfer,
    key=lambda transfer: (transfer.account, transfer.region, transfer.allocation),
    ordered={"shown_until": lambda transfer: transfer.shown_until},
)

ended_address_transfers = Expiry(
    "ended address transfers", address_transfers, "shown_until", kept_for=timedelta()
)


def described_transfer(transfer: AddressTransfer, *, withdrawn: bool = False) -> dict[str, Any]:
    """Return a transfer as answers describe it."""
    shown: dict[str, Any] = {
        "PublicIp": transfer.ip,
        "AllocationId": transfer.allocation,
        "TransferAccountId": transfer.to,
    }
    if withdrawn:
        return {**shown, "AddressTransferStatus": "disabled"}
    shown["TransferOfferExpirationTimestamp"] = transfer.expires
    if transfer.accepted is None:
        return {**shown, "AddressTransferStatus": "pending"}
    shown["TransferOfferAcceptedTimestamp"] = transfer.accepted
    return {**shown, "AddressTransferStatus": "accepted"}
