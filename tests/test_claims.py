"""The founding page's claims, S1 to S10, each a test, through boto3.

The page: AWS App Runner developer guide, "Using roles for networking".
"""

from __future__ import annotations

import json

import pytest
from networking import PATH, PERMISSIONS, POLICY_ARN, PRINCIPAL, PROTECTED, ROLE, make_network, role_arn
from refusals import code_and_message

from understudy_aws.data import service_linked_roles
from understudy_aws.data.regions import APP_RUNNER_REGIONS
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.network_interfaces import MANAGED, NetworkInterfaces
from understudy_aws.testing import Credentials


class Place:
    """A VPC with two subnets and a group, and the administrator's clients."""

    def __init__(self, understudy) -> None:
        self.understudy = understudy
        self.iam = understudy.client("iam")
        self.sts = understudy.client("sts")
        self.ec2 = understudy.client("ec2")
        self.apprunner = understudy.client("apprunner")
        network = make_network(self.ec2)
        self.vpc, self.subnets, self.group = network.vpc, network.subnets, network.group
        self.role_arn = role_arn(understudy.account)

    def connector(self, apprunner=None, name="web-vpc") -> str:
        made = (apprunner or self.apprunner).create_vpc_connector(
            VpcConnectorName=name, Subnets=self.subnets, SecurityGroups=[self.group]
        )
        return made["VpcConnector"]["VpcConnectorArn"]

    def delete_role(self):
        """Ask for the role's deletion; the status at once, and after the work is done."""
        task = self.iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
        at_once = self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        self.understudy.settle()
        return at_once, self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)

    @property
    def source_arn(self) -> str:
        """The service that App Runner acts for."""
        return f"arn:aws:apprunner:us-east-1:{self.understudy.account}:service/web/0"

    def acting(self) -> RoleSession:
        return RoleSession(
            self.understudy.app.gateway,
            principal=PRINCIPAL,
            role_arn=self.role_arn,
            source_arn=self.source_arn,
            session_name="AppRunnerNetworking",
        )


@pytest.fixture
def place(understudy, monkeypatch):
    # A deletion task is looked at while it is under way, too.
    monkeypatch.setattr(understudy, "settles", False)
    return Place(understudy)


