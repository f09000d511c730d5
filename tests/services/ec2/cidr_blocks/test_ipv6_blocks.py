"""IPv6 blocks of VPCs and subnets as they are made with them (vpcs.md 8.1)."""

from __future__ import annotations

import ipaddress

import pytest

from understudy_aws.testing import Understudy


class TestVpc:
    def test_amazon_provides_a_block_and_tells_it_once_it_is_associated(self, ec2, vpc_of):
        """AWS CLI reference, create-vpc, example 2."""
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        (begun,) = made["Ipv6CidrBlockAssociationSet"]
        assert ("", "associating") == (begun["Ipv6CidrBlock"], begun["Ipv6CidrBlockState"]["State"])
        (found,) = vpc_of(made["VpcId"])["Ipv6CidrBlockAssociationSet"]
        assert begun["AssociationId"] == found["AssociationId"]
        assert ("Amazon", "us-east-1", "associated", 56) == (
            found["Ipv6Pool"],
            found["NetworkBorderGroup"],
            found["Ipv6CidrBlockState"]["State"],
            ipaddress.ip_network(found["Ipv6CidrBlock"]).prefixlen,
        )

    def test_every_vpc_gets_a_block_of_its_own(self, understudy, ec2):
        blocks = set()
        for client in (ec2, understudy.client("ec2", region="eu-west-1")):
            for _ in range(10):
                client.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)
            for vpc in client.describe_vpcs()["Vpcs"]:
                blocks.update(each["Ipv6CidrBlock"] for each in vpc["Ipv6CidrBlockAssociationSet"])
        assert 20 == len(blocks)

    def test_route_tables_have_a_local_route_to_it(self, ec2, dual):
        id, block = dual
        ec2.create_route_table(VpcId=id)
        found = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [id]}])["RouteTables"]
        for table in found:
            local = {
                route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]
                for route in table["Routes"]
                if route["GatewayId"] == "local"
            }
            assert {"10.0.0.0/16", str(block)} == local
        assert 2 == len(found)

    def test_an_ipv6_route_inside_of_it_needs_an_interface(self, ec2, dual, refused):
        id, block = dual
        gateway = ec2.create_egress_only_internet_gateway(VpcId=id)["EgressOnlyInternetGateway"]
        table = ec2.create_route_table(VpcId=id)["RouteTable"]["RouteTableId"]
        inside = str(next(block.subnets(new_prefix=64)))
        target = {"EgressOnlyInternetGatewayId": gateway["EgressOnlyInternetGatewayId"]}
        with refused("InvalidParameterValue"):
            ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock=inside, **target)
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", **target)

    @pytest.mark.parametrize(
        ("params", "code", "message"),
        [
            ({"Ipv4IpamPoolId": "ipam-pool-1"}, "InvalidIpamPoolId.NotFound", "The ipam-pool ID 'ipam-pool-1' does not exist"),
            ({"Ipv6IpamPoolId": "ipam-pool-1"}, "InvalidIpamPoolId.NotFound", "The ipam-pool ID 'ipam-pool-1' does not exist"),
            ({"Ipv6Pool": "ipv6pool-ec2-1"}, "InvalidIpv6PoolId.NotFound", "The ipv6pool-ec2 ID 'ipv6pool-ec2-1' does not exist"),
            ({"Ipv6CidrBlock": "2001:db8::/56"}, "MissingParameter", "The request must contain the parameter ipv6Pool"),
            ({"Ipv6NetmaskLength": 56, "Ipv6CidrBlock": "2001:db8::/56"}, "InvalidParameterCombination", "The parameter 'ipv6NetmaskLength' may not be used in combination with 'ipv6CidrBlock'."),
            ({"Ipv6NetmaskLength": 56}, "MissingParameter", None),
            ({"Ipv4NetmaskLength": 24}, "MissingParameter", None),
            ({"Ipv6CidrBlockNetworkBorderGroup": "us-east-1"}, "MissingParameter", None),
            ({"Ipv6CidrBlockNetworkBorderGroup": "us-east-1-wl1", "AmazonProvidedIpv6CidrBlock": True}, "InvalidParameterValue", None),
        ],
    )  # fmt: skip
    def test_pools_of_ones_own_are_not_there(self, ec2, refused, params, code, message):
        with refused(code, message) if message else refused(code):
            ec2.create_vpc(CidrBlock="10.0.0.0/16", **params)

    def test_filters_find_it(self, ec2, vpc, dual, vpc_of):
        id, block = dual
        (association,) = vpc_of(id)["Ipv6CidrBlockAssociationSet"]
        prefix = "ipv6-cidr-block-association."
        for name, value in (
            ("ipv6-cidr-block", str(block)),
            ("association-id", association["AssociationId"]),
            ("ipv6-pool", "Amazon"),
            ("state", "associated"),
        ):
            found = ec2.describe_vpcs(Filters=[{"Name": prefix + name, "Values": [value]}])["Vpcs"]
            assert [id] == [each["VpcId"] for each in found]

    def test_with_the_clock_of_aws_it_takes_its_time(self):
        with Understudy(clock="aws") as understudy:
            ec2 = understudy.client("ec2")
            id = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
            (association,) = ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
            assert "associating" == association["Ipv6CidrBlockState"]["State"]
            understudy.clock.advance(10)
            (association,) = ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
            assert "associated" == association["Ipv6CidrBlockState"]["State"]


