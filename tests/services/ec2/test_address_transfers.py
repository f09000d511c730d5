"""Elastic IP addresses handed from one account to another (network-interfaces.md 9.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

OTHER = "111122223333"
DAY = 24 * 3600


@pytest.fixture
def other(understudy):
    return understudy.client("ec2", as_=understudy.account_administrator(OTHER))


@pytest.fixture
def address(ec2):
    return ec2.allocate_address()


@pytest.fixture
def offer(ec2, address):
    return ec2.enable_address_transfer(AllocationId=address["AllocationId"], TransferAccountId=OTHER)[
        "AddressTransfer"
    ]


def transfers(ec2, **params):
    return ec2.describe_address_transfers(**params)["AddressTransfers"]


def test_an_address_changes_hands(understudy, ec2, other, address, offer):
    assert {
        "PublicIp": address["PublicIp"],
        "AllocationId": address["AllocationId"],
        "TransferAccountId": OTHER,
        "TransferOfferExpirationTimestamp": offer["TransferOfferExpirationTimestamp"],
        "AddressTransferStatus": "pending",
    } == offer
    days = offer["TransferOfferExpirationTimestamp"] - understudy.clock.now()
    assert timedelta(days=7) - timedelta(minutes=1) < days <= timedelta(days=7)
    assert [offer] == transfers(ec2)
    tags = [{"Key": "from", "Value": "them"}]
    taken = other.accept_address_transfer(
        Address=address["PublicIp"],
        TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}],
    )["AddressTransfer"]
    assert "accepted" == taken["AddressTransferStatus"]
    (held,) = other.describe_addresses()["Addresses"]
    assert (address["PublicIp"], taken["AllocationId"], tags) == (
        held["PublicIp"],
        held["AllocationId"],
        held["Tags"],
    )
    assert [] == ec2.describe_addresses()["Addresses"]
    (shown,) = transfers(ec2, AllocationIds=[address["AllocationId"]])
    assert ("accepted", address["AllocationId"]) == (shown["AddressTransferStatus"], shown["AllocationId"])
    understudy.clock.advance(14 * DAY)
    assert [] == transfers(ec2)


def test_what_was_not_offered_cannot_be_taken(understudy, ec2, other, address, refused):
    def take():
        other.accept_address_transfer(Address=address["PublicIp"])

    with refused("InvalidAddress.NotFound"):
        take()
    ec2.enable_address_transfer(AllocationId=address["AllocationId"], TransferAccountId="222222222222")
    with refused("InvalidAddress.NotFound"):
        take()
    ec2.enable_address_transfer(AllocationId=address["AllocationId"], TransferAccountId=OTHER)
    understudy.clock.advance(7 * DAY)
    with refused("InvalidAddress.NotFound"):
        take()
    assert [] == transfers(ec2)


def test_an_offer_is_withdrawn(ec2, other, address, offer, refused):
    gone = ec2.disable_address_transfer(AllocationId=address["AllocationId"])["AddressTransfer"]
    assert "disabled" == gone["AddressTransferStatus"]
    with refused("InvalidAddress.NotFound"):
        other.accept_address_transfer(Address=address["PublicIp"])
    with refused("InvalidParameterValue"):
        ec2.disable_address_transfer(AllocationId=address["AllocationId"])
    assert [] == transfers(ec2, AllocationIds=[address["AllocationId"]])


def test_a_released_address_is_offered_no_more(ec2, address, offer, refused):
    ec2.release_address(AllocationId=address["AllocationId"])
    assert [] == transfers(ec2)
    with refused("InvalidAllocationID.NotFound"):
        transfers(ec2, AllocationIds=[address["AllocationId"]])


def test_what_is_in_use_is_not_taken(ec2, other, vpc, interface, address, offer, refused):
    """VPC user guide, "Transfer Elastic IP addresses"."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    with refused("InvalidTransfer.AddressAssociated"):
        other.accept_address_transfer(Address=address["PublicIp"])
    ec2.disassociate_address(PublicIp=address["PublicIp"])
    ec2.modify_address_attribute(AllocationId=address["AllocationId"], DomainName="a.test")
    with refused("InvalidTransfer.AddressCustomPtrSet"):
        other.accept_address_transfer(Address=address["PublicIp"])
    ec2.reset_address_attribute(AllocationId=address["AllocationId"], Attribute="domain-name")
    other.accept_address_transfer(Address=address["PublicIp"])


@pytest.mark.parametrize("account", ["000000000000", "1", "them"])
def test_an_address_goes_to_another_account(ec2, address, refused, account):
    with refused("InvalidParameterValue"):
        ec2.enable_address_transfer(AllocationId=address["AllocationId"], TransferAccountId=account)


def test_pages(ec2, refused):
    for _ in range(6):
        allocation = ec2.allocate_address()["AllocationId"]
        ec2.enable_address_transfer(AllocationId=allocation, TransferAccountId=OTHER)
    first = ec2.describe_address_transfers(MaxResults=5)
    second = ec2.describe_address_transfers(MaxResults=5, NextToken=first["NextToken"])
    shown = [each["AllocationId"] for each in first["AddressTransfers"] + second["AddressTransfers"]]
    assert (6, sorted(shown)) == (len(set(shown)), shown)
    with refused("InvalidParameterCombination"):
        ec2.describe_address_transfers(MaxResults=5, AllocationIds=shown[:1])
