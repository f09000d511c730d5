"""Which service principals AWS has."""

import json

import pytest

from understudy_aws.data import managed_policies, service_catalogue, service_linked_roles
from understudy_aws.data.service_principals import _NAMES, is_known


@pytest.mark.parametrize(
    "principal",
    [
        "s3.amazonaws.com",
        "ec2.amazonaws.com",
        "tasks.apprunner.amazonaws.com",
        "build.apprunner.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "edgelambda.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "logs.us-gov-west-1.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "delivery.logs.me-south-1.amazonaws.com",
        "ec2.amazonaws.com.cn",
        "codedeploy.cn-north-1.amazonaws.com.cn",
    ],
)
def test_principals_that_aws_has(principal):
    """Trust policies of AWS's guides; IAM User Guide, "Principal", on services in opt-in Regions and in China."""
    assert is_known(principal)


@pytest.mark.parametrize(
    "principal",
    [
        "",
        ".amazonaws.com",
        "amazonaws.com",
        "nobody.amazonaws.com",
        "tagging.amazonaws.com",
        "s3",
        "s3.amazonaws.com.",
        "s3.amazonaws.com\n",
        "S3.amazonaws.com",
        "s3.amazonaws.org",
        "s3.example.com",
        "s3.xx-nowhere-9.amazonaws.com",
        "eu-west-1.amazonaws.com",
        "s3.eu-west-1.eu-west-1.amazonaws.com",
        "s3.amazonaws.com.cn.cn",
        "*.amazonaws.com",
        "s3.amazonaws.com.amazonaws.com",
    ],
)
def test_what_aws_has_not(principal):
    assert not is_known(principal)


def test_every_service_of_the_catalogue_and_every_linked_role_is_known():
    assert all(is_known(f"{prefix}.amazonaws.com") for prefix in service_catalogue.everything())
    assert all(is_known(role.principal) for role in service_linked_roles.catalogue())


@pytest.mark.parametrize("suffix", ["amazonaws.com", "amazonaws.com.cn"])
def test_whom_awss_policies_let_roles_be_passed_to_is_known(suffix):
    """The managed policies' conditions on iam:PassedToService that have no wildcard."""
    found = set()
    for policy in managed_policies.everything():
        if "PassedToService" not in policy.document:
            continue
        statements = json.loads(policy.document)["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            for keys in statement.get("Condition", {}).values():
                for key, values in keys.items():
                    if key.lower() == "iam:passedtoservice":
                        found.update([values] if isinstance(values, str) else values)
    meant = {name for name in found if name.endswith(suffix) and "*" not in name}
    assert len(meant) >= 2
    assert [] == sorted(name for name in meant if not is_known(name))


def test_the_file_is_in_order_and_has_each_name_once():
    names = _NAMES.read_text().splitlines()
    assert names == sorted(set(names))
    assert len(names) > 600
