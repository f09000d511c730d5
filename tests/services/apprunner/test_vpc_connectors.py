"""VPC connectors, through boto3 (apprunner.md 2.6, 2.7, 3.1, 4.2)."""

from __future__ import annotations

import pytest
from networking import ROLE, make_network
from refusals import code_and_message

from understudy_aws.data.regions import APP_RUNNER_REGIONS
from understudy_aws.services.apprunner.service_uses import ServiceUse, service_uses


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def network(ec2):
    return make_network(ec2)


@pytest.fixture
def subnets(network):
    return network.subnets


@pytest.fixture
def group(network):
    return network.group


class TestCreate:
    def test_a_connector_is_active_at_once_in_its_first_revision(self, apprunner, subnets, group):
        connector = apprunner.create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=subnets, SecurityGroups=[group]
        )["VpcConnector"]
        assert ("ACTIVE", 1, "web-vpc") == (
            connector["Status"],
            connector["VpcConnectorRevision"],
            connector["VpcConnectorName"],
        )
        assert subnets == connector["Subnets"]
        assert [group] == connector["SecurityGroups"]
        prefix, _, id = connector["VpcConnectorArn"].rpartition("/")
        assert "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/web-vpc/1" == prefix
        assert 32 == len(id)
        assert set(id) <= set("0123456789abcdef")

    def test_without_groups_the_default_group_of_the_vpc_is_taken(self, apprunner, ec2, subnets, network):
        default = ec2.describe_security_groups(
            Filters=[
                {"Name": "vpc-id", "Values": [network.vpc]},
                {"Name": "group-name", "Values": ["default"]},
            ]
        )["SecurityGroups"][0]["GroupId"]
        connector = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)[
            "VpcConnector"
        ]
        assert [default] == connector["SecurityGroups"]

    def test_no_interface_is_made_for_a_connector_alone(self, apprunner, ec2, subnets):
        apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)
        assert [] == ec2.describe_network_interfaces()["NetworkInterfaces"]

    def test_an_unknown_subnet_is_refused_and_no_role_left(self, apprunner, understudy, subnets):
        code, message = code_and_message(
            apprunner.create_vpc_connector,
            VpcConnectorName="web-vpc",
            Subnets=[*subnets, "subnet-0123456789abcdef0"],
        )
        assert "InvalidRequestException" == code
        assert "subnet-0123456789abcdef0" in message
        assert ("NoSuchEntity", f"The role with name {ROLE} cannot be found.") == code_and_message(
            understudy.client("iam").get_role, RoleName=ROLE
        )

    def test_subnets_of_two_vpcs_are_refused(self, apprunner, ec2, subnets):
        other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        strange = ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
        code, message = code_and_message(
            apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=[subnets[0], strange]
        )
        assert ("InvalidRequestException", True) == (code, "same VPC" in message)

    def test_a_group_of_another_vpc_is_refused(self, apprunner, ec2, subnets):
        other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        strange = ec2.create_security_group(VpcId=other, GroupName="x", Description="x")["GroupId"]
        code, message = code_and_message(
            apprunner.create_vpc_connector,
            VpcConnectorName="web-vpc",
            Subnets=subnets,
            SecurityGroups=[strange],
        )
        assert ("InvalidRequestException", True) == (code, strange in message)

    def test_a_name_in_use_is_refused_until_its_connector_is_deleted(self, apprunner, subnets):
        arn = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)["VpcConnector"][
            "VpcConnectorArn"
        ]
        assert (
            "InvalidRequestException"
            == code_and_message(apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=subnets)[
                0
            ]
        )
        apprunner.delete_vpc_connector(VpcConnectorArn=arn)
        again = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)["VpcConnector"]
        assert arn != again["VpcConnectorArn"]

    def test_the_eleventh_connector_of_a_region_is_refused(self, apprunner, subnets):
        for number in range(10):
            apprunner.create_vpc_connector(VpcConnectorName=f"vpc-{number}", Subnets=subnets)
        assert (
            "ServiceQuotaExceededException"
            == code_and_message(apprunner.create_vpc_connector, VpcConnectorName="one-more", Subnets=subnets)[
                0
            ]
        )

    def test_constraints_are_said_in_app_runners_words(self, apprunner):
        """Reference apprunner.md 1.1: InvalidRequestException, lower-camel names, joined and counted."""
        code, message = code_and_message(
            apprunner.create_vpc_connector, VpcConnectorName="x!", Subnets=["subnet-1"]
        )
        assert "InvalidRequestException" == code
        assert message.startswith(
            "2 validation errors detected: Value 'x!' at 'vpcConnectorName' failed to satisfy"
        )


