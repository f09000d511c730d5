"""The policy of the role that runs connect.py is enough, and no more than enough."""

import json
from pathlib import Path

import boto3
import connect
import pytest
from botocore.exceptions import ClientError

POLICY = json.loads(Path(__file__).with_name("connect-policy.json").read_text())


def run(understudy, policy, name="web-vpc"):
    role = understudy.role("deploy", policy)
    return connect.connect(understudy.client("ec2", as_=role), understudy.client("apprunner", as_=role), name)


def test_the_policy_is_enough(understudy):
    assert ":vpcconnector/web-vpc/1/" in run(understudy, POLICY)


@pytest.mark.parametrize("sid", [statement["Sid"] for statement in POLICY["Statement"]])
def test_every_statement_is_needed(understudy, sid):
    rest = [statement for statement in POLICY["Statement"] if statement["Sid"] != sid]
    with pytest.raises(ClientError) as refused:
        run(understudy, {**POLICY, "Statement": rest})
    # What is missing, and the statement that would allow it.
    assert "no statement allows" in understudy.explain(refused.value).lower()


def test_another_connector_is_refused(understudy):
    with pytest.raises(ClientError, match="apprunner:CreateVpcConnector"):
        run(understudy, POLICY, name="other-vpc")


def test_nothing_else_is_allowed(understudy):
    role = understudy.role("deploy", POLICY)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        understudy.client("ec2", as_=role).create_vpc(CidrBlock="10.0.0.0/16")
    with pytest.raises(ClientError, match="AccessDenied"):
        understudy.client("iam", as_=role).create_user(UserName="mallory")


def test_code_that_makes_its_own_clients_talks_to_understudy_too(capsys):
    connect.main()
    assert ":vpcconnector/web-vpc/1/" in capsys.readouterr().out
    assert len(boto3.client("apprunner").list_vpc_connectors()["VpcConnectors"]) == 1
