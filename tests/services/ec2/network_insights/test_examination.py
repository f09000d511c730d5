"""Whether a path is reachable, by which components, and what blocks it (network-insights.md 14.2)."""

from __future__ import annotations

import os

import pytest

from understudy_aws.admin.requests import Attach

ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
SITE_BLOCK = "10.0.0.0/16"
# Reachability Analyzer treats these as addresses of the internet; nobody here has them.
OUTSIDE = "93.184.215.14"


def codes(found) -> list[str]:
    return [each["ExplanationCode"] for each in found["Explanations"]]


def components(found, way="Forward") -> list[str]:
    return [each["Component"]["Id"] for each in found[f"{way}PathComponents"]]


def attach(site, interface) -> None:
    """Attach this process, as `understudy attach` does a program."""
    site.understudy.app.admin.answer(Attach(pid=os.getpid(), interface=interface))


def give_public_address(site, interface) -> str:
    address = site.ec2.allocate_address()
    site.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    return str(address["PublicIp"])


class TestBetweenInterfaces:
    def test_a_group_without_a_rule(self, site):
        """Observed: AWS CLI's example of describe-network-insights-analyses; a group without rules has this code too."""
        found = site.analysed(site.app, site.db)
        prefix = f"arn:aws:ec2:us-east-1:{site.understudy.account}:"
        assert not found["NetworkPathFound"]
        assert [
            {
                "Direction": "ingress",
                "ExplanationCode": "ENI_SG_RULES_MISMATCH",
                "NetworkInterface": {"Id": site.db, "Arn": f"{prefix}network-interface/{site.db}"},
                "SecurityGroups": [{"Id": site.db_group, "Arn": f"{prefix}security-group/{site.db_group}"}],
                "Subnet": {"Id": site.subnets[1], "Arn": f"{prefix}subnet/{site.subnets[1]}"},
                "Vpc": {"Id": site.vpc, "Arn": f"{prefix}vpc/{site.vpc}"},
            }
        ] == found["Explanations"]

    def test_any_port_that_passes_is_enough_unless_one_is_named(self, site):
        site.admit(site.db_group, 5432)
        found = site.analysed(site.app, site.db)
        assert found["NetworkPathFound"]
        header = found["ForwardPathComponents"][0]["OutboundHeader"]
        assert ([{"From": 5432, "To": 5432}], ["10.0.2.10/32"], "6") == (
            header["DestinationPortRanges"], header["DestinationAddresses"], header["Protocol"],
        )  # fmt: skip
        assert site.analysed(site.app, site.db, DestinationPort=5432)["NetworkPathFound"]
        assert not site.analysed(site.app, site.db, DestinationPort=5433)["NetworkPathFound"]
        assert not site.analysed(site.app, site.db, "udp")["NetworkPathFound"]
        among = {"DestinationPortRange": {"FromPort": 5000, "ToPort": 6000}}
        assert site.analysed(site.app, site.db, FilterAtSource=among)["NetworkPathFound"]

    def test_the_components_there_and_back(self, site, ec2):
        site.admit(site.db_group, 5000, 6000, cidr="10.0.1.0/24")
        ec2.create_tags(Resources=[site.db], Tags=[{"Key": "Name", "Value": "database"}])
        found = site.analysed(site.app, site.db)
        way = [site.app_group, site.acl, site.table, site.acl, site.db_group]
        assert [site.app, *way, site.db] == components(found)
        assert [site.db, *reversed(way), site.app] == components(found, "Return")
        forward, back = found["ForwardPathComponents"], found["ReturnPathComponents"]
        assert list(range(1, 8)) == [each["SequenceNumber"] for each in forward]
        assert "database" == forward[-1]["Component"]["Name"]
        assert {
            "Cidr": "0.0.0.0/0",
            "Egress": True,
            "Protocol": "all",
            "RuleAction": "allow",
            "RuleNumber": 100,
        } == (forward[2]["AclRule"])
        assert {
            "DestinationCidr": SITE_BLOCK, "GatewayId": "local", "Origin": "createroutetable", "State": "active",
        } == forward[3]["RouteTableRoute"]  # fmt: skip
        assert {
            "Cidr": "10.0.1.0/24", "Direction": "ingress", "PortRange": {"From": 5000, "To": 6000}, "Protocol": "tcp",
        } == forward[5]["SecurityGroupRule"]  # fmt: skip
        assert "SecurityGroupRule" not in back[1]
        assert (site.subnets[1], site.vpc) == (forward[-1]["Subnet"]["Id"], forward[-1]["Vpc"]["Id"])

    def test_all_that_blocks_is_told_at_once(self, site, ec2):
        """Observed: groups and network ACLs of both sides stand in one answer."""
        closed = ec2.create_network_acl(VpcId=site.vpc)["NetworkAcl"]["NetworkAclId"]
        held = ec2.describe_network_acls(NetworkAclIds=[site.acl])["NetworkAcls"][0]["Associations"]
        (association,) = [each for each in held if each["SubnetId"] == site.subnets[1]]
        ec2.replace_network_acl_association(
            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=closed
        )
        ec2.revoke_security_group_egress(GroupId=site.app_group, IpPermissions=[ANYWHERE])
        found = site.analysed(site.app, site.db, DestinationPort=443)
        told = [(each["ExplanationCode"], each["Direction"]) for each in found["Explanations"]]
        assert [
            ("ENI_SG_RULES_MISMATCH", "egress"),
            ("SUBNET_ACL_RESTRICTION", "ingress"),
            ("ENI_SG_RULES_MISMATCH", "ingress"),
            ("SUBNET_ACL_RESTRICTION", "egress"),
        ] == told
        assert closed == found["Explanations"][1]["Acl"]["Id"]

    def test_any_port_that_an_answer_gets_back_to_is_enough(self, site, ec2):
        site.admit(site.db_group, 443)
        for egress in (True, False):
            ec2.delete_network_acl_entry(NetworkAclId=site.acl, RuleNumber=100, Egress=egress)
        for number, ports in ((1, (443, 443)), (2, (50000, 50010))):
            for egress in (True, False):
                ec2.create_network_acl_entry(
                    NetworkAclId=site.acl, RuleNumber=number, Protocol="6", RuleAction="allow", Egress=egress,
                    CidrBlock="0.0.0.0/0", PortRange={"From": ports[0], "To": ports[1]},
                )  # fmt: skip
        found = site.analysed(site.app, site.db, DestinationPort=443)
        assert found["NetworkPathFound"]
        sent_from = found["ForwardPathComponents"][0]["OutboundHeader"]["SourcePortRanges"]
        assert [{"From": 443, "To": 443}] == sent_from
        high = {
            "SourcePortRange": {"FromPort": 1024, "ToPort": 65535},
            "DestinationPortRange": {"FromPort": 443, "ToPort": 443},
        }
        found = site.analysed(site.app, site.db, FilterAtSource=high)
        sent_from = found["ForwardPathComponents"][0]["OutboundHeader"]["SourcePortRanges"]
        assert [{"From": 50000, "To": 50010}] == sent_from

    def test_addresses_that_a_path_asks_for(self, site, ec2):
        site.admit(site.db_group, 443)
        assert site.analysed(site.app, site.db, SourceIp="10.0.1.10", DestinationIp="10.0.2.10")[
            "NetworkPathFound"
        ]
        wrong = site.analysed(site.app, site.db, SourceIp="10.0.1.11")
        assert ["FILTER_AT_SOURCE_SOURCE_ADDRESS"] == codes(wrong)
        wrong = site.analysed(site.app, site.db, DestinationIp="10.0.2.11")
        assert ["FILTER_AT_DESTINATION_DESTINATION_ADDRESS"] == codes(wrong)
        ec2.assign_private_ip_addresses(NetworkInterfaceId=site.db, PrivateIpAddresses=["10.0.2.11"])
        found = site.analysed(site.app, site.db, DestinationIp="10.0.2.11")
        assert ["10.0.2.11/32"] == found["ForwardPathComponents"][-1]["InboundHeader"]["DestinationAddresses"]

    def test_to_an_address_alone(self, site):
        site.admit(site.db_group, 443)
        found = site.analysed(site.app, FilterAtSource={"DestinationAddress": "10.0.2.10"})
        assert site.db == components(found)[-1]
        assert ["NO_POSSIBLE_DESTINATION"] == codes(
            site.analysed(site.app, FilterAtSource={"DestinationAddress": "10.0.2.200"})
        )

    def test_an_end_that_is_gone_or_has_ipv6_alone(self, site, ec2):
        path = site.path(site.app, site.db)
        ec2.delete_network_interface(NetworkInterfaceId=site.db)
        assert ["NO_SOURCE_OR_DESTINATION"] == codes(site.described(site.start(path)))
        ec2.associate_vpc_cidr_block(VpcId=site.vpc, AmazonProvidedIpv6CidrBlock=True)
        blocks = ec2.describe_vpcs(VpcIds=[site.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
        native = ec2.create_subnet(
            VpcId=site.vpc, Ipv6Native=True, Ipv6CidrBlock=blocks[0]["Ipv6CidrBlock"].replace("/56", "/64")
        )["Subnet"]["SubnetId"]
        only6 = ec2.create_network_interface(SubnetId=native)["NetworkInterface"]["NetworkInterfaceId"]
        assert ["UNASSOCIATED_COMPONENT"] == codes(site.analysed(only6, site.app))


class TestAndTheInternet:
    def test_no_route_to_the_gateway(self, site):
        """Observed (published incident note): Destination, RouteTable and Vpc."""
        (told,) = site.analysed(site.app, site.gateway)["Explanations"]
        assert ("NO_ROUTE_TO_DESTINATION", site.gateway, site.table, site.vpc) == (
            told["ExplanationCode"], told["Destination"]["Id"], told["RouteTable"]["Id"], told["Vpc"]["Id"],
        )  # fmt: skip

    def test_no_public_address_or_nothing_attached(self, site):
        site.route("0.0.0.0/0", GatewayId=site.gateway)
        (told,) = site.analysed(site.app, site.gateway)["Explanations"]
        assert ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", site.gateway) == (
            told["ExplanationCode"],
            told["InternetGateway"]["Id"],
        )
        give_public_address(site, site.app)
        assert ["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"] == codes(site.analysed(site.app, site.gateway))
        attach(site, site.app)
        assert site.analysed(site.app, site.gateway)["NetworkPathFound"]

    def test_out_by_the_gateway(self, site, ec2):
        site.route("0.0.0.0/0", GatewayId=site.gateway)
        public = give_public_address(site, site.app)
        attach(site, site.app)
        found = site.analysed(site.app, site.gateway)
        assert [site.app, site.app_group, site.acl, site.table, site.gateway] == components(found)
        assert [site.gateway, site.acl, site.app_group, site.app] == components(found, "Return")
        assert [f"{public}/32"] == found["ForwardPathComponents"][-1]["OutboundHeader"]["SourceAddresses"]
        ec2.revoke_security_group_egress(GroupId=site.app_group, IpPermissions=[ANYWHERE])
        permission = {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "IpRanges": [{"CidrIp": "93.184.0.0/16"}],
        }
        ec2.authorize_security_group_egress(GroupId=site.app_group, IpPermissions=[permission])
        found = site.analysed(site.app, site.gateway)
        assert ["93.184.0.0/16"] == found["ForwardPathComponents"][0]["OutboundHeader"][
            "DestinationAddresses"
        ]
        assert site.analysed(site.app, FilterAtSource={"DestinationAddress": OUTSIDE})["NetworkPathFound"]
        elsewhere = site.analysed(site.app, FilterAtSource={"DestinationAddress": "8.8.8.8"})
        assert ["ENI_SG_RULES_MISMATCH"] == codes(elsewhere)
        assert ["IGW_EXPECTS_PUBLIC_ADDRESS"] == codes(
            site.analysed(site.app, site.gateway, DestinationIp="10.9.9.9")
        )

    def test_in_by_the_gateway(self, site):
        """Observed (published notes): first the group; then, while nothing is attached, the gateway."""
        site.route("0.0.0.0/0", GatewayId=site.gateway)
        assert ["ENI_SG_RULES_MISMATCH"] == codes(site.analysed(site.gateway, site.db))
        site.admit(site.db_group, 80)
        told = site.analysed(site.gateway, site.db)
        assert ["IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"] == codes(told)
        public = give_public_address(site, site.db)
        attach(site, site.db)
        found = site.analysed(site.gateway, site.db)
        assert [site.gateway, site.acl, site.db_group, site.db] == components(found)
        assert [site.db, site.db_group, site.acl, site.table, site.gateway] == components(found, "Return")
        first = found["ForwardPathComponents"][0]
        assert ([f"{public}/32"], ["10.0.2.10/32"]) == (
            first["InboundHeader"]["DestinationAddresses"],
            first["OutboundHeader"]["DestinationAddresses"],
        )
        assert "0.0.0.0/5" in first["InboundHeader"]["SourceAddresses"]
        assert {
            "DestinationCidr": "0.0.0.0/0",
            "GatewayId": site.gateway,
            "Origin": "createroute",
            "State": "active",
        } == (found["ReturnPathComponents"][3]["RouteTableRoute"])
        assert ["IGW_EXPECTS_PUBLIC_ADDRESS"] == codes(
            site.analysed(site.gateway, site.db, SourceIp="10.1.1.1")
        )

    def test_the_answer_finds_no_way_back(self, site):
        """Observed (published incident note): the table of the destination's subnet, and the gateway it does not lead to."""
        site.admit(site.db_group, 80)
        give_public_address(site, site.db)
        attach(site, site.db)
        (told,) = site.analysed(site.gateway, site.db)["Explanations"]
        assert ("NO_ROUTE_TO_DESTINATION", site.gateway, site.table) == (
            told["ExplanationCode"],
            told["Destination"]["Id"],
            told["RouteTable"]["Id"],
        )

    def test_through_a_nat_gateway_and_around_it(self, site, ec2):
        public_table = ec2.create_route_table(VpcId=site.vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=public_table, SubnetId=site.subnets[1])
        ec2.create_route(RouteTableId=public_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=site.gateway)
        address = ec2.allocate_address()["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=site.subnets[1], AllocationId=address)["NatGateway"][
            "NatGatewayId"
        ]
        site.understudy.settle()
        site.route("0.0.0.0/0", NatGatewayId=nat)
        path = site.path(site.app, site.gateway)
        found = site.described(site.start(path))
        assert nat in components(found)
        assert nat in components(found, "Return")
        assert site.gateway == components(found)[-1]
        arn = f"arn:aws:ec2:us-east-1:{site.understudy.account}:natgateway/"
        assert site.described(site.start(path, FilterInArns=[arn + nat]))["NetworkPathFound"]
        other = arn + "nat-0123456789abcdef0"
        (told,) = site.described(site.start(path, FilterInArns=[other]))["Explanations"]
        assert ("COMPONENT_FILTER_RESTRICTION", other.rpartition("/")[2]) == (
            told["ExplanationCode"],
            told["Component"]["Id"],
        )
        around = site.described(site.start(path, FilterOutArns=[arn + nat]))
        assert ["COMPONENT_FILTER_RESTRICTION_REMOVED_COMPONENT"] == codes(around)
        assert [arn + nat] == around["FilterOutArns"]


class TestAndOtherVpcs:
    @pytest.fixture
    def other(self, site, ec2):
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(VpcId=vpc, GroupName="open", Description="open")["GroupId"]
        site.admit(group, 443)
        interface = site.interface(subnet, group, "10.1.1.10")
        by_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        table = ec2.describe_route_tables(Filters=by_vpc)["RouteTables"][0]["RouteTableId"]
        return {"vpc": vpc, "interface": interface, "table": table}

    @pytest.fixture
    def peering(self, site, ec2, other):
        made = ec2.create_vpc_peering_connection(VpcId=site.vpc, PeerVpcId=other["vpc"])[
            "VpcPeeringConnection"
        ]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnectionId"])
        site.understudy.settle()
        return made["VpcPeeringConnectionId"]

    def test_vpcs_that_nothing_connects(self, site, other):
        assert ["DISCONNECTED_VPCS"] == codes(site.analysed(site.app, other["interface"]))

    def test_both_tables_must_lead_to_the_peering_connection(self, site, ec2, other, peering):
        told = site.analysed(site.app, other["interface"])["Explanations"]
        assert [("NO_ROUTE_TO_DESTINATION", site.table), ("NO_ROUTE_TO_DESTINATION", other["table"])] == [
            (each["ExplanationCode"], each["RouteTable"]["Id"]) for each in told
        ]
        site.route("10.1.0.0/16", VpcPeeringConnectionId=peering)
        ec2.create_route(
            RouteTableId=other["table"], DestinationCidrBlock=SITE_BLOCK, VpcPeeringConnectionId=peering
        )
        found = site.analysed(site.app, other["interface"])
        assert peering in components(found)
        assert peering in components(found, "Return")
        (through,) = [each for each in found["ForwardPathComponents"] if each["Component"]["Id"] == peering]
        assert (site.vpc, other["vpc"]) == (through["SourceVpc"]["Id"], through["DestinationVpc"]["Id"])

    def test_to_the_peering_connection_and_from_it(self, site, other, peering):
        assert ["NO_ROUTE_TO_DESTINATION"] == codes(site.analysed(site.app, peering))
        site.route("10.1.0.0/16", VpcPeeringConnectionId=peering)
        found = site.analysed(site.app, peering)
        assert peering == components(found)[-1]
        assert ["10.1.0.0/16"] == found["ForwardPathComponents"][0]["OutboundHeader"]["DestinationAddresses"]
        assert ["ENI_SG_RULES_MISMATCH"] == codes(site.analysed(peering, site.db))
        site.admit(site.db_group, 443, cidr="10.1.0.0/16")
        found = site.analysed(peering, site.db)
        assert (peering, site.db) == (components(found)[0], components(found)[-1])

    def test_to_vpc_endpoints_and_not_from_them(self, site, ec2):
        gateway = ec2.create_vpc_endpoint(VpcId=site.vpc, ServiceName="com.amazonaws.us-east-1.s3")
        s3 = gateway["VpcEndpoint"]["VpcEndpointId"]
        assert ["NO_ROUTE_TO_DESTINATION"] == codes(site.analysed(site.app, s3))
        ec2.modify_vpc_endpoint(VpcEndpointId=s3, AddRouteTableIds=[site.table])
        found = site.analysed(site.app, s3)
        assert s3 == components(found)[-1]
        route = next(
            each["RouteTableRoute"] for each in found["ForwardPathComponents"] if "RouteTableRoute" in each
        )
        assert route["DestinationPrefixListId"].startswith("pl-")
        interface = ec2.create_vpc_endpoint(
            VpcId=site.vpc, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sts",
            SubnetIds=[site.subnets[1]], SecurityGroupIds=[site.db_group], PrivateDnsEnabled=False,
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
        assert ["ENI_SG_RULES_MISMATCH"] == codes(site.analysed(site.app, interface))
        site.admit(site.db_group, 443)
        assert site.analysed(site.app, interface)["NetworkPathFound"]
        assert ["VPCE_INTRA_VPC_TRAFFIC"] == codes(site.analysed(interface, site.app))
