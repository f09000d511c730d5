"""Elastic IP addresses (EC2 API reference, AllocateAddress to DisassociateAddress; texts: ec2.md 7.9)."""

from __future__ import annotations

import ipaddress

import pytest


@pytest.fixture
def gateway(ec2, vpc):
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


@pytest.fixture
def address(ec2):
    return ec2.allocate_address(Domain="vpc")["AllocationId"]


def shown(ec2, address):
    (found,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    return found


def interface_shown(ec2, interface):
    (found,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    return found


def test_an_address_is_allocated_described_and_released(ec2, refused):
    tags = [{"Key": "Name", "Value": "nat"}]
    made = ec2.allocate_address(TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])
    assert ("vpc", "amazon", "us-east-1") == (
        made["Domain"],
        made["PublicIpv4Pool"],
        made["NetworkBorderGroup"],
    )
    # No public address of here is one of the internet's (RFC 2544).
    assert ipaddress.ip_address(made["PublicIp"]) in ipaddress.ip_network("198.18.0.0/15")
    found = shown(ec2, made["AllocationId"])
    assert (made["PublicIp"], tags) == (found["PublicIp"], found["Tags"])
    assert "AssociationId" not in found
    assert [found] == ec2.describe_addresses(PublicIps=[made["PublicIp"]])["Addresses"]
    ec2.release_address(AllocationId=made["AllocationId"])
    with refused(
        "InvalidAllocationID.NotFound", f"The allocation ID '{made['AllocationId']}' does not exist"
    ):
        shown(ec2, made["AllocationId"])
    with refused("InvalidAddress.NotFound", f"Address '{made['PublicIp']}' not found."):
        ec2.describe_addresses(PublicIps=[made["PublicIp"]])


def test_no_two_accounts_have_one_address(understudy):
    """What is public is public for all accounts and Regions."""
    other = understudy.client("ec2", as_=understudy.account_administrator("111122223333"), region="eu-west-1")
    ips = [
        client.allocate_address()["PublicIp"]
        for client in (understudy.client("ec2"), other)
        for _ in range(40)
    ]
    assert len(ips) == len(set(ips))


def test_a_released_address_can_be_had_again(ec2, address, refused):
    ip = shown(ec2, address)["PublicIp"]
    with refused("InvalidIPAddress.InUse"):
        ec2.allocate_address(Address=ip)
    ec2.release_address(AllocationId=address)
    assert ip == ec2.allocate_address(Address=ip)["PublicIp"]
    with refused("InvalidAddress.NotFound"):
        ec2.allocate_address(Address="8.8.8.8")


def test_an_address_stands_for_an_interface(ec2, vpc, gateway, interface, address, understudy):
    association = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    found, there = shown(ec2, address), interface_shown(ec2, interface)
    assert (association, interface, understudy.account, there["PrivateIpAddress"]) == (
        found["AssociationId"],
        found["NetworkInterfaceId"],
        found["NetworkInterfaceOwnerId"],
        found["PrivateIpAddress"],
    )
    expected = {
        "AllocationId": address,
        "AssociationId": association,
        "IpOwnerId": understudy.account,
        "PublicDnsName": "",
        "PublicIp": found["PublicIp"],
    }
    assert expected == there["Association"] == there["PrivateIpAddresses"][0]["Association"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    name = f"ec2-{found['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
    assert name == interface_shown(ec2, interface)["Association"]["PublicDnsName"]
    for filter, value in (
        ("association.public-ip", found["PublicIp"]),
        ("association.allocation-id", address),
        ("association.association-id", association),
    ):
        filters = [{"Name": filter, "Values": [value]}]
        (same,) = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        assert interface == same["NetworkInterfaceId"]
    ec2.disassociate_address(AssociationId=association)
    assert "Association" not in interface_shown(ec2, interface)
    assert "AssociationId" not in shown(ec2, address)


def test_an_address_moves_unless_it_may_not(ec2, subnet, gateway, interface, address, refused):
    first = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    assert first == ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    other = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused(
        "Resource.AlreadyAssociated", f"resource {address} is already associated with associate-id {first}"
    ):
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=other, AllowReassociation=False)
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=other)
    assert "Association" not in interface_shown(ec2, interface)
    assert other == shown(ec2, address)["NetworkInterfaceId"]
    # One private address has one public address: the other is free again.
    second = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=second, NetworkInterfaceId=other)
    assert "AssociationId" not in shown(ec2, address)


def test_each_private_address_may_have_one(ec2, gateway, interface, address):
    (second,) = ec2.assign_private_ip_addresses(
        NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1
    )["AssignedPrivateIpAddresses"]
    ip = second["PrivateIpAddress"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface, PrivateIpAddress=ip)
    there = interface_shown(ec2, interface)
    assert "Association" not in there
    assert [False, True] == ["Association" in each for each in there["PrivateIpAddresses"]]
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[ip])
    assert "AssociationId" not in shown(ec2, address)


def test_what_an_address_holds_up(ec2, vpc, gateway, interface, address, refused):
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    ip = shown(ec2, address)["PublicIp"]
    with refused("InvalidIPAddress.InUse", f"Address {ip} is in use."):
        ec2.release_address(AllocationId=address)
    with refused(
        "DependencyViolation",
        f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
        "detaching the gateway.",
    ):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert "AssociationId" not in shown(ec2, address)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def test_a_network_without_a_gateway_has_no_public_addresses(ec2, vpc, interface, address, refused):
    with refused("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway"):
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)


def test_an_association_that_is_not_there(ec2, refused):
    missing = "eipassoc-0123456789abcdef0"
    with refused("InvalidAssociationID.NotFound", f"The association ID '{missing}' does not exist"):
        ec2.disassociate_address(AssociationId=missing)


def test_the_reverse_name_of_an_address(ec2, address):
    """API reference, ModifyAddressAttribute: the domain name is a reverse DNS record."""
    changed = ec2.modify_address_attribute(AllocationId=address, DomainName="mail.example.com")["Address"]
    assert "mail.example.com." == changed["PtrRecord"]
    asked = {"AllocationIds": [address], "Attribute": "domain-name"}
    assert [changed] == ec2.describe_addresses_attribute(**asked)["Addresses"]
    ec2.reset_address_attribute(AllocationId=address, Attribute="domain-name")
    (found,) = ec2.describe_addresses_attribute(**asked)["Addresses"]
    assert "PtrRecord" not in found


def test_filters_of_addresses(ec2, gateway, interface, address):
    ec2.allocate_address()
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    found = shown(ec2, address)
    for name, value in (
        ("allocation-id", address),
        ("association-id", found["AssociationId"]),
        ("network-interface-id", interface),
        ("private-ip-address", found["PrivateIpAddress"]),
        ("public-ip", found["PublicIp"]),
    ):
        answer = ec2.describe_addresses(Filters=[{"Name": name, "Values": [value]}])
        assert [found] == answer["Addresses"], name
