"""The situations people ask about at night, explained whole: real calls, and the same asked ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from networking import make_network
from refusals import refusal

from understudy_aws.admin.explanations import Explanations
from understudy_aws.cli.explain import print_answer, print_request
from understudy_aws.cli.output import Output
from understudy_aws.testing import Understudy

GOLDEN = Path(__file__).parent.parent / "golden" / "explain"
NETWORKING = "networking.apprunner.amazonaws.com"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Night:
    """An understudy of which every id is known beforehand, and what it explains."""

    def __init__(self, understudy: Understudy) -> None:
        self.understudy = understudy
        self.account = understudy.account
        self._explanations = Explanations(understudy.app.gateway, understudy.app.gateway.credentials)

    def client(self, service, as_=None):
        return self.understudy.client(service, as_=as_)

    def refused(self, call, **params):
        """The explanation of a call that has to be refused."""
        return self.of_request(refusal(call, **params).request_id)

    def of_request(self, id):
        """The explanation of a call that was made."""
        return self._explanations.of_request(id)

    def ahead(self, who, action, resource, context=None):
        arn = who if ":" in who or who.endswith(".com") else f"arn:aws:iam::{self.account}:{who}"
        return self._explanations.ahead(arn, action, resource, context or {})


def document(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


def a_missing_service_linked_role(night: Night) -> Iterator[dict]:
    subnet = night.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    deploy = night.understudy.allowing("deploy", "apprunner:*", "ec2:Describe*")
    apprunner = night.client("apprunner", deploy)
    yield night.refused(apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=[subnet])
    role = f"role/aws-service-role/{NETWORKING}/AWSServiceRoleForAppRunnerNetworking"
    yield night.ahead("user/deploy", "iam:CreateServiceLinkedRole", f"arn:aws:iam::{night.account}:{role}")


def a_boundary_that_blocks(night: Night) -> Iterator[dict]:
    iam = night.client("iam")
    only_describe = {
        "Sid": "OnlyDescribe",
        "Effect": "Allow",
        "Action": ["ec2:Describe*", "s3:*"],
        "Resource": "*",
    }
    edge = iam.create_policy(PolicyName="Edge", PolicyDocument=document(only_describe))["Policy"]["Arn"]
    dev = night.understudy.allowing("dev", "ec2:*")
    iam.put_user_permissions_boundary(UserName="dev", PermissionsBoundary=edge)
    yield night.refused(night.client("ec2", dev).create_vpc, CidrBlock="10.0.0.0/16")
    yield night.ahead("user/dev", "ec2:CreateVpc", f"arn:aws:ec2:us-east-1:{night.account}:vpc/*")


def a_session_policy_that_blocks(night: Night) -> Iterator[dict]:
    iam = night.client("iam")
    trust = document({"Effect": "Allow", "Principal": {"AWS": night.account}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="Deploy", PolicyName="all", PolicyDocument=document(EVERYTHING))
    passed = document({"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"})
    answer = night.client("sts").assume_role(RoleArn=role, RoleSessionName="night", Policy=passed)
    session = night.understudy.session_of(answer)
    yield night.refused(night.client("ec2", session).create_vpc, CidrBlock="10.0.0.0/16")
    vpc = f"arn:aws:ec2:us-east-1:{night.account}:vpc/*"
    yield night.ahead(f"arn:aws:sts::{night.account}:assumed-role/Deploy/night", "ec2:CreateVpc", vpc)


def a_service_control_policy_that_denies(night: Night) -> Iterator[dict]:
    organizations = night.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = organizations.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"][
        "Id"
    ]
    asked = organizations.create_account(AccountName="prod", Email="prod@example.com")["CreateAccountStatus"]
    night.understudy.settle()
    status = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])
    prod = status["CreateAccountStatus"]["AccountId"]
    organizations.move_account(AccountId=prod, SourceParentId=root, DestinationParentId=unit)
    guard = {
        "Sid": "Guard",
        "Effect": "Deny",
        "Action": "ec2:CreateVpc",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
    }
    policy = organizations.create_policy(
        Name="NoVpcs", Description="", Type="SERVICE_CONTROL_POLICY", Content=document(guard)
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=unit)
    role = f"arn:aws:iam::{prod}:role/OrganizationAccountAccessRole"
    answer = night.client("sts").assume_role(RoleArn=role, RoleSessionName="night")
    session = night.understudy.session_of(answer)
    yield night.refused(night.client("ec2", session).create_vpc, CidrBlock="10.0.0.0/16")
    yield night.ahead(role, "ec2:CreateVpc", f"arn:aws:ec2:us-east-1:{prod}:vpc/*")


def a_condition_on_a_missing_tag(night: Night) -> Iterator[dict]:
    tagged = {
        "Sid": "Tagged",
        "Effect": "Allow",
        "Action": "ec2:CreateVpc",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/team": ["web", "ops"]}},
    }
    described = {
        "Effect": "Allow",
        "Action": "ec2:DescribeVpcs",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}},
    }
    dev = night.understudy.user("dev", json.loads(document(tagged, described)))
    ec2 = night.client("ec2", dev)
    yield night.refused(ec2.create_vpc, CidrBlock="10.0.0.0/16")
    yield night.refused(ec2.describe_vpcs)
    vpc = f"arn:aws:ec2:us-east-1:{night.account}:vpc/*"
    yield night.ahead("user/dev", "ec2:CreateVpc", vpc, {"aws:RequestTag/team": "qa"})


def a_trust_policy_that_does_not_name_you(night: Night) -> Iterator[dict]:
    iam = night.client("iam")
    dev = night.understudy.allowing("dev", "sts:AssumeRole")
    night.understudy.user("boss")
    boss = {
        "Sid": "Boss",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{night.account}:user/boss"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
    }
    role = iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=document(boss))["Role"]["Arn"]
    yield night.refused(night.client("sts", dev).assume_role, RoleArn=role, RoleSessionName="night")
    yield night.ahead("user/boss", "sts:AssumeRole", role)
    night.understudy.account_administrator("444455556666")
    yield night.ahead("arn:aws:iam::444455556666:user/Administrator", "sts:AssumeRole", role)
    iam.create_service_linked_role(AWSServiceName=NETWORKING)
    linked = f"role/aws-service-role/{NETWORKING}/AWSServiceRoleForAppRunnerNetworking"
    yield night.ahead("user/Administrator", "sts:AssumeRole", f"arn:aws:iam::{night.account}:{linked}")


def a_subnet_that_is_in_use(night: Night) -> Iterator[dict]:
    """The interface is gone when it is asked about: the answer is of the refusal."""
    ec2 = night.client("ec2")
    network = make_network(ec2, subnets=1)
    subnet = network.subnets[0]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    request = refusal(ec2.delete_subnet, SubnetId=subnet).request_id
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    yield night.of_request(request)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=ec2.allocate_address()["AllocationId"])
    yield night.refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=network.vpc)


def a_service_linked_role_that_is_in_use(night: Night) -> Iterator[dict]:
    subnet = night.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    night.client("apprunner").create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])
    night.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForAppRunnerNetworking")
    yield night.of_request(night.understudy.trail()[-1].request_id)


SITUATIONS = [
    a_missing_service_linked_role,
    a_boundary_that_blocks,
    a_session_policy_that_blocks,
    a_service_control_policy_that_denies,
    a_condition_on_a_missing_tag,
    a_trust_policy_that_does_not_name_you,
    a_subnet_that_is_in_use,
    a_service_linked_role_that_is_in_use,
]


def printed(answers, capsys) -> str:
    """All answers as the command prints them; of the clock nothing is left."""
    texts = []
    for answer in answers:
        read = msgspec.json.decode(msgspec.json.encode(answer))
        if "call" in read:
            read["call"]["at"] = "2026-01-01T00:00:00Z"
            print_request(read, Output(colour=False))
        else:
            print_answer(read, Output(colour=False))
        texts.append(capsys.readouterr().out)
    return ("-" * 80 + "\n").join(texts)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_it_is_explained_whole(situation, capsys, monkeypatch, request):
    """As on a terminal of eighty columns; `--update-golden` writes the texts anew."""
    monkeypatch.setenv("COLUMNS", "80")
    with Understudy(ids_seed=7) as understudy:
        text = printed(situation(Night(understudy)), capsys)
    golden = GOLDEN / f"{situation.__name__}.txt"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(text)
    assert golden.read_text() == text


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_it_fits_the_terminal_but_for_what_must_stay_whole(situation, columns, capsys, monkeypatch):
    """What is longer is one ARN, with at most a word before it, or JSON, which is there to be copied."""
    monkeypatch.setenv("COLUMNS", columns)
    with Understudy(ids_seed=7) as understudy:
        text = printed(situation(Night(understudy)), capsys)
    long = [line for line in text.splitlines() if len(line) > int(columns)]
    assert [] == [line for line in long if not line.lstrip().startswith('"') and len(line.split()) > 2]


def test_a_pipe_gets_lines_as_they_are(capsys, monkeypatch):
    """Programs look for sentences in it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    with Understudy(ids_seed=7) as understudy:
        text = printed(a_missing_service_linked_role(Night(understudy)), capsys)
    assert "To allow it, add to an identity policy of arn:aws:iam::000000000000:user/deploy:\n" in text
