"""VPC Block Public Access: the account's mode, exclusions, and what follows for VPCs and subnets (vpcs.md 8.6)."""

from __future__ import annotations

import pytest

from understudy_aws.testing import Understudy


def mode_of(ec2, vpc, subnet):
    """The modes of a VPC and a subnet, as they are described."""
    described = (
        ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0],
        ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0],
    )
    return tuple(each["BlockPublicAccessStates"]["InternetGatewayBlockMode"] for each in described)


def exclude(ec2, mode, **resource):
    made = ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode=mode, **resource)
    return made["VpcBlockPublicAccessExclusion"]["ExclusionId"]


def block(ec2, mode):
    return ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)


class TestOptions:
    def test_nothing_is_blocked_at_first(self, ec2, vpc, subnet):
        found = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
        assert ("default-state", "off", "000000000000", "us-east-1", "account", "allowed") == (
            found["State"],
            found["InternetGatewayBlockMode"],
            found["AwsAccountId"],
            found["AwsRegion"],
            found["ManagedBy"],
            found["ExclusionsAllowed"],
        )
        assert ("off", "off") == mode_of(ec2, vpc, subnet)

    @pytest.mark.parametrize("mode", ["block-bidirectional", "block-ingress"])
    def test_a_mode_holds_for_one_region(self, understudy, ec2, vpc, subnet, mode):
        begun = block(ec2, mode)["VpcBlockPublicAccessOptions"]
        assert "update-in-progress" == begun["State"]
        found = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
        assert ("update-complete", mode) == (found["State"], found["InternetGatewayBlockMode"])
        assert "LastUpdateTimestamp" in found
        assert (mode, mode) == mode_of(ec2, vpc, subnet)
        elsewhere = understudy.client("ec2", region="eu-west-1")
        there = elsewhere.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
        assert "off" == there["InternetGatewayBlockMode"]
        block(ec2, "off")
        assert ("off", "off") == mode_of(ec2, vpc, subnet)

    def test_an_unknown_mode(self, ec2, refused):
        with refused("InvalidParameterValue"):
            block(ec2, "block-everything")

    def test_with_the_clock_of_aws_it_takes_its_time(self):
        with Understudy(clock="aws") as understudy:
            ec2 = understudy.client("ec2")
            block(ec2, "block-ingress")
            states = []
            for _ in range(2):
                found = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
                states.append(found["State"])
                understudy.clock.advance(100)
            assert ["update-in-progress", "update-complete"] == states


