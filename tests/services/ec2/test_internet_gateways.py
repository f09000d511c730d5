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


class TestAttachments:
    def test_a_gateway_has_one_vpc_and_a_vpc_one_gateway(self, ec2, vpc, refused):
        """Texts: public reports of AttachInternetGateway (ec2.md 7.8)."""
        first, second = (
            ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)
        )
        ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=vpc)
        (shown,) = ec2.describe_internet_gateways(InternetGatewayIds=[first])["InternetGateways"]
        assert [{"State": "available", "VpcId": vpc}] == shown["Attachments"]
        other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        for wanted in (vpc, other):
            with refused(
                "Resource.AlreadyAssociated", f"resource {first} is already attached to network {vpc}"
            ):
                ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=wanted)
        with refused("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached"):
            ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=vpc)

    def test_a_new_gateway_is_attached_to_nothing_and_has_its_tags(self, ec2, understudy):
        tags = [{"Key": "Name", "Value": "way-out"}]
        made = ec2.create_internet_gateway(
            TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": tags}]
        )["InternetGateway"]
        assert ([], tags, understudy.account) == (made["Attachments"], made["Tags"], made["OwnerId"])
        ec2.delete_internet_gateway(InternetGatewayId=made["InternetGatewayId"])
