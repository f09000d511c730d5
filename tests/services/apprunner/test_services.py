"""Services, through boto3: what each operation takes, refuses and answers (apprunner-services.md 2.2, 2.3; apprunner.md 2.7, 2.8)."""

from __future__ import annotations

import json
import re

import pytest
from msgspec.structs import replace
from refusals import refused

from understudy_aws.services.apprunner.service_records import services

ACCOUNT = "000000000000"
ARN = f"arn:aws:apprunner:us-east-1:{ACCOUNT}"
IMAGE = {
    "ImageRepository": {
        "ImageIdentifier": "public.ecr.aws/nginx/nginx:1.27",
        "ImageRepositoryType": "ECR_PUBLIC",
        "ImageConfiguration": {"Port": "80", "RuntimeEnvironmentVariables": {"MODE": "try"}},
    },
    "AutoDeploymentsEnabled": False,
}
NOBODY = f"{ARN}:service/nobody/{'0' * 32}"


@pytest.fixture
def understudy(understudy):
    """What is under way stays: these tests are about what is answered at once."""
    understudy.settles = False
    return understudy


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


def create(apprunner, name="site", **more):
    return apprunner.create_service(ServiceName=name, **{"SourceConfiguration": IMAGE, **more})["Service"]


def set_status(understudy, arn, status):
    """Have a service be in a status, as if an operation had led there."""
    with understudy.app.database.transaction() as tx:
        (found,) = services.where(tx, "by_arn", arn)
        ran = status not in {"CREATE_FAILED", "OPERATION_IN_PROGRESS"}
        services.put(
            tx,
            replace(
                found,
                status=status,
                operation="",
                settings=(found.asked or found.settings) if ran else None,
                asked=None if ran else found.asked,
                scaling=(found.asked_scaling or found.scaling) if ran else "",
                asked_scaling="" if ran else found.asked_scaling,
                deleted=found.created if status == "DELETED" else None,
            ),
        )