class TestExclusions:
    @pytest.mark.parametrize(
        ("account", "exclusion", "expected"),
        [
            ("block-bidirectional", "allow-bidirectional", "off"),
            ("block-bidirectional", "allow-egress", "block-ingress"),
            ("block-ingress", "allow-bidirectional", "off"),
            ("block-ingress", "allow-egress", "block-ingress"),
            ("off", "allow-egress", "off"),
        ],
    )
    def test_one_of_a_vpc_holds_for_its_subnets(self, ec2, vpc, subnet, account, exclusion, expected):
        block(ec2, account)
        exclude(ec2, exclusion, VpcId=vpc)
        assert (expected, expected) == mode_of(ec2, vpc, subnet)

    def test_one_of_a_subnet_holds_for_it_alone(self, ec2, vpc, subnet):
        block(ec2, "block-bidirectional")
        exclude(ec2, "allow-bidirectional", SubnetId=subnet)
        assert ("block-bidirectional", "off") == mode_of(ec2, vpc, subnet)

    def test_it_is_created_changed_and_deleted(self, understudy, ec2, vpc, subnet, refused):
        """Terraform waits for create-complete, update-complete and delete-complete."""
        block(ec2, "block-bidirectional")
        tags = [{"Key": "a", "Value": "b"}]
        made = ec2.create_vpc_block_public_access_exclusion(
            VpcId=vpc,
            InternetGatewayExclusionMode="allow-egress",
            TagSpecifications=[{"ResourceType": "vpc-block-public-access-exclusion", "Tags": tags}],
        )["VpcBlockPublicAccessExclusion"]
        id = made["ExclusionId"]
        assert id.startswith("vpcbpa-exclude-")
        assert "create-in-progress" == made["State"]
        assert f"arn:aws:ec2:us-east-1:000000000000:vpc/{vpc}" == made["ResourceArn"]

        def found():
            answer = ec2.describe_vpc_block_public_access_exclusions(ExclusionIds=[id])
            (only,) = answer["VpcBlockPublicAccessExclusions"]
            return only

        assert ("create-complete", tags) == (found()["State"], found()["Tags"])
        changed = ec2.modify_vpc_block_public_access_exclusion(
            ExclusionId=id, InternetGatewayExclusionMode="allow-bidirectional"
        )["VpcBlockPublicAccessExclusion"]
        assert "update-in-progress" == changed["State"]
        assert ("update-complete", "allow-bidirectional") == (
            found()["State"],
            found()["InternetGatewayExclusionMode"],
        )
        assert ("off", "off") == mode_of(ec2, vpc, subnet)
        gone = ec2.delete_vpc_block_public_access_exclusion(ExclusionId=id)["VpcBlockPublicAccessExclusion"]
        assert "delete-in-progress" == gone["State"]
        assert "delete-complete" == found()["State"]
        assert "DeletionTimestamp" in found()
        assert ("block-bidirectional", "block-bidirectional") == mode_of(ec2, vpc, subnet)
        with refused("InvalidParameterValue", f"{id} is in delete-complete state and cannot be deleted"):
            ec2.delete_vpc_block_public_access_exclusion(ExclusionId=id)
        with refused("InvalidParameterValue"):
            ec2.modify_vpc_block_public_access_exclusion(
                ExclusionId=id, InternetGatewayExclusionMode="allow-egress"
            )
        understudy.clock.advance(3660)
        understudy.settle()
        assert [] == ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
        with refused("InvalidVpcBlockPublicAccessExclusionId.NotFound"):
            found()

    def test_what_cannot_be_excluded(self, ec2, vpc, subnet, refused):
        with refused("InvalidParameterCombination"):
            exclude(ec2, "allow-egress", VpcId=vpc, SubnetId=subnet)
        with refused("MissingParameter"):
            exclude(ec2, "allow-egress")
        with refused("InvalidVpcID.NotFound"):
            exclude(ec2, "allow-egress", VpcId="vpc-0123456789abcdef0")
        with refused("InvalidParameterValue"):
            exclude(ec2, "allow-nothing", VpcId=vpc)
        exclude(ec2, "allow-egress", VpcId=vpc)
        with refused("InvalidParameterValue"):
            exclude(ec2, "allow-bidirectional", VpcId=vpc)

    def test_filters(self, ec2, vpc, subnet):
        first, second = (
            exclude(ec2, "allow-egress", VpcId=vpc),
            exclude(ec2, "allow-bidirectional", SubnetId=subnet),
        )
        ec2.create_tags(Resources=[first], Tags=[{"Key": "team", "Value": "a"}])

        def found(name, value):
            answer = ec2.describe_vpc_block_public_access_exclusions(
                Filters=[{"Name": name, "Values": [value]}]
            )
            return [each["ExclusionId"] for each in answer["VpcBlockPublicAccessExclusions"]]

        assert [first] == found("internet-gateway-exclusion-mode", "allow-egress") == found("tag:team", "a")
        assert [second] == found("resource-arn", f"*:subnet/{subnet}")
        assert sorted([first, second]) == found("state", "create-complete")
        assert [] == found("state", "delete-complete")

    def test_it_ends_with_what_it_is_for(self, ec2, vpc, subnet):
        exclude(ec2, "allow-egress", VpcId=vpc)
        exclude(ec2, "allow-egress", SubnetId=subnet)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)
        found = ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
        assert ["delete-complete"] * 2 == [each["State"] for each in found]
