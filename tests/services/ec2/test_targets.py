"""What callers must be allowed to act on (ec2.md 7.1)."""

from __future__ import annotations

import pytest

TAGS = [{"ResourceType": "network-interface", "Tags": [{"Key": "team", "Value": "blue"}]}]


def asked(understudy):
    """Action and resource of every question the last call put to the policies, in order."""
    prefix = f"arn:aws:ec2:us-east-1:{understudy.account}:"
    return [(each.action, each.resource.removeprefix(prefix)) for each in understudy.trail()[-1].evaluations]


def statement(*actions, resource="*", **condition):
    made = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition:
        made["Condition"] = condition
    return made


def client(understudy, *statements):
    who = understudy.user("someone", {"Version": "2012-10-17", "Statement": list(statements)})
    return understudy.client("ec2", as_=who)


class TestCreateNetworkInterface:
    def test_the_interface_its_tagging_the_subnet_and_each_group(self, understudy, ec2, subnet, group):
        ec2.create_network_interface(SubnetId=subnet, Groups=[group], TagSpecifications=TAGS)
        assert [
            ("ec2:CreateNetworkInterface", "network-interface/*"),
            ("ec2:CreateTags", "network-interface/*"),
            ("ec2:CreateNetworkInterface", f"subnet/{subnet}"),
            ("ec2:CreateNetworkInterface", f"security-group/{group}"),
        ] == asked(understudy)

    def test_the_default_group_when_none_is_named(self, understudy, ec2, subnet):
        made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        assert [
            ("ec2:CreateNetworkInterface", "network-interface/*"),
            ("ec2:CreateNetworkInterface", f"subnet/{subnet}"),
            ("ec2:CreateNetworkInterface", f"security-group/{made['Groups'][0]['GroupId']}"),
        ] == asked(understudy)

    def test_each_must_be_allowed_and_the_refusal_names_the_one_that_is_not(
        self, understudy, subnet, group, refused
    ):
        someone = client(
            understudy,
            statement("ec2:CreateNetworkInterface", resource="arn:aws:ec2:*:*:network-interface/*"),
        )
        with pytest.raises(
            Exception, match=f"CreateNetworkInterface on resource: arn:aws:ec2:.*:subnet/{subnet} "
        ):
            someone.create_network_interface(SubnetId=subnet, Groups=[group])

    def test_a_missing_subnet_is_asked_for_too_and_then_not_found(self, understudy, ec2, refused):
        missing = "subnet-0123456789abcdef0"
        with refused("InvalidSubnetID.NotFound"):
            ec2.create_network_interface(SubnetId=missing)
        assert ("ec2:CreateNetworkInterface", f"subnet/{missing}") in asked(understudy)

    @pytest.mark.parametrize(
        "key, value",
        [("ec2:AvailabilityZone", "us-east-1a"), ("ec2:AvailabilityZoneId", "use1-az1"), ("ec2:SubnetID", "{subnet}"),
         ("ec2:Vpc", "arn:aws:ec2:us-east-1:{account}:vpc/{vpc}"), ("aws:ResourceTag/Tier", "front"),
         ("ec2:ResourceTag/Tier", "front")],
    )  # fmt: skip
    def test_a_subnets_condition_keys(self, understudy, ec2, vpc, subnet, refused, key, value):
        ec2.create_tags(Resources=[subnet], Tags=[{"Key": "Tier", "Value": "front"}])
        value = value.format(subnet=subnet, account=understudy.account, vpc=vpc)
        rest = ["arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*"]
        someone = client(
            understudy,
            statement("ec2:CreateNetworkInterface", resource=rest),
            statement(
                "ec2:CreateNetworkInterface", resource="arn:aws:ec2:*:*:subnet/*", StringEquals={key: value}
            ),
        )
        someone.create_network_interface(SubnetId=subnet)

    def test_tags_are_seen_as_request_tags_with_the_creating_action(self, understudy, subnet):
        someone = client(
            understudy,
            statement("ec2:CreateNetworkInterface"),
            statement(
                "ec2:CreateTags",
                StringEquals={"ec2:CreateAction": "CreateNetworkInterface", "aws:RequestTag/team": "blue"},
                **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
            ),
        )
        made = someone.create_network_interface(SubnetId=subnet, TagSpecifications=TAGS)["NetworkInterface"]
        with pytest.raises(Exception, match="UnauthorizedOperation"):
            someone.create_tags(Resources=[made["NetworkInterfaceId"]], Tags=TAGS[0]["Tags"])


def test_creating_in_a_vpc_asks_for_the_vpc(understudy, ec2, vpc):
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    assert [("ec2:CreateSubnet", "subnet/*"), ("ec2:CreateSubnet", f"vpc/{vpc}")] == asked(understudy)
    ec2.create_security_group(VpcId=vpc, GroupName="x", Description="x")
    assert [
        ("ec2:CreateSecurityGroup", "security-group/*"),
        ("ec2:CreateSecurityGroup", f"vpc/{vpc}"),
    ] == asked(understudy)


def test_interfaces_are_deleted_by_tag(understudy, ec2, subnet, refused):
    someone = client(
        understudy, statement("ec2:DeleteNetworkInterface", StringEquals={"ec2:ResourceTag/team": "blue"})
    )
    tagged = ec2.create_network_interface(SubnetId=subnet, TagSpecifications=TAGS)["NetworkInterface"]
    plain = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    someone.delete_network_interface(NetworkInterfaceId=tagged["NetworkInterfaceId"])
    with refused("UnauthorizedOperation"):
        someone.delete_network_interface(NetworkInterfaceId=plain["NetworkInterfaceId"])


def test_changing_names_the_attribute(understudy, ec2, vpc, refused):
    someone = client(
        understudy, statement("ec2:ModifyVpcAttribute", StringEquals={"ec2:Attribute": "EnableDnsHostnames"})
    )
    someone.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    with refused("UnauthorizedOperation"):
        someone.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})


def test_tagging_existing_resources_asks_for_each(understudy, ec2, vpc, subnet):
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "a", "Value": "b"}])
    assert [("ec2:CreateTags", f"vpc/{vpc}"), ("ec2:CreateTags", f"subnet/{subnet}")] == asked(understudy)


def test_tagging_rules_as_they_are_made_asks_for_the_rules(understudy, ec2, group):
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    assert [
        ("ec2:AuthorizeSecurityGroupIngress", f"security-group/{group}"),
        ("ec2:AuthorizeSecurityGroupIngress", "security-group-rule/*"),
        ("ec2:CreateTags", "security-group-rule/*"),
    ] == asked(understudy)


def test_describing_is_of_no_resource(understudy, ec2):
    ec2.describe_vpcs()
    assert [("ec2:DescribeVpcs", "*")] == asked(understudy)
