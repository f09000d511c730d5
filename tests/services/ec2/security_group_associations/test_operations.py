"""Groups that are associated with other VPCs (prefix-lists.md 16.4)."""

from __future__ import annotations

import pytest

from understudy_aws.testing import Understudy

GONE = "InvalidSecurityGroupVpcAssociation.NotFound"


@pytest.fixture
def second(ec2):
    """Another VPC of the account, with a subnet: their ids."""
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]


def states(ec2, *filters):
    found = ec2.describe_security_group_vpc_associations(Filters=list(filters))
    return {(each["GroupId"], each["VpcId"]): each["State"] for each in found["SecurityGroupVpcAssociations"]}


def usable(ec2, vpc, *filters):
    found = ec2.get_security_groups_for_vpc(VpcId=vpc, Filters=list(filters))["SecurityGroupForVpcs"]
    return {each["GroupName"]: each for each in found}


def test_a_group_is_used_in_another_vpc(ec2, understudy, vpc, group, second, refused):
    other, subnet = second
    with refused("InvalidParameterValue"):
        ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    assert {"State": "associating"} == _told(ec2.associate_security_group_vpc(GroupId=group, VpcId=other))
    (found,) = ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"]
    assert found == {
        "GroupId": group,
        "VpcId": other,
        "VpcOwnerId": understudy.account,
        "State": "associated",
        "GroupOwnerId": understudy.account,
    }
    assert {"default", "web"} == usable(ec2, other).keys()
    assert usable(ec2, other)["web"] == {
        "Description": "web",
        "GroupName": "web",
        "OwnerId": understudy.account,
        "GroupId": group,
        "Tags": [],
        "PrimaryVpcId": vpc,
    }
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    with refused("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    assert {"State": "disassociating"} == _told(
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)
    )
    assert {} == states(ec2)
    with refused(GONE):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)


def _told(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_neither_the_group_nor_the_vpc_is_deleted_while_they_are_associated(ec2, group, refused):
    """EC2 API Reference, DeleteSecurityGroup: a group with a VPC association is not deleted."""
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
    with refused("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=other)
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)
    ec2.delete_vpc(VpcId=other)
    ec2.delete_security_group(GroupId=group)


def test_what_cannot_be_associated(ec2, understudy, vpc, group, second, refused):
    other, _ = second
    default = usable(ec2, vpc)["default"]["GroupId"]
    default_vpc = next(each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if each["IsDefault"])
    for named, where in ((default, other), (group, default_vpc), (group, vpc)):
        with refused("InvalidParameterValue"):
            ec2.associate_security_group_vpc(GroupId=named, VpcId=where)
    ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
    elsewhere = understudy.client("ec2", region="eu-west-1").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"][
        "VpcId"
    ]
    with refused("InvalidVpcID.NotFound"):
        ec2.associate_security_group_vpc(GroupId=group, VpcId=elsewhere)
    with refused(GONE):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=vpc)


def test_filters_and_pages(ec2, understudy, vpc, group, second):
    other, _ = second
    groups = [group] + [
        ec2.create_security_group(VpcId=vpc, GroupName=f"web{n}", Description="more")["GroupId"]
        for n in range(6)
    ]
    for each in groups:
        ec2.associate_security_group_vpc(GroupId=each, VpcId=other)
    for name, value, count in (
        ("group-id", group, 1), ("vpc-id", other, 7), ("group-owner-id", understudy.account, 7),
        ("vpc-owner-id", "111111111111", 0), ("state", "associated", 7), ("state", "associating", 0),
    ):  # fmt: skip
        assert count == len(states(ec2, {"Name": name, "Values": [value]})), name
    for name, value, found in (
        ("group-id", group, {"web"}), ("description", "web", {"web"}), ("group-name", "defau*", {"default"}),
        ("primary-vpc-id", other, {"default"}), ("owner-id", "111111111111", set()),
    ):  # fmt: skip
        assert found == usable(ec2, other, {"Name": name, "Values": [value]}).keys(), name
    page = ec2.describe_security_group_vpc_associations(MaxResults=5)
    rest = ec2.describe_security_group_vpc_associations(MaxResults=5, NextToken=page["NextToken"])
    assert [5, 2] == [len(each["SecurityGroupVpcAssociations"]) for each in (page, rest)]
    page = ec2.get_security_groups_for_vpc(VpcId=other, MaxResults=5)
    rest = ec2.get_security_groups_for_vpc(VpcId=other, MaxResults=5, NextToken=page["NextToken"])
    assert [5, 3] == [len(each["SecurityGroupForVpcs"]) for each in (page, rest)]


def test_with_the_clock_of_aws_it_takes_its_time(refused):
    """Terraform provider, vpc_security_group_vpc_association.go: associating, associated; disassociating, none."""
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        vpc, other = (ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (1, 2))
        subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.2.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
        ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
        assert {(group, other): "associating"} == states(ec2)
        with refused("InvalidParameterValue"):
            ec2.create_network_interface(SubnetId=subnet, Groups=[group])
        understudy.clock.advance(15)
        assert {(group, other): "associated"} == states(ec2)
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)
        assert {(group, other): "disassociating"} == states(ec2)
        understudy.clock.advance(15)
        assert {} == states(ec2)
        understudy.settle()
        ec2.delete_security_group(GroupId=group)
