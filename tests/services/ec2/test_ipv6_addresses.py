"""IPv6 addresses and prefixes of network interfaces (network-interfaces.md 9.1)."""

from __future__ import annotations

import ipaddress

import pytest


def show(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


def held(shown):
    return [each["Ipv6Address"] for each in shown["Ipv6Addresses"]]


@pytest.fixture
def network(ec2):
    """A VPC with an IPv6 block of Amazon's."""
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    return ec2.describe_vpcs(VpcIds=[made])["Vpcs"][0]


@pytest.fixture
def block(network):
    whole = ipaddress.IPv6Network(network["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    return next(whole.subnets(new_prefix=64))


@pytest.fixture
def dual(ec2, network, block):
    made = ec2.create_subnet(VpcId=network["VpcId"], CidrBlock="10.0.1.0/24", Ipv6CidrBlock=str(block))
    return made["Subnet"]["SubnetId"]


@pytest.fixture
def native(ec2, network, block):
    made = ec2.create_subnet(VpcId=network["VpcId"], Ipv6CidrBlock=str(block), Ipv6Native=True)
    return made["Subnet"]["SubnetId"]


@pytest.fixture
def six(ec2, dual):
    return ec2.create_network_interface(SubnetId=dual)["NetworkInterface"]["NetworkInterfaceId"]


def test_addresses_are_named_or_counted_at_creation(ec2, dual, block):
    named = ec2.create_network_interface(
        SubnetId=dual,
        Ipv6Addresses=[{"Ipv6Address": str(block[0x10]).upper()}, {"Ipv6Address": str(block[9])}],
    )["NetworkInterface"]
    assert [str(block[0x10]), str(block[9])] == held(named)
    assert str(block[0x10]) == named["Ipv6Address"]
    counted = ec2.create_network_interface(SubnetId=dual, Ipv6AddressCount=3)["NetworkInterface"]
    assert 3 == len(set(held(counted)))
    assert all(ipaddress.IPv6Address(ip) in block for ip in held(counted))
    assert [False] * 3 == [each["IsPrimaryIpv6"] for each in counted["Ipv6Addresses"]]
    assert "Ipv6Native" not in counted


def test_a_subnet_gives_one_when_it_says_so_and_a_count_of_none_overrides_it(ec2, dual):
    plain = ec2.create_network_interface(SubnetId=dual)["NetworkInterface"]
    assert [] == held(plain)
    ec2.modify_subnet_attribute(SubnetId=dual, AssignIpv6AddressOnCreation={"Value": True})
    assert 1 == len(held(ec2.create_network_interface(SubnetId=dual)["NetworkInterface"]))
    none = ec2.create_network_interface(SubnetId=dual, Ipv6AddressCount=0)["NetworkInterface"]
    assert [] == held(none)


def test_an_interface_in_a_subnet_for_ipv6_alone_has_no_ipv4(ec2, native, refused):
    made = ec2.create_network_interface(SubnetId=native)["NetworkInterface"]
    assert 1 == len(held(made))
    assert ([], True) == (made["PrivateIpAddresses"], made["Ipv6Native"])
    assert "PrivateIpAddress" not in made
    assert made["NetworkInterfaceId"] == show(ec2, made["NetworkInterfaceId"])["NetworkInterfaceId"]
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.assign_private_ip_addresses(
            NetworkInterfaceId=made["NetworkInterfaceId"], SecondaryPrivateIpAddressCount=1
        )
    with refused("InvalidParameterValue", "Address does not fall within the subnet's address range"):
        ec2.create_network_interface(SubnetId=native, PrivateIpAddress="10.0.1.9")


def test_they_come_and_go(ec2, six, block, refused):
    new = ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6AddressCount=2)
    assert (six, 2) == (new["NetworkInterfaceId"], len(new["AssignedIpv6Addresses"]))
    named = str(block[77])
    assert [named] == ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[named])[
        "AssignedIpv6Addresses"
    ]
    assert [*new["AssignedIpv6Addresses"], named] == held(show(ec2, six))
    gone = ec2.unassign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[named])
    assert [named] == gone["UnassignedIpv6Addresses"]
    assert new["AssignedIpv6Addresses"] == held(show(ec2, six))
    with refused(
        "InvalidParameterValue", f"Some of the specified addresses are not assigned to interface {six}"
    ):
        ec2.unassign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[named])


def test_one_belongs_to_one_interface(ec2, dual, six, block, refused):
    ip = str(block[100])
    other = ec2.create_network_interface(SubnetId=dual, Ipv6Addresses=[{"Ipv6Address": ip}])[
        "NetworkInterface"
    ]["NetworkInterfaceId"]
    with refused("InvalidIPAddress.InUse", "The specified address is already in use."):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[ip])
    ec2.delete_network_interface(NetworkInterfaceId=other)
    ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[ip])


@pytest.mark.parametrize("place", [0, 3, -1])
def test_awss_own_are_refused(ec2, six, block, refused, place):
    with refused("InvalidParameterValue", "Address is in subnet's reserved address range"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[str(block[place])])


def test_one_outside_or_none_is_refused(ec2, six, refused):
    with refused("InvalidParameterValue", "Address does not fall within the subnet's address range"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=["2001:db9::9"])
    with refused("InvalidParameterValue", "invalid value for parameter address: 10.0.1.9"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=["10.0.1.9"])
    with refused("MissingParameter"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six)
    with refused("MissingParameter"):
        ec2.unassign_ipv6_addresses(NetworkInterfaceId=six)
    with refused("PrivateIpAddressLimitExceeded"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6AddressCount=65)


