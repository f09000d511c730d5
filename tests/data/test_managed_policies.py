"""The shipped managed policies are complete, readable and those of the references."""

import json
from collections import Counter
from pathlib import Path

import pytest

from understudy_aws.data import managed_policies

NETWORKING = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy"

APP_RUNNER = {
    "/aws-service-role/AppRunnerNetworkingServiceRolePolicy": (
        "2022-01-12T21:02:40+00:00",
        """{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["ec2:DescribeNetworkInterfaces","ec2:DescribeVpcs","ec2:DescribeDhcpOptions",
          "ec2:DescribeSubnets","ec2:DescribeSecurityGroups"],"Resource":"*"},
        {"Effect":"Allow","Action":"ec2:CreateNetworkInterface","Resource":"*",
          "Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["AWSAppRunnerManaged"]}}},
        {"Effect":"Allow","Action":"ec2:CreateTags","Resource":"arn:aws:ec2:*:*:network-interface/*",
          "Condition":{"StringEquals":{"ec2:CreateAction":"CreateNetworkInterface"},
                       "StringLike":{"aws:RequestTag/AWSAppRunnerManaged":"*"}}},
        {"Effect":"Allow","Action":"ec2:DeleteNetworkInterface","Resource":"*",
          "Condition":{"Null":{"ec2:ResourceTag/AWSAppRunnerManaged":"false"}}}]}""",
    ),
    "/aws-service-role/AppRunnerServiceRolePolicy": (
        "2021-05-14T19:15:04+00:00",
        """{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["logs:CreateLogGroup","logs:PutRetentionPolicy"],
          "Resource":"arn:aws:logs:*:*:log-group:/aws/apprunner/*"},
        {"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogStreams"],
          "Resource":["arn:aws:logs:*:*:log-group:/aws/apprunner/*:log-stream:*"]},
        {"Effect":"Allow","Action":["events:PutRule","events:PutTargets","events:DeleteRule","events:RemoveTargets",
          "events:DescribeRule","events:EnableRule","events:DisableRule"],
          "Resource":"arn:aws:events:*:*:rule/AWSAppRunnerManagedRule*"}]}""",
    ),
    "/AWSAppRunnerFullAccess": (
        "2022-01-11T04:02:09+00:00",
        """{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:CreateServiceLinkedRole",
          "Resource":"arn:aws:iam::*:role/aws-service-role/apprunner.amazonaws.com/AWSServiceRoleForAppRunner",
          "Condition":{"StringLike":{"iam:AWSServiceName":"apprunner.amazonaws.com"}}},
        {"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
          "Condition":{"StringLike":{"iam:PassedToService":"apprunner.amazonaws.com"}}},
        {"Sid":"AppRunnerAdminAccess","Effect":"Allow","Action":"apprunner:*","Resource":"*"}]}""",
    ),
    "/AWSAppRunnerReadOnlyAccess": (
        "2022-02-24T21:24:15+00:00",
        """{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["apprunner:List*","apprunner:Describe*"],"Resource":"*"}]}""",
    ),
    "/service-role/AWSAppRunnerServicePolicyForECRAccess": (
        "2021-05-14T19:17:21+00:00",
        """{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","ecr:DescribeImages",
          "ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability"],"Resource":"*"}]}""",
    ),
}


@pytest.mark.parametrize("suffix", APP_RUNNER)
def test_app_runners_policies_are_those_of_the_references(suffix):
    """Reference apprunner.md 4.1 and 4.2, service-linked-roles.md 1.9: documents, dates, and never revised."""
    created, document = APP_RUNNER[suffix]
    policy = managed_policies.find(f"arn:aws:iam::aws:policy{suffix}")
    assert policy is not None
    # As text, so that the order in which people read it holds too.
    assert json.dumps(json.loads(document), separators=(",", ":")) == policy.document
    assert (created, created, "v1") == (
        policy.created.isoformat(),
        policy.updated.isoformat(),
        policy.version_id,
    )
    assert suffix == policy.arn_suffix


SUPPLEMENTS = sorted((Path(managed_policies.__file__).parent / "policies").glob("*.json"))


@pytest.mark.parametrize("file", SUPPLEMENTS, ids=lambda file: file.stem)
def test_a_supplement_is_what_is_shipped(file):
    """Fails when a supplement changed and tools/generate_managed_policies.py was not run."""
    facts = json.loads(file.read_text())
    policy = managed_policies.find(file.stem)
    assert policy is not None
    assert facts["document"] == json.loads(policy.document)
    assert (facts["path"], facts["default_version_id"]) == (policy.path, policy.version_id)
    assert (facts["created"], facts["updated"]) == (policy.created.isoformat(), policy.updated.isoformat())


def test_every_document_is_a_policy_document():
    for policy in managed_policies.everything():
        document = json.loads(policy.document)
        assert document["Version"] in ("2012-10-17", "2008-10-17"), policy.name
        assert document["Statement"], policy.name


def test_all_of_awss_managed_policies_are_there():
    policies = managed_policies.everything()
    assert len(policies) > 1500
    assert sorted(policy.name for policy in policies) == [policy.name for policy in policies]
    assert {"/", "/aws-service-role/", "/service-role/", "/job-function/", "/root-task/"} == {
        policy.path for policy in policies
    }


def test_arns_and_ids_are_unique():
    policies = managed_policies.everything()
    assert (
        len(policies) == len({policy.arn() for policy in policies}) == len({policy.id for policy in policies})
    )


def test_an_id_has_the_shape_of_a_managed_policys_id():
    """Reference iam.md 2.1."""
    shapes = Counter((policy.id[:4], len(policy.id)) for policy in managed_policies.everything())
    assert {("ANPA", 21)} == set(shapes)


def test_a_policy_was_not_updated_before_it_was_created():
    assert [] == [p.name for p in managed_policies.everything() if p.updated < p.created]


def test_a_policy_is_found_by_its_name_and_by_its_arn():
    by_name = managed_policies.find("AppRunnerNetworkingServiceRolePolicy")
    assert by_name is not None
    assert by_name is managed_policies.find(NETWORKING)
    assert NETWORKING == by_name.arn()
    assert all(policy is managed_policies.find(policy.arn()) for policy in managed_policies.everything())


def test_a_policy_is_known_in_other_partitions_by_their_arn():
    policy = managed_policies.find("arn:aws-cn:iam::aws:policy/ReadOnlyAccess")
    assert policy is not None
    assert "arn:aws-cn:iam::aws:policy/ReadOnlyAccess" == policy.arn("aws-cn")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "NoSuchPolicy",
        "readonlyaccess",
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws:iam::aws:policy/",
        "arn:aws:iam::123456789012:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/service-role/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/AppRunnerNetworkingServiceRolePolicy",
        "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy ",
        "arn:a:b:iam::aws:policy/ReadOnlyAccess",
        "arn:",
    ],
)
def test_an_unknown_policy_is_none(name):
    assert managed_policies.find(name) is None


def test_only_policies_of_services_and_root_tasks_are_reserved():
    """Reference service-linked-roles.md 1.3."""
    reserved = {p.path for p in managed_policies.everything() if managed_policies.is_reserved(p)}
    assert {"/aws-service-role/", "/root-task/"} == reserved
