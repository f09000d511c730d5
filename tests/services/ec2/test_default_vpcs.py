"""The default VPC of every region (ec2.md 7.5)."""

from __future__ import annotations

import pytest

from understudy_aws.data.regions import REGIONS


def default(ec2):
    return ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]


def empty(ec2, vpc):
    """Take away by hand what keeps a default VPC."""
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])


@pytest.mark.parametrize("name", ["us-east-1", "eu-west-1", "us-west-1"])
def test_every_region_has_one_with_a_subnet_in_each_zone(understudy, name):
    ec2 = understudy.client("ec2", region=name)
    assert "172.31.0.0/16" == default(ec2)["CidrBlock"]
    subnets = ec2.describe_subnets()["Subnets"]
    assert [zone.name for zone in REGIONS[name].zones] == sorted(
        subnet["AvailabilityZone"] for subnet in subnets
    )
    assert all(subnet["DefaultForAz"] and subnet["MapPublicIpOnLaunch"] for subnet in subnets)
    assert {4091} == {subnet["AvailableIpAddressCount"] for subnet in subnets}


def test_it_leads_to_the_internet_and_names_its_hosts(ec2):
    vpc = default(ec2)["VpcId"]
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    assert [{"State": "available", "VpcId": vpc}] == gateway["Attachments"]
    (table,) = ec2.describe_route_tables()["RouteTables"]
    assert {"172.31.0.0/16": "local", "0.0.0.0/0": gateway["InternetGatewayId"]} == {
        route["DestinationCidrBlock"]: route["GatewayId"] for route in table["Routes"]
    }
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"][
        "Value"
    ]


def test_a_second_one_is_refused(ec2, refused):
    with refused("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()


def test_its_gateway_keeps_it(ec2, refused):
    vpc = default(ec2)["VpcId"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)


def test_deleted_it_can_be_made_again(ec2):
    vpc = default(ec2)["VpcId"]
    empty(ec2, vpc)
    ec2.delete_vpc(VpcId=vpc)
    assert [] == ec2.describe_vpcs()["Vpcs"]
    made = ec2.create_default_vpc()["Vpc"]
    assert made["IsDefault"]
    assert vpc != made["VpcId"] == default(ec2)["VpcId"]


def test_without_it_a_group_needs_a_vpc(ec2, refused):
    vpc = default(ec2)["VpcId"]
    empty(ec2, vpc)
    ec2.delete_vpc(VpcId=vpc)
    with refused("VPCIdNotSpecified"):
        ec2.create_security_group(GroupName="web", Description="web")


class TestCreateDefaultSubnet:
    """EC2 API reference, CreateDefaultSubnet: a /20 of the default VPC, and one in each zone."""

    def test_one_that_was_deleted_is_made_again(self, ec2, refused):
        zone = {"Name": "availability-zone", "Values": ["us-east-1b"]}
        (old,) = ec2.describe_subnets(Filters=[zone])["Subnets"]
        with refused(
            "DefaultSubnetAlreadyExistsInAvailabilityZone",
            f"'{old['SubnetId']}' is already the default subnet in us-east-1b.",
        ):
            ec2.create_default_subnet(AvailabilityZone="us-east-1b")
        ec2.delete_subnet(SubnetId=old["SubnetId"])
        made = ec2.create_default_subnet(AvailabilityZone="us-east-1b")["Subnet"]
        assert (old["CidrBlock"], old["VpcId"], True, True, 4091) == (
            made["CidrBlock"],
            made["VpcId"],
            made["DefaultForAz"],
            made["MapPublicIpOnLaunch"],
            made["AvailableIpAddressCount"],
        )

    def test_the_zone_goes_by_id_too(self, ec2, refused):
        (old,) = ec2.describe_subnets(Filters=[{"Name": "availability-zone-id", "Values": ["use1-az2"]}])[
            "Subnets"
        ]
        ec2.delete_subnet(SubnetId=old["SubnetId"])
        assert (
            "use1-az2"
            == ec2.create_default_subnet(AvailabilityZoneId="use1-az2")["Subnet"]["AvailabilityZoneId"]
        )
        with refused("MissingParameter"):
            ec2.create_default_subnet()
        with refused("InvalidParameterCombination"):
            ec2.create_default_subnet(AvailabilityZone="us-east-1a", AvailabilityZoneId="use1-az1")
        with refused("InvalidParameterValue"):
            ec2.create_default_subnet(AvailabilityZone="us-east-1z")

    def test_one_for_ipv6_alone(self, ec2, refused):
        (old,) = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])[
            "Subnets"
        ]
        ec2.delete_subnet(SubnetId=old["SubnetId"])
        with refused("InsufficientCidrBlocks"):
            ec2.create_default_subnet(AvailabilityZone="us-east-1a", Ipv6Native=True)
        ec2.associate_vpc_cidr_block(VpcId=old["VpcId"], AmazonProvidedIpv6CidrBlock=True)
        made = ec2.create_default_subnet(AvailabilityZone="us-east-1a", Ipv6Native=True)["Subnet"]
        assert (True, True, False) == (made["Ipv6Native"], made["DefaultForAz"], made["MapPublicIpOnLaunch"])
        assert "CidrBlock" not in made

    def test_without_a_default_vpc_there_is_none(self, ec2, refused):
        vpc = default(ec2)["VpcId"]
        empty(ec2, vpc)
        ec2.delete_vpc(VpcId=vpc)
        with refused("DefaultVpcDoesNotExist"):
            ec2.create_default_subnet(AvailabilityZone="us-east-1a")
