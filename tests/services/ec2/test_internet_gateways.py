"""The default VPC's way to the internet, taken away."""

from __future__ import annotations


def test_an_attached_gateway_is_not_deleted(ec2, refused):
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    with refused("DependencyViolation"):
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])


def test_a_gateway_is_only_taken_off_its_own_vpc(ec2, vpc, refused):
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    with refused("Gateway.NotAttached"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)


def test_routes_to_a_gateway_taken_off_lead_nowhere(ec2):
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    vpc = gateway["Attachments"][0]["VpcId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    assert {"local": "active", gateway["InternetGatewayId"]: "blackhole"} == {
        route["GatewayId"]: route["State"] for route in table["Routes"]
    }
