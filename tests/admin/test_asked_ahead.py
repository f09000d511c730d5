"""What is said ahead is what the call gets: the same questions, put before and by the call itself."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from understudy_aws.admin.explanations import Explanations
from understudy_aws.testing import Understudy

# What only the request knows, and whoever asks ahead has to say.
_SAID = ("aws:requesttag/", "aws:tagkeys", "ec2:createaction", "sts:", "aws:sourceip", "aws:useragent")
CONDITIONS = [
    {},
    {},
    {"StringEquals": {"aws:ResourceTag/team": "web"}},
    {"StringNotEquals": {"aws:ResourceTag/team": "web"}},
    {"Null": {"aws:RequestTag/team": "false"}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}},
    {"StringEquals": {"aws:RequestedRegion": "us-east-1", "ec2:Region": "us-east-1"}},
    {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false", "aws:ViaAWSService": "false"}},
    {"StringLike": {"aws:userid": "*", "aws:username": "m*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}},
    {"DateLessThan": {"aws:CurrentTime": "2100-01-01"}, "Null": {"aws:TokenIssueTime": "true"}},
    {"ArnLike": {"ec2:Vpc": "arn:aws:ec2:*:*:vpc/*"}},
    {"StringEquals": {"sts:ExternalId": "42"}},
    {"StringEquals": {"iam:ResourceTag/team": "web"}},
]
ACTIONS = ["*", "ec2:*", "iam:*", "sts:*", "apprunner:*", "ec2:Create*", "ec2:D*"]


def document(lots: random.Random) -> str:
    statements = [
        {
            "Effect": lots.choice(["Allow", "Allow", "Allow", "Deny"]),
            "Action": lots.sample(ACTIONS, 2),
            "Resource": lots.choice(["*", "*", "*", "arn:aws:ec2:us-east-1:${aws:PrincipalAccount}:*"]),
            "Condition": lots.choice(CONDITIONS),
        }
        for _ in range(lots.randint(1, 4))
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def calls(understudy: Understudy):
    """What there is to do, and things to do it to."""
    administrator = understudy.client("ec2")
    subnet = administrator.describe_subnets()["Subnets"][0]["SubnetId"]
    tags = [{"Key": "team", "Value": "web"}]
    interface = administrator.create_network_interface(
        SubnetId=subnet, TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}]
    )["NetworkInterface"]["NetworkInterfaceId"]
    plain = administrator.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    trust = {"Effect": "Allow", "Principal": {"AWS": understudy.account}, "Action": "sts:AssumeRole"}
    role = understudy.client("iam").create_role(
        RoleName="Target",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=tags,
    )["Role"]["Arn"]
    return [
        ("ec2", "describe_vpcs", {}),
        ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}),
        (
            "ec2",
            "create_vpc",
            {"CidrBlock": "10.1.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": tags}]},
        ),
        ("ec2", "create_tags", {"Resources": [plain], "Tags": [{"Key": "other", "Value": "x"}]}),
        ("ec2", "create_network_interface", {"SubnetId": subnet}),
        ("ec2", "delete_network_interface", {"NetworkInterfaceId": plain}),
        ("ec2", "delete_network_interface", {"NetworkInterfaceId": interface}),
        ("iam", "get_role", {"RoleName": "Target"}),
        ("iam", "tag_role", {"RoleName": "Target", "Tags": [{"Key": "more", "Value": "1"}]}),
        ("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "night"}),
        ("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "night", "ExternalId": "42"}),
        (
            "apprunner",
            "create_vpc_connector",
            {"VpcConnectorName": "web-vpc", "Subnets": [subnet], "Tags": tags},
        ),
    ]


def who(understudy: Understudy, lots: random.Random):
    """A user or a role's session, tagged or not, with policies drawn by lot; and the ARN to ask as."""
    iam = understudy.client("iam")
    tags = [{"Key": "team", "Value": "web"}] if lots.randint(0, 1) else []
    if lots.randint(0, 1):
        credentials = understudy.user("me", json.loads(document(lots)))
        if tags:
            iam.tag_user(UserName="me", Tags=tags)
        return credentials, f"arn:aws:iam::{understudy.account}:user/me"
    trust = {"Effect": "Allow", "Principal": {"AWS": understudy.account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="Me",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=tags,
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="Me", PolicyName="given", PolicyDocument=document(lots))
    answer = understudy.client("sts").assume_role(RoleArn=role, RoleSessionName="me")
    return understudy.session_of(answer), answer["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize("seed", range(12))
def test_the_answer_is_the_one_the_call_gets(seed):
    lots = random.Random(seed)
    with Understudy(ids_seed=seed) as understudy:
        explanations = Explanations(understudy.app.gateway, understudy.app.gateway.credentials)
        todo = calls(understudy)
        credentials, arn = who(understudy, lots)
        compared = 0
        for service, name, params in todo:
            client = understudy.client(service, as_=credentials)
            before = len(understudy.trail())
            asked = {}
            with suppress(ClientError):
                getattr(client, name)(**params)
            for entry in understudy.trail()[before:]:
                for evaluation in entry.evaluations if entry.caller.arn == arn and not entry.parent else ():
                    asked[evaluation.action, evaluation.resource] = evaluation
            for (action, resource), evaluation in asked.items():
                context = {**evaluation.context, **(evaluation.keys or {})}
                said = {key: value for key, value in context.items() if key.startswith(_SAID)}
                if name == "delete_network_interface" and evaluation.allowed:
                    # It is gone, and its tags with it.
                    continue
                # No socket, no TLS.
                said["aws:SecureTransport"] = "false"
                ahead = explanations.ahead(arn, action, resource, said)
                assert evaluation.effect == ahead["effect"], (action, resource, ahead["text"])
                compared += 1
        assert compared >= len(todo) - 2
