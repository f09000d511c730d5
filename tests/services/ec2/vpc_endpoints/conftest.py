"""A VPC with DNS names, subnets in three zones, and short ways to make and describe endpoints."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def vpc(ec2):
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": True})
    return id


@pytest.fixture
def subnets(ec2, vpc):
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{letter}")[
            "Subnet"
        ]["SubnetId"]
        for number, letter in enumerate("abd")
    ]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(VpcId=vpc, GroupName="endpoints", Description="https")["GroupId"]


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


@pytest.fixture
def make(ec2, vpc):
    """Make an endpoint to a service of us-east-1, and answer its id."""

    def make(service, kind="Interface", **params):
        made = ec2.create_vpc_endpoint(
            VpcId=vpc,
            VpcEndpointType=kind,
            ServiceName=f"com.amazonaws.us-east-1.{service}",
            **params,
        )
        return made["VpcEndpoint"]["VpcEndpointId"]

    return make


@pytest.fixture
def shown(ec2):
    """Describe one endpoint."""

    def shown(id):
        (found,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"]
        return found

    return shown


@pytest.fixture
def routes(ec2):
    """The routes of a table to prefix lists: the list's id and the target."""

    def routes(table):
        (found,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return [
            (route["DestinationPrefixListId"], route["GatewayId"])
            for route in found["Routes"]
            if "DestinationPrefixListId" in route
        ]

    return routes
