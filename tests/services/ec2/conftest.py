"""A client of EC2, and a VPC with a subnet and a group in it."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]


@pytest.fixture
def interface(ec2, subnet, group):
    # At an address of its own: one chosen at random may be what a test names.
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress="10.0.1.150")
    return made["NetworkInterface"]["NetworkInterfaceId"]