class TestS1TheRoleIsLinkedAndOnlyAppRunnerAssumesIt:
    def test_nobody_else_can_assume_it(self, place):
        place.connector()
        code, message = code_and_message(
            place.sts.assume_role, RoleArn=place.role_arn, RoleSessionName="me-too"
        )
        assert "AccessDenied" == code
        assert message.startswith(
            f"User: arn:aws:iam::{place.understudy.account}:user/Administrator is not authorized to perform: "
            f"sts:AssumeRole on resource: {place.role_arn}"
        )

    def test_the_networking_service_can_and_its_calls_are_such_a_session(self, place):
        place.connector()
        place.acting().call("ec2", "DescribeVpcs", region="us-east-1")
        assumed, described = place.understudy.trail()[-2:]
        assert ("AssumeRole", PRINCIPAL, "ok") == (assumed.operation, assumed.caller.arn, assumed.outcome)
        assert (
            f"arn:aws:sts::{place.understudy.account}:assumed-role/{ROLE}/AppRunnerNetworking"
            == described.caller.arn
        )
        assert POLICY_ARN == described.evaluations[0].policy
        place.understudy.settle()
        assert "us-east-1" == place.iam.get_role(RoleName=ROLE)["Role"]["RoleLastUsed"]["Region"]

    @pytest.mark.parametrize(
        "other", ["apprunner.amazonaws.com", "ec2.amazonaws.com", "tasks.apprunner.amazonaws.com"]
    )
    def test_another_service_cannot(self, place, other):
        place.connector()
        acting = RoleSession(
            place.understudy.app.gateway,
            principal=other,
            role_arn=place.role_arn,
            source_arn=place.source_arn,
            session_name="x",
        )
        with pytest.raises(Exception, match="not authorized to perform: sts:AssumeRole"):
            acting.call("ec2", "DescribeVpcs", region="us-east-1")

    def test_a_role_with_its_name_and_trust_made_by_hand_is_not_the_linked_one(self, place):
        """Decision D5: being linked is a property given at creation, never read off a name or a path."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
            ],
        }
        place.iam.create_role(RoleName=f"My{ROLE}", AssumeRolePolicyDocument=json.dumps(trust))
        place.iam.delete_role(RoleName=f"My{ROLE}")


class TestS2ItManagesNetworkInterfaces:
    def test_interfaces_are_made_tagged_shown_and_deleted_through_the_role(self, place):
        place.connector()
        interfaces = NetworkInterfaces(
            place.understudy.app.gateway,
            account=place.understudy.account,
            region="us-east-1",
            source_arn=place.source_arn,
        )
        made = interfaces.create(subnet=place.subnets[0], groups=[place.group])
        shown = place.ec2.describe_network_interfaces(NetworkInterfaceIds=[made])["NetworkInterfaces"][0]
        assert [{"Key": MANAGED, "Value": "true"}] == shown["TagSet"]
        assert made == interfaces.existing()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        interfaces.delete(made)
        assert [] == place.ec2.describe_network_interfaces()["NetworkInterfaces"]
        callers = {
            entry.caller.arn
            for entry in place.understudy.trail()
            if entry.operation == "CreateNetworkInterface"
        }
        assert {f"arn:aws:sts::{place.understudy.account}:assumed-role/{ROLE}/AppRunnerNetworking"} == callers

    def test_without_the_role_there_is_no_way_in(self, place):
        interfaces = NetworkInterfaces(
            place.understudy.app.gateway,
            account=place.understudy.account,
            region="us-east-1",
            source_arn=place.source_arn,
        )
        with pytest.raises(Exception, match="not authorized to perform: sts:AssumeRole"):
            interfaces.create(subnet=place.subnets[0], groups=[place.group])
        assert [] == place.ec2.describe_network_interfaces()["NetworkInterfaces"]


class TestS3ThePolicyIsThePagesAndEachStatementIsEnforced:
    def tagged(self, **tags: str):
        return [
            {
                "ResourceType": "network-interface",
                "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
            }
        ]

    def test_the_documents_are_the_pages(self, place):
        place.connector()
        role = place.iam.get_role(RoleName=ROLE)["Role"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
            ],
        }
        assert trust == role["AssumeRolePolicyDocument"]
        attached = place.iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        assert [{"PolicyName": "AppRunnerNetworkingServiceRolePolicy", "PolicyArn": POLICY_ARN}] == attached
        version = place.iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId="v1")["PolicyVersion"]
        assert PERMISSIONS == version["Document"]

    def test_its_five_describe_calls_are_allowed_and_others_are_not(self, place):
        place.connector()
        acting = place.acting()
        for operation in (
            "DescribeNetworkInterfaces",
            "DescribeVpcs",
            "DescribeDhcpOptions",
            "DescribeSubnets",
            "DescribeSecurityGroups",
        ):
            acting.call("ec2", operation, region="us-east-1")
            assert 0 == place.understudy.trail()[-1].evaluations[0].statement
        for operation in ("DescribeAvailabilityZones", "DescribeRouteTables"):
            with pytest.raises(
                Exception, match=f"because no identity-based policy allows the ec2:{operation} action"
            ):
                acting.call("ec2", operation, region="us-east-1")

    def test_an_interface_with_the_tag_is_made(self, place):
        place.connector()
        place.acting().call(
            "ec2", "CreateNetworkInterface", region="us-east-1", subnet_id=place.subnets[0], groups=[place.group],
            tag_specifications=self.tagged(AWSAppRunnerManaged=""),
        )  # fmt: skip
        deciders = {(each.action, each.statement) for each in place.understudy.trail()[-1].evaluations}
        assert {("ec2:CreateNetworkInterface", 1), ("ec2:CreateTags", 2)} == deciders

    def test_an_interface_without_tags_is_made_because_the_condition_holds_for_no_keys(self, place):
        """Reference disagreements.md 1: ForAllValues is true of an absent key."""
        place.connector()
        place.acting().call(
            "ec2",
            "CreateNetworkInterface",
            region="us-east-1",
            subnet_id=place.subnets[0],
            groups=[place.group],
        )

    @pytest.mark.parametrize("tags", [{"Name": "x"}, {"AWSAppRunnerManaged": "", "Name": "x"}])
    def test_an_interface_with_a_foreign_tag_is_refused_and_the_statement_named(self, place, tags):
        place.connector()
        with pytest.raises(Exception, match="not authorized to perform: ec2:CreateNetworkInterface"):
            place.acting().call(
                "ec2", "CreateNetworkInterface", region="us-east-1", subnet_id=place.subnets[0],
                groups=[place.group], tag_specifications=self.tagged(**tags),
            )  # fmt: skip
        refusal = place.understudy.trail()[-1].evaluations[-1]
        assert ("implicit-deny", "identity") == (refusal.effect, refusal.layer)
        assert [] == place.ec2.describe_network_interfaces()["NetworkInterfaces"]

    def test_tags_cannot_be_added_later(self, place):
        place.connector()
        acting = place.acting()
        made = acting.call(
            "ec2",
            "CreateNetworkInterface",
            region="us-east-1",
            subnet_id=place.subnets[0],
            groups=[place.group],
        )["NetworkInterface"]["NetworkInterfaceId"]
        with pytest.raises(Exception, match="not authorized to perform: ec2:CreateTags on resource"):
            acting.call(
                "ec2", "CreateTags", region="us-east-1", resources=[made],
                tags=[{"Key": "AWSAppRunnerManaged", "Value": ""}],
            )  # fmt: skip
        assert ("ec2:createaction",) == place.understudy.trail()[-1].evaluations[-1].missing_keys

    def test_its_own_interface_is_deleted_and_a_strangers_is_not(self, place):
        place.connector()
        acting = place.acting()
        own = acting.call(
            "ec2", "CreateNetworkInterface", region="us-east-1", subnet_id=place.subnets[0], groups=[place.group],
            tag_specifications=self.tagged(AWSAppRunnerManaged=""),
        )["NetworkInterface"]["NetworkInterfaceId"]  # fmt: skip
        strange = place.ec2.create_network_interface(SubnetId=place.subnets[0])["NetworkInterface"][
            "NetworkInterfaceId"
        ]
        acting.call("ec2", "DeleteNetworkInterface", region="us-east-1", network_interface_id=own)
        with pytest.raises(Exception, match="not authorized to perform: ec2:DeleteNetworkInterface"):
            acting.call("ec2", "DeleteNetworkInterface", region="us-east-1", network_interface_id=strange)
        assert ("ec2:resourcetag/awsapprunnermanaged",) == place.understudy.trail()[-1].evaluations[
            -1
        ].missing_keys

    def test_it_may_do_nothing_else_to_an_interface(self, place):
        place.connector()
        acting = place.acting()
        made = acting.call("ec2", "CreateNetworkInterface", region="us-east-1", subnet_id=place.subnets[0])
        with pytest.raises(Exception, match="not authorized to perform: ec2:ModifyNetworkInterfaceAttribute"):
            acting.call(
                "ec2", "ModifyNetworkInterfaceAttribute", region="us-east-1",
                network_interface_id=made["NetworkInterface"]["NetworkInterfaceId"], description={"Value": "mine"},
            )  # fmt: skip


class TestS4ThePolicyIsForThisRoleAlone:
    def test_it_cannot_be_attached_to_another_role_a_user_or_a_group(self, place):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
            ],
        }
        place.iam.create_role(RoleName="mine", AssumeRolePolicyDocument=json.dumps(trust))
        place.iam.create_user(UserName="me")
        place.iam.create_group(GroupName="us")
        codes = {
            code_and_message(place.iam.attach_role_policy, RoleName="mine", PolicyArn=POLICY_ARN)[0],
            code_and_message(place.iam.attach_user_policy, UserName="me", PolicyArn=POLICY_ARN)[0],
            code_and_message(place.iam.attach_group_policy, GroupName="us", PolicyArn=POLICY_ARN)[0],
        }
        assert {"PolicyNotAttachable"} == codes


class TestS5CreatingEditingAndDeletingNeedPermission:
    @pytest.mark.parametrize(
        ("action", "operation", "params"),
        [
            ("iam:CreateServiceLinkedRole", "create_service_linked_role", {"AWSServiceName": PRINCIPAL}),
            ("iam:UpdateRoleDescription", "update_role_description", {"RoleName": ROLE, "Description": "x"}),
            ("iam:DeleteServiceLinkedRole", "delete_service_linked_role", {"RoleName": ROLE}),
        ],
    )
    def test_each_is_refused_without_it_naming_action_and_role(self, place, action, operation, params):
        if "RoleName" in params:
            place.connector()
        nobody = place.understudy.user("nobody")
        iam = place.understudy.client("iam", as_=nobody)
        # Reference policies.md 4.9: a role that exists is named, one to be made has its ARN.
        named = f"role {ROLE}" if "RoleName" in params else place.role_arn
        assert (
            "AccessDenied",
            (
                f"User: arn:aws:iam::{place.understudy.account}:user/nobody is not authorized to perform: {action} on "
                f"resource: {named} because no identity-based policy allows the {action} action"
            ),
        ) == code_and_message(getattr(iam, operation), **params)

    def test_the_permission_can_be_for_this_service_alone(self, place):
        """Reference service-linked-roles.md 1.7: the condition key iam:AWSServiceName."""
        only = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "iam:CreateServiceLinkedRole",
                "Resource": "*",
                "Condition": {"StringLike": {"iam:AWSServiceName": PRINCIPAL}},
            },
        }
        iam = place.understudy.client("iam", as_=place.understudy.user("deploy", only))
        assert (
            "AccessDenied"
            == code_and_message(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com")[0]
        )
        assert ROLE == iam.create_service_linked_role(AWSServiceName=PRINCIPAL)["Role"]["RoleName"]


class TestS6TheFirstConnectorMakesTheRole:
    DENIED = (
        "AccessDenied. Couldn't create a service-linked role for App Runner. When creating the first service in the "
        "account, caller must have the 'iam:CreateServiceLinkedRole' permission. Use the 'AWSAppRunnerFullAccess' "
        "managed user policy to ensure users have all required permissions."
    )

    def test_with_the_callers_permission(self, place):
        who = place.understudy.allowing(
            "deploy", "apprunner:*", "ec2:Describe*", "iam:CreateServiceLinkedRole"
        )
        place.connector(place.understudy.client("apprunner", as_=who))
        role = place.iam.get_role(RoleName=ROLE)["Role"]
        assert (PATH, place.role_arn, 3600) == (role["Path"], role["Arn"], role["MaxSessionDuration"])

    def test_refused_without_it_and_nothing_is_left(self, place):
        """Reference apprunner.md 2.8: the documented refusal."""
        who = place.understudy.allowing("deploy", "apprunner:*", "ec2:Describe*")
        apprunner = place.understudy.client("apprunner", as_=who)
        assert ("InvalidRequestException", self.DENIED) == code_and_message(
            apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=place.subnets
        )
        assert [] == place.apprunner.list_vpc_connectors()["VpcConnectors"]
        assert "NoSuchEntity" == code_and_message(place.iam.get_role, RoleName=ROLE)[0]

    def test_the_full_access_policy_is_not_enough(self, place):
        """Reference apprunner.md 4.2: AWSAppRunnerFullAccess names the management role's principal only."""
        place.understudy.user("deploy")
        place.iam.attach_user_policy(
            UserName="deploy", PolicyArn="arn:aws:iam::aws:policy/AWSAppRunnerFullAccess"
        )
        place.iam.attach_user_policy(
            UserName="deploy", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
        )
        key = place.iam.create_access_key(UserName="deploy")["AccessKey"]
        apprunner = place.understudy.client(
            "apprunner", as_=Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        )
        assert (
            self.DENIED
            == code_and_message(
                apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=place.subnets
            )[1]
        )

    def test_the_permission_is_not_needed_once_the_role_exists(self, place):
        place.connector()
        who = place.understudy.allowing("deploy", "apprunner:*", "ec2:Describe*")
        place.connector(place.understudy.client("apprunner", as_=who), name="another")

    def test_and_again_after_it_was_deleted(self, place):
        arn = place.connector()
        first = place.iam.get_role(RoleName=ROLE)["Role"]["RoleId"]
        place.apprunner.delete_vpc_connector(VpcConnectorArn=arn)
        assert "SUCCEEDED" == place.delete_role()[1]["Status"]
        place.connector()
        assert first != place.iam.get_role(RoleName=ROLE)["Role"]["RoleId"]


