"""Blocks that are added to a VPC and removed (vpcs.md 8.1, 8.2)."""

from __future__ import annotations

import pytest

from understudy_aws.testing import Understudy


def add(ec2, vpc, block):
    return ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=block)["CidrBlockAssociation"]["AssociationId"]


def local_routes(ec2, vpc):
    """The destinations of local routes, one set for each table of a VPC."""
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return [
        {
            route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]
            for route in table["Routes"]
            if route.get("GatewayId") == "local"
        }
        for table in tables
    ]


class TestAdding:
    def test_a_second_block_is_described_and_has_local_routes(self, ec2, vpc, vpc_of):
        ec2.create_route_table(VpcId=vpc)
        made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.5/16")
        begun = made["CidrBlockAssociation"]
        assert (vpc, "10.1.0.0/16", "associating") == (
            made["VpcId"],
            begun["CidrBlock"],
            begun["CidrBlockState"]["State"],
        )
        found = vpc_of(vpc)
        assert "10.0.0.0/16" == found["CidrBlock"]
        assert [("10.0.0.0/16", "associated"), ("10.1.0.0/16", "associated")] == [
            (each["CidrBlock"], each["CidrBlockState"]["State"]) for each in found["CidrBlockAssociationSet"]
        ]
        assert [{"10.0.0.0/16", "10.1.0.0/16"}] * 2 == local_routes(ec2, vpc)
        new = ec2.create_route_table(VpcId=vpc)["RouteTable"]
        assert 2 == len(new["Routes"])

    def test_subnets_are_made_in_it(self, ec2, vpc, refused):
        with refused("InvalidSubnet.Range"):
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")
        add(ec2, vpc, "10.1.0.0/16")
        made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
        interface = ec2.create_network_interface(SubnetId=made)["NetworkInterface"]
        assert interface["PrivateIpAddress"].startswith("10.1.1.")

    def test_ipv6_blocks_are_added_as_well(self, ec2, vpc, vpc_of):
        made = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
        begun = made["Ipv6CidrBlockAssociation"]
        assert ("", "associating") == (begun["Ipv6CidrBlock"], begun["Ipv6CidrBlockState"]["State"])
        (found,) = vpc_of(vpc)["Ipv6CidrBlockAssociationSet"]
        assert begun["AssociationId"] == found["AssociationId"]
        assert [{"10.0.0.0/16", found["Ipv6CidrBlock"]}] == local_routes(ec2, vpc)

    def test_filters_find_each_block(self, ec2, vpc):
        association = add(ec2, vpc, "10.1.0.0/16")
        for name, value in (("cidr-block", "10.1.0.0/16"), ("association-id", association)):
            wanted = [{"Name": f"cidr-block-association.{name}", "Values": [value]}]
            assert [vpc] == [each["VpcId"] for each in ec2.describe_vpcs(Filters=wanted)["Vpcs"]]
        # `cidr` is the primary block alone (EC2 API reference, DescribeVpcs).
        assert [] == ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.1.0.0/16"]}])["Vpcs"]

    def test_something_must_be_asked_for_and_one_thing_alone(self, ec2, vpc, refused):
        with refused("MissingParameter"):
            ec2.associate_vpc_cidr_block(VpcId=vpc)
        with refused("InvalidParameterCombination"):
            ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16", AmazonProvidedIpv6CidrBlock=True)
        with refused("InvalidIpamPoolId.NotFound"):
            ec2.associate_vpc_cidr_block(VpcId=vpc, Ipv6IpamPoolId="ipam-pool-1", Ipv6NetmaskLength=56)

    @pytest.mark.parametrize(
        ("primary", "new"),
        [
            # The rows of AWS's table (vpcs.md 8.2): private ranges do not mix, …
            ("10.2.0.0/16", "192.168.0.0/16"),
            ("10.2.0.0/16", "172.20.0.0/16"),
            ("172.16.0.0/16", "10.0.0.0/16"),
            ("172.16.0.0/16", "192.168.0.0/24"),
            ("192.168.0.0/16", "10.0.0.0/16"),
            ("100.64.0.0/16", "10.0.0.0/16"),
            ("54.0.0.0/16", "172.16.0.0/16"),
            ("198.19.0.0/17", "10.0.0.0/16"),
            # … some go with no other, …
            ("10.1.0.0/16", "10.0.0.0/16"),
            ("172.16.0.0/16", "172.31.0.0/16"),
            ("10.2.0.0/16", "198.19.0.0/16"),
            ("192.168.0.0/16", "198.19.0.0/24"),
            ("54.0.0.0/16", "198.19.0.0/16"),
            # … and some are nobody's.
            ("10.2.0.0/16", "169.254.0.0/16"),
            ("10.2.0.0/16", "224.0.0.0/16"),
        ],
    )
    def test_restricted_ranges(self, ec2, refused, primary, new):
        vpc = ec2.create_vpc(CidrBlock=primary)["Vpc"]["VpcId"]
        text = (
            f"The CIDR '{new}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, "
            "or use a publicly-routable CIDR. For additional restrictions, see "
            "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
        )
        with refused("InvalidVpc.Range", text):
            add(ec2, vpc, new)

    @pytest.mark.parametrize(
        ("primary", "new"),
        [
            ("10.2.0.0/16", "10.0.0.0/16"),
            ("10.2.0.0/16", "100.64.0.0/16"),
            ("10.2.0.0/16", "54.0.0.0/24"),
            ("10.2.0.0/16", "198.18.0.0/16"),
            ("172.16.0.0/16", "172.20.0.0/16"),
            ("192.168.0.0/24", "192.168.1.0/24"),
            ("100.64.0.0/16", "100.65.0.0/28"),
            ("54.0.0.0/16", "100.64.0.0/16"),
            ("198.19.0.0/17", "100.64.0.0/16"),
        ],
    )
    def test_permitted_ranges(self, ec2, primary, new):
        vpc = ec2.create_vpc(CidrBlock=primary)["Vpc"]["VpcId"]
        add(ec2, vpc, new)

    def test_the_primary_block_decides(self, ec2, refused):
        vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        add(ec2, vpc, "100.64.0.0/16")
        add(ec2, vpc, "10.3.0.0/16")
        add(ec2, vpc, "10.1.0.0/16")
        with refused("InvalidVpc.Range"):
            add(ec2, vpc, "10.0.0.0/16")

    @pytest.mark.parametrize("block", ["10.0.0.0/15", "10.1.0.0/29"])
    def test_sizes(self, ec2, vpc, refused, block):
        with refused("InvalidVpc.Range", f"The CIDR '{block}' is invalid."):
            add(ec2, vpc, block)

    @pytest.mark.parametrize("block", ["10.2.0.0/16", "10.2.7.0/24"])
    def test_blocks_of_a_vpc_do_not_overlap(self, ec2, refused, block):
        vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        with refused("InvalidVpc.Range"):
            add(ec2, vpc, block)

    def test_no_block_swallows_a_route(self, ec2, vpc, refused):
        """VPC user guide, "VPC CIDR blocks": a new block is smaller than any destination it is part of."""
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.8.0.0/24", GatewayId=gateway)
        for block in ("10.8.0.0/16", "10.8.0.0/24"):
            with refused("InvalidVpc.Range"):
                add(ec2, vpc, block)
        add(ec2, vpc, "10.8.0.0/25")

    def test_five_blocks_at_most(self, ec2, vpc, refused):
        for number in range(1, 5):
            add(ec2, vpc, f"10.{number}.0.0/16")
        text = f"This network '{vpc}' has met its maximum number of allowed CIDRs: 5"
        with refused("CidrLimitExceeded", text):
            add(ec2, vpc, "10.9.0.0/16")
        for _ in range(5):
            ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
        with refused("CidrLimitExceeded", text):
            ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)


