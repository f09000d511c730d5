"""App Runner's own condition keys, exactly as the reference has them: by each operation, and by no other."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from refusals import refused
from service_records_made import IMAGE, made_service

from understudy_aws.data.service_catalogue import action

MODEL = botocore.session.get_session().get_service_model("apprunner")
ARN = "arn:aws:apprunner:us-east-1:000000000000"
CODE = {
    "RepositoryUrl": "https://github.com/example/app",
    "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
    "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
}
# Service Authorization Reference, "AWS App Runner" (apprunner.md 4.4): which operations have which keys.
OF_SERVICES = {
    "apprunner:AutoScalingConfigurationArn",
    "apprunner:ConnectionArn",
    "apprunner:ObservabilityConfigurationArn",
    "apprunner:VpcConnectorArn",
}
OF_VPCS = {"apprunner:VpcId", "apprunner:VpcEndpointId"}
KEYS = {
    "CreateService": OF_SERVICES,
    "UpdateService": OF_SERVICES,
    "CreateVpcIngressConnection": {*OF_VPCS, "apprunner:ServiceArn"},
    "UpdateVpcIngressConnection": OF_VPCS,
}


def nowhere(member: str) -> str:
    kind = member.removesuffix("Arn").lower()
    revision = "" if kind in {"service", "connection", "vpcingressconnection"} else "/1"
    return f"{ARN}:{kind}/none{revision}/{'0' * 32}"


CONNECTION, CONNECTOR = nowhere("ConnectionArn"), nowhere("VpcConnectorArn")
SCALING = f"{ARN}:autoscalingconfiguration/DefaultConfiguration/1/{'0' * 31}1"
TRACING = f"{ARN}:observabilityconfiguration/DefaultConfiguration/1/{'0' * 31}1"
WHERE = {"VpcId": "vpc-0123", "VpcEndpointId": "vpce-0123"}
# Members by which a request names something, and the key that tells of it.
NAMED: dict[str, tuple[dict[str, Any], str]] = {
    "apprunner:AutoScalingConfigurationArn": ({"AutoScalingConfigurationArn": SCALING}, SCALING),
    "apprunner:ConnectionArn": (
        {"SourceConfiguration": {
            "CodeRepository": CODE, "AuthenticationConfiguration": {"ConnectionArn": CONNECTION},
        }},
        CONNECTION,
    ),
    "apprunner:ObservabilityConfigurationArn": (
        {"ObservabilityConfiguration": {"ObservabilityEnabled": True, "ObservabilityConfigurationArn": TRACING}},
        TRACING,
    ),
    "apprunner:VpcConnectorArn": (
        {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR}}},
        CONNECTOR,
    ),
}  # fmt: skip


def asked(name: str) -> dict[str, Any]:
    """The least that an operation takes, with ARNs that lead nowhere."""
    shape = MODEL.operation_model(name).input_shape
    least: dict[str, Any] = {}
    for member in shape.required_members:
        if member.endswith("Arn"):
            least[member] = nowhere(member) if member != "ResourceArn" else nowhere("ServiceArn")
        elif member.endswith("Name"):
            least[member] = "shop.example.com" if member == "DomainName" else "mine"
    more: dict[str, dict[str, Any]] = {
        "CreateService": {"SourceConfiguration": {"ImageRepository": IMAGE}},
        "CreateConnection": {"ProviderType": "GITHUB"},
        "CreateVpcConnector": {"Subnets": ["subnet-1"]},
        "CreateVpcIngressConnection": {"IngressVpcConfiguration": WHERE},
        "UpdateVpcIngressConnection": {"IngressVpcConfiguration": WHERE},
        "TagResource": {"Tags": [{"Key": "team", "Value": "web"}]},
        "UntagResource": {"TagKeys": ["team"]},
    }
    return {**least, **more.get(name, {})}


def keys_of(understudy, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """App Runner's own condition keys of a request, on whatever it is asked; lower case."""
    with suppress(ClientError):
        getattr(understudy.client("apprunner"), snake(name))(**request)
    entry = next(each for each in reversed(understudy.trail()) if each.operation == name)
    found: dict[str, Any] = {}
    for evaluation in entry.evaluations:
        own = {key: value for key, value in evaluation.keys.items() if key.startswith("apprunner:")}
        if evaluation.action == f"apprunner:{name}":
            assert found in ({}, own), "the same on each resource"
            found = own
    return found


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@pytest.mark.parametrize("name", sorted(MODEL.operation_names))
def test_an_operation_has_the_keys_of_what_it_names_and_no_others(understudy, name):
    """Reference apprunner.md 4.4: with the least of members, those of the ingress are there and those of services not."""
    expected = KEYS.get(name, set()) - OF_SERVICES
    assert {key.lower() for key in expected} == set(keys_of(understudy, name, asked(name)))


@pytest.mark.parametrize("name", ["CreateService", "UpdateService"])
@pytest.mark.parametrize("key", sorted(NAMED))
def test_a_key_of_a_service_is_there_when_its_member_is_and_alone(understudy, name, key):
    """Reference apprunner.md 4.4: the ARN as it was resolved, on every resource that is asked about."""
    members, value = NAMED[key]
    request = {**asked(name), **members}
    if name == "UpdateService":
        request["ServiceArn"] = made_service(understudy)
    assert {key.lower(): value} == keys_of(understudy, name, request)


@pytest.mark.parametrize("name", ["CreateService", "UpdateService"])
def test_all_keys_of_a_service_are_there_when_all_are_named(understudy, name):
    request = asked(name)
    for members, _ in NAMED.values():
        request |= members
    expected = {key.lower(): value for key, (_, value) in NAMED.items()}
    assert expected == keys_of(understudy, name, request)


@pytest.mark.parametrize("egress", [None, {"EgressType": "DEFAULT"}])
def test_without_egress_through_a_vpc_there_is_no_key_of_a_connector(understudy, egress):
    """AWS's samples of data perimeters deny where it is absent (apprunner.md 4.4)."""
    network = {"NetworkConfiguration": {"EgressConfiguration": egress}} if egress else {}
    assert {} == keys_of(understudy, "CreateService", {**asked("CreateService"), **network})


def test_a_member_of_an_ingress_configuration_that_is_not_named_gives_no_key(understudy):
    request = {**asked("UpdateVpcIngressConnection"), "IngressVpcConfiguration": {"VpcId": "vpc-0123"}}
    assert {"apprunner:vpcid": "vpc-0123"} == keys_of(understudy, "UpdateVpcIngressConnection", request)


@pytest.mark.parametrize("key", sorted(NAMED))
def test_a_policy_that_denies_by_a_key_denies_what_has_it_alone(understudy, key):
    """What a guard rail of an organization says: by the type that the reference gives, an ARN."""
    members, value = NAMED[key]
    statements = [
        {"Effect": "Allow", "Action": ["apprunner:*", "iam:*"], "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "apprunner:CreateService",
            "Resource": "*",
            "Condition": {"ArnLike": {key: value}},
        },
    ]
    guarded = understudy.user("guarded", {"Version": "2012-10-17", "Statement": statements})
    understudy.settles = False
    client = understudy.client("apprunner", as_=guarded)
    with refused("AccessDeniedException"):
        client.create_service(**{**asked("CreateService"), **members})
    client.create_service(**asked("CreateService"))


def test_the_reference_has_no_other_key():
    """Each key that these tests know is one of AWS's list of App Runner's keys."""
    listed = {name: {str(key) for key in action(f"apprunner:{name}").condition_keys} for name in KEYS}
    assert {
        name: {key for key in found if key.startswith("apprunner:")} for name, found in listed.items()
    } == KEYS
