"""Tags on existing resources (ec2.md 7.5)."""

from __future__ import annotations

import pytest


def tags_of(ec2, id):
    rows = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]
    return {row["Key"]: row["Value"] for row in rows}


KINDS = {
    "network-acl": lambda ec2: ec2.describe_network_acls()["NetworkAcls"][0]["NetworkAclId"],
    "dhcp-options": lambda ec2: ec2.describe_dhcp_options()["DhcpOptions"][0]["DhcpOptionsId"],
    "internet-gateway": lambda ec2: ec2.describe_internet_gateways()["InternetGateways"][0][
        "InternetGatewayId"
    ],
    "route-table": lambda ec2: ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"],
    "security-group": lambda ec2: ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
    "security-group-rule": lambda ec2: ec2.describe_security_group_rules()["SecurityGroupRules"][0][
        "SecurityGroupRuleId"
    ],
    "subnet": lambda ec2: ec2.describe_subnets()["Subnets"][0]["SubnetId"],
    "vpc": lambda ec2: ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
    "network-interface": lambda ec2: ec2.create_network_interface(
        SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    )["NetworkInterface"]["NetworkInterfaceId"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tagged_shown_and_untagged(ec2, kind):
    id = KINDS[kind](ec2)
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": "one"}, {"Key": "team", "Value": "two"}])
    assert {"Name": "one", "team": "two"} == tags_of(ec2, id)
    (row,) = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Name"]}])["Tags"]
    assert (kind, id) == (row["ResourceType"], row["ResourceId"])
    ec2.delete_tags(Resources=[id], Tags=[{"Key": "Name"}, {"Key": "team", "Value": "another"}])
    assert {"team": "two"} == tags_of(ec2, id)
    ec2.delete_tags(Resources=[id])
    assert {} == tags_of(ec2, id)


def test_resources_are_found_by_tag(ec2, vpc, subnet):
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "team", "Value": "blue"}])
    by_value = [{"Name": "tag:team", "Values": ["bl*"]}]
    by_key = [{"Name": "tag-key", "Values": ["team"]}]
    assert [vpc] == [each["VpcId"] for each in ec2.describe_vpcs(Filters=by_value)["Vpcs"]]
    assert [subnet] == [each["SubnetId"] for each in ec2.describe_subnets(Filters=by_key)["Subnets"]]
    assert [] == ec2.describe_vpcs(Filters=[{"Name": "tag:Team", "Values": ["blue"]}])["Vpcs"]


def test_all_or_none(ec2, vpc, refused):
    with refused("InvalidSubnetID.NotFound"):
        ec2.create_tags(Resources=[vpc, "subnet-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}])
    assert {} == tags_of(ec2, vpc)


@pytest.mark.parametrize(
    "tags, code",
    [
        ([{"Key": "aws:x", "Value": "y"}], "InvalidParameterValue"),
        ([{"Key": "k" * 129, "Value": "y"}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "v" * 257}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], "InvalidParameterValue"),
        ([{"Key": f"k{number}", "Value": ""} for number in range(51)], "TagLimitExceeded"),
    ],
)
def test_tags_keep_their_rules(ec2, vpc, refused, tags, code):
    with refused(code):
        ec2.create_tags(Resources=[vpc], Tags=tags)


def test_what_is_no_id_is_refused(ec2, refused):
    with refused("InvalidID", "The ID 'nonsense' is not valid"):
        ec2.create_tags(Resources=["nonsense"], Tags=[{"Key": "a", "Value": "b"}])


def test_pages_of_tags(ec2, vpc, subnet):
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(4)]
    ec2.create_tags(Resources=[vpc, subnet], Tags=tags)
    one = ec2.describe_tags(MaxResults=5)
    two = ec2.describe_tags(MaxResults=5, NextToken=one["NextToken"])
    assert (5, 3) == (len(one["Tags"]), len(two["Tags"]))
    assert ec2.describe_tags()["Tags"] == one["Tags"] + two["Tags"]