class TestDescribeAndList:
    def test_a_deleted_connector_answers_inactive_and_is_not_listed(self, apprunner, subnets):
        made = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)["VpcConnector"]
        assert [made] == apprunner.list_vpc_connectors()["VpcConnectors"]
        arn = made["VpcConnectorArn"]
        assert "INACTIVE" == apprunner.delete_vpc_connector(VpcConnectorArn=arn)["VpcConnector"]["Status"]
        described = apprunner.describe_vpc_connector(VpcConnectorArn=arn)["VpcConnector"]
        assert ("INACTIVE", True) == (described["Status"], "DeletedAt" in described)
        assert [] == apprunner.list_vpc_connectors()["VpcConnectors"]

    def test_an_unknown_arn_is_not_found(self, apprunner):
        arn = "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/web/1/0123456789abcdef0123456789abcdef"
        assert (
            "ResourceNotFoundException"
            == code_and_message(apprunner.describe_vpc_connector, VpcConnectorArn=arn)[0]
        )

    def test_pages_make_up_the_whole(self, apprunner, subnets):
        for number in range(5):
            apprunner.create_vpc_connector(VpcConnectorName=f"vpc-{number}", Subnets=subnets)
        first = apprunner.list_vpc_connectors(MaxResults=2)
        second = apprunner.list_vpc_connectors(MaxResults=2, NextToken=first["NextToken"])
        third = apprunner.list_vpc_connectors(MaxResults=2, NextToken=second["NextToken"])
        names = [
            connector["VpcConnectorName"]
            for page in (first, second, third)
            for connector in page["VpcConnectors"]
        ]
        assert [f"vpc-{number}" for number in range(5)] == names
        assert "NextToken" not in third
        assert (
            "InvalidRequestException"
            == code_and_message(apprunner.list_vpc_connectors, NextToken="made-up")[0]
        )

    def test_connectors_of_another_region_are_not_seen(self, apprunner, understudy, subnets):
        apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)
        assert [] == understudy.client("apprunner", region="eu-west-1").list_vpc_connectors()["VpcConnectors"]


class TestDelete:
    def test_a_connector_a_service_uses_is_kept(self, apprunner, understudy, subnets):
        """Reference apprunner.md 2.6: the text of the refusal."""
        arn = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)["VpcConnector"][
            "VpcConnectorArn"
        ]
        use = ServiceUse(account=understudy.account, region="us-east-1", resource=arn, service="a-service")
        with understudy.app.database.transaction() as tx:
            service_uses.put(tx, use)
        expected = f"Provided VPC connector arn is being used by other services. ARN: {arn}"
        assert ("InvalidRequestException", expected) == code_and_message(
            apprunner.delete_vpc_connector, VpcConnectorArn=arn
        )
        with understudy.app.database.transaction() as tx:
            service_uses.delete(tx, use)
        apprunner.delete_vpc_connector(VpcConnectorArn=arn)


class TestTags:
    def test_tags_are_added_overwritten_removed_and_listed(self, apprunner, subnets):
        arn = apprunner.create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=subnets, Tags=[{"Key": "team", "Value": "web"}]
        )["VpcConnector"]["VpcConnectorArn"]
        apprunner.tag_resource(
            ResourceArn=arn, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "cost", "Value": ""}]
        )
        apprunner.untag_resource(ResourceArn=arn, TagKeys=["cost", "never-there"])
        assert [{"Key": "team", "Value": "ops"}] == apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"]


class TestPermissions:
    def test_tags_at_creation_need_tag_resource(self, understudy, subnets):
        """Reference apprunner.md 4.4: every Create* also needs apprunner:TagResource when tags are sent."""
        who = understudy.allowing(
            "deploy", "apprunner:CreateVpcConnector", "ec2:Describe*", "iam:CreateServiceLinkedRole"
        )
        apprunner = understudy.client("apprunner", as_=who)
        code, message = code_and_message(
            apprunner.create_vpc_connector,
            VpcConnectorName="web-vpc",
            Subnets=subnets,
            Tags=[{"Key": "team", "Value": "web"}],
        )
        assert "AccessDeniedException" == code
        assert "apprunner:TagResource" in message
        apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)

    def test_subnets_are_seen_with_the_callers_own_permissions(self, understudy, subnets):
        """Reference apprunner.md 3.1: App Runner describes subnets and groups as the caller."""
        who = understudy.allowing("deploy", "apprunner:*", "iam:CreateServiceLinkedRole")
        code, message = code_and_message(
            understudy.client("apprunner", as_=who).create_vpc_connector,
            VpcConnectorName="web-vpc",
            Subnets=subnets,
        )
        assert "AccessDeniedException" == code
        assert "is not authorized to perform: ec2:DescribeSubnets" in message


@pytest.mark.parametrize("region", sorted(APP_RUNNER_REGIONS))
def test_app_runner_answers_in_its_regions(understudy, region):
    assert [] == understudy.client("apprunner", region=region).list_vpc_connectors()["VpcConnectors"]


def test_elsewhere_app_runner_does_not_answer_and_iam_does(understudy):
    assert (
        "UnknownOperationException"
        == code_and_message(understudy.client("apprunner", region="eu-north-1").list_vpc_connectors)[0]
    )
    assert [] != understudy.client("iam", region="eu-north-1").list_users()["Users"]