class TestRemoving:
    def test_it_is_told_of_for_an_hour_and_leaves_no_route(self, understudy, ec2, vpc, vpc_of):
        association = add(ec2, vpc, "10.1.0.0/16")
        gone = ec2.disassociate_vpc_cidr_block(AssociationId=association)["CidrBlockAssociation"]
        assert ("10.1.0.0/16", "disassociating") == (gone["CidrBlock"], gone["CidrBlockState"]["State"])
        assert [{"10.0.0.0/16"}] == local_routes(ec2, vpc)
        states = {
            each["CidrBlock"]: each["CidrBlockState"]["State"]
            for each in vpc_of(vpc)["CidrBlockAssociationSet"]
        }
        assert {"10.0.0.0/16": "associated", "10.1.0.0/16": "disassociated"} == states
        wanted = [{"Name": "cidr-block-association.state", "Values": ["disassociated"]}]
        assert [vpc] == [each["VpcId"] for each in ec2.describe_vpcs(Filters=wanted)["Vpcs"]]
        understudy.clock.advance(3601)
        assert 1 == len(vpc_of(vpc)["CidrBlockAssociationSet"])
        assert [] == ec2.describe_vpcs(Filters=wanted)["Vpcs"]

    def test_one_that_is_gone_counts_no_more(self, ec2, vpc):
        """getmoto/moto#4116: an association that was removed takes no place of the quota."""
        for _ in range(3):
            for association in [add(ec2, vpc, f"10.{number}.0.0/16") for number in range(1, 5)]:
                ec2.disassociate_vpc_cidr_block(AssociationId=association)

    def test_a_subnet_keeps_its_block(self, ec2, vpc, refused):
        association = add(ec2, vpc, "10.1.0.0/16")
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
        text = f"The vpc {vpc} currently has a subnet within CIDR block 10.1.0.0/16"
        with refused("InvalidCidrBlock.InUse", text):
            ec2.disassociate_vpc_cidr_block(AssociationId=association)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.disassociate_vpc_cidr_block(AssociationId=association)

    def test_a_subnet_keeps_its_ipv6_block(self, ec2, dual, refused, vpc_of):
        """hashicorp/terraform-provider-aws#29077."""
        id, block = dual
        (association,) = vpc_of(id)["Ipv6CidrBlockAssociationSet"]
        inside = str(next(block.subnets(new_prefix=64)))
        subnet = ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=inside)["Subnet"]
        text = f"The vpc {id} currently has a subnet within CIDR block {block}"
        with refused("InvalidCidrBlock.InUse", text):
            ec2.disassociate_vpc_cidr_block(AssociationId=association["AssociationId"])
        ec2.disassociate_subnet_cidr_block(
            AssociationId=subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
        )
        gone = ec2.disassociate_vpc_cidr_block(AssociationId=association["AssociationId"])
        assert str(block) == gone["Ipv6CidrBlockAssociation"]["Ipv6CidrBlock"]
        assert [{"10.0.0.0/16"}] == local_routes(ec2, id)

    def test_the_primary_block_stays(self, ec2, vpc, refused, vpc_of):
        association = vpc_of(vpc)["CidrBlockAssociationSet"][0]["AssociationId"]
        text = (
            f"The vpc CIDR block with association ID {association} may not be disassociated. It is the primary IPv4 "
            "CIDR block of the VPC"
        )
        with refused("OperationNotPermitted", text):
            ec2.disassociate_vpc_cidr_block(AssociationId=association)

    def test_it_is_removed_once(self, understudy, ec2, vpc, refused):
        association = add(ec2, vpc, "10.1.0.0/16")
        elsewhere = understudy.client("ec2", region="eu-west-1")
        text = f"The vpc CIDR block association ID '{association}' does not exist"
        with refused("InvalidVpcCidrBlockAssociationID.NotFound", text):
            elsewhere.disassociate_vpc_cidr_block(AssociationId=association)
        ec2.disassociate_vpc_cidr_block(AssociationId=association)
        with refused("InvalidVpcCidrBlockAssociationID.NotFound", text):
            ec2.disassociate_vpc_cidr_block(AssociationId=association)


def test_no_subnet_is_made_in_a_block_that_is_not_associated_yet(refused):
    """hashicorp/terraform#21256: AWS refuses it like a block outside of the VPC."""
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        vpc = made["VpcId"]
        ipv6 = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        wanted = ipv6.replace("/56", "/64")
        add(ec2, vpc, "10.1.0.0/16")
        with refused("InvalidSubnet.Range", "The CIDR '10.1.1.0/24' is invalid."):
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")
        with refused("InvalidSubnet.Range", f"The IPv6 CIDR '{wanted}' is invalid."):
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=wanted)
        understudy.clock.advance(10)
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24", Ipv6CidrBlock=wanted)


def test_with_the_clock_of_aws_both_take_their_time():
    """Terraform waits for `associated`, and for the association to be gone."""
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        association = add(ec2, vpc, "10.1.0.0/16")

        def state():
            return ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"][1]["CidrBlockState"][
                "State"
            ]

        seen = [state()]
        understudy.clock.advance(10)
        seen.append(state())
        ec2.disassociate_vpc_cidr_block(AssociationId=association)
        seen.append(state())
        understudy.clock.advance(10)
        seen.append(state())
        assert ["associating", "associated", "disassociating", "disassociated"] == seen
