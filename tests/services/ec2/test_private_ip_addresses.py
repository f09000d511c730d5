"""Secondary private addresses and IPv4 prefixes of network interfaces (ec2.md 7.3, network-interfaces.md 9.1)."""

from __future__ import annotations

import pytest


def show(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


class TestSecondaryAddresses:
    def test_they_come_and_go(self, ec2, interface):
        answer = ec2.assign_private_ip_addresses(
            NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=2
        )
        new = [each["PrivateIpAddress"] for each in answer["AssignedPrivateIpAddresses"]]
        held = [each["PrivateIpAddress"] for each in show(ec2, interface)["PrivateIpAddresses"]]
        assert new == held[1:]
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=new)
        assert 1 == len(show(ec2, interface)["PrivateIpAddresses"])

    def test_the_primary_address_stays(self, ec2, interface, refused):
        ip = show(ec2, interface)["PrivateIpAddress"]
        with refused(
            "InvalidParameterValue",
            f"Value ({ip}) for parameter privateIpAddress is invalid. "
            "The primary IP address of an interface cannot be unassigned.",
        ):
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[ip])

    def test_foreign_addresses_are_refused(self, ec2, interface, refused):
        with refused(
            "InvalidParameterValue",
            f"Some of the specified addresses are not assigned to interface {interface}",
        ):
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.1.250"])

    def test_naming_none_is_refused(self, ec2, interface, refused):
        with refused("MissingParameter", "One of privateIpAddresses or ipv4Prefixes must be specified."):
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface)

    def test_fewer_than_none_are_refused(self, ec2, interface, refused):
        with refused("InvalidParameterValue"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=-1)

    def test_an_interface_has_a_limit(self, ec2, interface, refused):
        with refused("PrivateIpAddressLimitExceeded"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=64)

    def test_one_of_another_interface_moves_with_its_elastic_ip_if_it_may(
        self, ec2, vpc, subnet, interface, refused
    ):
        """API reference, AssignPrivateIpAddresses, AllowReassignment."""
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        other = ec2.create_network_interface(
            SubnetId=subnet, PrivateIpAddress="10.0.1.20", SecondaryPrivateIpAddressCount=1
        )["NetworkInterface"]
        ip = other["PrivateIpAddresses"][1]["PrivateIpAddress"]
        allocation = ec2.allocate_address()["AllocationId"]
        ec2.associate_address(
            AllocationId=allocation, NetworkInterfaceId=other["NetworkInterfaceId"], PrivateIpAddress=ip
        )
        with refused("InvalidIPAddress.InUse"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[ip])
        with refused("InvalidIPAddress.InUse"):
            ec2.assign_private_ip_addresses(
                NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.1.20"], AllowReassignment=True
            )
        ec2.assign_private_ip_addresses(
            NetworkInterfaceId=interface, PrivateIpAddresses=[ip], AllowReassignment=True
        )
        assert 1 == len(show(ec2, other["NetworkInterfaceId"])["PrivateIpAddresses"])
        assert allocation == show(ec2, interface)["PrivateIpAddresses"][1]["Association"]["AllocationId"]
        (address,) = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
        assert (interface, ip) == (address["NetworkInterfaceId"], address["PrivateIpAddress"])
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[ip])
        (address,) = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
        assert "AssociationId" not in address


