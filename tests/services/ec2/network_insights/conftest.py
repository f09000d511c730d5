"""A VPC with two subnets, an interface with a group of its own in each, and how a path between them is analysed."""

from __future__ import annotations

from typing import Any

import pytest


class Site:
    """Two interfaces with a group each, in two subnets of a VPC that has an internet gateway."""

    def __init__(self, understudy, ec2) -> None:
        self.understudy, self.ec2 = understudy, ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
            for cidr in ("10.0.1.0/24", "10.0.2.0/24")
        ]
        self.app_group, self.db_group = (
            ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            for name in ("app", "db")
        )
        self.app = self.interface(self.subnets[0], self.app_group, "10.0.1.10")
        self.db = self.interface(self.subnets[1], self.db_group, "10.0.2.10")
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        by_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = ec2.describe_route_tables(Filters=by_vpc)["RouteTables"][0]["RouteTableId"]
        self.acl = ec2.describe_network_acls(Filters=by_vpc)["NetworkAcls"][0]["NetworkAclId"]

    def interface(self, subnet: str, group: str, address: str) -> str:
        made = self.ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress=address)
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def admit(self, group: str, *ports: int, cidr: str = "0.0.0.0/0", protocol: str = "tcp") -> None:
        first, last = (*ports, *ports)[:2]
        permission = {
            "IpProtocol": protocol,
            "FromPort": first,
            "ToPort": last,
            "IpRanges": [{"CidrIp": cidr}],
        }
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def route(self, destination: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=destination, **target)

    def path(self, source: str, destination: str = "", protocol: str = "tcp", **more: Any) -> str:
        to = {"Destination": destination} if destination else {}
        made = self.ec2.create_network_insights_path(Source=source, Protocol=protocol, **to, **more)
        return str(made["NetworkInsightsPath"]["NetworkInsightsPathId"])

    def start(self, path: str, **more: Any) -> str:
        started = self.ec2.start_network_insights_analysis(NetworkInsightsPathId=path, **more)
        return str(started["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"])

    def analysed(
        self, source: str, destination: str = "", protocol: str = "tcp", **more: Any
    ) -> dict[str, Any]:
        return self.described(self.start(self.path(source, destination, protocol, **more)))

    def described(self, id: str) -> dict[str, Any]:
        (found,) = self.ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[id])[
            "NetworkInsightsAnalyses"
        ]
        return dict(found)


@pytest.fixture
def site(understudy, ec2):
    return Site(understudy, ec2)