class TestS7OnlyTheDescriptionCanBeEdited:
    def test_everything_else_is_unmodifiable(self, place):
        """Reference service-linked-roles.md 1.2: the texts."""
        place.connector()
        iam = place.iam
        document = json.dumps(PERMISSIONS)
        admin = "arn:aws:iam::aws:policy/AdministratorAccess"
        iam.create_instance_profile(InstanceProfileName="profile")
        for call, params in [
            (iam.attach_role_policy, {"PolicyArn": admin}),
            (iam.detach_role_policy, {"PolicyArn": POLICY_ARN}),
            (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document}),
            (iam.delete_role_policy, {"PolicyName": "absent"}),
            (iam.update_assume_role_policy, {"PolicyDocument": document}),
            (iam.put_role_permissions_boundary, {"PermissionsBoundary": admin}),
            (iam.delete_role_permissions_boundary, {}),
            (iam.delete_role, {}),
            (iam.add_role_to_instance_profile, {"InstanceProfileName": "profile"}),
            (iam.remove_role_from_instance_profile, {"InstanceProfileName": "profile"}),
        ]:
            assert ("UnmodifiableEntity", PROTECTED) == code_and_message(call, RoleName=ROLE, **params), call
        assert (
            "UnmodifiableEntity",
            f"{ROLE} is an AWS service linked role, max session duration cannot be changed.",
        ) == code_and_message(iam.update_role, RoleName=ROLE, MaxSessionDuration=7200)

    def test_the_description_can(self, place):
        place.connector()
        place.iam.update_role_description(RoleName=ROLE, Description="ours")
        assert "ours" == place.iam.get_role(RoleName=ROLE)["Role"]["Description"]
        place.iam.update_role(RoleName=ROLE, Description="ours still")
        assert "ours still" == place.iam.get_role(RoleName=ROLE)["Role"]["Description"]