class TestSubnet:
    @pytest.mark.parametrize("length", [56, 60, 64])
    def test_a_dual_stack_subnet(self, ec2, dual, length, subnet_of):
        id, block = dual
        wanted = str(next(block.subnets(new_prefix=length)))
        made = ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=wanted)["Subnet"]
        assert "associating" == made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"]["State"]
        found = subnet_of(made["SubnetId"])
        (association,) = found["Ipv6CidrBlockAssociationSet"]
        assert (wanted, "associated", 251, False, False) == (
            association["Ipv6CidrBlock"],
            association["Ipv6CidrBlockState"]["State"],
            found["AvailableIpAddressCount"],
            found["Ipv6Native"],
            found["AssignIpv6AddressOnCreation"],
        )
        assert association["AssociationId"].startswith("subnet-cidr-assoc-")

    def test_a_subnet_for_ipv6_alone(self, ec2, dual, subnet_of):
        """AWS CLI reference, create-subnet, example 3."""
        id, block = dual
        wanted = str(next(block.subnets(new_prefix=64)))
        made = ec2.create_subnet(VpcId=id, Ipv6CidrBlock=wanted, Ipv6Native=True)["Subnet"]
        found = subnet_of(made["SubnetId"])
        assert "CidrBlock" not in found
        assert (True, True, 0, "resource-name") == (
            found["Ipv6Native"],
            found["AssignIpv6AddressOnCreation"],
            found["AvailableIpAddressCount"],
            found["PrivateDnsNameOptionsOnLaunch"]["HostnameType"],
        )
        native = [{"Name": "ipv6-native", "Values": ["true"]}, {"Name": "vpc-id", "Values": [id]}]
        assert [made["SubnetId"]] == [
            each["SubnetId"] for each in ec2.describe_subnets(Filters=native)["Subnets"]
        ]
        ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24")
        ec2.delete_subnet(SubnetId=made["SubnetId"])

    def test_blocks_that_cannot_be(self, ec2, dual, refused):
        id, block = dual
        first = str(next(block.subnets(new_prefix=64)))
        ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=first)
        with refused("InvalidSubnet.Conflict", f"The CIDR '{first}' conflicts with another subnet"):
            ec2.create_subnet(VpcId=id, CidrBlock="10.0.2.0/24", Ipv6CidrBlock=first)
        outside = "2001:db9::/64"
        with refused("InvalidSubnet.Range", f"The IPv6 CIDR '{outside}' is invalid."):
            ec2.create_subnet(VpcId=id, CidrBlock="10.0.2.0/24", Ipv6CidrBlock=outside)
        odd = str(next(block.subnets(new_prefix=62)))
        with refused("InvalidParameterValue", f"invalid value for parameter ipv6-cidr-block: {odd}"):
            ec2.create_subnet(VpcId=id, CidrBlock="10.0.2.0/24", Ipv6CidrBlock=odd)

    def test_what_does_not_go_with_ipv6_alone(self, ec2, dual, refused):
        id, block = dual
        first = str(next(block.subnets(new_prefix=64)))
        with refused("InvalidParameterCombination"):
            ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=first, Ipv6Native=True)
        with refused("MissingParameter"):
            ec2.create_subnet(VpcId=id, Ipv6Native=True)
        with refused("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."):
            ec2.create_subnet(VpcId=id, Ipv6CidrBlock=first)

    def test_no_ipv4_address_is_free_in_a_subnet_for_ipv6_alone(self, ec2, dual, refused):
        id, block = dual
        first = str(next(block.subnets(new_prefix=64)))
        made = ec2.create_subnet(VpcId=id, Ipv6CidrBlock=first, Ipv6Native=True)["Subnet"]["SubnetId"]
        with refused("InvalidParameterValue", "Address does not fall within the subnet's address range"):
            ec2.create_network_interface(SubnetId=made, PrivateIpAddress="10.0.1.9")