class TestCreate:
    def test_it_answers_all_settings_while_the_service_is_being_made(self, apprunner):
        """Reference apprunner-services.md 2.2, 2.3: defaults are told, and there is a URL from the beginning."""
        answer = apprunner.create_service(ServiceName="site", SourceConfiguration=IMAGE)
        made = answer["Service"]
        assert re.fullmatch(f"{re.escape(ARN)}:service/site/[0-9a-f]{{32}}", made["ServiceArn"])
        assert made["ServiceArn"].endswith(made["ServiceId"])
        assert re.fullmatch("[0-9a-f]{32}", answer["OperationId"])
        assert re.fullmatch(r"[0-9a-z]{10}\.us-east-1\.awsapprunner\.localhost(:\d+)?", made["ServiceUrl"])
        assert ("site", "OPERATION_IN_PROGRESS") == (made["ServiceName"], made["Status"])
        assert IMAGE == made["SourceConfiguration"]
        assert {"Cpu": "1024", "Memory": "2048"} == made["InstanceConfiguration"]
        assert {
            "EgressConfiguration": {"EgressType": "DEFAULT"},
            "IngressConfiguration": {"IsPubliclyAccessible": True},
            "IpAddressType": "IPV4",
        } == made["NetworkConfiguration"]
        assert {"ObservabilityEnabled": False} == made["ObservabilityConfiguration"]
        assert 5 == made["HealthCheckConfiguration"]["UnhealthyThreshold"]
        scaling = made["AutoScalingConfigurationSummary"]
        assert ("DefaultConfiguration", 1, "active", True) == (
            scaling["AutoScalingConfigurationName"],
            scaling["AutoScalingConfigurationRevision"],
            scaling["Status"],
            scaling["HasAssociatedService"],
        )
        assert made == apprunner.describe_service(ServiceArn=made["ServiceArn"])["Service"]

    def test_a_name_is_taken_until_its_service_is_deleted(self, understudy, apprunner):
        """Reference apprunner.md 2.8."""
        first = create(apprunner)
        with refused("InvalidRequestException", "Service with the provided name already exists: site."):
            create(apprunner)
        create(understudy.client("apprunner", region="eu-west-1"))
        set_status(understudy, first["ServiceArn"], "DELETED")
        assert first["ServiceId"] != create(apprunner)["ServiceId"]

    def test_an_account_has_30_services_in_a_region_failed_ones_too(self, understudy, apprunner):
        """Reference apprunner.md 2.7, apprunner-services.md 2.3."""
        arns = [create(apprunner, f"site-{number}")["ServiceArn"] for number in range(30)]
        set_status(understudy, arns[0], "CREATE_FAILED")
        with refused("ServiceQuotaExceededException"):
            create(apprunner, "site-30")
        set_status(understudy, arns[0], "DELETED")
        create(apprunner, "site-30")

    def test_the_first_makes_the_management_role_with_the_callers_permission(self, understudy):
        """Reference apprunner.md 2.8, 4.1."""
        may_not = understudy.allowing("may-not", "apprunner:*")
        told = "AccessDenied. Couldn't create a service-linked role for App Runner. When creating the first"
        with refused("InvalidRequestException") as refusal:
            create(understudy.client("apprunner", as_=may_not))
        assert refusal.text.startswith(told)
        principal = "apprunner.amazonaws.com"
        may = understudy.user(
            "may",
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "apprunner:*", "Resource": "*"},
                    {
                        "Effect": "Allow",
                        "Action": "iam:CreateServiceLinkedRole",
                        "Resource": "*",
                        "Condition": {"StringEquals": {"iam:AWSServiceName": principal}},
                    },
                ],
            },
        )
        create(understudy.client("apprunner", as_=may))
        role = understudy.client("iam").get_role(RoleName="AWSServiceRoleForAppRunner")["Role"]
        assert f"/aws-service-role/{principal}/" == role["Path"]
        create(understudy.client("apprunner", as_=may_not), "second")

    def test_the_management_role_stays_while_there_are_services(self, understudy, apprunner):
        """Reference apprunner.md 4.1."""
        arn = create(apprunner)["ServiceArn"]
        iam = understudy.client("iam")
        task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForAppRunner")["DeletionTaskId"]
        understudy.settle()
        status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        assert "FAILED" == status["Status"]
        assert [{"Region": "us-east-1", "Resources": [arn]}] == status["Reason"]["RoleUsageList"]

    @pytest.mark.parametrize("kind", ["instance", "access"])
    def test_a_role_is_assumed_through_its_trust_policy(self, understudy, apprunner, kind):
        """Reference apprunner.md 2.8 (observed texts), apprunner-services.md 4.3: each trusts another principal."""
        iam = understudy.client("iam")
        principals = {"instance": "tasks.apprunner.amazonaws.com", "access": "build.apprunner.amazonaws.com"}
        other = {"instance": "access", "access": "instance"}[kind]

        def role(name, principal):
            statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            return iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]

        def asked(arn):
            if kind == "instance":
                return {"InstanceConfiguration": {"InstanceRoleArn": arn}}
            image = {
                "ImageIdentifier": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:1",
                "ImageRepositoryType": "ECR",
            }
            authentication = {"AccessRoleArn": arn}
            return {
                "SourceConfiguration": {
                    "ImageRepository": image,
                    "AuthenticationConfiguration": authentication,
                }
            }

        for arn in (role("wrong", principals[other]), f"arn:aws:iam::{ACCOUNT}:role/missing"):
            with refused("InvalidRequestException", f"Error in assuming {kind} role {arn}"):
                create(apprunner, **asked(arn))
        right = role("right", principals[kind])
        made = create(apprunner, **asked(right))
        assert right in json.dumps(made, default=str)
        assumed = [each for each in understudy.trail() if each.operation == "AssumeRole"]
        assert [principals[kind]] * 3 == [each.caller.arn for each in assumed]
        assert made["ServiceArn"] == assumed[-1].caller.source_arn

    def test_what_it_names_must_be_there_and_usable(self, understudy, apprunner):
        """Reference apprunner.md 2.6 (a connector that is INACTIVE can't be used), 2.4, 2.5."""
        gone = f"{ARN}:vpcconnector/gone/1/{'1' * 32}"
        with refused("InvalidRequestException"):
            create(apprunner, NetworkConfiguration=through(gone))
        # CreateService has no ResourceNotFoundException in the API model.
        with refused("InvalidRequestException"):
            create(apprunner, AutoScalingConfigurationArn=f"{ARN}:autoscalingconfiguration/gone")
        with refused("InvalidRequestException"):
            arn = f"{ARN}:observabilityconfiguration/gone"
            create(apprunner, ObservabilityConfiguration=observed(arn))
        connection = apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB")
        with refused("InvalidRequestException") as told:
            create(apprunner, SourceConfiguration=code(connection["Connection"]["ConnectionArn"]))
        assert "PENDING_HANDSHAKE" in told.text
        assert [] == apprunner.list_services()["ServiceSummaryList"]

    def test_partial_arns_are_answered_whole(self, apprunner):
        """Reference apprunner.md 2.4."""
        scaling = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="high")
        scaling = scaling["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
        made = apprunner.create_observability_configuration(ObservabilityConfigurationName="traced")
        observability = made["ObservabilityConfiguration"]["ObservabilityConfigurationArn"]
        service = create(
            apprunner,
            AutoScalingConfigurationArn=f"{ARN}:autoscalingconfiguration/high",
            ObservabilityConfiguration=observed(f"{ARN}:observabilityconfiguration/traced/1"),
        )
        assert scaling == service["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"]
        assert observability == service["ObservabilityConfiguration"]["ObservabilityConfigurationArn"]
        listed = apprunner.list_services_for_auto_scaling_configuration(AutoScalingConfigurationArn=scaling)
        assert [service["ServiceArn"]] == listed["ServiceArnList"]
        with refused("InvalidRequestException"):
            apprunner.delete_auto_scaling_configuration(AutoScalingConfigurationArn=scaling)
        with refused("InvalidRequestException"):
            apprunner.delete_observability_configuration(ObservabilityConfigurationArn=observability)

    def test_a_private_service_has_no_url(self, apprunner):
        """Reference apprunner-services.md 2.3."""
        made = create(
            apprunner, NetworkConfiguration={"IngressConfiguration": {"IsPubliclyAccessible": False}}
        )
        assert "ServiceUrl" not in made

    def test_tags_are_kept_and_shown_by_list_tags_alone(self, apprunner):
        tags = [{"Key": "team", "Value": "web"}]
        made = create(apprunner, Tags=tags)
        assert "Tags" not in made
        assert tags == apprunner.list_tags_for_resource(ResourceArn=made["ServiceArn"])["Tags"]


class TestLists:
    def test_services_come_in_pages_of_at_most_20(self, understudy, apprunner):
        """Reference apprunner.md 2.1; a deleted one is described and not listed."""
        made = [create(apprunner, f"site-{number}")["ServiceArn"] for number in range(5)]
        set_status(understudy, made[0], "DELETED")
        seen, token = [], {}
        while True:
            answer = apprunner.list_services(MaxResults=2, **token)
            seen += [each["ServiceArn"] for each in answer["ServiceSummaryList"]]
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert sorted(made[1:]) == sorted(seen)
        assert "DELETED" == apprunner.describe_service(ServiceArn=made[0])["Service"]["Status"]
        with refused("InvalidRequestException"):
            apprunner.list_services(MaxResults=21)
        with refused("InvalidRequestException", "The provided NextToken is invalid."):
            apprunner.list_services(NextToken="x")
        others = understudy.client("apprunner", region="eu-west-1").list_services()["ServiceSummaryList"]
        assert [] == others

    def test_operations_come_newest_first_also_while_new_ones_begin(self, understudy, apprunner):
        """Reference apprunner-services.md 2.3."""
        arn = create(apprunner)["ServiceArn"]
        for _ in range(4):
            set_status(understudy, arn, "RUNNING")
            understudy.clock.advance(1)
            apprunner.start_deployment(ServiceArn=arn)
        first = apprunner.list_operations(ServiceArn=arn, MaxResults=2)
        types = [each["Type"] for each in apprunner.list_operations(ServiceArn=arn)["OperationSummaryList"]]
        assert ["START_DEPLOYMENT"] * 4 + ["CREATE_SERVICE"] == types
        set_status(understudy, arn, "RUNNING")
        understudy.clock.advance(1)
        apprunner.pause_service(ServiceArn=arn)
        rest = apprunner.list_operations(ServiceArn=arn, MaxResults=20, NextToken=first["NextToken"])
        everything = apprunner.list_operations(ServiceArn=arn)["OperationSummaryList"]
        assert "PAUSE_SERVICE" == everything[0]["Type"]
        paged = [*first["OperationSummaryList"], *rest["OperationSummaryList"]]
        assert [each["Id"] for each in everything[1:]] == [each["Id"] for each in paged]
        assert {"PENDING"} == {each["Status"] for each in everything}
        assert {arn} == {each["TargetArn"] for each in everything}


# What each call answers in each status (docs/decisions/0030): `yes` begins an operation, `same` answers the service.
TAKEN = {
    "RUNNING": ("yes", "yes", "yes", "same", "yes"),
    "PAUSED": ("InvalidStateException", "InvalidRequestException", "same", "yes", "yes"),
    "CREATE_FAILED": (
        "yes", "InvalidRequestException", "InvalidStateException", "InvalidStateException", "yes",
    ),
    "DELETE_FAILED": (
        "InvalidStateException", "InvalidRequestException", "InvalidStateException", "InvalidStateException", "yes",
    ),
    "OPERATION_IN_PROGRESS": (
        "InvalidStateException", "InvalidRequestException", "InvalidStateException", "InvalidStateException",
        "InvalidStateException",
    ),
    "DELETED": ("ResourceNotFoundException",) * 5,
}  # fmt: skip
CALLS = ("update_service", "start_deployment", "pause_service", "resume_service", "delete_service")


class TestStatuses:
    @pytest.mark.parametrize("status", TAKEN)
    @pytest.mark.parametrize("call", CALLS)
    def test_which_calls_are_taken(self, understudy, apprunner, status, call):
        """Reference apprunner-services.md 2.3, and the table of docs/decisions/0030."""
        arn = create(apprunner)["ServiceArn"]
        set_status(understudy, arn, status)
        expected = TAKEN[status][CALLS.index(call)]
        if expected.endswith("Exception"):
            with refused(expected):
                getattr(apprunner, call)(ServiceArn=arn)
            return
        more = {"HealthCheckConfiguration": {"Interval": 6}} if call == "update_service" else {}
        answer = getattr(apprunner, call)(ServiceArn=arn, **more)
        if expected == "same":
            assert "OperationId" not in answer
            assert status == answer["Service"]["Status"]
            return
        described = apprunner.describe_service(ServiceArn=arn)["Service"]
        assert "OPERATION_IN_PROGRESS" == described["Status"]
        latest = apprunner.list_operations(ServiceArn=arn)["OperationSummaryList"][0]
        assert (answer["OperationId"], "PENDING") == (latest["Id"], latest["Status"])
        if call != "start_deployment":
            assert described == answer["Service"]

    def test_a_deployment_is_refused_in_awss_words(self, apprunner):
        """Reference apprunner-services.md 2.3: the beginning of the text is observed."""
        arn = create(apprunner)["ServiceArn"]
        told = "Can't start a deployment on the specified service, because it isn't in RUNNING state"
        with refused("InvalidRequestException") as refusal:
            apprunner.start_deployment(ServiceArn=arn)
        assert refusal.text.startswith(told)

    @pytest.mark.parametrize("call", ["describe_service", "list_operations", *CALLS])
    def test_a_service_that_is_not_there_is_not_found(self, understudy, apprunner, call):
        with refused("ResourceNotFoundException"):
            getattr(apprunner, call)(ServiceArn=NOBODY)
        elsewhere = create(understudy.client("apprunner", region="eu-west-1"))["ServiceArn"]
        with refused("ResourceNotFoundException"):
            getattr(apprunner, call)(ServiceArn=elsewhere)


class TestUpdate:
    def test_it_answers_the_new_settings_and_keeps_what_is_not_named(self, understudy, apprunner):
        """Reference apprunner-services.md 2.3."""
        arn = create(apprunner, InstanceConfiguration={"Cpu": "2 vCPU", "Memory": "4 GB"})["ServiceArn"]
        set_status(understudy, arn, "RUNNING")
        answer = apprunner.update_service(ServiceArn=arn, HealthCheckConfiguration={"Interval": 7})
        changed = answer["Service"]
        assert (7, 2) == (
            changed["HealthCheckConfiguration"]["Interval"],
            changed["HealthCheckConfiguration"]["Timeout"],
        )
        assert {"Cpu": "2048", "Memory": "4096"} == changed["InstanceConfiguration"]
        assert IMAGE == changed["SourceConfiguration"]
        assert changed == apprunner.describe_service(ServiceArn=arn)["Service"]

    def test_what_names_nothing_is_refused_of_a_service_that_runs(self, understudy, apprunner):
        """Reference apprunner.md 2.8; what could not be created is made anew by it (apprunner-services.md 2.3)."""
        arn = create(apprunner)["ServiceArn"]
        set_status(understudy, arn, "RUNNING")
        with refused("InvalidRequestException", "No configurations provided in the UpdateService request."):
            apprunner.update_service(ServiceArn=arn)
        failed = create(apprunner, "failed")["ServiceArn"]
        set_status(understudy, failed, "CREATE_FAILED")
        assert "OPERATION_IN_PROGRESS" == apprunner.update_service(ServiceArn=failed)["Service"]["Status"]

    def test_the_kind_of_source_cannot_change(self, understudy, apprunner):
        """Reference apprunner-services.md 2.3."""
        arn = create(apprunner)["ServiceArn"]
        set_status(understudy, arn, "RUNNING")
        with refused("InvalidRequestException"):
            apprunner.update_service(
                ServiceArn=arn, SourceConfiguration=code(f"{ARN}:connection/x/{'1' * 32}")
            )
        assert "RUNNING" == apprunner.describe_service(ServiceArn=arn)["Service"]["Status"]

    def test_both_configurations_are_held_while_it_goes_on(self, understudy, apprunner):
        """Decision 0030: none of what a deployment uses can be deleted under it."""
        arns = [
            apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName=name)[
                "AutoScalingConfiguration"
            ]["AutoScalingConfigurationArn"]
            for name in ("before", "after")
        ]
        arn = create(apprunner, AutoScalingConfigurationArn=arns[0])["ServiceArn"]
        set_status(understudy, arn, "RUNNING")
        apprunner.update_service(ServiceArn=arn, AutoScalingConfigurationArn=arns[1])
        for each in arns:
            with refused("InvalidRequestException"):
                apprunner.delete_auto_scaling_configuration(AutoScalingConfigurationArn=each)


