"""Roles that a request hands to a service (policies.md 4.7; IAM User Guide, "Grant a user permissions to pass a role")."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from refusals import refusal

from understudy_aws.data import service_catalogue
from understudy_aws.services import SERVICES
from understudy_aws.wire.model import load

ACCOUNT = "000000000000"
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)
PASS_ROLE = "iam:PassRole"
# The catalogue wants the permission of them, for a role that is not in a member but in a launch template or a document.
NOT_IN_THE_REQUEST = {("ec2", "EnableFastLaunch"), ("ssm", "CreateDocument")}
# AWS's reference of App Runner lists no dependent actions; its guide and managed policy say it (apprunner.md 4.4). Spot
# Fleet's is in the EC2 User Guide, "Spot Fleet permissions".
ELSEWHERE = {("apprunner", "CreateService"), ("apprunner", "UpdateService"), ("ec2", "RequestSpotFleet")}


def passing(to, **conditions):
    """A policy that allows everything but to pass roles, and to pass them to this service."""
    key = {"StringEquals": {"iam:PassedToService": to}, **conditions}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "NotAction": PASS_ROLE, "Resource": "*"},
            {"Effect": "Allow", "Action": PASS_ROLE, "Resource": "*", "Condition": key},
        ],
    }


@pytest.fixture
def role(understudy):
    iam = understudy.client("iam")
    iam.create_role(
        RoleName="worker",
        Path="/team/",
        AssumeRolePolicyDocument=TRUST,
        Tags=[{"Key": "team", "Value": "web"}],
    )
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="worker")
    return f"arn:aws:iam::{ACCOUNT}:role/team/worker"


def passed(understudy):
    """The questions about passing roles of the latest call, with their condition keys."""
    return {
        each.resource: each.context or each.keys
        for each in understudy.trail()[-1].evaluations
        if each.action == PASS_ROLE
    }


def add_to_profile(client):
    client("iam").create_instance_profile(InstanceProfileName="other")
    client("iam").add_role_to_instance_profile(InstanceProfileName="other", RoleName="worker")


def run_instances(client):
    client("ec2").run_instances(
        MinCount=1, MaxCount=1, ImageId="ami-1", IamInstanceProfile={"Name": "profile"}
    )


def associate_profile(client):
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/profile"
    client("ec2").associate_iam_instance_profile(IamInstanceProfile={"Arn": arn}, InstanceId="i-1")


def create_flow_logs(client):
    client("ec2").create_flow_logs(
        ResourceIds=["vpc-1"],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flow",
        DeliverLogsPermissionArn=f"arn:aws:iam::{ACCOUNT}:role/team/worker",
    )


def create_service(client):
    client("apprunner").create_service(
        ServiceName="site",
        SourceConfiguration={},
        InstanceConfiguration={"InstanceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/team/worker"},
    )


WAYS = [
    (add_to_profile, "ec2.amazonaws.com"),
    (run_instances, "ec2.amazonaws.com"),
    (associate_profile, "ec2.amazonaws.com"),
    (create_flow_logs, "vpc-flow-logs.amazonaws.com"),
    (create_service, "apprunner.amazonaws.com"),
]


@pytest.mark.parametrize(("way", "to"), WAYS, ids=[way.__name__ for way, _ in WAYS])
def test_a_role_is_passed_to_a_service(understudy, role, way, to):
    """Who may pass it to this service goes on; who may pass it to another is refused, about the role and its tags."""
    allowed = understudy.user("allowed", passing(to))
    served = way in (add_to_profile, create_flow_logs)
    if served:
        way(lambda service: understudy.client(service, as_=allowed))
    else:
        told = refusal(lambda: way(lambda service: understudy.client(service, as_=allowed)))
        # Who passes it on is told what else is wrong.
        expected = "InvalidRequestException" if way is create_service else "NotImplemented"
        assert expected == told.code
    keys = passed(understudy)[role]
    assert (to, "web") == (keys["iam:passedtoservice"], keys["aws:resourcetag/team"])
    other = understudy.user("other", passing("lambda.amazonaws.com"))
    if way is add_to_profile:
        iam = understudy.client("iam", as_=other)
        told = refusal(iam.add_role_to_instance_profile, InstanceProfileName="profile", RoleName="worker")
    else:
        told = refusal(lambda: way(lambda service: understudy.client(service, as_=other)))
    assert f"is not authorized to perform: {PASS_ROLE} on resource: {role}" in told.message


def test_a_role_of_an_instance_is_passed_for_instances(understudy, role):
    """IAM User Guide, `iam:AssociatedResourceArn`: of EC2 it is the instance."""
    refusal(lambda: run_instances(understudy.client))
    expected = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"
    assert expected == passed(understudy)[role]["iam:associatedresourcearn"]
    refusal(lambda: associate_profile(understudy.client))
    expected = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
    assert expected == passed(understudy)[role]["iam:associatedresourcearn"]
    elsewhere = {"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:ec2:eu-west-1:*:instance/*"}}
    somebody = understudy.user("somebody", passing("ec2.amazonaws.com", **elsewhere))
    told = refusal(lambda: run_instances(lambda service: understudy.client(service, as_=somebody)))
    assert PASS_ROLE in told.message


def test_a_role_that_is_not_there_is_asked_about_too(understudy):
    iam = understudy.client("iam")
    iam.create_instance_profile(InstanceProfileName="profile")
    refusal(iam.add_role_to_instance_profile, InstanceProfileName="profile", RoleName="nobodys")
    assert {f"arn:aws:iam::{ACCOUNT}:role/nobodys"} == passed(understudy).keys()


def test_an_instance_profile_without_role_passes_none(understudy):
    understudy.client("iam").create_instance_profile(InstanceProfileName="profile")
    refusal(lambda: run_instances(understudy.client))
    assert {} == passed(understudy)


def test_no_operation_forgets_it():
    """Service Authorization Reference: whatever has `iam:PassRole` among its dependent actions hands over a role."""
    wanted = {
        (service.id, name)
        for service in SERVICES
        for name in load(service.id).operation_names
        if (action := service_catalogue.action(f"{service.prefix}:{name}")) is not None
        and PASS_ROLE in action.dependent_actions
    }
    described = {
        (service.id, name) for service in SERVICES for each in service.passes for name in each.operations
    }
    assert wanted - NOT_IN_THE_REQUEST == described - ELSEWHERE
    assert described >= ELSEWHERE


def test_every_member_is_the_apis():
    """A member that is misspelt would never be found in a request."""

    def names(shape, seen):
        if shape.name in seen:
            return
        seen.add(shape.name)
        if shape.type == "structure":
            for name, member in shape.members.items():
                yield name
                yield from names(member.shape, seen)
        elif shape.type == "list":
            yield from names(shape.element.shape, seen)

    for service in SERVICES:
        for each in service.passes:
            for operation in each.operations:
                shape = load(service.id).operation(operation).input
                assert each.member in set(names(shape, set())), (service.id, operation)


def test_there_is_no_other_way_to_ask_for_it():
    """The services write `iam:PassRole` nowhere: they describe what they pass, and the pipeline asks."""
    services = Path(__file__).parent.parent.parent / "src" / "understudy_aws" / "services"
    for path in services.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Constant) and node.value == PASS_ROLE), path
