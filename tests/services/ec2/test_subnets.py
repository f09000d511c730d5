"""Subnets (ec2.md 7.3, 7.5, 7.6)."""

from __future__ import annotations

import pytest


def show(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]


class TestCreateSubnet:
    def test_it_is_available_at_once_in_the_first_zone(self, ec2, vpc):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]
        assert ("available", "us-east-1a", "use1-az1", False, False) == (
            made["State"],
            made["AvailabilityZone"],
            made["AvailabilityZoneId"],
            made["DefaultForAz"],
            made["MapPublicIpOnLaunch"],
        )
        assert "BlockPublicAccessStates" not in made
        assert "BlockPublicAccessStates" in show(ec2, made["SubnetId"])

    @pytest.mark.parametrize(
        "block, free", [("10.0.1.0/24", 251), ("10.0.1.0/28", 11), ("10.0.0.0/16", 65531)]
    )
    def test_five_addresses_are_awss_own(self, ec2, vpc, block, free):
        assert free == ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["AvailableIpAddressCount"]

    def test_a_zone_is_named_or_given_by_id(self, ec2, vpc):
        one = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1c")["Subnet"]
        other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", AvailabilityZoneId="use1-az3")["Subnet"]
        assert "us-east-1c" == one["AvailabilityZone"] == other["AvailabilityZone"]

    def test_a_zone_of_another_region_is_refused(self, ec2, vpc, refused):
        with refused("InvalidParameterValue"):
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-west-1a")

    @pytest.mark.parametrize("block", ["10.1.0.0/24", "10.0.0.0/15", "10.0.1.0/29", "0.0.0.0/0"])
    def test_a_block_outside_its_vpc_or_too_small_is_refused(self, ec2, vpc, refused, block):
        with refused("InvalidSubnet.Range", f"The CIDR '{block}' is invalid."):
            ec2.create_subnet(VpcId=vpc, CidrBlock=block)

    @pytest.mark.parametrize("block", ["10.0.1.0/24", "10.0.1.128/25", "10.0.0.0/23"])
    def test_a_block_that_meets_anothers_is_refused(self, ec2, vpc, subnet, refused, block):
        with refused("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet"):
            ec2.create_subnet(VpcId=vpc, CidrBlock=block)

    def test_tags_for_another_kind_are_refused(self, ec2, vpc, refused):
        with refused(
            "InvalidParameterValue", "'vpc' is not a valid taggable resource type for this operation."
        ):
            tags = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", TagSpecifications=tags)


class TestDescribeSubnets:
    def test_filters_of_subnets(self, ec2, vpc, subnet):
        def found(name, *values):
            within = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": name, "Values": list(values)}]
            return [each["SubnetId"] for each in ec2.describe_subnets(Filters=within)["Subnets"]]

        assert [subnet] == found("availability-zone", "us-east-1a", "us-east-1b")
        assert [subnet] == found("cidr-block", "10.0.1.0/24")
        assert [subnet] == found("available-ip-address-count", "251")
        assert [] == found("default-for-az", "true")
        assert [] == found("map-public-ip-on-launch", "true")

    def test_an_unknown_filter_is_refused(self, ec2, refused):
        with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
            ec2.describe_subnets(Filters=[{"Name": "colour", "Values": ["red"]}])

    def test_the_count_falls_with_each_address(self, ec2, subnet):
        ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=2)
        assert 248 == show(ec2, subnet)["AvailableIpAddressCount"]


class TestDeleteSubnet:
    def test_an_interface_keeps_it(self, ec2, subnet, interface, refused):
        with refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
            ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_network_interface(NetworkInterfaceId=interface)
        ec2.delete_subnet(SubnetId=subnet)
        with refused("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist"):
            ec2.delete_subnet(SubnetId=subnet)


class TestModifySubnetAttribute:
    def test_public_addresses_on_launch(self, ec2, subnet):
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        assert show(ec2, subnet)["MapPublicIpOnLaunch"]

    def test_host_names_on_launch(self, ec2, subnet):
        ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
        assert "resource-name" == show(ec2, subnet)["PrivateDnsNameOptionsOnLaunch"]["HostnameType"]

    def test_two_at_a_time_are_refused(self, ec2, subnet, refused):
        with refused("InvalidParameterCombination"):
            ec2.modify_subnet_attribute(
                SubnetId=subnet, MapPublicIpOnLaunch={"Value": True}, PrivateDnsHostnameTypeOnLaunch="ip-name"
            )

    def test_what_needs_an_outpost(self, ec2, subnet, refused):
        for change in (
            {"MapCustomerOwnedIpOnLaunch": {"Value": True}, "CustomerOwnedIpv4Pool": "ipv4pool-coip-1"},
            {"MapCustomerOwnedIpOnLaunch": {"Value": True}},
        ):
            with refused("InvalidParameterValue"):
                ec2.modify_subnet_attribute(SubnetId=subnet, **change)
        ec2.modify_subnet_attribute(SubnetId=subnet, MapCustomerOwnedIpOnLaunch={"Value": False})

    def test_host_names_are_of_two_types(self, ec2, subnet, refused):
        with refused("InvalidParameterValue"):
            ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="nickname")

    def test_a_records_of_instance_ids(self, ec2, subnet):
        ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
        assert show(ec2, subnet)["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsARecord"]

    def test_the_position_of_local_interfaces(self, ec2, subnet, refused):
        with refused("InvalidParameterValue"):
            ec2.modify_subnet_attribute(SubnetId=subnet, EnableLniAtDeviceIndex=0)
        ec2.modify_subnet_attribute(SubnetId=subnet, EnableLniAtDeviceIndex=1)
        assert 1 == show(ec2, subnet)["EnableLniAtDeviceIndex"]
        wanted = [{"Name": "enable-lni-at-device-index", "Values": ["1"]}]
        assert [subnet] == [each["SubnetId"] for each in ec2.describe_subnets(Filters=wanted)["Subnets"]]
        ec2.modify_subnet_attribute(SubnetId=subnet, DisableLniAtDeviceIndex={"Value": True})
        assert "EnableLniAtDeviceIndex" not in show(ec2, subnet)
