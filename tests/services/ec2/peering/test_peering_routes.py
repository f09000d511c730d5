"""Routes to VPC peering connections (vpc-peering.md 12.3)."""

from __future__ import annotations

import pytest
from peerings import OTHER, accept, delete, reject, request

from understudy_aws.testing import Understudy


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def route(ec2, table, id, block="10.1.0.0/16"):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=block, VpcPeeringConnectionId=id)


def state(ec2, table, id):
    (described,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    (found,) = [each for each in described["Routes"] if each.get("VpcPeeringConnectionId") == id]
    return found["State"]


def test_a_route_waits_with_its_connection_and_goes_dark_with_it(ec2, vpc, peer, table):
    id = request(ec2, vpc, peer)
    route(ec2, table, id)
    assert "blackhole" == state(ec2, table, id)
    accept(ec2, id)
    assert "active" == state(ec2, table, id)
    delete(ec2, id)
    assert "blackhole" == state(ec2, table, id)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.1.0.0/16")


def test_the_routes_of_both_accounts_follow(ec2, other, vpc, others_vpc, table):
    id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
    theirs = other.create_route_table(VpcId=others_vpc)["RouteTable"]["RouteTableId"]
    route(ec2, table, id, "10.2.0.0/16")
    accept(other, id)
    route(other, theirs, id, "10.0.0.0/16")
    assert "active" == state(ec2, table, id) == state(other, theirs, id)
    delete(ec2, id)
    assert "blackhole" == state(ec2, table, id) == state(other, theirs, id)


def test_a_route_is_given_a_connection_in_place_of_another_target(ec2, vpc, table, active):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.1.0.0/16", GatewayId=gateway)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=active)
    assert "active" == state(ec2, table, active)
    found = ec2.describe_route_tables(
        Filters=[{"Name": "route.vpc-peering-connection-id", "Values": [active]}]
    )["RouteTables"]
    assert [table] == [each["RouteTableId"] for each in found]


def test_a_connection_that_is_over_takes_no_route(ec2, vpc, peer, table, active, refused):
    delete(ec2, active)
    rejected = request(ec2, vpc, peer)
    reject(ec2, rejected)
    failed = request(ec2, vpc, "vpc-0123456789abcdef0")
    for id in (active, rejected, failed, "pcx-0123456789abcdef0"):
        text = f"The vpcPeeringConnection ID '{id}' does not exist"
        with refused("InvalidVpcPeeringConnectionID.NotFound", text):
            route(ec2, table, id)


def test_a_connection_of_other_vpcs_takes_no_route(ec2, table, peer, refused):
    third = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    id = request(ec2, peer, third)
    text = f"route table {table} and network gateway {id} belong to different networks"
    with refused("InvalidParameterValue", text):
        route(ec2, table, id)


def test_with_the_clock_of_aws_routes_become_active_with_the_connection(tmp_path):
    """Also when the server was stopped in between: the controller makes them so."""
    with Understudy(clock="aws", state=str(tmp_path)) as understudy:
        ec2 = understudy.client("ec2")
        vpc, peer = (
            ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.0.0.0/16", "10.1.0.0/16")
        )
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        id = request(ec2, vpc, peer)
        understudy.clock.advance(20)
        accept(ec2, id)
        route(ec2, table, id)
        understudy.settle()
        assert "blackhole" == state(ec2, table, id)
        understudy.clock.advance(20)
        understudy.settle()
        assert "active" == state(ec2, table, id)
