"""Security groups (ec2.md 7.3, 7.5)."""

from __future__ import annotations

import pytest


def show(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


class TestCreateSecurityGroup:
    def test_it_admits_nothing_and_lets_everything_out(self, ec2, group):
        shown = show(ec2, group)
        assert [] == shown["IpPermissions"]
        (out,) = shown["IpPermissionsEgress"]
        assert ("-1", [{"CidrIp": "0.0.0.0/0"}]) == (out["IpProtocol"], out["IpRanges"])

    def test_its_answer_names_it_and_its_arn(self, ec2, understudy, vpc):
        tags = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "b"}]}]
        made = ec2.create_security_group(VpcId=vpc, GroupName="x", Description="x", TagSpecifications=tags)
        arn = f"arn:aws:ec2:us-east-1:{understudy.account}:security-group/{made['GroupId']}"
        assert (arn, tags[0]["Tags"]) == (made["SecurityGroupArn"], made["Tags"])

    def test_names_are_unique_in_a_vpc_without_regard_to_case(self, ec2, vpc, group, refused):
        with refused("InvalidGroup.Duplicate", f"The security group 'WEB' already exists for VPC '{vpc}'"):
            ec2.create_security_group(VpcId=vpc, GroupName="WEB", Description="web")

    def test_other_vpcs_may_have_the_name(self, ec2, group):
        other = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.create_security_group(VpcId=other, GroupName="web", Description="web")

    @pytest.mark.parametrize("name", ["sg-mine", "naïve", "x" * 256, "a\tb"])
    def test_names_keep_to_their_characters(self, ec2, vpc, refused, name):
        with refused("InvalidParameterValue"):
            ec2.create_security_group(VpcId=vpc, GroupName=name, Description="web")

    def test_texts_beyond_ascii_are_named(self, ec2, vpc, refused):
        """terraform-provider-aws#43854."""
        given = {"GroupName": "a", "Description": "a"}
        for parameter, member in (("GroupName", "GroupName"), ("GroupDescription", "Description")):
            text = f"Value (a — b) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported."
            with refused("InvalidParameterValue", text):
                ec2.create_security_group(VpcId=vpc, **{**given, member: "a — b"})

    def test_the_name_default_is_taken(self, ec2, vpc, refused):
        with refused("InvalidGroup.Reserved"):
            ec2.create_security_group(VpcId=vpc, GroupName="Default", Description="web")

    def test_without_a_vpc_it_is_made_in_the_default_one(self, ec2):
        made = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        assert show(ec2, made) == ec2.describe_security_groups(GroupNames=["web"])["SecurityGroups"][0]


class TestDescribeSecurityGroups:
    def test_filters_of_groups(self, ec2, vpc, group):
        rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

        def found(name, *values):
            answer = ec2.describe_security_groups(Filters=[{"Name": name, "Values": list(values)}])
            return [each["GroupId"] for each in answer["SecurityGroups"]]

        assert [group] == found("group-name", "w?b")
        assert [group] == found("description", "web")
        assert [group] == found("ip-permission.from-port", "5432")
        assert [group] == found("ip-permission.cidr", "10.0.0.0/8")
        assert group in found("egress.ip-permission.cidr", "0.0.0.0/0")
        assert 2 == len(found("vpc-id", vpc))

    @pytest.mark.parametrize("id", ["sg-" + "0" * 17, "sg-12", "group", "sg-0123456789abcdefg"])
    def test_a_malformed_id_is_told_from_a_missing_group(self, ec2, refused, id):
        with refused("InvalidGroupId.Malformed", f'Invalid id: "{id}"'):
            ec2.describe_security_groups(GroupIds=[id])

    def test_a_deleted_group_is_not_found(self, ec2, group, refused):
        ec2.delete_security_group(GroupId=group)
        with refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist"):
            ec2.describe_security_groups(GroupIds=[group])


class TestDeleteSecurityGroup:
    def test_the_default_group_stays(self, ec2, vpc, refused):
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        (default,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        with refused("CannotDelete"):
            ec2.delete_security_group(GroupId=default["GroupId"])

    def test_an_interface_keeps_it(self, ec2, group, interface, refused):
        with refused("DependencyViolation", f"resource {group} has a dependent object"):
            ec2.delete_security_group(GroupId=group)
        ec2.delete_network_interface(NetworkInterfaceId=interface)
        ec2.delete_security_group(GroupId=group)

    def test_a_rule_of_another_group_keeps_it_and_its_own_does_not(self, ec2, vpc, group, refused):
        def naming(id):
            return [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": id}]}]

        other = ec2.create_security_group(VpcId=vpc, GroupName="other", Description="other")["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=naming(group))
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=naming(group))
        with refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=group)
        ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=naming(group))
        ec2.delete_security_group(GroupId=group)
