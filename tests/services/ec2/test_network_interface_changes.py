"""Network interfaces made and changed (ec2.md 7.3, 7.4)."""

from __future__ import annotations

import sys

import pytest

from understudy_aws.core.ids import Ids


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
        with refused("UnsupportedOperation", "Understudy does not support the parameter InterfaceType yet."):
            ec2.create_network_interface(SubnetId=subnet, InterfaceType="efa-only")

    @pytest.mark.parametrize("named", [{}, {"PrivateIpAddress": "10.0.1.4"}])
    def test_fewer_addresses_than_none_are_refused(self, ec2, subnet, refused, named):
        with refused("InvalidParameterValue"):
            ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=-1, **named)

    def test_an_unknown_subnet_is_not_found(self, ec2, refused):
        with refused("InvalidSubnetID.NotFound"):
            ec2.create_network_interface(SubnetId="subnet-0123456789abcdef0")

    def test_no_two_have_one_mac_address(self, ec2, subnet, monkeypatch):
        """Reference network-interfaces.md 9.1. An id whose first digits are another's, which make the MAC address, is drawn again."""

        first, like_it, other = "eni-0123456789ab00001", "eni-0123456789ab00002", "eni-0123456789ac00002"
        drawn = iter([first, like_it, other])
        monkeypatch.setattr(Ids, "ec2", lambda _, prefix: next(drawn))
        made = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(2)]
        assert [first, other] == [each["NetworkInterfaceId"] for each in made]
        assert ["12:23:45:67:89:ab", "12:23:45:67:89:ac"] == [each["MacAddress"] for each in made]

    def test_a_region_has_a_limit(self, ec2, subnet, refused, monkeypatch):
        """Amazon VPC quotas: network interfaces per Region (network-interfaces.md 9.1)."""
        changes = sys.modules["understudy_aws.services.ec2.network_interface_changes"]
        monkeypatch.setattr(changes, "INTERFACES_PER_REGION", 2)
        first = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        ec2.create_network_interface(SubnetId=subnet)
        with refused("NetworkInterfaceLimitExceeded"):
            ec2.create_network_interface(SubnetId=subnet)
        ec2.delete_network_interface(NetworkInterfaceId=first)
        ec2.create_network_interface(SubnetId=subnet)

    @pytest.mark.parametrize(
        "given",
        [
            {"Ipv4PrefixCount": 1, "SecondaryPrivateIpAddressCount": 1},
            {"Ipv4PrefixCount": 1, "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.16/28"}]},
            {"Ipv6AddressCount": 1, "Ipv6PrefixCount": 1},
            {"Ipv6AddressCount": 1, "Ipv6Addresses": [{"Ipv6Address": "2001:db8::9"}]},
        ],
    )
    def test_addresses_are_asked_for_in_one_way(self, ec2, subnet, refused, given):
        """Reference network-interfaces.md 9.1."""
        with refused("InvalidParameterCombination"):
            ec2.create_network_interface(SubnetId=subnet, **given)
