"""Reservations of parts of a subnet (vpcs.md 8.4)."""

from __future__ import annotations

import pytest


def reserve(ec2, subnet, block, type="explicit", **params):
    made = ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr=block, ReservationType=type, **params)
    return made["SubnetCidrReservation"]


def test_a_reservation_is_made_described_and_deleted(ec2, subnet, subnet_of):
    tags = [{"Key": "team", "Value": "a"}]
    made = reserve(
        ec2, subnet, "10.0.1.17/28", Description="for printers",
        TagSpecifications=[{"ResourceType": "subnet-cidr-reservation", "Tags": tags}],
    )  # fmt: skip
    assert made["SubnetCidrReservationId"].startswith("scr-")
    assert (subnet, "10.0.1.16/28", "explicit", "for printers", tags, "000000000000") == (
        made["SubnetId"],
        made["Cidr"],
        made["ReservationType"],
        made["Description"],
        made["Tags"],
        made["OwnerId"],
    )
    found = ec2.get_subnet_cidr_reservations(SubnetId=subnet)
    assert ([made], []) == (found["SubnetIpv4CidrReservations"], found["SubnetIpv6CidrReservations"])
    gone = ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made["SubnetCidrReservationId"])
    assert made == gone["DeletedSubnetCidrReservation"]
    assert [] == ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]


def test_ipv6_is_reserved_too(ec2, dual):
    id, block = dual
    own = next(block.subnets(new_prefix=64))
    made = ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=str(own))["Subnet"]["SubnetId"]
    wanted = str(next(own.subnets(new_prefix=80)))
    reserve(ec2, made, wanted, "prefix")
    found = ec2.get_subnet_cidr_reservations(SubnetId=made)
    assert [] == found["SubnetIpv4CidrReservations"]
    assert [wanted] == [each["Cidr"] for each in found["SubnetIpv6CidrReservations"]]


def test_no_address_is_chosen_from_it(ec2, vpc, refused):
    """What is reserved is given out by name alone."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/27")["Subnet"]["SubnetId"]
    reserve(ec2, subnet, "10.0.2.16/28")
    for _ in range(12):
        ip = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]
        assert int(ip.rpartition(".")[2]) < 16
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.create_network_interface(SubnetId=subnet)
    named = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.2.20")["NetworkInterface"]
    assert "10.0.2.20" == named["PrivateIpAddress"]


def test_deleted_it_is_chosen_from_again(ec2, vpc, refused):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/28")["Subnet"]["SubnetId"]
    made = reserve(ec2, subnet, "10.0.2.0/28")
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.create_network_interface(SubnetId=subnet)
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made["SubnetCidrReservationId"])
    ec2.create_network_interface(SubnetId=subnet)


@pytest.mark.parametrize(("type", "free"), [("explicit", 251), ("prefix", 235)])
def test_what_is_kept_for_prefixes_is_not_free(ec2, subnet, subnet_of, type, free):
    reserve(ec2, subnet, "10.0.1.16/28", type)
    assert free == subnet_of(subnet)["AvailableIpAddressCount"]


def test_addresses_in_use_and_awss_own_count_once(ec2, subnet, subnet_of):
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.9")
    assert 250 == subnet_of(subnet)["AvailableIpAddressCount"]
    made = reserve(ec2, subnet, "10.0.1.0/28", "prefix")
    # Of the sixteen, four are AWS's own and one is in use.
    assert 250 - 11 == subnet_of(subnet)["AvailableIpAddressCount"]
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made["SubnetCidrReservationId"])
    assert 250 == subnet_of(subnet)["AvailableIpAddressCount"]


def test_what_cannot_be_reserved(ec2, subnet, refused):
    reserve(ec2, subnet, "10.0.1.16/28")
    for block in (
        "10.0.1.16/28",
        "10.0.1.0/24",
        "10.0.1.20/32",
        "10.0.2.0/28",
        "2001:db8::/80",
        "10.0.0.0/16",
    ):
        with refused("InvalidParameterValue"):
            reserve(ec2, subnet, block)
    with refused("InvalidParameterValue"):
        reserve(ec2, subnet, "10.0.1.64/28", "other")
    with refused(
        "InvalidParameterValue", "Value (x) for parameter cidr is invalid. This is not a valid CIDR block."
    ):
        reserve(ec2, subnet, "x")


def test_filters_and_pages(ec2, subnet, refused):
    ids = sorted(
        reserve(ec2, subnet, f"10.0.1.{16 * number}/28", ("prefix", "explicit")[number % 2])[
            "SubnetCidrReservationId"
        ]
        for number in range(1, 8)
    )
    get = ec2.get_subnet_cidr_reservations
    found = get(SubnetId=subnet, Filters=[{"Name": "reservationType", "Values": ["prefix"]}])
    assert 3 == len(found["SubnetIpv4CidrReservations"])
    first = get(SubnetId=subnet, MaxResults=5)
    second = get(SubnetId=subnet, MaxResults=5, NextToken=first["NextToken"])
    pages = first["SubnetIpv4CidrReservations"] + second["SubnetIpv4CidrReservations"]
    assert ids == [each["SubnetCidrReservationId"] for each in pages]
    with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
        get(SubnetId=subnet, Filters=[{"Name": "colour", "Values": ["red"]}])


def test_one_that_is_not_there(ec2, refused):
    text = "The subnet CIDR reservation ID 'scr-0123456789abcdef0' does not exist"
    with refused("InvalidSubnetCidrReservationID.NotFound", text):
        ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId="scr-0123456789abcdef0")


def test_it_goes_with_its_subnet_and_is_tagged_like_others(ec2, subnet, refused):
    id = reserve(ec2, subnet, "10.0.1.16/28")["SubnetCidrReservationId"]
    ec2.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "b"}])
    (row,) = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]
    assert ("subnet-cidr-reservation", "a") == (row["ResourceType"], row["Key"])
    ec2.delete_subnet(SubnetId=subnet)
    with refused("InvalidSubnetCidrReservationID.NotFound"):
        ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)