class TestAuthorization:
    CALLS = {
        "create_service": {"ServiceName": "mine", "SourceConfiguration": IMAGE},
        "list_services": {},
        **{
            name: {"ServiceArn": NOBODY}
            for name in ("describe_service", "list_operations", *CALLS)
        },
    }  # fmt: skip

    @pytest.mark.parametrize("call", CALLS)
    def test_nobody_may_and_is_told_the_action(self, understudy, call):
        nobody = understudy.client("apprunner", as_=understudy.user("nobody"))
        action = "".join(word.title() for word in call.split("_"))
        with refused("AccessDeniedException") as told:
            getattr(nobody, call)(**self.CALLS[call])
        assert f"is not authorized to perform: apprunner:{action}" in told.text

    def test_keys_are_there_for_what_the_request_names_and_absent_otherwise(self, understudy, apprunner):
        """Reference apprunner.md 4.4; AWS's samples of data perimeters deny where `apprunner:VpcConnectorArn` is absent."""
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        made = apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=[subnet])["VpcConnector"]
        guarded = understudy.client(
            "apprunner",
            as_=understudy.user(
                "guarded",
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": ["apprunner:*", "iam:*"], "Resource": "*"},
                        {
                            "Effect": "Deny",
                            "Action": ["apprunner:CreateService", "apprunner:UpdateService"],
                            "Resource": "*",
                            "Condition": {"Null": {"apprunner:VpcConnectorArn": "true"}},
                        },
                    ],
                },
            ),
        )
        with refused("AccessDeniedException"):
            create(guarded)
        arn = create(guarded, NetworkConfiguration=through(made["VpcConnectorArn"]))["ServiceArn"]
        entry = understudy.trail()[-1]
        assert {f"{ARN}:service/site/*", made["VpcConnectorArn"]} == {
            each.resource for each in entry.evaluations
        }
        set_status(understudy, arn, "RUNNING")
        with refused("AccessDeniedException"):
            guarded.update_service(ServiceArn=arn)
        guarded.update_service(
            ServiceArn=arn,
            NetworkConfiguration=through(made["VpcConnectorArn"]),
            AutoScalingConfigurationArn=f"{ARN}:autoscalingconfiguration/DefaultConfiguration",
        )
        keys = understudy.trail()[-1].evaluations[0].keys
        assert {"apprunner:vpcconnectorarn", "apprunner:autoscalingconfigurationarn"} == {
            key for key in keys if key.startswith("apprunner:")
        }
        assert keys["apprunner:autoscalingconfigurationarn"].endswith(
            "DefaultConfiguration/1/" + "0" * 31 + "1"
        )

    def test_tags_of_the_request_and_of_the_service_are_conditions(self, understudy, apprunner):
        """Reference apprunner.md 4.4: with tags `TagResource` is needed too."""
        tags = [{"Key": "team", "Value": "web"}]
        create(apprunner, "first")
        without = understudy.client(
            "apprunner", as_=understudy.allowing("without", "apprunner:CreateService")
        )
        create(without, "untagged")
        with refused("AccessDeniedException") as told:
            create(without, "tagged", Tags=tags)
        assert "apprunner:TagResource" in told.text
        statement = {
            "Effect": "Allow",
            "Action": ["apprunner:CreateService", "apprunner:TagResource", "apprunner:DescribeService"],
            "Resource": f"{ARN}:service/*",
            "Condition": {
                "StringEqualsIfExists": {"aws:RequestTag/team": "web", "aws:ResourceTag/team": "web"}
            },
        }
        team = understudy.client(
            "apprunner", as_=understudy.user("team", {"Version": "2012-10-17", "Statement": [statement]})
        )
        arn = create(team, "tagged", Tags=tags)["ServiceArn"]
        team.describe_service(ServiceArn=arn)
        with refused("AccessDeniedException"):
            create(team, "other", Tags=[{"Key": "team", "Value": "db"}])
        apprunner.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "db"}])
        with refused("AccessDeniedException"):
            team.describe_service(ServiceArn=arn)


def through(connector):
    return {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}}


def observed(arn):
    return {"ObservabilityEnabled": True, "ObservabilityConfigurationArn": arn}


def code(connection):
    return {
        "CodeRepository": {
            "RepositoryUrl": "https://github.com/example/app",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
        },
        "AuthenticationConfiguration": {"ConnectionArn": connection},
    }
