"""Which condition keys a call carries (policies.md 4.6)."""

from __future__ import annotations

import pytest
from refusals import refused


def policy(**condition):
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": "somebody"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringEquals": {"ec2:Region": "eu-west-1"}},
        {"StringEquals": {"aws:PrincipalAccount": "000000000000"}},
        {"StringEquals": {"aws:ResourceAccount": "000000000000"}},
        {"StringEquals": {"aws:PrincipalType": "User"}},
        {"StringLike": {"aws:userid": "AIDA*"}},
        {"StringLike": {"aws:UserAgent": "Boto3/*"}},
        {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::000000000000:user/somebody"}},
        {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
        {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        {"NumericGreaterThan": {"aws:EpochTime": "1577836800"}},
        {"Null": {"aws:MultiFactorAuthPresent": "true", "aws:TokenIssueTime": "true", "aws:CalledVia": "true"}},
        {"StringEquals": {"aws:PrincipalTag/team": "red"}},
    ],
    ids=lambda condition: "+".join(key for keys in condition.values() for key in keys),
)  # fmt: skip
def test_a_users_call_carries(understudy, condition):
    somebody = understudy.user("somebody", policy(**condition))
    understudy.client("iam").tag_user(UserName="somebody", Tags=[{"Key": "team", "Value": "red"}])
    assert understudy.client("ec2", region="eu-west-1", as_=somebody).describe_vpcs()["Vpcs"]


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"Null": {"aws:TokenIssueTime": "false"}}, True),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
        ({"StringEquals": {"aws:username": "somebody"}}, True),
    ],
)
def test_a_session_of_a_user_carries(understudy, condition, allowed):
    somebody = understudy.user("somebody", policy(**condition))
    session = understudy.session_of(understudy.client("sts", as_=somebody).get_session_token())
    client = understudy.client("ec2", as_=session)
    if allowed:
        assert client.describe_vpcs()["Vpcs"]
    else:
        with refused("UnauthorizedOperation"):
            client.describe_vpcs()
