"""VPCs made and deleted with what comes along (ec2.md 7.5)."""

from __future__ import annotations

import pytest


def of(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


class TestCreateVpc:
    def test_the_block_is_made_canonical_and_the_state_is_pending(self, ec2):
        made = ec2.create_vpc(CidrBlock="10.237.19.7/20")["Vpc"]
        assert ("10.237.16.0/20", "pending") == (made["CidrBlock"], made["State"])

    def test_it_gets_the_accounts_default_dhcp_options(self, ec2):
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
        assert [made["DhcpOptionsId"]] == [
            each["DhcpOptionsId"] for each in ec2.describe_dhcp_options()["DhcpOptions"]
        ]

    def test_a_default_group_comes_with_it(self, ec2, vpc):
        (group,) = ec2.describe_security_groups(Filters=of(vpc))["SecurityGroups"]
        assert ("default", "default VPC security group") == (group["GroupName"], group["Description"])
        (entry,) = group["IpPermissions"]
        assert ("-1", [group["GroupId"]]) == (
            entry["IpProtocol"],
            [pair["GroupId"] for pair in entry["UserIdGroupPairs"]],
        )
        assert [{"CidrIp": "0.0.0.0/0"}] == group["IpPermissionsEgress"][0]["IpRanges"]

    def test_a_main_route_table_comes_with_it(self, ec2, vpc):
        main = [*of(vpc), {"Name": "association.main", "Values": ["true"]}]
        (table,) = ec2.describe_route_tables(Filters=main)["RouteTables"]
        assert [("10.0.0.0/16", "local", "CreateRouteTable", "active")] == [
            (route["DestinationCidrBlock"], route["GatewayId"], route["Origin"], route["State"])
            for route in table["Routes"]
        ]

    def test_a_default_network_acl_comes_with_it(self, ec2, vpc):
        default = [*of(vpc), {"Name": "default", "Values": ["true"]}]
        (acl,) = ec2.describe_network_acls(Filters=default)["NetworkAcls"]
        assert {
            (100, "allow", True),
            (100, "allow", False),
            (32767, "deny", True),
            (32767, "deny", False),
        } == {(entry["RuleNumber"], entry["RuleAction"], entry["Egress"]) for entry in acl["Entries"]}

    def test_its_tags_are_kept(self, ec2):
        tags = [{"Key": "Name", "Value": "main"}]
        made = ec2.create_vpc(
            CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
        )
        assert (
            tags == made["Vpc"]["Tags"] == ec2.describe_vpcs(VpcIds=[made["Vpc"]["VpcId"]])["Vpcs"][0]["Tags"]
        )

    @pytest.mark.parametrize("block", ["10.0.0.0/15", "10.0.0.0/29"])
    def test_a_block_of_a_size_aws_does_not_give_is_refused(self, ec2, refused, block):
        with refused("InvalidVpc.Range"):
            ec2.create_vpc(CidrBlock=block)

    @pytest.mark.parametrize("block", ["169.254.0.0/16", "127.0.0.0/24", "224.0.0.0/16"])
    def test_a_block_that_is_nobodys_is_refused(self, ec2, refused, block):
        """VPC user guide, "VPC CIDR blocks" (vpcs.md 8.2)."""
        with refused("InvalidVpc.Range"):
            ec2.create_vpc(CidrBlock=block)

    @pytest.mark.parametrize("block", ["10.0.0.0", "10.0.0.256/16", "10.0.0/16", "fd00::/56", "10.00.0.0/16"])
    def test_what_is_no_block_is_refused(self, ec2, refused, block):
        with refused(
            "InvalidParameterValue",
            f"Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        ):
            ec2.create_vpc(CidrBlock=block)

    def test_a_block_is_needed(self, ec2, refused):
        with refused("MissingParameter"):
            ec2.create_vpc()

    def test_what_is_not_served_is_refused_by_name(self, ec2, refused):
        with refused(
            "UnsupportedOperation", "Understudy does not support the parameter VpcEncryptionControl yet."
        ):
            ec2.create_vpc(CidrBlock="10.0.0.0/16", VpcEncryptionControl={"Mode": "monitor"})

    def test_terraforms_explicit_no_is_no_refusal(self, ec2):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=False, InstanceTenancy="default")


class TestModifyVpcTenancy:
    """EC2 API reference, ModifyVpcTenancy and "Error codes", InvalidTenancy: from dedicated to default alone."""

    def test_dedicated_becomes_default_once(self, ec2, refused):
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="dedicated")["Vpc"]["VpcId"]
        assert ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")["ReturnValue"]
        assert "default" == ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["InstanceTenancy"]
        with refused("InvalidTenancy"):
            ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")

    def test_nothing_becomes_dedicated(self, ec2, vpc, refused):
        with refused("InvalidParameterValue"):
            ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="dedicated")


class TestDeleteVpc:
    def test_all_that_came_with_it_goes_with_it(self, ec2, vpc):
        ec2.delete_vpc(VpcId=vpc)
        assert [] == ec2.describe_security_groups(Filters=of(vpc))["SecurityGroups"]
        assert [] == ec2.describe_route_tables(Filters=of(vpc))["RouteTables"]
        assert [] == ec2.describe_network_acls(Filters=of(vpc))["NetworkAcls"]
        assert [] == ec2.describe_vpcs(Filters=of(vpc))["Vpcs"]

    @pytest.mark.parametrize("what", ["subnet", "group"])
    def test_what_is_in_it_keeps_it(self, ec2, vpc, refused, request, what):
        request.getfixturevalue(what)
        with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
            ec2.delete_vpc(VpcId=vpc)

    def test_an_unknown_one_is_not_found(self, ec2, refused):
        with refused("InvalidVpcID.NotFound"):
            ec2.delete_vpc(VpcId="vpc-0123456789abcdef0")
