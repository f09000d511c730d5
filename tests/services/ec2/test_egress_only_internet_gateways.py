"""Egress-only internet gateways (VPC user guide, "Egress-only internet gateways")."""

from __future__ import annotations

import pytest


@pytest.fixture
def gateway(ec2, vpc):
    return ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"][
        "EgressOnlyInternetGatewayId"
    ]


def test_it_is_made_described_and_deleted(ec2, vpc, gateway, refused):
    (found,) = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    assert [{"State": "attached", "VpcId": vpc}] == found["Attachments"]
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    assert ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)["ReturnCode"]
    assert [] == ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    with refused("InvalidEgressOnlyInternetGatewayId.NotFound"):
        ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)


def test_it_takes_ipv6_alone(ec2, vpc, gateway, refused):
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=gateway)
    with refused("InvalidParameterCombination"):
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", EgressOnlyInternetGatewayId=gateway
        )
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert {"local": "active", gateway: "blackhole"} == {
        route.get("GatewayId") or route["EgressOnlyInternetGatewayId"]: route["State"] for route in routes
    }


def test_a_vpc_has_one(ec2, vpc, gateway, refused):
    with refused("EgressOnlyInternetGatewayLimitExceeded"):
        ec2.create_egress_only_internet_gateway(VpcId=vpc)
