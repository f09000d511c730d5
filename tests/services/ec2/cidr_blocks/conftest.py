"""What tests of blocks ask again and again."""

from __future__ import annotations

import ipaddress

import pytest


@pytest.fixture
def vpc_of(ec2):
    """Describe a VPC by its id."""
    return lambda id: ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]


@pytest.fixture
def subnet_of(ec2):
    """Describe a subnet by its id."""
    return lambda id: ec2.describe_subnets(SubnetIds=[id])["Subnets"][0]


@pytest.fixture
def dual(ec2, vpc_of):
    """A VPC with an IPv6 block of Amazon's: its id and the block."""
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    return id, ipaddress.ip_network(vpc_of(id)["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