class TestS8DeletionFailsWhileInUse:
    def test_it_passes_through_in_progress_and_names_what_uses_it(self, place):
        arn = place.connector()
        at_once, afterwards = place.delete_role()
        assert "IN_PROGRESS" == at_once["Status"]
        assert "FAILED" == afterwards["Status"]
        assert [{"Region": "us-east-1", "Resources": [arn]}] == afterwards["Reason"]["RoleUsageList"]
        assert ROLE == place.iam.get_role(RoleName=ROLE)["Role"]["RoleName"]

    def test_connectors_of_every_region_count(self, place):
        arn = place.connector()
        europe = place.understudy.client("ec2", region="eu-west-1")
        subnet = europe.describe_subnets()["Subnets"][0]["SubnetId"]
        other = place.understudy.client("apprunner", region="eu-west-1").create_vpc_connector(
            VpcConnectorName="european", Subnets=[subnet]
        )["VpcConnector"]["VpcConnectorArn"]
        usage = {
            used["Region"]: used["Resources"] for used in place.delete_role()[1]["Reason"]["RoleUsageList"]
        }
        assert {"us-east-1": [arn], "eu-west-1": [other]} == usage

    def test_the_same_task_while_it_runs_and_a_new_one_afterwards(self, place):
        place.connector()
        first = place.iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
        assert first == place.iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
        assert first.startswith(f"task/aws-service-role/{PRINCIPAL}/{ROLE}/")
        place.understudy.settle()
        assert first != place.iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]

    def test_it_succeeds_after_cleaning_up(self, place):
        place.apprunner.delete_vpc_connector(VpcConnectorArn=place.connector())
        assert {"Status": "SUCCEEDED"} == {
            name: value for name, value in place.delete_role()[1].items() if name != "ResponseMetadata"
        }
        assert ("NoSuchEntity", f"The role with name {ROLE} cannot be found.") == code_and_message(
            place.iam.get_role, RoleName=ROLE
        )


class TestS9InAllOfAppRunnersRegions:
    @pytest.mark.parametrize("region", sorted(APP_RUNNER_REGIONS))
    def test_a_connector_there_makes_the_role(self, understudy, region):
        subnet = understudy.client("ec2", region=region).describe_subnets()["Subnets"][0]["SubnetId"]
        understudy.client("apprunner", region=region).create_vpc_connector(
            VpcConnectorName="there", Subnets=[subnet]
        )
        assert ROLE == understudy.client("iam").get_role(RoleName=ROLE)["Role"]["RoleName"]


class TestS10ServicesWithSuchRolesAreListed:
    def test_the_catalogue_names_them_and_each_can_be_made(self, understudy):
        iam = understudy.client("iam")
        catalogue = service_linked_roles.catalogue()
        assert 339 == len(catalogue)
        for template in catalogue:
            role = iam.create_service_linked_role(AWSServiceName=template.principal)["Role"]
            assert template.role_name == role["RoleName"]
            attached = iam.list_attached_role_policies(RoleName=template.role_name)["AttachedPolicies"]
            assert [template.policy] == [policy["PolicyArn"] for policy in attached]