class TestPrefixes:
    def free(self, ec2, subnet):
        return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]

    def test_they_come_at_creation_and_later_and_go(self, ec2, subnet):
        made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.16", Ipv4PrefixCount=1)[
            "NetworkInterface"
        ]
        id = made["NetworkInterfaceId"]
        assert 251 - 17 == self.free(ec2, subnet)
        # The first one may be anywhere.
        second = {"10.0.1.208/28", "10.0.1.224/28"} - {each["Ipv4Prefix"] for each in made["Ipv4Prefixes"]}
        answer = ec2.assign_private_ip_addresses(NetworkInterfaceId=id, Ipv4Prefixes=[max(second)])
        assert [{"Ipv4Prefix": max(second)}] == answer["AssignedIpv4Prefixes"]
        held = show(ec2, id)["Ipv4Prefixes"]
        assert [*made["Ipv4Prefixes"], {"Ipv4Prefix": max(second)}] == held
        ec2.unassign_private_ip_addresses(
            NetworkInterfaceId=id, Ipv4Prefixes=[each["Ipv4Prefix"] for each in held]
        )
        assert "Ipv4Prefixes" not in show(ec2, id)
        assert 250 == self.free(ec2, subnet)

    def test_what_is_in_a_prefix_is_nobody_elses(self, ec2, subnet, interface, refused):
        ec2.create_network_interface(SubnetId=subnet, Ipv4Prefixes=[{"Ipv4Prefix": "10.0.1.32/28"}])
        with refused("InvalidIPAddress.InUse"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.1.40"])
        with refused("InvalidIPAddress.InUse"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4Prefixes=["10.0.1.32/28"])

    def test_addresses_in_the_way_refuse_one(self, ec2, subnet, interface, refused):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["10.0.1.101"])
        with refused("InvalidIPAddress.InUse"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4Prefixes=["10.0.1.96/28"])

    @pytest.mark.parametrize(
        ("prefix", "text"),
        [
            ("10.0.1.0/28", "Address is in subnet's reserved address range"),
            ("10.0.1.240/28", "Address is in subnet's reserved address range"),
            ("10.0.2.16/28", "Address does not fall within the subnet's address range"),
            (
                "10.0.1.32/27",
                "Value (10.0.1.32/27) for parameter ipv4Prefix is invalid. A prefix has the length /28.",
            ),
        ],
    )
    def test_one_that_cannot_be_is_refused(self, ec2, interface, refused, prefix, text):
        with refused("InvalidParameterValue", text):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4Prefixes=[prefix])

    def test_a_subnet_runs_out_of_them_in_two_ways(self, ec2, vpc, refused):
        """Reference network-interfaces.md 9.1: too few addresses, or enough that do not lie together."""
        small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.3.0/26")["Subnet"]["SubnetId"]
        first = ec2.create_network_interface(
            SubnetId=small, PrivateIpAddress="10.0.3.20", Ipv4Prefixes=[{"Ipv4Prefix": "10.0.3.32/28"}]
        )["NetworkInterface"]["NetworkInterfaceId"]
        with refused(
            "InsufficientCidrBlocks",
            "The specified subnet does not have enough free cidr blocks to satisfy the request.",
        ):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=first, Ipv4PrefixCount=1)
        with refused("InvalidParameterValue", "There aren't sufficient free Ipv4 addresses or prefixes"):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=first, Ipv4PrefixCount=4)
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=first, Ipv4Prefixes=["10.0.3.32/28"])
        again = ec2.assign_private_ip_addresses(NetworkInterfaceId=first, Ipv4PrefixCount=1)
        assert [{"Ipv4Prefix": "10.0.3.32/28"}] == again["AssignedIpv4Prefixes"]

    def test_one_that_is_not_there_is_refused(self, ec2, interface, refused):
        with refused(
            "InvalidParameterValue",
            f"Some of the specified addresses are not assigned to interface {interface}",
        ):
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4Prefixes=["10.0.1.32/28"])

    def test_they_count_against_the_limit(self, ec2, interface, refused):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4PrefixCount=3)
        with refused("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit."):
            ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=61)

    def test_a_reservation_for_prefixes_gives_them_first(self, ec2, subnet):
        """VPC user guide, "Subnet CIDR reservations" (vpcs.md 8.4)."""
        ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.0.1.192/27", ReservationType="prefix")
        ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.0.1.128/26", ReservationType="explicit")
        given = [
            ec2.create_network_interface(SubnetId=subnet, Ipv4PrefixCount=1)["NetworkInterface"][
                "Ipv4Prefixes"
            ]
            for _ in range(4)
        ]
        texts = [prefix["Ipv4Prefix"] for (prefix,) in given]
        assert {"10.0.1.192/28", "10.0.1.208/28"} == set(texts[:2])
        assert not {f"10.0.1.{begin}/28" for begin in range(128, 192, 16)} & set(texts)
