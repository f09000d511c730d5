"""Network interfaces made and changed (ec2.md 7.3, 7.4)."""

from __future__ import annotations

import pytest


def show(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


class TestCreateNetworkInterface:
    def test_the_answer_is_as_recorded(self, ec2, understudy, vpc, subnet, group):
        made = ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description="mine")[
            "NetworkInterface"
        ]
        mac = made.pop("MacAddress")
        first = int(mac[:2], 16)
        assert (0b10, 6) == (first & 0b11, len(mac.split(":")))
        assert made.pop("NetworkInterfaceId").startswith("eni-0")
        assert made.pop("RequesterId").startswith("AIDA")
        ip = made.pop("PrivateIpAddress")
        assert {
            "SubnetId": subnet,
            "VpcId": vpc,
            "AvailabilityZone": "us-east-1a",
            "AvailabilityZoneId": "use1-az1",
            "Description": "mine",
            "OwnerId": understudy.account,
            "RequesterManaged": False,
            "Status": "pending",
            "SourceDestCheck": True,
            "Groups": [{"GroupId": group, "GroupName": "web"}],
            "TagSet": [],
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": ip}],
            "Ipv6Addresses": [],
            "InterfaceType": "interface",
            "Operator": {"Managed": False},
        } == made

    def test_it_is_available_once_it_is_described(self, ec2, interface):
        assert "available" == show(ec2, interface)["Status"]

    def test_without_groups_it_gets_the_vpcs_default_one(self, ec2, subnet):
        made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        assert ["default"] == [group["GroupName"] for group in made["Groups"]]

    def test_addresses_are_named_counted_or_drawn(self, ec2, subnet):
        named = ec2.create_network_interface(
            SubnetId=subnet,
            PrivateIpAddresses=[
                {"PrivateIpAddress": "10.0.1.20"},
                {"PrivateIpAddress": "10.0.1.10", "Primary": True},
            ],
        )["NetworkInterface"]
        assert "10.0.1.10" == named["PrivateIpAddress"]
        assert ["10.0.1.10", "10.0.1.20"] == [
            each["PrivateIpAddress"] for each in named["PrivateIpAddresses"]
        ]
        counted = ec2.create_network_interface(
            SubnetId=subnet, PrivateIpAddress="10.0.1.4", SecondaryPrivateIpAddressCount=2
        )["NetworkInterface"]
        assert [True, False, False] == [each["Primary"] for each in counted["PrivateIpAddresses"]]

    def test_an_address_in_use_is_refused(self, ec2, subnet, refused):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.4")
        with refused("InvalidIPAddress.InUse", "The specified address is already in use."):
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.4")

    @pytest.mark.parametrize("ip", ["10.0.1.0", "10.0.1.3", "10.0.1.255"])
    def test_awss_own_addresses_are_refused(self, ec2, subnet, refused, ip):
        with refused("InvalidParameterValue", "Address is in subnet's reserved address range"):
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=ip)

    def test_an_address_outside_is_refused(self, ec2, subnet, refused):
        with refused("InvalidParameterValue", "Address does not fall within the subnet's address range"):
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.2.4")

    def test_a_group_of_another_vpc_is_refused(self, ec2, subnet, refused):
        other = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        foreign = ec2.create_security_group(VpcId=other, GroupName="x", Description="x")["GroupId"]
        with refused(
            "InvalidParameterValue",
            f"Security group {foreign} and subnet {subnet} belong to different networks.",
        ):
            ec2.create_network_interface(SubnetId=subnet, Groups=[foreign])

    def test_five_groups_are_the_limit(self, ec2, vpc, subnet, refused):
        groups = [
            ec2.create_security_group(VpcId=vpc, GroupName=f"g{number}", Description="x")["GroupId"]
            for number in range(6)
        ]
        ec2.create_network_interface(SubnetId=subnet, Groups=groups[:5])
        with refused("SecurityGroupsPerInterfaceLimitExceeded"):
            ec2.create_network_interface(SubnetId=subnet, Groups=groups)

    def test_a_full_subnet_is_full_and_every_address_was_used(self, ec2, vpc, refused):
        small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/28")["Subnet"]["SubnetId"]
        given = {
            ec2.create_network_interface(SubnetId=small)["NetworkInterface"]["PrivateIpAddress"]
            for _ in range(11)
        }
        assert {f"10.0.2.{host}" for host in range(4, 15)} == given
        with refused(
            "InsufficientFreeAddressesInSubnet",
            "The specified subnet does not have enough free addresses to satisfy the request.",
        ):
            ec2.create_network_interface(SubnetId=small)

    def test_a_description_keeps_to_its_characters(self, ec2, subnet, refused):
        with refused("InvalidParameterValue"):
            ec2.create_network_interface(SubnetId=subnet, Description="<b>")

    def test_what_is_not_honoured_is_refused_by_name(self, ec2, subnet, refused):
        with refused(
            "UnsupportedOperation", "Understudy does not support the parameter Ipv6AddressCount yet."
        ):
            ec2.create_network_interface(SubnetId=subnet, Ipv6AddressCount=1)

    @pytest.mark.parametrize("named", [{}, {"PrivateIpAddress": "10.0.1.4"}])
    def test_fewer_addresses_than_none_are_refused(self, ec2, subnet, refused, named):
        with refused("InvalidParameterValue"):
            ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=-1, **named)

    def test_an_unknown_subnet_is_not_found(self, ec2, refused):
        with refused("InvalidSubnetID.NotFound"):
            ec2.create_network_interface(SubnetId="subnet-0123456789abcdef0")


class TestModifyNetworkInterfaceAttribute:
    def test_description_check_and_groups(self, ec2, interface, vpc):
        other = ec2.create_security_group(VpcId=vpc, GroupName="other", Description="x")["GroupId"]

        def change(**what):
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, **what)

        change(Description={"Value": "new"})
        change(SourceDestCheck={"Value": False})
        change(Groups=[other])
        shown = show(ec2, interface)
        assert ("new", False, [other]) == (
            shown["Description"],
            shown["SourceDestCheck"],
            [group["GroupId"] for group in shown["Groups"]],
        )

    def test_a_group_left_behind_can_be_deleted(self, ec2, interface, group, vpc):
        other = ec2.create_security_group(VpcId=vpc, GroupName="other", Description="x")["GroupId"]
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[other])
        ec2.delete_security_group(GroupId=group)

    def test_two_at_a_time_are_refused(self, ec2, interface, refused):
        with refused("InvalidParameterCombination"):
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface, Description={"Value": "x"}, SourceDestCheck={"Value": True}
            )


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
