"""Other spellings of the ARNs of App Runner's resources, which policies that name a resource do not mean."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from refusals import refused


@pytest.fixture
def arns(understudy, subnet):
    apprunner = understudy.client("apprunner")
    scaling = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="web-scaling")
    tracing = apprunner.create_observability_configuration(ObservabilityConfigurationName="web-traces")
    connection = apprunner.create_connection(ConnectionName="web-code", ProviderType="GITHUB")
    connector = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])
    return {
        "AutoScalingConfiguration": scaling["AutoScalingConfiguration"]["AutoScalingConfigurationArn"],
        "ObservabilityConfiguration": tracing["ObservabilityConfiguration"]["ObservabilityConfigurationArn"],
        "Connection": connection["Connection"]["ConnectionArn"],
        "VpcConnector": connector["VpcConnector"]["VpcConnectorArn"],
    }


@pytest.fixture
def subnet(understudy):
    return understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]


@pytest.fixture
def denied(understudy, arns):
    """A client that may do everything but with these resources."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "apprunner:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "apprunner:*", "Resource": list(arns.values())},
        ],
    }
    return understudy.client("apprunner", as_=understudy.user("worker", document))


@pytest.mark.parametrize(
    "kind", ["AutoScalingConfiguration", "ObservabilityConfiguration", "Connection", "VpcConnector"]
)
def test_no_spelling_gets_past_a_denial(understudy, arns, denied, kind):
    arn = arns[kind]
    with refused("AccessDeniedException"):
        denied.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "web"}])
    delete = {
        "AutoScalingConfiguration": denied.delete_auto_scaling_configuration,
        "ObservabilityConfiguration": denied.delete_observability_configuration,
        "Connection": denied.delete_connection,
        "VpcConnector": denied.delete_vpc_connector,
    }[kind]
    spellings = {arn.replace("arn:aws:", "arn:aws-cn:"), arn.replace("/1/", "/01/")} - {arn}
    assert spellings
    for spelling in spellings:
        for call, parameters in (
            (denied.tag_resource, {"ResourceArn": spelling, "Tags": [{"Key": "team", "Value": "web"}]}),
            (denied.untag_resource, {"ResourceArn": spelling, "TagKeys": ["team"]}),
            (denied.list_tags_for_resource, {"ResourceArn": spelling}),
            (delete, {f"{kind}Arn": spelling}),
        ):
            with pytest.raises(ClientError):
                call(**parameters)
    assert [] == understudy.client("apprunner").list_tags_for_resource(ResourceArn=arn)["Tags"]