def test_a_subnet_without_ipv6_has_none_to_give(ec2, subnet, interface, refused):
    text = f"The subnet '{subnet}' has no IPv6 CIDR block."
    with refused("InvalidParameterValue", text):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=interface, Ipv6AddressCount=1)
    with refused("InvalidParameterValue", text):
        ec2.create_network_interface(SubnetId=subnet, Ipv6AddressCount=1)


def test_prefixes_come_and_go_and_keep_what_is_in_them(ec2, dual, six, block, refused):
    drawn = ec2.create_network_interface(SubnetId=dual, Ipv6PrefixCount=2)["NetworkInterface"]
    prefixes = [ipaddress.IPv6Network(each["Ipv6Prefix"]) for each in drawn["Ipv6Prefixes"]]
    assert 2 == len(set(prefixes))
    assert all(each.prefixlen == 80 and each.subnet_of(block) for each in prefixes)
    with refused("InvalidIPAddress.InUse"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[str(prefixes[0][50])])
    free = str(list(block.subnets(new_prefix=80))[5])
    ip = str(ipaddress.IPv6Network(free)[3])
    ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[ip])
    with refused("InvalidIPAddress.InUse"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Prefixes=[free])
    ec2.unassign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=[ip])
    answer = ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Prefixes=[free])
    assert [free] == answer["AssignedIpv6Prefixes"]
    assert [{"Ipv6Prefix": free}] == show(ec2, six)["Ipv6Prefixes"]
    gone = ec2.unassign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Prefixes=[free])
    assert [free] == gone["UnassignedIpv6Prefixes"]
    assert "Ipv6Prefixes" not in show(ec2, six)


def test_a_prefix_that_cannot_be_is_refused(ec2, six, block, refused):
    parts = list(block.subnets(new_prefix=80))
    for prefix in (parts[0], parts[-1]):
        with refused("InvalidParameterValue", "Address is in subnet's reserved address range"):
            ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Prefixes=[str(prefix)])
    with refused("InvalidParameterValue"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Prefixes=[str(block)])


def test_the_primary_address_stays(ec2, dual, refused):
    """API reference, EnablePrimaryIpv6: once enabled, it cannot be disabled."""
    made = ec2.create_network_interface(SubnetId=dual, Ipv6AddressCount=2, EnablePrimaryIpv6=True)[
        "NetworkInterface"
    ]
    id = made["NetworkInterfaceId"]
    assert [True, False] == [each["IsPrimaryIpv6"] for each in made["Ipv6Addresses"]]
    with refused("InvalidParameterValue"):
        ec2.unassign_ipv6_addresses(NetworkInterfaceId=id, Ipv6Addresses=held(made)[:1])
    with refused("InvalidParameterValue"):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=id, EnablePrimaryIpv6=False)
    ec2.unassign_ipv6_addresses(NetworkInterfaceId=id, Ipv6Addresses=held(made)[1:])


def test_one_becomes_the_primary_address_later(ec2, six):
    ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6AddressCount=1)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=six, EnablePrimaryIpv6=True)
    assert [True] == [each["IsPrimaryIpv6"] for each in show(ec2, six)["Ipv6Addresses"]]


def test_an_interface_is_found_by_its_address(ec2, dual, six):
    made = ec2.create_network_interface(SubnetId=dual, Ipv6AddressCount=1)["NetworkInterface"]
    filters = [{"Name": "ipv6-addresses.ipv6-address", "Values": held(made)}]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert [made["NetworkInterfaceId"]] == [each["NetworkInterfaceId"] for each in found]


def test_what_interfaces_hold_keeps_the_block_of_their_subnet(ec2, dual, six, refused):
    """VPC user guide, "Disassociate an IPv6 CIDR block": addresses are unassigned first."""
    (subnet,) = ec2.describe_subnets(SubnetIds=[dual])["Subnets"]
    association = subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    new = ec2.assign_ipv6_addresses(NetworkInterfaceId=six, Ipv6AddressCount=1)
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_subnet_cidr_block(AssociationId=association)
    ec2.unassign_ipv6_addresses(NetworkInterfaceId=six, Ipv6Addresses=new["AssignedIpv6Addresses"])
    ec2.disassociate_subnet_cidr_block(AssociationId=association)


def test_a_reservation_for_prefixes_gives_them_and_no_addresses(ec2, dual, block):
    """VPC user guide, "Subnet CIDR reservations" (vpcs.md 8.4)."""
    kept = list(block.subnets(new_prefix=79))[7]
    ec2.create_subnet_cidr_reservation(SubnetId=dual, Cidr=str(kept), ReservationType="prefix")
    made = [
        ec2.create_network_interface(SubnetId=dual, Ipv6PrefixCount=1)["NetworkInterface"] for _ in range(3)
    ]
    given = [ipaddress.IPv6Network(each["Ipv6Prefixes"][0]["Ipv6Prefix"]) for each in made]
    assert set(kept.subnets(new_prefix=80)) == set(given[:2])
    assert not given[2].overlaps(kept)
    half = next(block.subnets(new_prefix=65))
    ec2.create_subnet_cidr_reservation(
        SubnetId=dual, Cidr=str(list(block.subnets(new_prefix=65))[1]), ReservationType="explicit"
    )
    drawn = ec2.create_network_interface(SubnetId=dual, Ipv6AddressCount=20)["NetworkInterface"]
    assert all(ipaddress.IPv6Address(ip) in half for ip in held(drawn))
