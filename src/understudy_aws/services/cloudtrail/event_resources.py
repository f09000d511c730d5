"""The resources that an event tells of, by CloudFormation's types, as LookupEvents lists them (cloudtrail.md 31.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Members that name a resource, by the service in whose events they do; a type may have a name and an ARN.
_NAMED: Mapping[str, Mapping[str, str]] = {
    "iam": {
        "accessKeyId": "AWS::IAM::AccessKey",
        "groupName": "AWS::IAM::Group",
        "instanceProfileName": "AWS::IAM::InstanceProfile",
        "openIDConnectProviderArn": "AWS::IAM::OIDCProvider",
        "policyArn": "AWS::IAM::Policy",
        "policyName": "AWS::IAM::Policy",
        "roleId": "AWS::IAM::Role",
        "roleName": "AWS::IAM::Role",
        "sAMLProviderArn": "AWS::IAM::SAMLProvider",
        "serialNumber": "AWS::IAM::VirtualMFADevice",
        "serverCertificateName": "AWS::IAM::ServerCertificate",
        "userName": "AWS::IAM::User",
    },
    "sts": {
        "accessKeyId": "AWS::IAM::AccessKey",
        "assumedRoleId": "AWS::STS::AssumedRole",
        "roleArn": "AWS::IAM::Role",
    },
    "ec2": {
        "allocationId": "AWS::EC2::EIP",
        "dhcpOptionsId": "AWS::EC2::DHCPOptions",
        "groupId": "AWS::EC2::SecurityGroup",
        "internetGatewayId": "AWS::EC2::InternetGateway",
        "natGatewayId": "AWS::EC2::NatGateway",
        "networkAclId": "AWS::EC2::NetworkAcl",
        "networkInterfaceId": "AWS::EC2::NetworkInterface",
        "prefixListId": "AWS::EC2::PrefixList",
        "routeTableId": "AWS::EC2::RouteTable",
        "subnetId": "AWS::EC2::Subnet",
        "vpcEndpointId": "AWS::EC2::VPCEndpoint",
        "vpcId": "AWS::EC2::VPC",
        "vpcPeeringConnectionId": "AWS::EC2::VPCPeeringConnection",
    },
    "apprunner": {
        "autoScalingConfigurationArn": "AWS::AppRunner::AutoScalingConfiguration",
        "observabilityConfigurationArn": "AWS::AppRunner::ObservabilityConfiguration",
        "serviceArn": "AWS::AppRunner::Service",
        "vpcConnectorArn": "AWS::AppRunner::VpcConnector",
        "vpcIngressConnectionArn": "AWS::AppRunner::VpcIngressConnection",
    },
    "organizations": {
        "accountId": "AWS::Organizations::Account",
        "organizationalUnitId": "AWS::Organizations::OrganizationalUnit",
        "policyId": "AWS::Organizations::Policy",
    },
    "ecr": {"repositoryName": "AWS::ECR::Repository"},
    "logs": {"logGroupName": "AWS::Logs::LogGroup"},
    "secretsmanager": {"aRN": "AWS::SecretsManager::Secret", "secretId": "AWS::SecretsManager::Secret"},
}
# Where the response of an operation holds a description of what it made: its ARN and its id count too.
_DESCRIBED = {
    "role": "AWS::IAM::Role",
    "user": "AWS::IAM::User",
    "group": "AWS::IAM::Group",
    "policy": "AWS::IAM::Policy",
    "instanceProfile": "AWS::IAM::InstanceProfile",
    "assumedRoleUser": "AWS::STS::AssumedRole",
}
_MOST = 50


def resources_of(service: str, *parts: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return type and name of the resources named in what an event's call sent and was answered, each once."""
    named = _NAMED.get(service, {})
    found: dict[tuple[str, str], None] = {}
    for part in parts:
        for each in _in(part, named, "", service):
            if len(found) < _MOST:
                found.setdefault(each)
    return list(found)


def _in(value: Any, named: Mapping[str, str], below: str, service: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            kind = named.get(name) or (
                _DESCRIBED.get(below) if service in ("iam", "sts") and name == "arn" else None
            )
            if kind is not None and isinstance(each, str):
                yield kind, each
            elif isinstance(each, Mapping | list):
                yield from _in(each, named, name, service)
    elif isinstance(value, list):
        for each in value:
            yield from _in(each, named, below, service)
