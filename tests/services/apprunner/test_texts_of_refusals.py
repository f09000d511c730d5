"""What App Runner refuses, in its words: the rows of apprunner.md 2.8 that no other file has, and bounds of each operation."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from networking import make_network
from refusals import refusal, refused
from service_records_made import IMAGE, made_service

from understudy_aws.testing import Understudy

MODEL = botocore.session.get_session().get_service_model("apprunner")
ARN = "arn:aws:apprunner:us-east-1:000000000000"
MAY_NOT = (
    "AccessDenied. Couldn't create a service-linked role for App Runner. When creating the first service in the "
    "account, caller must have the 'iam:CreateServiceLinkedRole' permission. Use the 'AWSAppRunnerFullAccess' managed "
    "user policy to ensure users have all required permissions."
)
# Of each kind of resource an ARN that leads nowhere, by the member that takes it.
NOWHERE = {
    "ServiceArn": f"{ARN}:service/none/{'0' * 32}",
    "ConnectionArn": f"{ARN}:connection/none/{'0' * 32}",
    "VpcConnectorArn": f"{ARN}:vpcconnector/none/1/{'0' * 32}",
    "VpcIngressConnectionArn": f"{ARN}:vpcingressconnection/none/{'0' * 32}",
    "AutoScalingConfigurationArn": f"{ARN}:autoscalingconfiguration/none/1/{'0' * 32}",
    "ObservabilityConfigurationArn": f"{ARN}:observabilityconfiguration/none/1/{'0' * 32}",
}


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


class TestLinkedRoles:
    """Reference apprunner.md 2.8: the same text for either role (observed)."""

    def test_of_a_first_service(self, understudy):
        client = understudy.client("apprunner", as_=understudy.allowing("may-not", "apprunner:*"))
        with refused("InvalidRequestException", MAY_NOT):
            client.create_service(ServiceName="site", SourceConfiguration={"ImageRepository": IMAGE})

    def test_of_a_first_connector(self, understudy):
        network = make_network(understudy.client("ec2"))
        may_not = understudy.allowing("may-not", "apprunner:*", "ec2:Describe*")
        with refused("InvalidRequestException", MAY_NOT):
            understudy.client("apprunner", as_=may_not).create_vpc_connector(
                VpcConnectorName="main", Subnets=network.subnets
            )


def test_a_service_that_a_vpc_has_a_way_into_is_not_deleted(understudy, apprunner):
    """Reference apprunner-services.md 2.3 (observed): the text has both ARNs; once it is gone the service goes."""
    service, connection = private_service_with_connection(understudy)
    told = (
        "You cannot delete a Service while it has VpcIngressConnections with a status of AVAILABLE. "
        f"Service Arn: {service} VpcIngressConnection Arn: {connection}"
    )
    with refused("InvalidStateException", told, 400):
        apprunner.delete_service(ServiceArn=service)
    assert "RUNNING" == apprunner.describe_service(ServiceArn=service)["Service"]["Status"]
    apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=connection)
    assert "OPERATION_IN_PROGRESS" == apprunner.delete_service(ServiceArn=service)["Service"]["Status"]


def private_service_with_connection(understudy):
    """A private service, and the ARN of the connection that leads to it."""
    ec2, service = understudy.client("ec2"), made_service(understudy, public=False)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.apprunner.requests", VpcEndpointType="Interface",
        SubnetIds=[subnet], PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    made = understudy.client("apprunner").create_vpc_ingress_connection(
        ServiceArn=service,
        VpcIngressConnectionName="from-vpc",
        IngressVpcConfiguration={"VpcId": vpc, "VpcEndpointId": endpoint},
    )
    return service, made["VpcIngressConnection"]["VpcIngressConnectionArn"]


def test_a_connection_that_changes_takes_no_other_change():
    """Reference apprunner-services.md 2.6: neither is taken but in AVAILABLE and failed statuses."""
    with Understudy(clock="aws") as understudy:
        _, arn = private_service_with_connection(understudy)
        apprunner = understudy.client("apprunner")
        named = {"VpcIngressConnectionArn": arn}
        described = apprunner.describe_vpc_ingress_connection(**named)["VpcIngressConnection"]
        assert "PENDING_CREATION" == described["Status"]
        with refused("InvalidStateException"):
            apprunner.delete_vpc_ingress_connection(**named)
        with refused("InvalidStateException"):
            where = described["IngressVpcConfiguration"]
            apprunner.update_vpc_ingress_connection(IngressVpcConfiguration=where, **named)


def test_bounds_of_the_model_are_counted_and_joined(apprunner):
    """Reference apprunner.md 1.1: the observed text, word for word."""
    value = "!" * 33
    begins = f"Value '{value}' at 'autoScalingConfigurationName' failed to satisfy constraint: Member must"
    told = (
        rf"2 validation errors detected: {begins} satisfy regular expression pattern: [A-Za-z0-9][A-Za-z0-9\-_]{{3,31}}; "
        f"{begins} have length less than or equal to 32"
    )
    with refused("InvalidRequestException", told, 400):
        apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName=value)


PUBLIC = {"ImageRepository": IMAGE}
CODE = {
    "CodeRepository": {
        "RepositoryUrl": "https://github.com/example/app",
        "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
        "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
    }
}
OWN = {"ImageIdentifier": "000000000000.dkr.ecr.us-east-1.amazonaws.com/app:1", "ImageRepositoryType": "ECR"}
ROLE = "arn:aws:iam::000000000000:role/access"
CONNECTOR = NOWHERE["VpcConnectorArn"]


def with_configuration(**members: Any) -> dict[str, Any]:
    return {"SourceConfiguration": {"ImageRepository": {**IMAGE, "ImageConfiguration": members}}}


# What a service cannot be made with, nor changed to (apprunner-services.md 2.2), and words of the answer.
REFUSED = {
    "an image and code": ({"SourceConfiguration": {**PUBLIC, **CODE}}, "ImageRepository"),
    "neither": ({"SourceConfiguration": {"AutoDeploymentsEnabled": False}}, "ImageRepository"),
    "automatic deployments of a public image": (
        {"SourceConfiguration": {**PUBLIC, "AutoDeploymentsEnabled": True}},
        "App Runner doesn't support automatic deployments for an image in an ECR Public repository.",
    ),
    "an access role for a public image": (
        {"SourceConfiguration": {**PUBLIC, "AuthenticationConfiguration": {"AccessRoleArn": ROLE}}}, "AccessRoleArn",
    ),
    "no access role": ({"SourceConfiguration": {"ImageRepository": OWN}}, "AccessRoleArn"),
    "no connection": ({"SourceConfiguration": CODE}, "ConnectionArn"),
    "a connector for egress DEFAULT": (
        {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "DEFAULT", "VpcConnectorArn": CONNECTOR}}},
        "VpcConnectorArn",
    ),
    "egress VPC without a connector": (
        {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC"}}}, "VpcConnectorArn",
    ),
    "a connector that is not there": (
        {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR}}},
        CONNECTOR,
    ),
    "a configuration and no tracing": (
        {"ObservabilityConfiguration": {
            "ObservabilityEnabled": False,
            "ObservabilityConfigurationArn": f"{ARN}:observabilityconfiguration/DefaultConfiguration",
        }},
        "ObservabilityConfigurationArn",
    ),
    "tracing without a configuration": (
        {"ObservabilityConfiguration": {"ObservabilityEnabled": True}}, "ObservabilityConfigurationArn",
    ),
    "a size that there is not": ({"InstanceConfiguration": {"Cpu": "256", "Memory": "4096"}}, "256"),
    "no amount": ({"InstanceConfiguration": {"Cpu": "3 vCPU"}}, "instanceConfiguration.cpu"),
    "a health check too often": ({"HealthCheckConfiguration": {"Interval": 21}}, "healthCheckConfiguration.interval"),
    "a variable PORT": (with_configuration(RuntimeEnvironmentVariables={"PORT": "1"}), "PORT"),
    "a secret PORT": (with_configuration(RuntimeEnvironmentSecrets={"PORT": "x"}), "PORT"),
    "a port that is none": (with_configuration(Port="http"), "http"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_service_is_neither_made_nor_changed_so(understudy, apprunner, case):
    """Reference apprunner-services.md 2.2, apprunner.md 1.1: every one of them InvalidRequestException, 400."""
    asked, words = REFUSED[case]
    with refused("InvalidRequestException", status=400) as told:
        apprunner.create_service(**{"ServiceName": "site", "SourceConfiguration": PUBLIC, **asked})
    assert words in told.text
    assert len(told.text) <= 600
    assert [] == apprunner.list_services()["ServiceSummaryList"]
    running = made_service(understudy)
    if case != "neither":
        with refused("InvalidRequestException", status=400) as told:
            apprunner.update_service(ServiceArn=running, **asked)
        assert [] == apprunner.list_operations(ServiceArn=running)["OperationSummaryList"]


# What each list takes at most (apprunner.md 2.1; DescribeCustomDomains by the API model).
PAGES = {"ListServices": 20, "ListOperations": 20, "DescribeCustomDomains": 5}
PAGED = sorted(
    name for name in MODEL.operation_names if "NextToken" in MODEL.operation_model(name).input_shape.members
)


@pytest.mark.parametrize("name", PAGED)
def test_pages_have_bounds_and_tokens_are_of_their_list(understudy, name):
    """Reference apprunner.md 2.1."""
    apprunner = understudy.client("apprunner")
    members = MODEL.operation_model(name).input_shape.members
    asked = {}
    if "ServiceArn" in members:
        asked["ServiceArn"] = made_service(understudy)
    if "AutoScalingConfigurationArn" in members:
        asked["AutoScalingConfigurationArn"] = f"{ARN}:autoscalingconfiguration/DefaultConfiguration"
    call = getattr(apprunner, snake(name))
    most = PAGES.get(name, 100)
    call(MaxResults=most, **asked)
    told = refusal(call, MaxResults=most + 1, **asked)
    assert ("InvalidRequestException", 400) == (told.code, told.status)
    assert told.message == (
        f"1 validation error detected: Value '{most + 1}' at 'maxResults' failed to satisfy constraint: Member must have "
        f"value less than or equal to {most}"
    )
    with refused("InvalidRequestException", "The provided NextToken is invalid."):
        call(NextToken="anything", **asked)


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


# Operations that take an ARN, and members that each needs besides.
MORE: dict[str, dict[str, Any]] = {
    "AssociateCustomDomain": {"DomainName": "shop.example.com"},
    "DisassociateCustomDomain": {"DomainName": "shop.example.com"},
    "CreateVpcIngressConnection": {
        "VpcIngressConnectionName": "from-vpc",
        "IngressVpcConfiguration": {"VpcId": "vpc-1", "VpcEndpointId": "vpce-1"},
    },
    "UpdateVpcIngressConnection": {"IngressVpcConfiguration": {"VpcId": "vpc-1", "VpcEndpointId": "vpce-1"}},
}
TAKING = sorted(
    (name, member)
    for name in MODEL.operation_names
    for member in MODEL.operation_model(name).input_shape.members
    if member in NOWHERE and member in MODEL.operation_model(name).input_shape.required_members
)


@pytest.mark.parametrize(("name", "member"), TAKING)
def test_what_is_not_there_is_told_by_an_error_that_the_operation_has(apprunner, name, member):
    """API models: AssociateCustomDomain and CreateVpcIngressConnection have no ResourceNotFoundException."""
    told = refusal(getattr(apprunner, snake(name)), **{member: NOWHERE[member], **MORE.get(name, {})})
    declared = {shape.name for shape in MODEL.operation_model(name).error_shapes}
    expected = (
        "ResourceNotFoundException" if "ResourceNotFoundException" in declared else "InvalidRequestException"
    )
    assert (expected, 400) == (told.code, told.status)
    assert NOWHERE[member] in told.message


@pytest.mark.parametrize("arn", NOWHERE.values())
def test_tags_are_of_what_is_there(apprunner, arn):
    """Reference apprunner.md 2.1, 4.4: all six kinds of resources have tags."""
    for call, more in (
        ("tag_resource", {"Tags": [{"Key": "team", "Value": "web"}]}),
        ("untag_resource", {"TagKeys": ["team"]}),
        ("list_tags_for_resource", {}),
    ):
        with refused("ResourceNotFoundException", status=400):
            getattr(apprunner, call)(ResourceArn=arn, **more)


def test_tags_have_bounds(understudy, apprunner):
    """Reference apprunner.md 2.1: no key begins with `aws:`; 50 are AWS's usual number."""
    arn = made_service(understudy)
    for tag in (
        {"Key": "aws:x", "Value": ""},
        {"Key": "k" * 129, "Value": ""},
        {"Key": "k", "Value": "v" * 257},
    ):
        with refused("InvalidRequestException", status=400):
            apprunner.tag_resource(ResourceArn=arn, Tags=[tag])
    apprunner.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    with refused("InvalidRequestException", status=400):
        apprunner.tag_resource(ResourceArn=arn, Tags=[{"Key": "one-more", "Value": ""}])
    apprunner.tag_resource(ResourceArn=arn, Tags=[{"Key": "k0", "Value": "again"}])
    assert {} == {
        key: value
        for key, value in apprunner.untag_resource(ResourceArn=arn, TagKeys=["k0", "not-there"]).items()
        if key != "ResponseMetadata"
    }
    assert 49 == len(apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"])


@pytest.mark.parametrize("value", ["abc", "1m", "1.5", "-1", ""])
def test_a_service_sleeps_after_seconds_alone(understudy, apprunner, value):
    """A tag of ours (docs/decisions/0058); other resources have it with any value."""
    tags = [{"Key": "understudy:sleep-after", "Value": value}]
    arn = made_service(understudy)
    told = (
        "The tag understudy:sleep-after, which Understudy alone knows, takes whole seconds, such as 600; "
        f"it is '{value}'."
    )
    with refused("InvalidRequestException", told, status=400):
        apprunner.tag_resource(ResourceArn=arn, Tags=tags)
    assert [] == apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"]
    source = {
        "ImageRepository": {
            "ImageIdentifier": "public.ecr.aws/team/app:1",
            "ImageRepositoryType": "ECR_PUBLIC",
        }
    }
    with refused("InvalidRequestException", told, status=400):
        apprunner.create_service(ServiceName="sleeper", SourceConfiguration=source, Tags=tags)
    apprunner.tag_resource(ResourceArn=arn, Tags=[{**tags[0], "Value": "600"}])
    apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB", Tags=tags)


def test_what_a_service_uses_is_not_deleted_in_app_runners_words(understudy, apprunner):
    """Reference apprunner.md 2.6, 2.8: by services that were made through the API, whatever becomes of them."""
    understudy.settles = False
    network = make_network(understudy.client("ec2"))
    connector = apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=network.subnets)[
        "VpcConnector"
    ]
    scaling = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="mine")
    scaling_arn = scaling["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
    apprunner.create_service(
        ServiceName="site",
        SourceConfiguration=PUBLIC,
        AutoScalingConfigurationArn=scaling_arn,
        NetworkConfiguration={
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector["VpcConnectorArn"]}
        },
    )
    told = f"Provided VPC connector arn is being used by other services. ARN: {connector['VpcConnectorArn']}"
    with refused("InvalidRequestException", told, 400):
        apprunner.delete_vpc_connector(VpcConnectorArn=connector["VpcConnectorArn"])
    words = "auto scaling configuration"
    told = (
        f"You can't delete the {words}. It's used by one or more services. To delete it, update the services to use other "
        f"{words}s."
    )
    with refused("InvalidRequestException", told, 400):
        apprunner.delete_auto_scaling_configuration(AutoScalingConfigurationArn=scaling_arn)
