"""What Terraform's AWS provider sends for every `aws_apprunner_*` resource, in its order, and what it looks at.

Recorded between version 5.100.0 of the provider and a server, for the configurations in tests/clients/terraform and for
services of images: each resource is created, refreshed, changed, imported and destroyed. Refreshing and importing are the
same calls. What it waits for is in apprunner.md 2.4 and apprunner-services.md 2.3, 2.5 and 2.6. The data source
`aws_apprunner_hosted_zone_id` sends nothing.
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from networking import make_network
from plain_sites import PUBLIC, Site
from plain_workloads import SERVE, repository
from terraform_calls import Provider, assert_kept

from understudy_aws.testing import Understudy

WEB, OPS = ({"team": team} for team in ("web", "ops"))
TAGS, CHANGED_TAGS = ([{"Key": "team", "Value": team}] for team in ("web", "ops"))
UNDER_WAY = {"OPERATION_IN_PROGRESS"}
PROVIDED = (
    "arn:aws:apprunner:{}:{}:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001"
)


@pytest.fixture
def provider():
    with Understudy() as understudy:
        yield Provider(understudy)


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
    made.workloads.end()


@pytest.fixture
def running(site):
    """The provider, of services that run."""

    def between() -> None:
        site.understudy.settle()
        site.understudy.clock.advance(0.2)

    return Provider(site.understudy, between)


def revision(provider, **request):
    made = provider.send("CreateAutoScalingConfiguration", **request)["AutoScalingConfiguration"]
    arn = made["AutoScalingConfigurationArn"]
    provider.wait_for("AutoScalingConfiguration", arn, (), "active")
    return arn


def delete_revision(provider, arn):
    provider.send("DeleteAutoScalingConfiguration", AutoScalingConfigurationArn=arn)
    provider.wait_for("AutoScalingConfiguration", arn, ("active",), "inactive")


def test_auto_scaling_configuration_version(provider):
    asked = {"AutoScalingConfigurationName": "web-scaling", "MaxConcurrency": 50, "MaxSize": 10, "MinSize": 2}
    first = revision(provider, **asked, Tags=TAGS)
    read = provider.read("AutoScalingConfiguration", first, WEB)
    assert_kept({**asked, "AutoScalingConfigurationRevision": 1, "Latest": True}, read)
    # A value can't change: another revision is made, and then this one is deleted.
    changed = {**asked, "MaxConcurrency": 80}
    second = revision(provider, **changed, Tags=CHANGED_TAGS)
    read = provider.read("AutoScalingConfiguration", second, OPS)
    assert_kept({**changed, "AutoScalingConfigurationRevision": 2, "Latest": True}, read)
    delete_revision(provider, first)
    delete_revision(provider, second)


def test_default_auto_scaling_configuration_version(provider):
    def default() -> str:
        listed = provider.send("ListAutoScalingConfigurations")["AutoScalingConfigurationSummaryList"]
        (found,) = (each for each in listed if each["IsDefault"])
        return str(found["AutoScalingConfigurationArn"])

    def make_default(arn: str) -> None:
        provider.send("UpdateDefaultAutoScalingConfiguration", AutoScalingConfigurationArn=arn)

    provided = default()
    assert provided == PROVIDED.format(*provided.split(":")[3:5])
    # The name that AWS provides a configuration under: its next revision.
    own = revision(
        provider,
        AutoScalingConfigurationName="DefaultConfiguration",
        MaxConcurrency=100,
        MaxSize=25,
        MinSize=1,
    )
    make_default(own)
    assert default() == own
    make_default(provided)
    delete_revision(provider, own)
    # Its destruction sends nothing.
    assert default() == provided


def test_observability_configuration(provider):
    def make(tags, **asked):
        made = provider.send("CreateObservabilityConfiguration", **asked, **({"Tags": tags} if tags else {}))
        arn = made["ObservabilityConfiguration"]["ObservabilityConfigurationArn"]
        provider.wait_for("ObservabilityConfiguration", arn, (), "ACTIVE")
        return arn

    def delete(arn):
        provider.send("DeleteObservabilityConfiguration", ObservabilityConfigurationArn=arn)
        provider.wait_for("ObservabilityConfiguration", arn, ("ACTIVE",), "INACTIVE")

    asked = {
        "ObservabilityConfigurationName": "xray-tracing",
        "TraceConfiguration": {"Vendor": "AWSXRAY"},
    }
    traced = make(TAGS, **asked)
    assert_kept(asked, provider.read("ObservabilityConfiguration", traced, WEB))
    plain = make([], ObservabilityConfigurationName="plain")
    assert "TraceConfiguration" not in provider.read("ObservabilityConfiguration", plain)
    provider.send("TagResource", ResourceArn=traced, Tags=CHANGED_TAGS)
    provider.read("ObservabilityConfiguration", traced, OPS)
    # A name can't change: it is deleted, and another one is made.
    delete(plain)
    plainer = make([], ObservabilityConfigurationName="plainer")
    for arn in (traced, plainer):
        delete(arn)


def test_connection(provider):
    def found() -> list:
        return provider.send("ListConnections", ConnectionName="source")["ConnectionSummaryList"]

    def make(tags, **asked) -> str:
        made = provider.send("CreateConnection", ConnectionName="source", Tags=tags, **asked)["Connection"]
        (read,) = found()
        assert_kept({**asked, "ConnectionName": "source", "Status": "PENDING_HANDSHAKE"}, read)
        assert read["ConnectionArn"] == made["ConnectionArn"]
        return str(made["ConnectionArn"])

    def delete(arn: str) -> None:
        provider.send("DeleteConnection", ConnectionArn=arn)
        pending = {"PENDING_HANDSHAKE", "AVAILABLE"}
        provider.wait(lambda: "".join(each["Status"] for each in found()), pending, "")

    arn = make(TAGS, ProviderType="GITHUB")
    provider.assert_tags(arn, WEB)
    # Another provider can't be had by a change: it is deleted, and another one of its name is made.
    delete(arn)
    again = make(CHANGED_TAGS, ProviderType="BITBUCKET")
    provider.assert_tags(again, OPS)
    assert again != arn
    delete(again)


def connector(provider, network, name, tags):
    asked = {"SecurityGroups": [network.group], "Subnets": list(network.subnets), "VpcConnectorName": name}
    made = provider.send("CreateVpcConnector", **asked, Tags=tags)["VpcConnector"]["VpcConnectorArn"]
    provider.wait_for("VpcConnector", made, (), "ACTIVE")
    return made, asked


def delete_connector(provider, arn):
    provider.send("DeleteVpcConnector", VpcConnectorArn=arn)
    provider.wait_for("VpcConnector", arn, ("ACTIVE",), "INACTIVE")


def test_vpc_connector():
    with Understudy() as understudy:
        provider, network = Provider(understudy), make_network(understudy.client("ec2"))
        first, asked = connector(provider, network, "web-vpc", TAGS)
        assert_kept({**asked, "VpcConnectorRevision": 1}, provider.read("VpcConnector", first, WEB))
        second, asked = connector(provider, network, "web-vpc-2", CHANGED_TAGS)
        assert_kept(asked, provider.read("VpcConnector", second, OPS))
        for arn in (first, second):
            delete_connector(provider, arn)


def create(provider, **asked):
    arn = provider.send("CreateService", **asked)["Service"]["ServiceArn"]
    provider.wait_for("Service", arn, UNDER_WAY, "RUNNING")
    return arn


def update(provider, arn, **asked):
    provider.send("UpdateService", ServiceArn=arn, **asked)
    provider.wait_for("Service", arn, UNDER_WAY, "RUNNING")


def delete(provider, arn, status="RUNNING"):
    provider.send("DeleteService", ServiceArn=arn)
    provider.wait_for("Service", arn, {*UNDER_WAY, status}, "DELETED")


def code(site, connection, *, directory=True, **values):
    """The source of a service from a repository."""
    place = site.directory / "code"
    if not place.exists():
        repository(place, **{"serve.py": (site.directory / "one/serve.py").read_text(), "answer": "one"})
    given = {"Port": "8080", "Runtime": "PYTHON_311", "StartCommand": SERVE, **values}
    return {
        "AuthenticationConfiguration": {"ConnectionArn": connection},
        "AutoDeploymentsEnabled": False,
        "CodeRepository": {
            "CodeConfiguration": {"CodeConfigurationValues": given, "ConfigurationSource": "API"},
            "RepositoryUrl": f"file://{place}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            **({"SourceDirectory": "/"} if directory else {}),
        },
    }


def role(site, name, service) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = site.understudy.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])


def test_service_from_source_in_a_vpc_with_its_deployment_and_its_domain(site, running):
    """With all blocks that the resource has; units are told in numbers (apprunner-services.md 2.2)."""
    network = make_network(site.understudy.client("ec2"))
    scaling = {"MaxConcurrency": 50, "MaxSize": 2, "MinSize": 1}
    name = {"AutoScalingConfigurationName": "web-scaling"}
    first = revision(running, **name, **scaling)
    tracing = running.send(
        "CreateObservabilityConfiguration", ObservabilityConfigurationName="tracing", TraceConfiguration={"Vendor": "AWSXRAY"}
    )["ObservabilityConfiguration"]["ObservabilityConfigurationArn"]  # fmt: skip
    connection = site.connection()
    inside, _ = connector(running, network, "web-vpc", TAGS)
    health = {"Interval": 1, "Path": "/", "Protocol": "HTTP", "Timeout": 2, "UnhealthyThreshold": 5}
    trusted = role(site, "web-instance", "tasks.apprunner.amazonaws.com")
    instance = {"Cpu": "1 vCPU", "InstanceRoleArn": trusted, "Memory": "2 GB"}
    values = {"BuildCommand": "true", "RuntimeEnvironmentVariables": {"ANSWER": "first"}}
    asked = {
        "AutoScalingConfigurationArn": first,
        "HealthCheckConfiguration": {**health, "HealthyThreshold": 1},
        "InstanceConfiguration": instance,
        "NetworkConfiguration": {
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": inside}, "IpAddressType": "IPV4",
        },
        "ObservabilityConfiguration": {
            "ObservabilityConfigurationArn": tracing, "ObservabilityEnabled": True,
        },
        "ServiceName": "web-site",
        "SourceConfiguration": code(site, connection, **values),
    }  # fmt: skip
    arn = create(running, **asked, Tags=TAGS)
    read = running.read("Service", arn, WEB)
    assert read["ServiceUrl"]
    assert read["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"] == first
    kept = {name: value for name, value in asked.items() if name != "AutoScalingConfigurationArn"}
    numbers = {**instance, "Cpu": "1024", "Memory": "2048"}
    assert_kept({**kept, "InstanceConfiguration": numbers}, read)

    domain(running, arn, "shop.example.com")

    second = revision(running, **name, **{**scaling, "MaxConcurrency": 80})
    outside, _ = connector(running, network, "web-vpc-2", CHANGED_TAGS)
    running.send("TagResource", ResourceArn=arn, Tags=CHANGED_TAGS)
    changes = {
        "HealthCheckConfiguration": {**health, "HealthyThreshold": 2},
        "InstanceConfiguration": {**numbers, "Memory": "3 GB"},
        "NetworkConfiguration": {
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": outside},
            "IngressConfiguration": {"IsPubliclyAccessible": True},
            "IpAddressType": "IPV4",
        },
        "SourceConfiguration": code(
            site, connection, **{**values, "RuntimeEnvironmentVariables": {"ANSWER": "changed"}}
        ),
    }
    update(running, arn, AutoScalingConfigurationArn=second, **changes)
    read = running.read("Service", arn, OPS)
    assert read["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"] == second
    assert_kept({**changes, "InstanceConfiguration": {**numbers, "Memory": "3072"}}, read)
    # What it no longer uses goes, since nothing else does either.
    delete_revision(running, first)
    delete_connector(running, inside)

    started = running.send("StartDeployment", ServiceArn=arn)["OperationId"]

    def of_deployment() -> str:
        listed = running.send("ListOperations", ServiceArn=arn)["OperationSummaryList"]
        return str(next(each["Status"] for each in listed if each["Id"] == started))

    running.wait(of_deployment, {"PENDING", "IN_PROGRESS"}, "SUCCEEDED")
    delete(running, arn)
    running.send("DeleteConnection", ConnectionArn=connection)
    delete_connector(running, outside)
    running.send("DeleteObservabilityConfiguration", ObservabilityConfigurationArn=tracing)
    delete_revision(running, second)


def domain(provider, service, name):
    """The life of a custom domain association."""

    def found() -> dict:
        domains = provider.send("DescribeCustomDomains", ServiceArn=service)["CustomDomains"]
        return next((each for each in domains if each["DomainName"] == name), {"Status": ""})

    asked = {"DomainName": name, "EnableWWWSubdomain": False}
    made = provider.send("AssociateCustomDomain", ServiceArn=service, **asked)
    assert made["DNSTarget"]
    provider.wait(lambda: found()["Status"], {"creating"}, "pending_certificate_dns_validation")
    assert_kept(asked, found())
    assert {each["Type"] for each in found()["CertificateValidationRecords"]} == {"CNAME"}
    provider.send("DisassociateCustomDomain", ServiceArn=service, DomainName=name)
    provider.wait(lambda: found()["Status"], {"active", "deleting"}, "")


def test_private_service_and_its_vpc_ingress_connection(site, running):
    """The provider leaves a false member out: an empty IngressConfiguration is a private service (apprunner-services.md 2.2)."""
    ec2 = site.understudy.client("ec2")
    network = make_network(ec2)
    vpc = ec2.describe_subnets(SubnetIds=[network.subnets[0]])["Subnets"][0]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.apprunner.requests", VpcEndpointType="Interface",
        SubnetIds=[network.subnets[0]], PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    asked = {
        "NetworkConfiguration": {
            "EgressConfiguration": {"EgressType": "DEFAULT"},
            "IngressConfiguration": {},
            "IpAddressType": "IPV4",
        },
        "ObservabilityConfiguration": {"ObservabilityEnabled": False},
        "ServiceName": "inner-site",
        "SourceConfiguration": code(site, site.connection(), directory=False),
    }
    service = create(running, **asked)
    read = running.read("Service", service)
    assert_kept(asked, read)
    assert read["NetworkConfiguration"]["IngressConfiguration"] == {"IsPubliclyAccessible": False}
    assert not read.get("ServiceUrl")

    entry = {
        "IngressVpcConfiguration": {"VpcEndpointId": endpoint, "VpcId": vpc},
        "ServiceArn": service,
        "VpcIngressConnectionName": "inner",
    }
    made = running.send("CreateVpcIngressConnection", **entry, Tags=TAGS)["VpcIngressConnection"]
    arn = made["VpcIngressConnectionArn"]
    running.wait_for("VpcIngressConnection", arn, {"PENDING_CREATION"}, "AVAILABLE")
    assert_kept(entry, running.read("VpcIngressConnection", arn, WEB))
    running.send("TagResource", ResourceArn=arn, Tags=CHANGED_TAGS)
    running.read("VpcIngressConnection", arn, OPS)
    running.send("DeleteVpcIngressConnection", VpcIngressConnectionArn=arn)
    running.wait_for("VpcIngressConnection", arn, {"PENDING_DELETION"}, "DELETED")
    delete(running, service)


def test_service_of_a_public_image(site, running):
    def asked(tag):
        image = {"ImageIdentifier": f"{PUBLIC}:{tag}", "ImageRepositoryType": "ECR_PUBLIC"}
        return {"SourceConfiguration": {"AutoDeploymentsEnabled": False, "ImageRepository": image}}

    arn = create(running, ServiceName="public", **asked("1"))
    assert_kept(asked("1"), running.read("Service", arn))
    assert site.answers() == ["one"]
    update(running, arn, **asked("2"))
    assert_kept(asked("2"), running.read("Service", arn))
    assert site.answers() == ["two"]
    delete(running, arn)
    assert site.answers() == []


def test_service_of_a_private_image_that_is_not_there(site, running):
    """A failed creation is in the state as tainted: it is read, changed and destroyed as others are."""
    access = role(site, "access", "build.apprunner.amazonaws.com")
    account = access.split(":")[4]

    def asked(value):
        configuration = {
            "Port": "8000", "RuntimeEnvironmentVariables": {"A": value}, "StartCommand": "serve",
        }  # fmt: skip
        image = {
            "ImageConfiguration": configuration,
            "ImageIdentifier": f"{account}.dkr.ecr.us-east-1.amazonaws.com/none:1",
            "ImageRepositoryType": "ECR",
        }
        authentication = {"AccessRoleArn": access}
        return {
            "SourceConfiguration": {
                "AuthenticationConfiguration": authentication, "AutoDeploymentsEnabled": True, "ImageRepository": image,
            }
        }  # fmt: skip

    with pytest.raises(AssertionError, match="unexpected state 'CREATE_FAILED', wanted target 'RUNNING'"):
        create(running, ServiceName="private", **asked("1"), Tags=TAGS)
    (listed,) = site.apprunner.list_services()["ServiceSummaryList"]
    arn = listed["ServiceArn"]
    assert_kept(asked("1"), running.read("Service", arn, WEB))
    running.send("UntagResource", ResourceArn=arn, TagKeys=["team"])
    with pytest.raises(AssertionError, match="unexpected state 'CREATE_FAILED', wanted target 'RUNNING'"):
        update(running, arn, **asked("2"))
    assert_kept(asked("2"), running.read("Service", arn))
    delete(running, arn, "CREATE_FAILED")
    assert site.apprunner.list_services()["ServiceSummaryList"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        running.send("DescribeService", ServiceArn=arn.replace("private", "other"))
